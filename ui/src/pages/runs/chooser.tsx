/** Which columns are shown. */
import { useState } from "preact/hooks"
import type { RunFields } from "../../api/types"
import { Button, SearchBox } from "../../components/basics"
import { Popover } from "../../components/menu"
import { COMPUTED, FormulaError, readFormula } from "../../formula"
import { listColumns } from "./columns"

interface ChooserProps {
  fields: RunFields | undefined
  shown: string[]
  pinned: string[]
  onPin: (pinned: string[]) => void
  onChange: (shown: string[]) => void
  onReset: () => void
}

/** Most columns listed of one kind: beyond them, the search finds. */
const LISTED = 100

export function ColumnChooser(props: ChooserProps) {
  return (
    <Popover icon="columns" label="Columns" text={<span class="only-wide">Columns</span>}>
      {() => <Choices {...props} />}
    </Popover>
  )
}

function Choices({ fields, shown, pinned, onChange, onPin, onReset }: ChooserProps) {
  const [text, setText] = useState("")
  const wanted = text.toLowerCase()
  const move = (id: string, by: -1 | 1) => {
    const at = shown.indexOf(id)
    const next = [...shown]
    next.splice(at, 1)
    next.splice(Math.max(0, at + by), 0, id)
    onChange(next)
  }
  const toggle = (id: string) => onChange(shown.includes(id) ? shown.filter((one) => one !== id) : [...shown, id])
  return (
    <div class="chooser">
      <SearchBox value={text} label="Find a column" onInput={setText} />
      <div class="chooser-list" tabIndex={0} role="region" aria-label="Columns">
        {listColumns(fields, shown).map(({ title, columns }) => {
          const found = columns.filter((column) => column.title.toLowerCase().includes(wanted))
          if (found.length === 0) return null
          return (
            <fieldset key={title} style={{ border: 0, margin: 0, padding: 0, minWidth: 0 }}>
              <legend class="menu-title">{title}</legend>
              {found.slice(0, LISTED).map((column) => (
                <div class="row" key={column.id}>
                  <label class="check grow">
                    <input type="checkbox" checked={shown.includes(column.id)} onChange={() => toggle(column.id)} />
                    <span class="cut">{column.title}</span>
                  </label>
                  {shown.includes(column.id) && (
                    <>
                      <Button
                        kind="bare"
                        tiny
                        icon="left"
                        label={`Move ${column.title} to the left`}
                        disabled={shown[0] === column.id}
                        onClick={() => move(column.id, -1)}
                      />
                      <Button
                        kind="bare"
                        tiny
                        icon="right"
                        label={`Move ${column.title} to the right`}
                        disabled={shown.at(-1) === column.id}
                        onClick={() => move(column.id, 1)}
                      />
                    <Button
                      kind="bare"
                      tiny
                      icon="pin"
                      label={`Keep ${column.title} at the left`}
                      aria-pressed={pinned.includes(column.id)}
                      onClick={() =>
                        onPin(
                          pinned.includes(column.id)
                            ? pinned.filter((one) => one !== column.id)
                            : [...pinned, column.id],
                        )
                      }
                    />
                    </>
                  )}
                </div>
              ))}
              {found.length > LISTED && (
                <div class="menu-title">{found.length - LISTED} more: type a part of the name</div>
              )}
            </fieldset>
          )
        })}
      </div>
      <NewColumn fields={fields} onAdd={(id) => !shown.includes(id) && onChange([...shown, id])} />
      <Button onClick={onReset}>Suggested columns</Button>
    </div>
  )
}

/** A column that is computed from metrics, by its formula. */
function NewColumn({ fields, onAdd }: { fields: RunFields | undefined; onAdd: (id: string) => void }) {
  const [text, setText] = useState("")
  const [fault, setFault] = useState<FormulaError>()
  const known = fields?.metrics.find((key) => /^[A-Za-z_]\w*$/.test(key)) ?? "accuracy"
  const add = () => {
    try {
      readFormula(text)
      onAdd(COMPUTED + text.trim())
      setText("")
    } catch (error) {
      if (!(error instanceof FormulaError)) throw error
      setFault(error)
    }
  }
  const letters = [...text]
  return (
    <form
      class="chooser-new"
      onSubmit={(event) => {
        event.preventDefault()
        add()
      }}
    >
      <label class="menu-title" for="new-column">
        Compute a column
      </label>
      <div class="row">
        <input
          id="new-column"
          class="input grow"
          placeholder={`1 - metrics.${known}`}
          spellcheck={false}
          autocomplete="off"
          aria-invalid={fault !== undefined}
          aria-describedby={fault && "new-column-error"}
          value={text}
          onInput={(event) => {
            setText(event.currentTarget.value)
            setFault(undefined)
          }}
        />
        <Button type="submit" disabled={text.trim() === ""}>
          Add
        </Button>
      </div>
      {fault && (
        <div class="chooser-error" role="alert" id="new-column-error">
          <div class="filter-place">
            {letters.slice(0, fault.at).join("")}
            <mark>{letters[fault.at] ?? " "}</mark>
            {letters.slice(fault.at + 1).join("")}
          </div>
          {fault.message}
        </div>
      )}
    </form>
  )
}
