/**
 * What stands in each line of the table: runs, or groups of them, and below those that are open their children.
 *
 * A list is plain, a tree (runs without a parent, then their children), or groups (then their runs).
 */
import { ApiError, call } from "../../api/client"
import type { Run, RunGroup, RunGroups } from "../../api/types"
import { quote } from "../../format"
import { RunSource, type RunQuery } from "./source"
import type { Aggregate } from "./view"

export type Line =
  | { kind: "run"; key: string; run: Run; depth: number; children: number; open: boolean }
  | { kind: "group"; key: string; group: RunGroup; depth: number; open: boolean }

export interface Shape {
  tree: boolean
  /** Fields that runs are grouped by. */
  group: string[]
  /** Metrics whose values are put together for each group; null while it is not known which there are. */
  metrics: string[] | null
  /** What of these values is shown, and sorted by. */
  aggregate: Aggregate
}

/** Groups that are fetched, the largest ones. */
export const MOST_GROUPS = 1_000

interface Opened {
  place: number
  key: string
  node: Node
}

/** Rows of one level, and those levels that are open below them. */
interface Node {
  rows: RunSource | GroupRows
  depth: number
  opened: Opened[]
}

export class Lines {
  private readonly root: Node
  private readonly children = new Map<string, number>()
  private readonly asked = new Set<string>()

  constructor(
    private readonly query: RunQuery,
    readonly shape: Shape,
    private readonly changed: () => void,
    before?: Lines,
  ) {
    const groups = before?.root.rows instanceof GroupRows ? before.root.rows : undefined
    const rows = shape.group.length > 0 ? new GroupRows(query, shape, changed, groups) : new RunSource(this.top(), this.told)
    this.root = { rows, depth: 0, opened: [] }
  }

  /** The runs of the first level; null when these are groups. */
  get source(): RunSource | null {
    return this.root.rows instanceof RunSource ? this.root.rows : null
  }

  get error(): ApiError | undefined {
    return this.root.rows.error
  }

  get loading(): boolean {
    return this.root.rows.loading
  }

  get count(): number {
    return size(this.root)
  }

  /** How many runs there are; null while it is not known. */
  get total(): number | null {
    const rows = this.root.rows
    if (rows instanceof GroupRows) return rows.runs
    return rows.counted ? rows.count : null
  }

  /** How many groups there are; null when the first level has runs. */
  get groups(): number | null {
    const rows = this.root.rows
    return rows instanceof GroupRows ? rows.total : null
  }

  line(place: number): Line | undefined {
    return this.find(this.root, place)
  }

  need(start: number, end: number): void {
    this.require(this.root, start, end)
    if (this.shape.tree) void this.countChildren(start, end)
  }

  /** Runs that are here, in order of the lines. */
  loaded(limit: number): Run[] {
    const found: Run[] = []
    const visit = (node: Node) => {
      if (node.rows instanceof RunSource) found.push(...node.rows.loaded(limit))
      for (const { node: inner } of node.opened) visit(inner)
    }
    visit(this.root)
    return found.slice(0, limit)
  }

  run(id: string): Run | undefined {
    const visit = (node: Node): Run | undefined => {
      const own = node.rows instanceof RunSource ? node.rows.known(id) : undefined
      if (own) return own
      for (const { node: inner } of node.opened) {
        const found = visit(inner)
        if (found) return found
      }
      return undefined
    }
    return visit(this.root)
  }

  /** Open or close what is below a line. */
  toggle(line: Line): void {
    const at = this.owner(this.root, line.key)
    if (!at) return
    const [node, place] = at
    const before = node.opened.findIndex((one) => one.key === line.key)
    if (before >= 0) {
      stop(node.opened[before]!.node)
      node.opened.splice(before, 1)
    } else {
      const filter = line.kind === "group" ? this.within(line.group) : `parent_run_id = ${quote(line.run.run_id)}`
      const order_by = line.kind === "group" ? this.query.order_by : ["start_time ASC"]
      const rows = new RunSource({ ...this.query, filter, order_by }, this.told)
      node.opened.push({ place, key: line.key, node: { rows, depth: node.depth + 1, opened: [] } })
      node.opened.sort((a, b) => a.place - b.place)
    }
    this.changed()
  }

  async refresh(): Promise<void> {
    const visit = async (node: Node): Promise<void> => {
      await Promise.all([node.rows.refresh(), ...node.opened.map((one) => visit(one.node))])
    }
    this.children.clear()
    this.asked.clear()
    await visit(this.root)
  }

  async follow(runs: string[], all: boolean): Promise<void> {
    const visit = async (node: Node): Promise<void> => {
      await Promise.all([node.rows.follow(runs, all), ...node.opened.map((one) => visit(one.node))])
    }
    await visit(this.root)
  }

  stop(): void {
    stop(this.root)
  }

  /** The filter of the first level: a tree's roots, unless one searches, as what is found may be anywhere. */
  private top(): RunQuery {
    const roots = this.shape.tree && this.query.filter === ""
    return roots ? { ...this.query, filter: "parent_run_id IS NULL" } : this.query
  }

  private within(group: RunGroup): string {
    const own = this.shape.group.map((name, n) => write(name, group.values[n] ?? null))
    return (this.query.filter ? [`(${this.query.filter})`, ...own] : own).join(" AND ")
  }

  /** A level's rows may have changed their places: what is open moves with its row. */
  private readonly told = () => {
    const visit = (node: Node) => {
      for (const one of node.opened) {
        if (keyAt(node.rows, one.place) !== one.key) one.place = placeOf(node.rows, one.key)
        visit(one.node)
      }
      for (const one of node.opened) if (one.place < 0) stop(one.node)
      node.opened = node.opened.filter((one) => one.place >= 0).sort((a, b) => a.place - b.place)
    }
    visit(this.root)
    this.changed()
  }

  private find(node: Node, place: number): Line | undefined {
    let left = place
    for (const one of node.opened) {
      if (left <= one.place) break
      const inside = size(one.node)
      if (left <= one.place + inside) return this.find(one.node, left - one.place - 1)
      left -= inside
    }
    const { rows, depth } = node
    const key = keyAt(rows, left)
    if (key === undefined) return undefined
    const open = node.opened.some((one) => one.key === key)
    if (rows instanceof GroupRows) return { kind: "group", key, group: rows.groups[left]!, depth, open }
    const run = rows.run(left)
    return run && { kind: "run", key, run, depth, children: this.children.get(run.run_id) ?? 0, open }
  }

  private require(node: Node, start: number, end: number): void {
    let from = start
    let to = end
    for (const one of node.opened) {
      const inside = size(one.node)
      const first = one.place + 1
      if (end > first && start < first + inside)
        this.require(one.node, Math.max(0, start - first), Math.min(inside, end - first))
      if (start > first) from = Math.max(first - 1, from - inside)
      if (end > first) to = Math.max(first, to - inside)
    }
    node.rows.need(Math.max(0, from), Math.max(0, to))
  }

  private owner(node: Node, key: string): [Node, number] | null {
    const place = placeOf(node.rows, key)
    if (place >= 0) return [node, place]
    for (const one of node.opened) {
      const found = this.owner(one.node, key)
      if (found) return found
    }
    return null
  }

  private async countChildren(start: number, end: number): Promise<void> {
    const ids: string[] = []
    for (let place = start; place < end; place++) {
      const line = this.line(place)
      if (line?.kind === "run" && !this.asked.has(line.run.run_id)) ids.push(line.run.run_id)
    }
    if (ids.length === 0) return
    for (const id of ids) this.asked.add(id)
    const asked = { experiment_ids: this.query.experiments, view: this.query.view, by: ["parent_run_id"] }
    try {
      const { groups } = await call("runs.group", {
        ...asked,
        filter: `parent_run_id IN (${ids.map(quote).join(", ")})`,
        limit: 1_000,
      })
      for (const { values, runs } of groups) this.children.set(String(values[0]), runs)
      if (groups.length > 0) this.changed()
    } catch {
      for (const id of ids) this.asked.delete(id)
    }
  }
}

/** Groups of runs as rows. */
class GroupRows {
  /** In the order of the table. */
  groups: RunGroup[] = []
  private found: RunGroups | undefined
  error: ApiError | undefined
  loading = true
  private control = new AbortController()
  private told = 0

  constructor(
    private readonly query: RunQuery,
    private readonly shape: Shape,
    private readonly changed: () => void,
    before?: GroupRows,
  ) {
    // To put many runs into groups is dear: another order of the same groups asks for nothing.
    if (before?.found && JSON.stringify(before.request()) === JSON.stringify(this.request())) this.take(before.found)
    else void this.refresh()
  }

  private request() {
    const { experiments, filter, view } = this.query
    const { group, metrics } = this.shape
    return { experiment_ids: experiments, filter, view, by: group, metrics: metrics ?? [], limit: MOST_GROUPS }
  }

  private take(found: RunGroups): void {
    this.found = found
    this.groups = sortGroups(found.groups, this.query.order_by[0], this.shape)
    this.error = undefined
    this.loading = false
  }

  get count(): number {
    return this.groups.length
  }

  get runs(): number {
    return this.found?.runs ?? 0
  }

  /** How many groups there are, those that were left out too. */
  get total(): number {
    return this.found?.total ?? 0
  }

  need(): void {
    // All groups are here.
  }

  stop(): void {
    this.control.abort()
  }

  async follow(): Promise<void> {
    if (Date.now() - this.told > 5_000) await this.refresh()
  }

  async refresh(): Promise<void> {
    if (this.shape.metrics === null) return
    this.told = Date.now()
    try {
      this.take(await call("runs.group", this.request(), this.control.signal))
    } catch (error) {
      if (this.control.signal.aborted) return
      this.error = error instanceof ApiError ? error : new ApiError(0, "", String(error))
      this.loading = false
    }
    this.changed()
  }
}

/** Where a metric's summary of a group has an aggregate. */
export const AGGREGATES: Record<Aggregate, 1 | 2 | 3> = { mean: 1, min: 2, max: 3 }

/** Groups in the order of the table; those that have nothing to be ordered by come last, and without an order the largest first. */
export function sortGroups(groups: RunGroup[], order: string | undefined, shape: Shape): RunGroup[] {
  const [, name, direction] = /^([\s\S]+) (ASC|DESC)$/.exec(order ?? "") ?? []
  if (name === undefined) return groups
  const metric = shape.metrics?.indexOf(name) ?? -1
  const field = shape.group.indexOf(name)
  const read = (group: RunGroup): (string | number | null)[] => {
    if (name === "run_name") return group.values
    if (name === "start_time") return [group.newest_start_ms]
    if (metric >= 0) return [group.metrics[metric]?.[AGGREGATES[shape.aggregate]] ?? null]
    return field >= 0 ? [group.values[field] ?? null] : []
  }
  const sign = direction === "DESC" ? -1 : 1
  return [...groups].sort((one, other) => {
    const values = read(other)
    for (const [n, a] of read(one).entries()) {
      const b = values[n]!
      if (a === null || b === null) {
        if (a !== b) return a === null ? 1 : -1
      } else if (a !== b) return sign * compare(a, b)
    }
    return 0
  })
}

/** Numbers by their size, also those that are written as text; other text as one reads it. */
function compare(a: string | number, b: string | number): number {
  const [x, y] = [Number(a), Number(b)]
  if (x !== y && !Number.isNaN(x) && !Number.isNaN(y)) return x - y
  return String(a).localeCompare(String(b), undefined, { numeric: true })
}

function size(node: Node): number {
  let total = node.rows.count
  for (const one of node.opened) total += size(one.node)
  return total
}

function stop(node: Node): void {
  node.rows.stop()
  for (const one of node.opened) stop(one.node)
}

function keyAt(rows: RunSource | GroupRows, place: number): string | undefined {
  if (rows instanceof RunSource) return rows.id(place)
  const group = rows.groups[place]
  return group && JSON.stringify(group.values)
}

function placeOf(rows: RunSource | GroupRows, key: string): number {
  if (rows instanceof RunSource) return rows.place(key)
  return rows.groups.findIndex((group) => JSON.stringify(group.values) === key)
}

/** The condition that a field has a value. */
export function write(field: string, value: string | number | null): string {
  if (value === null) return `NOT EXISTS(${field})`
  if (typeof value === "string") return `${field} = ${quote(value)}`
  return Number.isNaN(value) ? `${field} IS NAN` : `${field} = ${value}`
}
