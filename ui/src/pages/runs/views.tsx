/** The menu of views by name, and the dialog that keeps one. */
import { useState } from "preact/hooks"
import type { Experiment } from "../../api/types"
import { Button } from "../../components/basics"
import { FormDialog } from "../../components/dialog"
import { Icon } from "../../components/icon"
import { Popover } from "../../components/menu"
import { attempt, say } from "../../components/toasts"
import { count } from "../../format"
import { copy } from "../../state/clipboard"
import { go } from "../../state/router"
import { dropView, experimentsOf, hrefOf, keepView, listViews, writeQuery, type NamedView } from "./named"

const NAME = /^[\w \-.:]{1,80}$/

interface ViewsProps {
  /** Those whose runs are shown; null for all. */
  experiments: string[] | null
  /** Those that keep the views of the page. */
  kept: Experiment[]
  onChanged: () => void
}

export function ViewsMenu({ experiments, kept, onChanged }: ViewsProps) {
  const [asked, setAsked] = useState(false)
  const views = listViews(kept, experiments)
  const here = writeQuery(experiments, location.search)
  const isAt = ({ query }: NamedView) => new URLSearchParams(query).toString() === here
  const remove = async (view: NamedView) => {
    let restore: (() => Promise<unknown>) | undefined
    if (!(await attempt(async () => (restore = await dropView(view, experiments?.[0]))))) return
    onChanged()
    say(`The view “${view.name}” is deleted`, async () => {
      await restore?.()
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
                A view is a filter, an order, columns and charts under one name, for everybody here.
              </p>
            )}
            {views.map((view) => (
              <div class="row" key={`${view.name} ${view.query}`}>
                <button
                  type="button"
                  class="menu-item grow"
                  aria-current={isAt(view) ? "true" : undefined}
                  onClick={() => {
                    close()
                    go(hrefOf(view.query, experiments))
                  }}
                >
                  <Icon name={isAt(view) ? "check" : "star"} />
                  <span class="cut grow">{view.name}</span>
                  <Extent query={view.query} shown={experiments} />
                </button>
                <Button
                  kind="bare"
                  tiny
                  icon="trash"
                  label={`Delete the view ${view.name}`}
                  onClick={() => void remove(view)}
                />
              </div>
            ))}
            <hr />
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
                go(hrefOf("", experiments))
              }}
            >
              <Icon name="restore" />
              Begin anew
            </button>
          </div>
        )}
      </Popover>
      {asked && <SaveDialog experiments={experiments} views={views} onClose={() => setAsked(false)} onSaved={onChanged} />}
    </>
  )
}

/** Of how many experiments a view is, where that is not what the page shows. */
function Extent({ query, shown }: { query: string; shown: string[] | null }) {
  const named = experimentsOf(query)
  if (named === undefined || named?.join() === shown?.join()) return null
  return <span class="soft small">{named === null ? "all experiments" : count(named.length, "experiment")}</span>
}

interface SaveProps {
  experiments: string[] | null
  views: NamedView[]
  onClose: () => void
  onSaved: () => void
}

function SaveDialog({ experiments, views, onClose, onSaved }: SaveProps) {
  const [name, setName] = useState("")
  const trimmed = name.trim()
  const known = views.some((view) => view.name === trimmed)
  const submit = async () => {
    const [done, all] = await keepView({ name: trimmed, query: writeQuery(experiments, location.search) }, experiments)
    onSaved()
    say(`The view “${trimmed}” is saved${done < all ? ` with ${done} of ${all} experiments: the others are not yours to change` : ""}`)
  }
  const finders =
    experiments === null
      ? "it is kept with the experiment “Default”, and everybody who sees that can open it."
      : experiments.length === 1
        ? "everybody who sees the experiment can open it."
        : "it is kept with each of these experiments, and everybody who sees one of them can open it."
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
        {known ? "A view has this name: it is replaced." : `Letters, digits, spaces and - . : _; ${finders}`}
      </p>
    </FormDialog>
  )
}
