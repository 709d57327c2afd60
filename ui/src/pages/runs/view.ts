/** What the runs page shows, as its address holds it. */

import { readList, writeList } from "../../state/list"

export type Mode = "table" | "split" | "charts"
/** What groups show of a metric. */
export type Aggregate = "mean" | "min" | "max"

/** Runs that stay at the top: more would leave no room for the others. */
export const MOST_ON_TOP = 5

export interface View {
  /** Numbers of experiments; null for all. */
  experiments: string[] | null
  filter: string
  /** A field of the search language, and its direction; null for newest first. */
  order: { field: string; descending: boolean } | null
  trash: boolean
  /** Ids of columns in their order; null for those that the runs suggest. */
  columns: string[] | null
  /** Columns that stay at the left, beside the name. */
  pinned: string[]
  widths: Record<string, number>
  /** Fields that runs are grouped by. */
  group: string[]
  /** Children stand below their parents. */
  tree: boolean
  mode: Mode
  aggregate: Aggregate
  /** Runs that stay at the top while the others scroll; charts always draw them. */
  top: string[]
  /** Runs that charts leave out. */
  hidden: string[]
}

/** Read a view from an address; `experiment` is the one of the path. */
export function readView(query: URLSearchParams, experiment: string | undefined): View {
  const named = query.get("experiments")
  const order = /^(.+?)\s+(ASC|DESC)$/.exec(query.get("order") ?? "")
  const mode = query.get("mode")
  const aggregate = query.get("aggregate")
  return {
    experiments: experiment !== undefined ? [experiment] : named ? readList(named) : null,
    filter: query.get("filter") ?? "",
    order: order ? { field: order[1]!, descending: order[2] === "DESC" } : null,
    trash: query.get("trash") === "1",
    columns: query.has("columns") ? readList(query.get("columns")!) : null,
    pinned: readList(query.get("pinned") ?? ""),
    widths: readWidths(query.get("widths") ?? ""),
    group: readList(query.get("group") ?? ""),
    tree: query.get("tree") === "1",
    aggregate: aggregate === "min" || aggregate === "max" ? aggregate : "mean",
    top: readList(query.get("top") ?? "").slice(0, MOST_ON_TOP),
    hidden: readList(query.get("hidden") ?? ""),
    mode: mode === "split" || mode === "charts" ? mode : "table",
  }
}

/** Write fields of a view as changes of the query. */
export function writeView(view: Partial<Omit<View, "experiments">>): Record<string, string | null> {
  const changes: Record<string, string | null> = {}
  if ("filter" in view) changes.filter = view.filter || null
  if ("order" in view)
    changes.order = view.order ? `${view.order.field} ${view.order.descending ? "DESC" : "ASC"}` : null
  if ("trash" in view) changes.trash = view.trash ? "1" : null
  if ("columns" in view) changes.columns = view.columns ? writeList(view.columns) : null
  if ("pinned" in view) changes.pinned = writeList(view.pinned ?? []) || null
  if ("widths" in view) changes.widths = writeWidths(view.widths ?? {}) || null
  if ("group" in view) changes.group = writeList(view.group ?? []) || null
  if ("tree" in view) changes.tree = view.tree ? "1" : null
  if ("mode" in view) changes.mode = view.mode === "table" ? null : (view.mode ?? null)
  if ("aggregate" in view) changes.aggregate = view.aggregate === "mean" ? null : (view.aggregate ?? null)
  if ("top" in view) changes.top = writeList(view.top ?? []) || null
  if ("hidden" in view) changes.hidden = writeList(view.hidden ?? []) || null
  return changes
}

function readWidths(text: string): Record<string, number> {
  const widths: Record<string, number> = {}
  for (const item of readList(text)) {
    const at = item.lastIndexOf(":")
    const width = Number(item.slice(at + 1))
    if (at > 0 && width >= 40 && width <= 2_000) widths[item.slice(0, at)] = width
  }
  return widths
}

function writeWidths(widths: Record<string, number>): string {
  return writeList(Object.entries(widths).map(([id, width]) => `${id}:${width}`))
}
