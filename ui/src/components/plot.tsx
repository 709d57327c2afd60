/** Curves in one frame, and small ones for a row of a table. */
import { useEffect, useRef } from "preact/hooks"
import uPlot from "uplot"
import "uplot/dist/uPlot.min.css"
import type { Series } from "../api/types"
import { number } from "../format"
import { colour, dark } from "../state/theme"

export interface Line {
  label: string
  colour: string
  x: number[]
  /** null where it is no number. */
  y: (number | null)[]
}

interface PlotProps {
  lines: Line[]
  time?: boolean
  log?: boolean
  height?: number
  label: string
}

export function Plot({ lines, time = false, log = false, height = 220, label }: PlotProps) {
  const box = useRef<HTMLDivElement>(null)
  const isDark = dark.value
  useEffect(() => {
    const element = box.current!
    const [soft, line] = [colour("--soft"), colour("--line")]
    const axis = { stroke: soft, grid: { stroke: line, width: 1 }, ticks: { stroke: line, width: 1 }, font: "12px system-ui" }
    const data = lines.length
      ? uPlot.join(lines.map((one) => [one.x, one.y] as unknown as uPlot.AlignedData))
      : ([[], []] as unknown as uPlot.AlignedData)
    const plot = new uPlot(
      {
        width: Math.max(200, element.clientWidth),
        height,
        scales: { x: { time }, y: { distr: log ? 3 : 1 } },
        axes: [axis, { ...axis, size: 56, values: (_, marks) => marks.map((one) => number(one)) }],
        legend: { show: false },
        cursor: { sync: { key: "curves" }, points: { size: 6 } },
        series: [
          {},
          ...lines.map((one) => ({
            label: one.label,
            stroke: one.colour,
            width: 1.5,
            spanGaps: lines.length > 1,
            points: { show: one.x.length < 3, size: 6 },
          })),
        ],
      },
      data,
      element,
    )
    const sized = new ResizeObserver(() => plot.setSize({ width: Math.max(200, element.clientWidth), height }))
    sized.observe(element)
    return () => {
      sized.disconnect()
      plot.destroy()
    }
  }, [lines, time, log, height, isDark])
  return <div class="plot" ref={box} role="img" aria-label={label} style={{ height: `${height}px` }} />
}

const WIDTH = 96
const HEIGHT = 20

/** A curve of a row's height, without axes; points that are no numbers are gaps. */
export function Spark({ y }: { y: (number | null)[] }) {
  const known = y.filter((value) => value !== null)
  const [low, high] = [Math.min(...known), Math.max(...known)]
  const path = y
    .map((value, n) => {
      if (value === null) return ""
      const top = high === low ? HEIGHT / 2 : HEIGHT - 2 - ((value - low) / (high - low)) * (HEIGHT - 4)
      const left = (n / Math.max(1, y.length - 1)) * WIDTH
      return `${n === 0 || y[n - 1] === null ? "M" : "L"}${left.toFixed(1)} ${top.toFixed(1)}`
    })
    .join("")
  return (
    <svg class="spark" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} width={WIDTH} height={HEIGHT} aria-hidden="true">
      <path d={path} />
    </svg>
  )
}

export interface Points {
  steps: number[]
  times_ms: number[]
  values: (number | null)[]
  /** How many are NaN or infinite. */
  odd: number
}

/** The columns of a series as numbers; NaN and the infinities, which cannot be drawn, are null. */
export function readSeries([, steps, times, values]: Series): Points {
  const whole = (bytes: Uint8Array) => {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    return Array.from({ length: bytes.byteLength / 8 }, (_, n) => Number(view.getBigInt64(n * 8, true)))
  }
  const view = new DataView(values.buffer, values.byteOffset, values.byteLength)
  let odd = 0
  const found = Array.from({ length: values.byteLength / 8 }, (_, n) => {
    const value = view.getFloat64(n * 8, true)
    if (Number.isFinite(value)) return value
    odd++
    return null
  })
  return { steps: whole(steps), times_ms: whole(times), values: found, odd }
}

export type Along = "step" | "time" | "relative"

/** What a curve is drawn along: steps, seconds since 1970, or seconds since its first point. */
export function abscissa(points: Points, along: Along): number[] {
  if (along === "step") return points.steps
  const first = points.times_ms[0] ?? 0
  return points.times_ms.map((ms) => (along === "time" ? ms : ms - first) / 1_000)
}
