/** Curves as numbers: decoding, smoothing, x axes, bands; without a browser, so that tests need none. */
import { COUNT } from "../api/summary"
import type { Curve, Run } from "../api/types"

export interface Points {
  run: string
  steps: Float64Array
  times: Float64Array
  values: Float64Array
  /** How many points the run has, and how many of them are here. */
  count: number
  shown: number
}

/** What a chart draws: one x for all series; a hole is null, and no point at an x is undefined. */
export type Row = (number | null | undefined)[]
export interface Drawn {
  x: number[]
  rows: Row[]
}

function longs(bytes: Uint8Array): Float64Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const found = new Float64Array(bytes.byteLength / 8)
  // Two halves are three times as fast as a BigInt, and right up to 2^53.
  for (let n = 0; n < found.length; n++) found[n] = view.getInt32(n * 8 + 4, true) * 4294967296 + view.getUint32(n * 8, true)
  return found
}

function doubles(bytes: Uint8Array): Float64Array {
  return new Float64Array(bytes.slice().buffer)
}

export function unpack(curve: Curve): Points {
  const [, steps, times, values] = curve.series
  return {
    run: curve.run_id,
    steps: longs(steps),
    times: longs(times),
    values: doubles(values),
    count: curve.count,
    shown: curve.shown,
  }
}

/**
 * Smooth by an exponential moving average, corrected for its beginning; what is no number stays where it is.
 *
 * weight: 0 (nothing) to below 1; source: the bias correction of Kingma and Ba, "Adam" (2015), section 3
 */
export function smooth(values: Float64Array, weight: number): Float64Array {
  if (weight <= 0) return values
  const found = new Float64Array(values.length)
  let sum = 0
  let correction = 1
  for (let n = 0; n < values.length; n++) {
    const value = values[n]!
    if (!Number.isFinite(value)) {
      found[n] = value
      continue
    }
    sum = sum * weight + (1 - weight) * value
    correction *= weight
    found[n] = sum / (1 - correction)
  }
  return found
}

export type Axis = { kind: "step" } | { kind: "time" } | { kind: "relative" } | { kind: "metric"; key: string }

export function readAxis(text: string | null, usual: Axis = { kind: "step" }): Axis {
  if (text === "step" || text === "time" || text === "relative") return { kind: text }
  return text?.startsWith("metrics.") ? { kind: "metric", key: text.slice(8) } : usual
}

export function writeAxis(axis: Axis): string {
  return axis.kind === "metric" ? `metrics.${axis.key}` : axis.kind
}

/** Where each point lies on an axis; of a metric, its last value at or before the point's step. */
export function locate(points: Points, axis: Axis, other?: Points): Float64Array {
  if (axis.kind === "step") return points.steps
  if (axis.kind === "time") return points.times.map((ms) => ms / 1_000)
  if (axis.kind === "relative") {
    const begin = points.times.reduce((least, ms) => Math.min(least, ms), Infinity)
    return points.times.map((ms) => (ms - begin) / 1_000)
  }
  const found = new Float64Array(points.steps.length).fill(NaN)
  if (!other) return found
  let at = -1
  for (let n = 0; n < found.length; n++) {
    while (at + 1 < other.steps.length && other.steps[at + 1]! <= points.steps[n]!) at++
    if (at >= 0) found[n] = other.values[at]!
  }
  return found
}

/** Put curves onto one x, in order; of several points of one curve at one x the last counts. */
export function align(curves: { x: Float64Array; y: Float64Array }[], log: { x: boolean; y: boolean }): Drawn {
  const all = new Set<number>()
  for (const { x } of curves) for (const value of x) if (Number.isFinite(value) && (!log.x || value > 0)) all.add(value)
  const sorted = Float64Array.from(all).sort()
  const x = Array.from(sorted)
  const rows = curves.map(({ x: own, y }) => {
    const row: Row = new Array(x.length).fill(undefined)
    // An axis of steps or times rises nearly always: the place is next to the last one.
    let at = 0
    for (let n = 0; n < own.length; n++) {
      const value = own[n]!
      if (x[at] !== value) {
        at = value > (x[at] ?? Infinity) && x[at + 1] === value ? at + 1 : search(sorted, value)
        if (at < 0) {
          at = 0
          continue
        }
      }
      const height = y[n]!
      row[at] = Number.isFinite(height) && (!log.y || height > 0) ? height : null
    }
    return row
  })
  return { x, rows }
}

function search(sorted: Float64Array, value: number): number {
  let low = 0
  let high = sorted.length - 1
  while (low <= high) {
    const middle = (low + high) >> 1
    if (sorted[middle]! < value) low = middle + 1
    else if (sorted[middle]! > value) high = middle - 1
    else return middle
  }
  return -1
}

/** Mean, least and greatest of several rows at each x; between its points a row is drawn straight. */
export function band(x: number[], rows: Row[]): [mean: Row, low: Row, high: Row] {
  const filled = rows.map((row) => interpolate(x, row))
  const [mean, low, high]: [Row, Row, Row] = [[], [], []]
  for (let n = 0; n < x.length; n++) {
    let sum = 0
    let count = 0
    let least = Infinity
    let most = -Infinity
    for (const row of filled) {
      const value = row[n]
      if (value === null || value === undefined) continue
      sum += value
      count++
      least = Math.min(least, value)
      most = Math.max(most, value)
    }
    mean.push(count ? sum / count : null)
    low.push(count ? least : null)
    high.push(count ? most : null)
  }
  return [mean, low, high]
}

function interpolate(x: number[], row: Row): Row {
  const found = [...row]
  let last = -1
  for (let n = 0; n < row.length; n++) {
    if (row[n] === undefined) continue
    const [before, after] = [row[last], row[n]]
    if (last >= 0 && typeof before === "number" && typeof after === "number")
      for (let at = last + 1; at < n; at++)
        found[at] = before + ((after - before) * (x[at]! - x[last]!)) / (x[n]! - x[last]!)
    last = n
  }
  return found
}

/** The range that holds all but the outermost values: those of the first and last two of a hundred are left out. */
export function withoutOutliers(rows: Row[]): [number, number] | null {
  const values: number[] = []
  for (const row of rows) for (const value of row) if (typeof value === "number") values.push(value)
  if (values.length < 10) return null
  values.sort((a, b) => a - b)
  const low = values[Math.floor(values.length * 0.02)]!
  const high = values[Math.ceil(values.length * 0.98) - 1]!
  const margin = (high - low) * 0.1 || Math.abs(high) * 0.1 || 1
  return [low - margin, high + margin]
}

export interface Odd {
  x: number
  value: number
}

/** Points that have no height: NaN and the infinities. */
export function findOdd(x: Float64Array, values: Float64Array, limit = 200): Odd[] {
  const found: Odd[] = []
  for (let n = 0; n < values.length && found.length < limit; n++)
    if (!Number.isFinite(values[n]!) && Number.isFinite(x[n]!)) found.push({ x: x[n]!, value: values[n]! })
  return found
}

/** Whether none of them has a second point. */
export function areSingle(metric: string, runs: Run[]): boolean {
  return runs.length > 0 && runs.every((run) => (run.metrics[metric]?.[COUNT] ?? 0) <= 1)
}
