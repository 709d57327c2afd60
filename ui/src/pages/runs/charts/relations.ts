/** What runs are compared by: numbers of params and metrics, and the charts that are made of them. */
import type { Run } from "../../../api/types"
import { number } from "../../../format"
import { LAST } from "../columns"

export type Kind = "scatter" | "parallel" | "bars" | "boxes"

export interface Dimension {
  /** `metrics.k` or `params.k`. */
  id: string
  name: string
  /** Texts in their order, when the values are no numbers. */
  texts: string[] | null
}

/** Params and metrics that differ among runs; those of numbers come as numbers. */
export function listDimensions(runs: Run[]): Dimension[] {
  const params = new Map<string, Set<string>>()
  const metrics = new Map<string, Set<number>>()
  for (const run of runs) {
    for (const [key, value] of Object.entries(run.params)) params.set(key, (params.get(key) ?? new Set()).add(value))
    for (const [key, value] of Object.entries(run.metrics))
      if (Number.isFinite(value[LAST])) metrics.set(key, (metrics.get(key) ?? new Set()).add(value[LAST]))
  }
  const found: Dimension[] = []
  for (const [key, values] of [...params].sort(byKey)) {
    if (values.size < 2 && runs.length > 1) continue
    const texts = [...values].some((value) => readNumber(value) === null) ? [...values].sort() : null
    found.push({ id: `params.${key}`, name: key, texts })
  }
  for (const [key, values] of [...metrics].sort(byKey))
    if (values.size > 0) found.push({ id: `metrics.${key}`, name: key, texts: null })
  return found
}

function byKey([one]: [string, unknown], [other]: [string, unknown]): number {
  return one < other ? -1 : 1
}

export function readNumber(text: string): number | null {
  const value = Number(text)
  return text.trim() !== "" && Number.isFinite(value) ? value : null
}

/** A run's value of a dimension, as a number (of a text: its place); null when it has none that can be drawn. */
export function valueOf(run: Run, { id, texts }: Dimension): number | null {
  if (id.startsWith("metrics.")) {
    const value = run.metrics[id.slice(8)]?.[LAST]
    return value !== undefined && Number.isFinite(value) ? value : null
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
