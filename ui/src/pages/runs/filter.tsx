/** The filter of the search language: names and values are completed, a mistake is shown at its character. */
import { useEffect, useRef, useState } from "preact/hooks"
import { call, type ApiError } from "../../api/client"
import type { RunFields } from "../../api/types"
import { Icon } from "../../components/icon"
import { field, quote } from "../../format"
import { ATTRIBUTES, LINKS, MOMENTS, STATUSES, findSlot, listOperators, readField, type Slot } from "./complete"
import type { View } from "./view"

interface FilterProps {
  view: View
  names: RunFields | undefined
  error: ApiError | undefined
  onFilter: (filter: string) => void
}

const LISTED = 12

export function FilterBar({ view, names, error, onFilter }: FilterProps) {
  const [text, setText] = useState(view.filter)
  const [slot, setSlot] = useState<Slot>()
  const [items, setItems] = useState<string[]>([])
  const [chosen, setChosen] = useState(-1)
  const input = useRef<HTMLInputElement>(null)
  /** Whether a word was begun since the field was entered: without, Tab is on its way through the page. */
  const begun = useRef(false)
  useEffect(() => setText(view.filter), [view.filter])
  const key = JSON.stringify([slot, view.experiments])
  useEffect(() => {
    setChosen(-1)
    if (!slot) {
      setItems([])
      return
    }
    const control = new AbortController()
    void suggest(slot, names, view.experiments, control.signal).then(
      (found) => !control.signal.aborted && setItems(found.slice(0, LISTED)),
      () => undefined,
    )
    return () => control.abort()
  }, [key, names])

  const look = () => {
    const element = input.current!
    setSlot(findSlot(element.value, element.selectionStart ?? element.value.length))
  }
  const take = (item: string) => {
    const element = input.current!
    const end = element.selectionStart ?? text.length
    const next = `${text.slice(0, slot!.from)}${item} ${text.slice(end).trimStart()}`
    const caret = slot!.from + item.length + 1
    begun.current = false
    setText(next)
    setSlot(findSlot(next, caret))
    requestAnimationFrame(() => element.setSelectionRange(caret, caret))
    element.focus()
  }
  const apply = () => {
    setSlot(undefined)
    onFilter(text.trim())
  }
  const press = (event: KeyboardEvent) => {
    if (event.key === "Enter") {
      event.preventDefault()
      if (chosen >= 0 && items[chosen] !== undefined) take(items[chosen])
      else apply()
    } else if (event.key === "Tab" && slot && items.length > 0 && !event.shiftKey) {
      if (chosen < 0 && !(begun.current && slot.part)) return
      event.preventDefault()
      take(items[Math.max(0, chosen)]!)
    } else if (event.key === "Escape") setSlot(undefined)
    else if (event.key === "ArrowDown" && items.length > 0) setChosen((chosen + 1) % items.length)
    else if (event.key === "ArrowUp" && items.length > 0) setChosen((chosen - 1 + items.length) % items.length)
    else return
    if (event.key.startsWith("Arrow")) event.preventDefault()
  }
  const wrong = error !== undefined && text.trim() === view.filter
  const listed = slot !== undefined && items.length > 0
  return (
    <div class="filter">
      <Icon name="filter" />
      <input
        ref={input}
        class="input"
        role="combobox"
        aria-label="Filter runs"
        aria-expanded={listed}
        aria-controls="filter-list"
        aria-activedescendant={listed && chosen >= 0 ? `filter-${chosen}` : undefined}
        aria-invalid={wrong}
        aria-describedby={wrong ? "filter-error" : undefined}
        placeholder="Filter: metrics.loss < 0.5 AND params.optimizer = 'adam'"
        spellcheck={false}
        autocomplete="off"
        value={text}
        onInput={(event) => {
          begun.current = true
          setText(event.currentTarget.value)
          look()
        }}
        onFocus={() => {
          begun.current = false
          look()
        }}
        onClick={look}
        onBlur={() => setSlot(undefined)}
        onKeyDown={press}
      />
      {text !== "" && (
        <button
          type="button"
          class="filter-clear"
          aria-label="Clear the filter"
          onClick={() => {
            setText("")
            onFilter("")
          }}
        >
          <Icon name="close" />
        </button>
      )}
      {listed && (
        <div class="menu filter-list" id="filter-list" role="listbox" aria-label="What can stand here">
          {items.map((item, n) => (
            <div
              role="option"
              id={`filter-${n}`}
              key={item}
              class="menu-item"
              aria-selected={n === chosen}
              onMouseDown={(event) => {
                event.preventDefault()
                take(item)
              }}
            >
              <span class="cut">{item}</span>
            </div>
          ))}
        </div>
      )}
      {wrong && <Mistake filter={view.filter} error={error} />}
    </div>
  )
}

/** The filter with the place where it went wrong. */
function Mistake({ filter, error }: { filter: string; error: ApiError }) {
  const letters = [...filter] // the server counts characters, not UTF-16 units
  const at = Math.min(Number(error.details.position), letters.length)
  const rest = letters.slice(at).join("")
  const [wrong = ""] = /^\s*\S*/.exec(rest) ?? []
  return (
    <div class="filter-error" role="alert" id="filter-error">
      <div class="filter-place cut">
        {letters.slice(Math.max(0, at - 60), at).join("")}
        <mark>{wrong || " "}</mark>
        {rest.slice(wrong.length, wrong.length + 60)}
      </div>
      {error.message}
      {error.hint && <span class="soft"> ({error.hint})</span>}
    </div>
  )
}

async function suggest(
  slot: Slot,
  names: RunFields | undefined,
  experiments: string[] | null,
  signal: AbortSignal,
): Promise<string[]> {
  const part = slot.part.toLowerCase()
  const begin = (items: string[]) => items.filter((item) => item.toLowerCase().startsWith(part) && item !== slot.part)
  if (slot.kind === "join") return begin(["AND", "OR"])
  if (slot.kind === "operator") return begin(listOperators(slot.field))
  if (slot.kind === "value") return suggestValues(slot, experiments, signal)
  const all = [
    ...(names?.metrics.map((key) => field("metrics", key)) ?? []),
    ...(names?.params.map((key) => field("params", key)) ?? []),
    ...ATTRIBUTES,
    ...LINKS,
    ...(names?.tags.map((key) => field("tags", key)) ?? []),
  ]
  const plain = part.replaceAll("`", "")
  const found = all.filter((item) => item.toLowerCase().replaceAll("`", "").includes(plain) && item !== slot.part)
  const place = (item: string) => (item.toLowerCase().replaceAll("`", "").startsWith(plain) ? 0 : 1)
  return found.sort((a, b) => place(a) - place(b))
}

async function suggestValues(
  slot: Slot & { kind: "value" },
  experiments: string[] | null,
  signal: AbortSignal,
): Promise<string[]> {
  const { entity, key } = readField(slot.field)
  const prefix = slot.part.replace(/^['"]/, "").replace(/['"]$/, "")
  if (entity === "metric" || entity === "link") return []
  if (key === "status") return STATUSES.filter((one) => one.startsWith(prefix.toUpperCase())).map(quote)
  if (entity === "attribute" && /_time$/.test(key)) return slot.part ? [] : MOMENTS
  if (entity === "attribute" && key === "duration_ms") return []
  const named = { source_name: "mlflow.source.name", git_commit: "mlflow.source.git.commit" }[key]
  const asked = named ? ({ entity: "tag", key: named } as const) : { entity, key }
  const { values } = await call("runs.list_values", { experiment_ids: experiments, ...asked, prefix, limit: 20 }, signal)
  return values.map(quote)
}
