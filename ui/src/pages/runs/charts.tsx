/** Charts of the runs of a view, beside its table: those that are chosen there, or the first ones. */
import { call } from "../../api/client"
import type { Run, RunFields } from "../../api/types"
import { Board } from "../../charts/board"
import type { Group } from "../../charts/values"
import { readLayout } from "../../charts/layout"
import { Empty, Failure } from "../../components/basics"
import { nameOf } from "../../components/experiment-name"
import { count } from "../../format"
import type { Change } from "../../state/live"
import { useLoad } from "../../state/load"
import { place } from "../../state/router"
import type { Lines } from "./lines"
import type { RunQuery } from "./source"
import type { View } from "./view"

export interface ChartsProps {
  lines: Lines
  /** Runs that are always drawn. */
  top: Run[]
  version: number
  view: View
  query: RunQuery
  chosen: Set<string>
  names: RunFields | undefined
  change: Change | undefined
}

/** Runs that are drawn when none is chosen. */
const FIRST = 20
const MOST = 100
/** Runs whose params and metrics are compared. */
const COMPARED = 1_000

export default function Charts({ lines, top, view, query, chosen, change }: ChartsProps) {
  const grouped = view.group.length > 0
  // Groups have their runs elsewhere: the first of all are fetched for the charts alone.
  const { experiments, ...rest } = query
  const search = (limit: number) => (signal: AbortSignal) =>
    call("runs.search", { experiment_ids: experiments, ...rest, limit }, signal)
  const members = useLoad(grouped ? JSON.stringify(query) : null, search(MOST))
  // Charts of params and metrics are of many runs, more than the table has at hand.
  const address = place.value.query
  const asksForMany = chosen.size === 0 && (address.has("chart") || readLayout(address).kept.length > 0)
  const many = useLoad(asksForMany ? JSON.stringify(query) : null, search(COMPARED))
  const isShown = (run: Run) => !view.hidden.includes(run.run_id)
  const always = top.filter(isShown)
  const others = (found: Run[]) => found.filter((run) => !view.top.includes(run.run_id))
  const picked = others([...chosen].slice(0, MOST).flatMap((id) => lines.run(id) ?? []))
  const shown = others((grouped ? (members.data?.runs ?? []) : lines.loaded(MOST)).filter(isShown))
  const runs = [...always, ...(chosen.size > 0 ? picked : shown.slice(0, grouped ? MOST : FIRST))]
  const groups = grouped ? groupRuns(runs, view.group) : null
  const error = many.error ?? members.error
  return (
    <>
      {error && <Failure error={error} retry={many.error ? many.reload : members.reload} />}
      <Board
        runs={runs}
        groups={groups}
        metrics={[...new Set(runs.flatMap((run) => Object.keys(run.metrics)))].sort()}
        change={change}
        compared={chosen.size > 0 ? runs : many.data?.runs.filter(isShown)}
        total={chosen.size > 0 ? null : lines.total}
        status={
          <p class="soft small" role="status">
            {chosen.size > 0
              ? `${count(picked.length, "chosen run")}`
              : `The first ${count(runs.length - always.length, "run")} of the table`}
            {always.length > 0 && ` and ${count(always.length)} kept at the top`}
            {groups
              ? ` in ${count(groups.length, "group")}: mean, and from the least to the greatest`
              : chosen.size === 0 && "; choose others there"}
          </p>
        }
        empty={!(grouped && members.loading) && <Empty title="These runs have no metrics" />}
      />
    </>
  )
}

/** Runs by the values of the fields that the table is grouped by. */
function groupRuns(runs: Run[], fields: string[]): Group[] {
  const groups = new Map<string, Group>()
  for (const run of runs) {
    const label = fields.map((field) => readValue(run, field) ?? "none").join(" · ")
    const group = groups.get(label) ?? { label, runs: [] }
    group.runs.push(run.run_id)
    groups.set(label, group)
  }
  return [...groups.values()]
}

function readValue(run: Run, field: string): string | undefined {
  const found = /^(params|tags)\.(?:`([\s\S]*)`|([\s\S]*))$/.exec(field)
  if (found) return run[found[1] as "params" | "tags"][found[2]?.replaceAll("``", "`") ?? found[3]!]
  if (field === "user_id") return run.user
  if (field === "status") return run.status
  if (field === "experiment_name") return nameOf(run.experiment_id)
  if (field === "experiment_id") return run.experiment_id
  return run.tags[field === "git_commit" ? "mlflow.source.git.commit" : "mlflow.source.name"]
}
