/** How runs are put together: not at all, as a tree, or by fields that they share. */
import { useState } from "preact/hooks"
import type { RunFields } from "../../api/types"
import { Button, SearchBox } from "../../components/basics"
import { Popover } from "../../components/menu"
import { OWN_TAGS } from "../../components/tags"
import { field } from "../../format"
import type { Aggregate, View } from "./view"

interface GroupingProps {
  view: View
  fields: RunFields | undefined
  onView: (part: Partial<View>, replace?: boolean) => void
}

const MOST = 4
const ATTRIBUTES: [id: string, title: string][] = [
  ["status", "Status"],
  ["user_id", "User"],
  ["experiment_name", "Experiment"],
  ["source_name", "Source"],
  ["git_commit", "Commit"],
]

export function Grouping(props: GroupingProps) {
  const { view } = props
  const text = view.tree ? "Tree" : view.group.length > 0 ? `Grouped (${view.group.length})` : "Group"
  return (
    <Popover icon={view.tree ? "tree" : "group"} label={text} text={<span class="only-wide">{text}</span>}>
      {() => <Choices {...props} />}
    </Popover>
  )
}

function Choices({ view, fields, onView }: GroupingProps) {
  const [text, setText] = useState("")
  const all = [
    ...ATTRIBUTES,
    ...(fields?.params.map((key) => [field("params", key), key] as const) ?? []),
    ...(fields?.tags.filter((key) => !OWN_TAGS.test(key)).map((key) => [field("tags", key), key] as const) ?? []),
  ]
  const found = all.filter(([id, key]) => key.toLowerCase().includes(text.toLowerCase()) || view.group.includes(id))
  const toggle = (id: string) => {
    const group = view.group.includes(id) ? view.group.filter((one) => one !== id) : [...view.group, id].slice(-MOST)
    onView({ group, tree: false })
  }
  return (
    <div class="chooser">
      <label class="check">
        <input type="checkbox" checked={view.tree} onChange={() => onView({ tree: !view.tree, group: [] })} />
        Children below their parents
      </label>
      <SearchBox value={text} label="Group by a param, tag or attribute" onInput={setText} />
      <div class="chooser-list" tabIndex={0} role="region" aria-label="Fields to group by">
        {found.slice(0, 200).map(([id, key]) => (
          <label class="check" key={id}>
            <input type="checkbox" checked={view.group.includes(id)} onChange={() => toggle(id)} />
            <span class="cut">{key}</span>
            <span class="soft small">{id.startsWith("params.") ? "param" : id.startsWith("tags.") ? "tag" : ""}</span>
          </label>
        ))}
      </div>
      {view.group.length > 0 && (
        <label class="row">
          <span class="soft small">Metrics are shown by their</span>
          <select
            class="select grow"
            value={view.aggregate}
            onChange={(event) => onView({ aggregate: event.currentTarget.value as Aggregate })}
          >
            <option value="mean">mean</option>
            <option value="min">least value</option>
            <option value="max">greatest value</option>
          </select>
        </label>
      )}
      <Button disabled={view.group.length === 0 && !view.tree} onClick={() => onView({ group: [], tree: false })}>
        No groups
      </Button>
    </div>
  )
}
