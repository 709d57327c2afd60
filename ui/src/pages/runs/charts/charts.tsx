/** Charts of the runs of a view: a card for each metric, in sections by what stands before the slash. */
import { useState } from "preact/hooks"
import { call } from "../../../api/client"
import type { Run, RunFields } from "../../../api/types"
import { Button, Empty, Failure, SearchBox, Skeleton } from "../../../components/basics"
import { Dialog } from "../../../components/dialog"
import { lazy } from "../../../components/lazy"
import { count } from "../../../format"
import type { Change } from "../../../state/live"
import { useLoad } from "../../../state/load"
import { place, setQuery } from "../../../state/router"
import type { Lines } from "../lines"
import type { RunQuery } from "../source"
import type { View } from "../view"
import { ChartCard, type CurveOptions, type Group } from "./card"
import { readAxis, writeAxis } from "./curves"
import type { Kind } from "./relations"
import "./charts.css"

export interface ChartsProps {
  lines: Lines
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
const Relation = lazy(() => import("./relation"))

function readOptions(query: URLSearchParams): CurveOptions {
  const smoothing = Number(query.get("smooth"))
  return {
    axis: readAxis(query.get("x")),
    smoothing: smoothing > 0 && smoothing < 1 ? smoothing : 0,
    log: { x: query.get("logx") === "1", y: query.get("logy") === "1" },
    outliers: query.get("outliers") === "0",
  }
}

export default function Charts({ lines, view, query, chosen, names, change }: ChartsProps) {
  const options = readOptions(place.value.query)
  const wanted = place.value.query.get("metric") ?? ""
  const [large, setLarge] = useState<string | null>(null)
  const grouped = view.group.length > 0
  // Groups have their runs elsewhere: the first of all are fetched for the charts alone.
  const { experiments, ...rest } = query
  const members = useLoad(grouped ? JSON.stringify(query) : null, (signal) =>
    call("runs.search", { experiment_ids: experiments, ...rest, limit: MOST }, signal),
  )
  const kind = readKind(place.value.query.get("chart"))
  // Charts of params and metrics are of many runs, more than the table has at hand.
  const many = useLoad(kind && chosen.size === 0 ? `many ${JSON.stringify(query)}` : null, (signal) =>
    call("runs.search", { experiment_ids: experiments, ...rest, limit: COMPARED }, signal),
  )
  const found = grouped ? (members.data?.runs ?? []) : lines.loaded(MOST)
  const shown = found.filter((run) => !view.hidden.includes(run.run_id))
  const picked = [...chosen].slice(0, MOST).map((id) => lines.run(id))
  const runs =
    chosen.size > 0 ? picked.filter((run) => run !== undefined) : shown.slice(0, grouped ? MOST : FIRST)
  const groups = grouped ? groupRuns(runs, view.group) : null
  const metrics = [...new Set(runs.flatMap((run) => Object.keys(run.metrics)))]
    .filter((key) => key.toLowerCase().includes(wanted.toLowerCase()))
    .sort()
  const sections = new Map<string, string[]>()
  for (const metric of metrics) {
    const section = metric.includes("/") ? metric.slice(0, metric.indexOf("/")) : ""
    sections.set(section, [...(sections.get(section) ?? []), metric])
  }
  const card = (metric: string, enlarged = false) => (
    <ChartCard
      key={metric}
      metric={metric}
      runs={runs}
      groups={groups}
      options={options}
      change={change}
      large={enlarged}
      onLarge={setLarge}
    />
  )
  if (kind) {
    const compared = chosen.size > 0 ? runs : many.data?.runs.filter((run) => !view.hidden.includes(run.run_id))
    return (
      <div class="charts">
        <Kinds kind={kind} />
        <div class="charts-scroll">
          {many.error && <Failure error={many.error} retry={many.reload} />}
          {compared ? (
            <Relation kind={kind} runs={compared} total={chosen.size > 0 ? null : lines.total} />
          ) : (
            <Skeleton rows={5} />
          )}
        </div>
      </div>
    )
  }
  return (
    <div class="charts">
      <Kinds kind={null} />
      <Options options={options} wanted={wanted} metrics={names?.metrics ?? []} />
      <p class="soft small" role="status">
        {chosen.size > 0
          ? `${count(runs.length, "chosen run")}`
          : `The first ${count(runs.length, "run")} of the table`}
        {groups
          ? ` in ${count(groups.length, "group")}: mean, and from the least to the greatest`
          : chosen.size === 0 && "; choose others there"}
      </p>
      <div class="charts-scroll" tabIndex={0} role="region" aria-label="Charts">
        {metrics.length === 0 && !(grouped && members.loading) && (
          <Empty title={wanted ? "No metric has this in its name" : "These runs have no metrics"} />
        )}
        {[...sections].map(([section, keys]) => (
          <details open key={section} class="section">
            <summary>
              {section || "Metrics"} <span class="soft">{keys.length}</span>
            </summary>
            <div class="cards">{keys.map((metric) => card(metric))}</div>
          </details>
        ))}
      </div>
      {large !== null && (
        <Dialog title={large} wide onClose={() => setLarge(null)}>
          {card(large, true)}
        </Dialog>
      )}
    </div>
  )
}

const KINDS: [Kind | null, string][] = [
  [null, "Curves"],
  ["scatter", "Scatter"],
  ["parallel", "Parallel"],
  ["bars", "Bars"],
  ["boxes", "Boxes"],
]

function readKind(text: string | null): Kind | null {
  return KINDS.find(([kind]) => kind === text)?.[0] ?? null
}

function Kinds({ kind }: { kind: Kind | null }) {
  return (
    <div class="group" role="group" aria-label="Kind of chart">
      {KINDS.map(([one, text]) => (
        <Button key={text} aria-pressed={one === kind} onClick={() => setQuery({ chart: one })}>
          {text}
        </Button>
      ))}
    </div>
  )
}

/** Runs by the values of the fields that the table is grouped by. */
export function groupRuns(runs: Run[], fields: string[]): Group[] {
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
  if (field === "experiment_name" || field === "experiment_id") return run.experiment_id
  return run.tags[field === "git_commit" ? "mlflow.source.git.commit" : "mlflow.source.name"]
}

interface OptionsProps {
  options: CurveOptions
  wanted: string
  metrics: string[]
}

function Options({ options, wanted, metrics }: OptionsProps) {
  const flag = (name: string, on: boolean, value = "1") => setQuery({ [name]: on ? value : null }, true)
  return (
    <div class="row wrap chart-options">
      <SearchBox value={wanted} label="Find a metric" onInput={(metric) => setQuery({ metric }, true)} />
      <label class="row">
        <span class="small">x</span>
        <select
          class="select"
          value={writeAxis(options.axis) ?? "step"}
          onChange={(event) => setQuery({ x: event.currentTarget.value === "step" ? null : event.currentTarget.value })}
        >
          <option value="step">Step</option>
          <option value="time">Time</option>
          <option value="relative">Time since the first point</option>
          {metrics.map((key) => (
            <option key={key} value={`metrics.${key}`}>
              {key}
            </option>
          ))}
        </select>
      </label>
      <label class="row">
        <span class="small">Smooth</span>
        <input
          type="range"
          min="0"
          max="0.99"
          step="0.01"
          value={options.smoothing}
          onInput={(event) => flag("smooth", event.currentTarget.value !== "0", event.currentTarget.value)}
        />
        <span class="small number" style={{ width: "2.4em" }}>
          {options.smoothing}
        </span>
      </label>
      <label class="check small">
        <input type="checkbox" checked={options.log.x} onChange={() => flag("logx", !options.log.x)} />
        log x
      </label>
      <label class="check small">
        <input type="checkbox" checked={options.log.y} onChange={() => flag("logy", !options.log.y)} />
        log y
      </label>
      <label class="check small">
        <input type="checkbox" checked={options.outliers} onChange={() => flag("outliers", !options.outliers, "0")} />
        ignore outliers
      </label>
    </div>
  )
}
