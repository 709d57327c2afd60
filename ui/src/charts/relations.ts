/** What runs are compared by: numbers of params and metrics, and the charts that are made of them. */
import type { Run } from "../api/types"
import { number } from "../format"
import { COMPUTED, findFormula, nameFormula } from "../formula"
import { LAST } from "../api/summary"
import { readList } from "../state/list"

export const KINDS = ["scatter", "parallel", "contour", "bars", "boxes", "histogram"] as const
export type Kind = (typeof KINDS)[number]

export function readKind(text: string | null): Kind | null {
  return KINDS.find((kind) => kind === text) ?? null
}

export interface Dimension {
  /** `metrics.k`, `params.k` or `computed.formula`. */
  id: string
  name: string
  /** Texts in their order, when the values are no numbers. */
  texts: string[] | null
  /** How many runs have a value. */
  runs: number
}

/** The computed columns of a table, and those axes that are computed. */
export function listComputed(query: URLSearchParams, axes: (string | null)[]): string[] {
  const ids = [...readList(query.get("columns")), ...axes].filter((id) => id?.startsWith(COMPUTED))
  return [...new Set(ids as string[])]
}

/** Params and metrics that differ among runs, and what is computed; those of numbers come as numbers. */
export function listDimensions(runs: Run[], computed: string[] = []): Dimension[] {
  const params = new Map<string, string[]>()
  const metrics = new Map<string, number>()
  for (const run of runs) {
    for (const [key, value] of Object.entries(run.params)) push(params, key, value)
    for (const [key, value] of Object.entries(run.metrics))
      if (Number.isFinite(value[LAST])) metrics.set(key, (metrics.get(key) ?? 0) + 1)
  }
  const found: Dimension[] = []
  for (const [key, all] of [...params].sort(byKey)) {
    const values = new Set(all)
    if (values.size < 2 && runs.length > 1) continue
    const texts = [...values].some((value) => readNumber(value) === null) ? [...values].sort() : null
    found.push({ id: `params.${key}`, name: key, texts, runs: all.length })
  }
  for (const [key, count] of [...metrics].sort(byKey)) found.push({ id: `metrics.${key}`, name: key, texts: null, runs: count })
  for (const id of computed) {
    const dimension: Dimension = { id, name: nameFormula(id), texts: null, runs: 0 }
    dimension.runs = runs.filter((run) => valueOf(run, dimension) !== null).length
    if (dimension.runs > 0) found.push(dimension)
  }
  return found
}

export interface Axes {
  x: Dimension
  y: Dimension
  /** The height of a contour. */
  z: Dimension
}

/** What is on the axes of a chart: as it is asked for, or else what most runs have; a contour has numbers only. */
export function findAxes(
  kind: Kind,
  dimensions: Dimension[],
  asked: Record<"x" | "y" | "z", string | null>,
): Axes | undefined {
  const usable = kind === "contour" ? dimensions.filter(({ texts }) => texts === null) : dimensions
  const metrics = usable.filter(({ id }) => id.startsWith("metrics."))
  const find = (id: string | null) => usable.find((one) => one.id === id)
  const most = Math.max(...metrics.map((one) => one.runs))
  const usual = metrics.filter((one) => one.runs === most)
  const goal = usual.find(({ name }) => /loss|rmse|acc|auc|f1/.test(name)) ?? usual[0]
  const z = find(asked.z) ?? goal
  const [first, second] = usable.filter((one) => one !== (kind === "contour" ? z : goal))
  const x = find(asked.x) ?? first
  const y = find(asked.y) ?? (kind === "contour" ? second : goal)
  return x && y && z && { x, y, z }
}

function push(lists: Map<string, string[]>, key: string, value: string): void {
  const list = lists.get(key)
  if (list) list.push(value)
  else lists.set(key, [value])
}

function byKey([one]: [string, unknown], [other]: [string, unknown]): number {
  return one < other ? -1 : 1
}

function readNumber(text: string): number | null {
  const value = Number(text)
  return text.trim() !== "" && Number.isFinite(value) ? value : null
}

/** A run's value of a dimension, as a number (of a text: its place); null when it has none that can be drawn. */
export function valueOf(run: Run, { id, texts }: Dimension): number | null {
  if (!id.startsWith("params.")) {
    const value = id.startsWith(COMPUTED) ? findFormula(id)?.(run) : run.metrics[id.slice(8)]?.[LAST]
    return value !== undefined && value !== null && Number.isFinite(value) ? value : null
  }
  const text = run.params[id.slice(7)]
  if (text === undefined) return null
  return texts ? texts.indexOf(text) : readNumber(text)
}

/** How a value of a dimension is written. */
export function writeValue(value: number | null, { texts }: Dimension): string {
  if (value === null) return "none"
  return texts ? (texts[value] ?? "") : number(value)
}

/** How much each param goes with a metric: the share of its variance that lies between the param's values. */
export function rankParams(runs: Run[], dimensions: Dimension[], target: Dimension): { name: string; share: number }[] {
  const ranked = dimensions
    .filter(({ id }) => id.startsWith("params."))
    .map((param) => ({ name: param.name, share: explain(runs, param, target) }))
  return ranked.sort((a, b) => b.share - a.share)
}

const BINS = 8

/** The correlation ratio; numbers are put into bins of equally many runs. Source: Fisher, eta squared. */
function explain(runs: Run[], param: Dimension, target: Dimension): number {
  const pairs: [number, number][] = []
  for (const run of runs) {
    const [x, y] = [valueOf(run, param), valueOf(run, target)]
    if (x !== null && y !== null) pairs.push([x, y])
  }
  if (pairs.length < 3) return 0
  const different = new Set(pairs.map(([x]) => x))
  if (different.size === pairs.length && param.texts) return 0 // a name of each run explains all, and nothing
  pairs.sort((a, b) => a[0] - b[0])
  const groups = new Map<number, number[]>()
  for (const [n, [x, y]] of pairs.entries()) {
    const group = different.size <= BINS || param.texts ? x : Math.floor((n * BINS) / pairs.length)
    groups.set(group, [...(groups.get(group) ?? []), y])
  }
  const mean = average(pairs.map(([, y]) => y))
  const total = pairs.reduce((sum, [, y]) => sum + (y - mean) ** 2, 0)
  let between = 0
  for (const values of groups.values()) between += values.length * (average(values) - mean) ** 2
  return total > 0 ? between / total : 0
}

function average(values: number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

/** Least, quartiles and greatest of some values, as a box is drawn; quartiles lie between values. */
export function box(values: number[]): [number, number, number, number, number] {
  const sorted = [...values].sort((a, b) => a - b)
  const at = (share: number) => {
    const place = (sorted.length - 1) * share
    const [low, high] = [sorted[Math.floor(place)]!, sorted[Math.ceil(place)]!]
    return low + (high - low) * (place - Math.floor(place))
  }
  return [at(0), at(0.25), at(0.5), at(0.75), at(1)]
}

interface Bin {
  from: number
  to: number
  count: number
}

/** How often values lie where, in bins of one width. Source of their number: Freedman and Diaconis (1981), at most 60. */
export function countBins(values: number[]): Bin[] {
  if (values.length === 0) return []
  const [least, first, , third, most] = box(values)
  if (least === most) return [{ from: least, to: most, count: values.length }]
  const width = (2 * (third - first)) / Math.cbrt(values.length)
  const wanted = width > 0 ? Math.ceil((most - least) / width) : Math.ceil(Math.sqrt(values.length))
  const bins = Math.max(1, Math.min(60, wanted))
  const found = Array.from({ length: bins }, (_, n) => ({
    from: least + ((most - least) * n) / bins,
    to: n + 1 === bins ? most : least + ((most - least) * (n + 1)) / bins,
    count: 0,
  }))
  for (const value of values) found[Math.min(bins - 1, Math.floor(((value - least) / (most - least)) * bins))]!.count++
  return found
}

/** A point of three values. */
export type Point = [x: number, y: number, z: number]

interface Surface {
  /** Edges of the cells, left to right and from below. */
  xs: number[]
  ys: number[]
  /** Heights of the cells, a row of x after another. */
  heights: number[]
}

const CELLS = 56

/**
 * A surface through scattered points: at each cell the mean of all heights, the nearest weighing most.
 *
 * cost: cells times points; source: Shepard (1968), inverse distance weighting, power 3, on axes of one length
 */
export function interpolateSurface(points: Point[]): Surface {
  const [xs, ys] = [0, 1].map((axis) => {
    const values = points.map((point) => point[axis]!)
    const [least, most] = [Math.min(...values), Math.max(...values)]
    const margin = (most - least) * 0.04 || Math.abs(least) * 0.1 || 1
    return Array.from({ length: CELLS + 1 }, (_, n) => least - margin + ((most - least + 2 * margin) * n) / CELLS)
  }) as [number[], number[]]
  const [wide, high] = [xs[CELLS]! - xs[0]!, ys[CELLS]! - ys[0]!]
  const heights: number[] = []
  for (let row = 0; row < CELLS; row++) {
    for (let column = 0; column < CELLS; column++) {
      let [sum, weights] = [0, 0]
      for (const [x, y, z] of points) {
        const across = (x - (xs[column]! + xs[column + 1]!) / 2) / wide
        const up = (y - (ys[row]! + ys[row + 1]!) / 2) / high
        const weight = 1 / (Math.hypot(across, up) ** 3 + 1e-9)
        sum += weight * z
        weights += weight
      }
      heights.push(sum / weights)
    }
  }
  return { xs, ys, heights }
}
