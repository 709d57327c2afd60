/** All experiments: find, make, rename, throw away and bring back. */
import { useEffect, useState } from "preact/hooks"
import { call } from "../../api/client"
import type { Experiment, ExperimentSummary } from "../../api/types"
import { Button, Code, CopyButton, Empty, Failure, SearchBox, Skeleton } from "../../components/basics"
import { FormDialog } from "../../components/dialog"
import { Menu } from "../../components/menu"
import { pageCommands } from "../../components/palette"
import { CreateButton } from "../../components/rights"
import { OWN_TAGS } from "../../components/tags"
import { attempt, say } from "../../components/toasts"
import { Icon } from "../../components/icon"
import { ago, count, field, moment, quote } from "../../format"
import { useLive } from "../../state/live"
import { useLoad } from "../../state/load"
import { may } from "../../state/me"
import { go, place, setQuery } from "../../state/router"
import { address } from "../../state/workspace"
import type { PageProps } from "../pages"
import { readSearch } from "./search"

const PAGE = 100

interface Row extends Experiment {
  summary: ExperimentSummary | undefined
}

type Asked = { kind: "create" } | { kind: "rename" | "delete"; experiment: Experiment }

export default function Experiments(_: PageProps) {
  const query = place.value.query
  const text = query.get("q") ?? ""
  const view = query.get("view") === "trash" ? "deleted" : "active"
  const pages = Math.max(1, Number(query.get("pages")) || 1)
  const creates = may("create")
  const [asked, setAsked] = useState<Asked>()
  const [chosen, setChosen] = useState<Set<string>>(new Set())
  const order = query.get("order") ?? ""
  const { data, error, loading, reload } = useLoad(JSON.stringify([text, order, view, pages]), (signal) =>
    load(text, order, view, pages * PAGE, signal),
  )
  useLive({}, reload, 5_000)
  useEffect(() => setChosen(new Set()), [text, view])
  useEffect(() => {
    pageCommands.value = creates ? [{ text: "Create an experiment", icon: "add", act: () => setAsked({ kind: "create" }) }] : []
  }, [creates])
  const rows = data?.rows
  const selected = rows?.filter((row) => chosen.has(row.experiment_id)) ?? []
  return (
    <main class="page" id="main">
      <div class="head">
        <h1>{view === "deleted" ? "Experiments in the trash" : "Experiments"}</h1>
        <Button
          icon="trash"
          aria-pressed={view === "deleted"}
          onClick={() => setQuery({ view: view === "deleted" ? null : "trash" })}
        >
          Trash
        </Button>
        <CreateButton needs="create" onClick={() => setAsked({ kind: "create" })} />
      </div>
      <div class="row">
        <SearchBox
          value={text}
          label="Search by name, or as in tags.team = 'growth'"
          onInput={(value) => setQuery({ q: value, pages: null }, true)}
        />
        {selected.length > 0 && view === "active" && (
          <Button icon="chart" onClick={() => go(`/runs?experiments=${selected.map((row) => row.experiment_id)}`)}>
            Show runs of {count(selected.length, "experiment")}
          </Button>
        )}
      </div>
      {error && <Failure error={error} retry={reload} />}
      {!rows && loading && <Skeleton rows={8} />}
      {rows && rows.length === 0 && <Nothing filtered={text !== ""} view={view} />}
      {rows && rows.length > 0 && (
        <div class="panel scroll" tabIndex={0} role="region" aria-label="Experiments">
          <table class="table">
            <thead>
              <tr>
                <th style={{ width: "40px" }}>
                  <span class="unseen">Choose</span>
                </th>
                <Sortable title="Name" field="name" order={order} first="ASC" />
                <th class="number">Runs</th>
                <th>Last activity</th>
                <th class="only-wide">Owner</th>
                <th class="only-wide">Tags</th>
                <Sortable title="Created" field="creation_time" order={order} first="DESC" wide />
                <th class="only-wide">Id</th>
                <th>
                  <span class="unseen">Acts</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {rows.map((row) => (
                <ExperimentRow
                  key={row.experiment_id}
                  row={row}
                  chosen={chosen.has(row.experiment_id)}
                  onChoose={() => setChosen(toggle(chosen, row.experiment_id))}
                  onAsk={setAsked}
                  reload={reload}
                />
              ))}
            </tbody>
          </table>
        </div>
      )}
      {data?.more && (
        <div class="row">
          <Button disabled={loading} onClick={() => setQuery({ pages: String(pages + 1) }, true)}>
            Show more
          </Button>
          <span class="soft small">The first {count(rows!.length)} are shown.</span>
        </div>
      )}
      {asked && <Asking asked={asked} onClose={() => setAsked(undefined)} reload={reload} />}
    </main>
  )
}

export function ownerOf({ tags }: Experiment): string {
  return tags["owner"] ?? tags["mlflow.user"] ?? ""
}

function toggle(chosen: Set<string>, id: string): Set<string> {
  const next = new Set(chosen)
  if (!next.delete(id)) next.add(id)
  return next
}

async function load(text: string, order: string, view: "active" | "deleted", limit: number, signal: AbortSignal) {
  const page = await call("experiments.search", { filter: readSearch(text), order_by: order ? [order] : [], view, limit }, signal)
  const ids = page.experiments.map((experiment) => experiment.experiment_id)
  const { summaries } = ids.length
    ? await call("experiments.summarize", { experiment_ids: ids }, signal)
    : { summaries: [] }
  const known = new Map(summaries.map((summary) => [summary.experiment_id, summary]))
  const rows: Row[] = page.experiments.map((one) => ({ ...one, summary: known.get(one.experiment_id) }))
  return { rows, more: page.next_page_token !== "" }
}

interface SortableProps {
  title: string
  field: string
  order: string
  /** The direction that the first click asks for. */
  first: "ASC" | "DESC"
  wide?: boolean
}

/** The head of a column that the list is sorted by, one way, then the other, then as it comes. */
function Sortable({ title, field, order, first, wide }: SortableProps) {
  const [name, direction] = order.split(" ")
  const sorted = name === field ? direction : undefined
  const second = first === "ASC" ? "DESC" : "ASC"
  const next = sorted === undefined ? `${field} ${first}` : sorted === first ? `${field} ${second}` : null
  return (
    <th class={wide ? "only-wide" : undefined} aria-sort={sorted === "ASC" ? "ascending" : sorted ? "descending" : "none"}>
      <button type="button" class="sort" onClick={() => setQuery({ order: next })}>
        {title}
        {sorted && <Icon name={sorted === "ASC" ? "up" : "down"} />}
      </button>
    </th>
  )
}

interface RowProps {
  row: Row
  chosen: boolean
  onChoose: () => void
  onAsk: (asked: Asked) => void
  reload: () => void
}

function ExperimentRow({ row, chosen, onChoose, onAsk, reload }: RowProps) {
  const { summary, tags } = row
  const link = `/experiments/${encodeURIComponent(row.experiment_id)}`
  const owner = ownerOf(row)
  const shown = Object.entries(tags).filter(([key]) => key !== "owner" && !OWN_TAGS.test(key))
  const active = row.lifecycle === "active"
  return (
    <tr>
      <td>
        <input type="checkbox" checked={chosen} onChange={onChoose} aria-label={`Choose ${row.name}`} />
      </td>
      <td class="cut wide" dir="auto" title={row.name}>
        {active ? <a href={link}>{row.name}</a> : row.name}
      </td>
      <td class="number">
        {summary && summary.running > 0 && (
          <span class="badge busy" title={`${count(summary.running, "run")} going on`} style={{ marginRight: "8px" }}>
            <span class="dot" aria-hidden="true" />
            {count(summary.running)}
            <span class="only-wide">running</span>
          </span>
        )}
        {summary && count(summary.runs)}
      </td>
      <td title={summary?.last_activity_ms ? moment(summary.last_activity_ms) : ""}>
        {summary?.last_activity_ms ? ago(summary.last_activity_ms) : <span class="soft">No runs yet</span>}
      </td>
      <td class="cut only-wide" style={{ maxWidth: "10rem" }} title={owner}>
        {owner}
      </td>
      <td class="only-wide">
        <span class="row" style={{ maxWidth: "16rem", overflow: "hidden" }}>
          {shown.slice(0, 3).map(([key, value]) => (
            <a
              key={key}
              class="badge cut"
              href={`/experiments?q=${encodeURIComponent(`${field("tags", key)} = ${quote(value)}`)}`}
              title={`All experiments with ${key}: ${value}`}
            >
              {key}
              {value && <span class="soft cut">{value.slice(0, 80)}</span>}
            </a>
          ))}
          {shown.length > 3 && <span class="soft small">+{shown.length - 3}</span>}
        </span>
      </td>
      <td class="only-wide" title={moment(row.created_ms)}>{ago(row.created_ms)}</td>
      <td class="only-wide">
        <span class="row">
          <span class="mono soft">{row.experiment_id}</span>
          <CopyButton text={row.experiment_id} label={`Copy the id of ${row.name}`} />
        </span>
      </td>
      <td class="number">
        <Menu
          kind="bare"
          tiny
          icon="more"
          label={`Acts on ${row.name}`}
          acts={
            active
              ? [
                  { text: "About", icon: "info", act: () => go(`${link}/about`) },
                  { text: "Rename", icon: "edit", act: () => onAsk({ kind: "rename", experiment: row }) },
                  {
                    text: "Move to the trash",
                    icon: "trash",
                    danger: true,
                    act: () => void remove(row, reload),
                  },
                ]
              : [{ text: "Restore", icon: "restore", act: () => void restore(row, reload) }]
          }
        />
      </td>
    </tr>
  )
}

async function remove(experiment: Experiment, reload: () => void) {
  const { experiment_id } = experiment
  if (!(await attempt(() => call("experiments.delete", { experiment_id })))) return
  reload()
  say(`“${experiment.name}” is in the trash`, async () => {
    await call("experiments.restore", { experiment_id })
    reload()
  })
}

async function restore(experiment: Experiment, reload: () => void) {
  if (!(await attempt(() => call("experiments.restore", { experiment_id: experiment.experiment_id })))) return
  reload()
  say(`“${experiment.name}” is back`)
}

function Asking({ asked, onClose, reload }: { asked: Asked; onClose: () => void; reload: () => void }) {
  const before = asked.kind === "create" ? "" : asked.experiment.name
  const [name, setName] = useState(before)
  const submit = async () => {
    if (asked.kind === "create") await call("experiments.create", { name: name.trim() })
    else await call("experiments.update", { experiment_id: asked.experiment.experiment_id, name: name.trim() })
    reload()
    say(asked.kind === "create" ? `“${name.trim()}” is there` : `Renamed to “${name.trim()}”`)
  }
  return (
    <FormDialog
      title={asked.kind === "create" ? "Create an experiment" : "Rename the experiment"}
      action={asked.kind === "create" ? "Create" : "Rename"}
      ready={name.trim() !== "" && name.trim() !== before}
      onClose={onClose}
      onSubmit={submit}
    >
      <label class="field">
        <span>Name</span>
        <input
          class="input"
          value={name}
          maxLength={500}
          onInput={(event) => setName(event.currentTarget.value)}
          autoFocus
        />
      </label>
    </FormDialog>
  )
}

function Nothing({ filtered, view }: { filtered: boolean; view: string }) {
  if (filtered) {
    return (
      <Empty title="No experiment is found by this">
        <Button onClick={() => setQuery({ q: null })}>Show all</Button>
      </Empty>
    )
  }
  if (view === "deleted") {
    return (
      <Empty title="The trash is empty">
        <p>What is moved to the trash can be brought back from here, until it is purged.</p>
      </Empty>
    )
  }
  if (!may("create")) return <Empty title="No experiments yet" />
  return (
    <Empty title="No experiments yet">
      <p>An experiment is made when a script logs to it. Run this, and it appears here by itself:</p>
      <Code
        text={`import trackway as tw

tw.set_tracking_uri("${address()}")
tw.set_experiment("prices")
with tw.start_run():
    tw.log_param("alpha", 0.5)
    tw.log_metric("rmse", 0.42)`}
      />
    </Empty>
  )
}
