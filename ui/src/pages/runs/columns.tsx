/** The columns of the runs table: what each is named, and how a run's value is shown and sorted by. */
import type { ComponentChildren } from "preact"
import { Status } from "../../components/basics"
import { ExperimentName } from "../../components/experiment-name"
import { OWN_TAGS } from "../../components/tags"
import { LAST, MAX, MIN } from "../../api/summary"
import type { Run, RunFields } from "../../api/types"
import { COMPUTED, findFormula, nameFormula } from "../../formula"
import { ago, duration, field, moment, number } from "../../format"

export interface RunColumn {
  id: string
  title: string
  kind?: string
  width: number
  number?: boolean
  /** The field of the search language that it is sorted by. */
  order?: string
  cell: (run: Run) => ComponentChildren
  /** Its number, where it is one. */
  value?: (run: Run) => number | null | undefined
  /** What is copied and written to a file. */
  text: (run: Run) => string
}

const SUGGESTED = 8

const ATTRIBUTES: RunColumn[] = [
  attribute("status", "Status", 110, "status", (run) => run.status, (run) => <Status status={run.status} />),
  attribute(
    "started",
    "Started",
    110,
    "start_time",
    (run) => new Date(run.start_ms).toISOString(),
    (run) => <span title={moment(run.start_ms)}>{ago(run.start_ms)}</span>,
  ),
  {
    ...attribute("duration", "Duration", 120, "duration_ms", (run) => String(seconds(run) ?? ""), (run) => took(run)),
    number: true,
    value: seconds,
  },
  attribute(
    "ended",
    "Ended",
    110,
    "end_time",
    (run) => (run.end_ms === null ? "" : new Date(run.end_ms).toISOString()),
    (run) => run.end_ms !== null && <span title={moment(run.end_ms)}>{ago(run.end_ms)}</span>,
  ),
  attribute("user", "User", 100, "user_id", (run) => run.user || (run.tags["mlflow.user"] ?? "")),
  attribute("run_id", "Run id", 130, "run_id", (run) => run.run_id),
  attribute(
    "experiment",
    "Experiment",
    150,
    "experiment_id",
    (run) => run.experiment_id,
    (run) => <ExperimentName id={run.experiment_id} />,
  ),
  attribute("source", "Source", 130, field("tags", "mlflow.source.name"), readSource, (run) => (
    <span class="cut" title={readSource(run)}>
      {readSource(run).split(/[/\\](?=.)/).at(-1)}
    </span>
  )),
  attribute("commit", "Commit", 100, field("tags", "mlflow.source.git.commit"), (run) =>
    (run.tags["mlflow.source.git.commit"] ?? "").slice(0, 10),
  ),
  attribute("datasets", "Datasets", 150, undefined, (run) =>
    run.inputs.map((input) => `${input.dataset.name} (${input.dataset.digest.slice(0, 8)})`).join(", "),
  ),
  attribute("models", "Models", 130, undefined, (run) => run.model_outputs.map((model) => model.model_id).join(", ")),
  attribute("parent", "Parent", 130, "parent_run_id", (run) => run.parent_run_id ?? ""),
  attribute("key", "External key", 130, "external_key", (run) => run.external_key ?? ""),
]

function attribute(
  id: string,
  title: string,
  width: number,
  order: string | undefined,
  text: (run: Run) => string,
  cell: (run: Run) => ComponentChildren = (run) => <Text text={text(run)} />,
): RunColumn {
  return { id, title, width, text, cell, ...(order ? { order } : {}) }
}

function readSource(run: Run): string {
  return run.tags["mlflow.source.name"] ?? ""
}

function Text({ text }: { text: string }) {
  return (
    <span class="cut" dir="auto" title={text.length > 12 ? text.slice(0, 1_000) : undefined}>
      {text.slice(0, 300)}
    </span>
  )
}

export function took(run: Run): string {
  if (run.end_ms !== null) return duration(run.end_ms - run.start_ms)
  return run.status === "RUNNING" ? duration(Math.max(0, Date.now() - run.start_ms)) : ""
}

function seconds(run: Run): number | null {
  return run.end_ms === null ? null : (run.end_ms - run.start_ms) / 1_000
}

/** Find the column of an id: an attribute's name, `metrics.k`, `min(metrics.k)`, `params.k`, `tags.k` or `computed.formula`. */
export function findColumn(id: string): RunColumn | undefined {
  const known = ATTRIBUTES.find((column) => column.id === id)
  if (known) return known
  if (id.startsWith(COMPUTED)) return computedColumn(id)
  const metric = /^(?:(min|max)\()?metrics\.([\s\S]+?)\)?$/.exec(id)
  if (metric) return metricColumn(id, metric[2]!, metric[1] as "min" | "max" | undefined)
  const dot = id.indexOf(".")
  const [entity, key] = [id.slice(0, dot), id.slice(dot + 1)]
  if ((entity !== "params" && entity !== "tags") || !key) return undefined
  const text = (run: Run) => run[entity][key] ?? ""
  return {
    id,
    title: key,
    kind: entity === "tags" ? "tag" : "",
    width: 120,
    order: field(entity, key),
    text,
    cell: (run) => <Text text={text(run)} />,
  }
}

function metricColumn(id: string, key: string, aggregate: "min" | "max" | undefined): RunColumn {
  const place = aggregate === "min" ? MIN : aggregate === "max" ? MAX : LAST
  const plain = field("metrics", key)
  return numberColumn({
    id,
    title: key,
    kind: aggregate ?? "",
    width: 120,
    order: aggregate ? `${aggregate}(${plain})` : plain,
    value: (run) => run.metrics[key]?.[place],
  })
}

/** The column of a formula, if it can be read. */
function computedColumn(id: string): RunColumn | undefined {
  const value = findFormula(id)
  return value && numberColumn({ id, title: nameFormula(id), kind: "", width: 160, order: id.slice(COMPUTED.length), value })
}

function numberColumn(column: Pick<RunColumn, "id" | "title" | "width"> & Required<Pick<RunColumn, "kind" | "order" | "value">>): RunColumn {
  const { value } = column
  return {
    ...column,
    number: true,
    text: (run) => String(value(run) ?? ""),
    cell: (run) => {
      const found = value(run)
      const odd = found !== undefined && found !== null && !Number.isFinite(found)
      return (
        <span class={odd ? "odd" : ""} title={found === undefined || found === null ? undefined : String(found)}>
          {number(found)}
        </span>
      )
    },
  }
}

/** Columns that runs suggest: what most of them have, metrics before params; `several`: they may be of several experiments. */
export function suggestColumns(runs: Run[], fields: RunFields | undefined, several: boolean): string[] {
  // Groups have no runs of their own here: then all names are as good as one another.
  const names = (kind: "metrics" | "params") =>
    runs.length > 0 ? mostCommon(runs.map((run) => run[kind])) : (fields?.[kind] ?? [])
  const metrics = names("metrics").filter((key) => !key.startsWith("system/"))
  const params = names("params")
  return [
    ...(several ? ["experiment"] : []),
    "status",
    "started",
    "duration",
    ...metrics.slice(0, SUGGESTED).map((key) => `metrics.${key}`),
    ...params.slice(0, SUGGESTED).map((key) => `params.${key}`),
    "user",
    "source",
  ]
}

function mostCommon(maps: Record<string, unknown>[]): string[] {
  const counts = new Map<string, number>()
  for (const one of maps) for (const key in one) counts.set(key, (counts.get(key) ?? 0) + 1)
  return [...counts.keys()].sort((a, b) => counts.get(b)! - counts.get(a)! || (a < b ? -1 : 1))
}

interface ColumnChoice {
  title: string
  columns: RunColumn[]
}

/** All columns that there can be, by kind; of those that are computed, the ones that are shown. */
export function listColumns(fields: RunFields | undefined, shown: string[]): ColumnChoice[] {
  const make = (ids: string[]) => ids.map((id) => findColumn(id)!)
  const tags = fields?.tags.filter((key) => !OWN_TAGS.test(key)) ?? []
  const computed = shown.filter((id) => id.startsWith(COMPUTED)).map((id) => findColumn(id))
  return [
    { title: "Computed", columns: computed.filter((column) => column !== undefined) },
    { title: "Attributes", columns: ATTRIBUTES },
    { title: "Metrics, last value", columns: make(fields?.metrics.map((key) => `metrics.${key}`) ?? []) },
    { title: "Metrics, least value", columns: make(fields?.metrics.map((key) => `min(metrics.${key})`) ?? []) },
    { title: "Metrics, greatest value", columns: make(fields?.metrics.map((key) => `max(metrics.${key})`) ?? []) },
    { title: "Params", columns: make(fields?.params.map((key) => `params.${key}`) ?? []) },
    { title: "Tags", columns: make(tags.map((key) => `tags.${key}`)) },
  ]
}
