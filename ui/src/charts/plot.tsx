/** One chart of curves on a canvas, with a cursor that all charts share. */
import uPlot from "uplot"
import "uplot/dist/uPlot.min.css"
import { useEffect, useRef } from "preact/hooks"
import { number } from "../format"
import { colour, dark } from "../state/theme"
import type { Drawn, Odd } from "./curves"

export interface Line {
  label: string
  colour: string
  /** Raw values behind a smoothed curve: drawn faintly, and not named. */
  faint?: boolean
  /** A border of a band: not drawn itself. */
  border?: boolean
  dash?: boolean
}

interface PlotProps {
  drawn: Drawn
  lines: Line[]
  /** Pairs of places in `lines` between which the ground is coloured: upper, lower. */
  bands: [number, number][]
  odd: { line: Line; points: Odd[] }[]
  range: [number, number] | null
  log: { x: boolean; y: boolean }
  time: boolean
  xLabel: (value: number) => string
  height: number
  label: string
  /** A stretch of x was chosen; null for all of it. */
  onZoom: (range: [number, number] | null) => void
}

const SYNC = uPlot.sync("runs")
const TOLD = 12

export function Plot(props: PlotProps) {
  const box = useRef<HTMLDivElement>(null)
  const plot = useRef<uPlot>()
  const latest = useRef(props)
  latest.current = props
  // What is drawn from scratch when it changes; new values alone are put into the chart that is there.
  const { lines, bands, log, time, height } = props
  const form = JSON.stringify([lines, bands, log, time, height, dark.value])
  useEffect(() => {
    const element = box.current!
    const made = new uPlot(makeOptions(latest, element.clientWidth), dataOf(latest.current), element)
    plot.current = made
    const sized = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height }))
    sized.observe(element)
    return () => {
      sized.disconnect()
      made.destroy()
      plot.current = undefined
    }
  }, [form])
  useEffect(() => plot.current?.setData(dataOf(latest.current)), [props.drawn, props.range])
  return <div class="plot" ref={box} role="img" aria-label={props.label} style={{ height: `${height}px` }} />
}

function dataOf({ drawn }: PlotProps): uPlot.AlignedData {
  return [drawn.x, ...drawn.rows] as uPlot.AlignedData
}

function makeOptions(latest: { current: PlotProps }, width: number): uPlot.Options {
  const { lines, bands, log, time, height } = latest.current
  const [text, grid] = [colour("--soft"), colour("--line")]
  const font = "12px system-ui, sans-serif"
  const axis: uPlot.Axis = {
    stroke: text,
    font,
    grid: { stroke: grid, width: 1 },
    ticks: { stroke: grid, width: 1, size: 4 },
  }
  return {
    width,
    height,
    legend: { show: false },
    padding: [12, 12, 0, 0],
    cursor: {
      sync: { key: SYNC.key, scales: ["x", null] },
      drag: { x: true, y: false, setScale: false },
      points: { size: 6 },
      focus: { prox: 24 },
    },
    scales: {
      x: { time, distr: log.x ? 3 : 1 },
      y: {
        distr: log.y ? 3 : 1,
        range: (_plot, least, most) => {
          if (latest.current.range && !log.y) return latest.current.range
          if (least === null || most === null) return [0, 1]
          if (log.y) return uPlot.rangeLog(least, most, 10, false)
          return uPlot.rangeNum(least, most, 0.08, true)
        },
      },
    },
    axes: [
      { ...axis, size: 30, space: 70, ...(time ? {} : { values: (_plot, splits) => splits.map((one) => latest.current.xLabel(one)) }) },
      { ...axis, size: 64, values: (_plot, splits) => splits.map((one) => (one === null ? "" : number(one))) },
    ],
    series: [
      {},
      ...lines.map(
        (line): uPlot.Series => ({
          label: line.label,
          stroke: line.colour,
          width: line.border ? 0 : line.faint ? 1 : 1.6,
          alpha: line.faint ? 0.28 : 1,
          ...(line.dash ? { dash: [6, 4] } : {}),
          points: { show: (plot, at) => !line.faint && !line.border && few(plot, at), size: 5, fill: line.colour },
        }),
      ),
    ],
    bands: bands.map(([upper, lower]) => ({
      series: [upper + 1, lower + 1],
      fill: lines[upper]!.colour.replace(")", " / 0.16)"),
    })),
    hooks: {
      setSelect: [
        (plot) => {
          if (plot.select.width < 4) return
          const from = plot.posToVal(plot.select.left, "x")
          const to = plot.posToVal(plot.select.left + plot.select.width, "x")
          plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false)
          latest.current.onZoom([from, to])
        },
      ],
      ready: [
        (plot) => {
          plot.over.addEventListener("dblclick", () => latest.current.onZoom(null))
          plot.over.append(makeTip())
        },
      ],
      setCursor: [(plot) => showTip(plot, latest.current)],
      draw: [(plot) => drawOdd(plot, latest.current)],
    },
  }
}

/** Points are marked where a line has few, so that a single one can be seen. */
function few(plot: uPlot, at: number): boolean {
  let found = 0
  for (const value of plot.data[at]!) if (typeof value === "number" && ++found > 40) return false
  return true
}

function makeTip(): HTMLElement {
  const tip = document.createElement("div")
  tip.className = "plot-tip"
  tip.hidden = true
  return tip
}

/** Name the values at the cursor, the nearest first; texts are set as texts. */
function showTip(plot: uPlot, props: PlotProps): void {
  const tip = plot.over.querySelector<HTMLElement>(".plot-tip")
  if (!tip) return
  const { idx, left = -1, top = -1 } = plot.cursor
  const here = plot.over.matches(":hover")
  if (idx === null || idx === undefined || left < 0 || !here) {
    tip.hidden = true
    return
  }
  const pointed = plot.posToVal(top, "y")
  const found: { line: Line; value: number }[] = []
  for (const [n, line] of props.lines.entries()) {
    if (line.faint || line.border) continue
    const value = near(props.drawn.rows[n]!, idx)
    if (value !== null) found.push({ line, value })
  }
  found.sort((a, b) => Math.abs(a.value - pointed) - Math.abs(b.value - pointed))
  const head = document.createElement("div")
  head.className = "soft"
  head.textContent = props.xLabel(plot.data[0][idx]!)
  const rows = found.slice(0, TOLD).map(({ line, value }) => {
    const row = document.createElement("div")
    row.className = "row"
    const dot = document.createElement("span")
    dot.className = "dot"
    dot.style.color = line.colour
    const name = document.createElement("span")
    name.className = "cut grow"
    name.textContent = line.label
    const told = document.createElement("strong")
    told.textContent = number(value)
    row.append(dot, name, told)
    return row
  })
  tip.replaceChildren(head, ...rows)
  if (found.length > TOLD) {
    const rest = document.createElement("div")
    rest.className = "soft"
    rest.textContent = `and ${found.length - TOLD} more`
    tip.append(rest)
  }
  tip.hidden = false
  const beside = left > plot.over.clientWidth / 2
  tip.style.left = beside ? "" : `${left + 14}px`
  tip.style.right = beside ? `${plot.over.clientWidth - left + 14}px` : ""
  tip.style.top = `${Math.max(0, Math.min(top, plot.over.clientHeight - tip.offsetHeight))}px`
}

/** The value of a row at a place, or the last one a few places before. */
function near(row: (number | null | undefined)[], at: number): number | null {
  for (let n = at; n >= Math.max(0, at - 40); n--) {
    const value = row[n]
    if (value === null) return null
    if (value !== undefined) return value
  }
  return null
}

/** Mark NaN and the infinities at the edge: a triangle up or down for the infinities, a cross for NaN. */
function drawOdd(plot: uPlot, { odd }: PlotProps): void {
  const { ctx } = plot
  const size = 5 * devicePixelRatio
  ctx.save()
  for (const { line, points } of odd) {
    ctx.strokeStyle = ctx.fillStyle = line.colour
    ctx.lineWidth = 1.5 * devicePixelRatio
    for (const { x, value } of points) {
      const at = plot.valToPos(x, "x", true)
      if (at < plot.bbox.left || at > plot.bbox.left + plot.bbox.width) continue
      const top = plot.bbox.top + size + 2
      const bottom = plot.bbox.top + plot.bbox.height - size - 2
      ctx.beginPath()
      if (Number.isNaN(value)) {
        ctx.moveTo(at - size, bottom - size)
        ctx.lineTo(at + size, bottom + size)
        ctx.moveTo(at - size, bottom + size)
        ctx.lineTo(at + size, bottom - size)
        ctx.stroke()
      } else {
        const [tip, base] = value > 0 ? [top - size, top + size] : [bottom + size, bottom - size]
        ctx.moveTo(at, tip)
        ctx.lineTo(at - size, base)
        ctx.lineTo(at + size, base)
        ctx.fill()
      }
    }
  }
  ctx.restore()
}
