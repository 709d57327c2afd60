/** Views by name, kept as tags of the experiment, so that all who see it have them; those of several experiments are links. */
import { useState } from "preact/hooks"
import { call } from "../../api/client"
import type { Experiment } from "../../api/types"
import { Button } from "../../components/basics"
import { FormDialog } from "../../components/dialog"
import { Icon } from "../../components/icon"
import { Popover } from "../../components/menu"
import { attempt, say } from "../../components/toasts"
import { copy } from "../../state/clipboard"
import { go } from "../../state/router"

const PREFIX = "trackway.view."
const NAME = /^[\w \-.:]{1,80}$/

interface ViewsProps {
  /** The one whose runs are shown, if it is one. */
  experiment: Experiment | undefined
  onChanged: () => void
}

export function ViewsMenu({ experiment, onChanged }: ViewsProps) {
  const [asked, setAsked] = useState(false)
  const views = Object.entries(experiment?.tags ?? {})
    .filter(([key]) => key.startsWith(PREFIX))
    .map(([key, query]) => ({ name: key.slice(PREFIX.length), query }))
  const here = location.search.slice(1)
  const remove = async (name: string, query: string) => {
    const { experiment_id } = experiment!
    const key = PREFIX + name
    if (!(await attempt(() => call("experiments.delete_tag", { experiment_id, key })))) return
    onChanged()
    say(`The view “${name}” is deleted`, async () => {
      await call("experiments.set_tags", { experiment_id, tags: { [key]: query } })
      onChanged()
    })
  }
  return (
    <>
      <Popover icon="star" label="Views" text={<span class="only-wide">Views</span>}>
        {(close) => (
          <div style={{ minWidth: "260px" }}>
            {views.length === 0 && (
              <p class="menu-title">
                {experiment
                  ? "A view is a filter, an order, columns and charts under one name, for everybody here."
                  : "Views of several experiments have no name: their link says all of them."}
              </p>
            )}
            {views.map(({ name, query }) => (
              <div class="row" key={name}>
                <button
                  type="button"
                  class="menu-item grow"
                  onClick={() => {
                    close()
                    go(`${location.pathname}${query ? `?${query}` : ""}`)
                  }}
                >
                  <Icon name={query === here ? "check" : "star"} />
                  <span class="cut">{name}</span>
                </button>
                <Button
                  kind="bare"
                  tiny
                  icon="trash"
                  label={`Delete the view ${name}`}
                  onClick={() => void remove(name, query)}
                />
              </div>
            ))}
            <hr />
            {experiment && (
              <button
                type="button"
                class="menu-item"
                onClick={() => {
                  close()
                  setAsked(true)
                }}
              >
                <Icon name="add" />
                Save this view…
              </button>
            )}
            <button
              type="button"
              class="menu-item"
              onClick={() => {
                close()
                void attempt(() => copy(location.href)).then((done) => done && say("The link is copied"))
              }}
            >
              <Icon name="link" />
              Copy the link
            </button>
            <button
              type="button"
              class="menu-item"
              onClick={() => {
                close()
                go(location.pathname)
              }}
            >
              <Icon name="restore" />
              Begin anew
            </button>
          </div>
        )}
      </Popover>
      {asked && experiment && <SaveDialog experiment={experiment} query={here} onClose={() => setAsked(false)} onSaved={onChanged} />}
    </>
  )
}

interface SaveProps {
  experiment: Experiment
  query: string
  onClose: () => void
  onSaved: () => void
}

function SaveDialog({ experiment, query, onClose, onSaved }: SaveProps) {
  const [name, setName] = useState("")
  const trimmed = name.trim()
  const known = `${PREFIX}${trimmed}` in experiment.tags
  const submit = async () => {
    const tags = { [PREFIX + trimmed]: query }
    await call("experiments.set_tags", { experiment_id: experiment.experiment_id, tags })
    onSaved()
    say(`The view “${trimmed}” is saved`)
  }
  return (
    <FormDialog
      title="Save this view"
      action={known ? "Replace" : "Save"}
      ready={NAME.test(trimmed)}
      onClose={onClose}
      onSubmit={submit}
    >
      <label class="field">
        <span>Name</span>
        <input class="input" value={name} onInput={(event) => setName(event.currentTarget.value)} autoFocus />
      </label>
      <p class="soft small">
        {known
          ? "A view has this name: it is replaced."
          : "Letters, digits, spaces and - . : _; everybody who sees the experiment can open it."}
      </p>
    </FormDialog>
  )
}
