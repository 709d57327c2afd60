/** The chart of one metric: fetches what can be drawn, again when one zooms and when runs go on. */
import { useEffect, useMemo, useState } from "preact/hooks"
import { call } from "../api/client"
import type { Run } from "../api/types"
import { Failure } from "../components/basics"
import { useSeen } from "../components/facts"
import type { Act } from "../components/menu"
import { save } from "../files/save"
import { count, duration, moment, number } from "../format"
import { findStepped, nameMetric } from "../formula"
import type { Change } from "../state/live"
import { useLoad } from "../state/load"
import { pick } from "./colours"
import { align, areSingle, band, findOdd, locate, smooth, unpack, withoutOutliers, type Axis, type Points } from "./curves"
import { Frame, heightOf, type Placed } from "./frame"
import { PLAIN } from "./layout"
import type { CurveOptions } from "./options"
import { Plot, type Line } from "./plot"
import { Values, type Group } from "./values"

interface CardProps {
  metric: string
  runs: Run[]
  /** Runs are drawn as bands of groups. */
  groups: Group[] | null
  colour: (runId: string) => string
  options: CurveOptions
  change?: Change | undefined
  /** Fills a dialog. */
  large?: boolean
  onLarge: (metric: string | null) => void
  placed?: Placed | undefined
}

const POINTS = 1_000

export function ChartCard(props: CardProps) {
  const { metric, runs, groups, colour, options, change, large, onLarge, placed } = props
  const { axis } = options
  const formula = findStepped(metric)
  const title = nameMetric(metric)
  const shownRuns = formula ? runs : runs.filter((run) => metric in run.metrics)
  const ids = shownRuns.map((run) => run.run_id)
  const [zoom, setZoom] = useState<[number, number] | null>(null)
  const [steps, setSteps] = useState<[number, number] | null>(null)
  const { element, seen } = useSeen<HTMLElement>()
  const axisKey = axis.kind === "metric" ? axis.key : ""
  const single = !formula && areSingle(metric, shownRuns)
  const ready = (seen || large) && ids.length > 0 && !single
  const { data, error, loading, reload } = useLoad(
    ready ? JSON.stringify([metric, ids, steps, axisKey]) : null,
    (signal) => fetchCurves(formula ? { formula } : { key: metric }, axisKey, ids, steps, signal),
  )
  useEffect(() => {
    if (change && ready && (change.all || change.runs.some((id) => ids.includes(id)))) reload()
  }, [change])
  useEffect(() => {
    setZoom(null)
    setSteps(null)
  }, [axis.kind, axisKey])

  const prepared = useMemo(() => data && prepare(data, props, zoom), [data, runs, groups, options, zoom])
  const zoomTo = (range: [number, number] | null) => {
    setZoom(range)
    setSteps(range && data ? stepsWithin(data, axis, range) : null)
  }
  const [shown, all] = data ? totals(data.curves) : [0, 0]
  const height = large ? Math.max(260, innerHeight - 260) : heightOf(placed?.size ?? PLAIN)
  const acts: Act[] = [
    { text: large ? "Close" : "Enlarge", icon: "zoom", act: () => onLarge(large ? null : metric) },
    { text: "Whole range", icon: "restore", disabled: !zoom, act: () => zoomTo(null) },
    { text: "Download as CSV", icon: "download", disabled: !data, act: () => downloadCsv(title, data!.curves) },
    { text: "Download as PNG", icon: "download", disabled: !data, act: () => downloadPng(title, element.current!) },
  ]
  return (
    <Frame
      title={title}
      acts={acts}
      placed={placed}
      busy={loading && ready}
      box={element}
      note={single ? <span class="soft small">one value a run</span> : data && <Note shown={shown} all={all} odd={prepared?.odd.reduce((sum, { points }) => sum + points.length, 0) ?? 0} />}
    >
      {error && <Failure error={error} retry={reload} />}
      {single ? (
        <Values metric={metric} runs={shownRuns} groups={groups} colour={colour} height={height} />
      ) : formula && data?.curves.length === 0 ? (
        <p class="soft small">None of these runs has all of its metrics.</p>
      ) : prepared ? (
        <Plot
          {...prepared}
          log={options.log}
          time={axis.kind === "time"}
          xLabel={(value) => writeX(axis, value)}
          height={height}
          label={describe(title, prepared.lines)}
          onZoom={zoomTo}
        />
      ) : (
        <div class="plot-wait" aria-busy={(ready && !error) || undefined} style={{ height: `${height}px` }}>
          {!error && <span class="bone" style={{ width: "70%" }} />}
        </div>
      )}
    </Frame>
  )
}

/** How many points are drawn, and how many are marked at the edge, as they have no height. */
function Note({ shown, all, odd }: { shown: number; all: number; odd: number }) {
  return (
    <span class="soft small" title="Extremes of every stretch are kept; zooming in fetches more">
      {shown === all ? count(all, "point") : `${count(shown)} of ${count(all)} points`}
      {odd > 0 && `, ${count(odd)} NaN or infinite`}
    </span>
  )
}

interface Fetched {
  curves: Points[]
  others: Map<string, Points>
}

async function fetchCurves(
  what: { key: string } | { formula: string },
  other: string,
  run_ids: string[],
  steps: [number, number] | null,
  signal: AbortSignal,
): Promise<Fetched> {
  const asked = { run_ids, points: POINTS, start_step: steps?.[0] ?? null, end_step: steps?.[1] ?? null }
  const [curves, others] = await Promise.all([
    call("metrics.curves", { ...asked, ...what }, signal),
    other ? call("metrics.curves", { ...asked, key: other, points: 4 * POINTS }, signal) : undefined,
  ])
  return {
    curves: curves.curves.map(unpack),
    others: new Map(others?.curves.map((curve) => [curve.run_id, unpack(curve)])),
  }
}

function totals(curves: Points[]): [shown: number, all: number] {
  let [shown, all] = [0, 0]
  for (const curve of curves) {
    shown += curve.shown
    all += curve.count
  }
  return [shown, all]
}

/** The steps of the points in a stretch of another axis, and a little more. */
function stepsWithin({ curves, others }: Fetched, axis: Axis, [from, to]: [number, number]): [number, number] {
  let [least, most] = [Infinity, -Infinity]
  for (const curve of curves) {
    const x = locate(curve, axis, others.get(curve.run))
    for (let n = 0; n < x.length; n++) {
      if (x[n]! < from || x[n]! > to) continue
      least = Math.min(least, curve.steps[Math.max(0, n - 1)]!)
      most = Math.max(most, curve.steps[Math.min(x.length - 1, n + 1)]!)
    }
  }
  if (axis.kind === "step") return [Math.floor(Math.min(least, from)), Math.ceil(Math.max(most, to))]
  return least <= most ? [least, most] : [0, 0]
}

/** Make what is drawn of what was fetched. */
function prepare({ curves, others }: Fetched, { runs, groups, colour, options }: CardProps, zoom: [number, number] | null) {
  const { axis, smoothing, log } = options
  const names = new Map(runs.map((run) => [run.run_id, run.name || run.run_id]))
  const placed = curves.map((points) => {
    const x = locate(points, axis, others.get(points.run))
    const inside = zoom ? cut(x, points.values, zoom) : { x, y: points.values }
    return { points, ...inside }
  })
  const line = (run: string): Line => ({ label: names.get(run) ?? run, colour: colour(run) })
  const odd = placed.map(({ points, x, y }) => ({ line: line(points.run), points: findOdd(x, y) }))
  const smoothed = placed.map(({ x, y }) => ({ x, y: smooth(y, smoothing) }))
  const bands: [number, number][] = []
  let lines: Line[]
  let drawn = align(smoothed, log)
  if (groups) {
    lines = []
    const rows = []
    for (const [n, group] of groups.entries()) {
      const members = drawn.rows.filter((_, at) => group.runs.includes(curves[at]!.run))
      if (members.length === 0) continue
      const shade = pick(n)
      bands.push([lines.length + 2, lines.length + 1])
      lines.push({ label: `${group.label} (${members.length})`, colour: shade })
      lines.push({ label: "", colour: shade, border: true }, { label: "", colour: shade, border: true })
      rows.push(...band(drawn.x, members))
    }
    drawn = { x: drawn.x, rows }
  } else {
    lines = placed.map(({ points }) => line(points.run))
    if (smoothing > 0) {
      const raw = align(placed, log)
      lines = [...lines.map((one) => ({ ...one, faint: true })), ...lines]
      drawn = { x: drawn.x, rows: [...raw.rows, ...drawn.rows] }
    }
  }
  return { drawn, lines, bands, odd, range: options.outliers ? withoutOutliers(drawn.rows) : null }
}

/** The points within a stretch of x, and the next ones on both sides, so that lines reach the edge. */
function cut(x: Float64Array, y: Float64Array, [from, to]: [number, number]): { x: Float64Array; y: Float64Array } {
  const keep: number[] = []
  for (let n = 0; n < x.length; n++)
    if (x[n]! >= from && x[n]! <= to) keep.push(n)
  return { x: Float64Array.from(keep, (n) => x[n]!), y: Float64Array.from(keep, (n) => y[n]!) }
}

function writeX(axis: Axis, value: number): string {
  if (axis.kind === "time") return moment(value * 1_000)
  if (axis.kind === "relative") return duration(value * 1_000)
  return axis.kind === "step" ? count(Math.round(value)) : number(value)
}

function describe(title: string, lines: Line[]): string {
  const named = lines.filter((line) => !line.faint && !line.border)
  return `Curves of ${title}: ${named
    .slice(0, 10)
    .map((line) => line.label)
    .join(", ")}${named.length > 10 ? ` and ${named.length - 10} more` : ""}`
}

function downloadCsv(title: string, curves: Points[]): void {
  const lines = ["run_id,step,time_ms,value"]
  for (const { run, steps, times, values } of curves)
    for (let n = 0; n < steps.length; n++) lines.push(`${run},${steps[n]},${times[n]},${values[n]}`)
  save(`${title.replaceAll("/", "_")}.csv`, "text/csv", [`${lines.join("\r\n")}\r\n`])
}

function downloadPng(title: string, box: HTMLElement): void {
  box.querySelector("canvas")?.toBlob((blob) => blob && save(`${title.replaceAll("/", "_")}.png`, "image/png", [blob]))
}
