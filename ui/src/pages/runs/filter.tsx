import { useEffect, useState } from "preact/hooks"
import type { ApiError } from "../../api/client"
import type { RunFields } from "../../api/types"
import { Icon } from "../../components/icon"
import type { View } from "./view"

interface FilterProps {
  view: View
  names: RunFields | undefined
  error: ApiError | undefined
  onFilter: (filter: string) => void
}

/** The filter of the search language; a mistake is shown at its character. */
export function FilterBar({ view, error, onFilter }: FilterProps) {
  const [text, setText] = useState(view.filter)
  useEffect(() => setText(view.filter), [view.filter])
  return (
    <form
      class="filter"
      onSubmit={(event) => {
        event.preventDefault()
        onFilter(text.trim())
      }}
    >
      <Icon name="filter" />
      <input
        class="input"
        aria-label="Filter runs"
        aria-invalid={error !== undefined}
        placeholder="metrics.loss < 0.5 AND params.optimizer = 'adam'"
        spellcheck={false}
        autocomplete="off"
        value={text}
        onInput={(event) => setText(event.currentTarget.value)}
      />
      {error && (
        <div class="filter-error" role="alert">
          {error.message}
        </div>
      )}
    </form>
  )
}
