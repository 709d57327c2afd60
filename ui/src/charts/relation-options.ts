/** What the charts of params and metrics are made of, as ECharts takes it. Texts are drawn: no markup is read. */
import type { Run } from "../api/types"
import { count, number } from "../format"
import { colour } from "../state/theme"
import { runColour } from "./colours"
import type { EChartsCoreOption } from "./echarts"
import {
  box,
  countBins,
  interpolateSurface,
  rankParams,
  valueOf,
  writeValue,
  type Axes,
  type Dimension,
  type Kind,
  type Point,
} from "./relations"

/** The series below the points of a contour, of which no cell is a run. */
export const GROUND = "ground"
const AXES = 10
const BARS = 60
/** From little to much, seen on light and dark. */
const SCALE = ["#2c3e9e", "#7d3fa6", "#c94f83", "#ee8a4a", "#f5c64c"]
/** Steps of height that a contour has. */
const LEVELS = 12

/** The runs of a chart, in the order of its points. */
export function listShown(kind: Kind, runs: Run[], { x, y, z }: Axes): Run[] {
  if (kind === "contour") return runs.filter((run) => [x, y, z].every((one) => valueOf(run, one) !== null))
  if (kind !== "bars") return runs
  return [...runs]
    .filter((run) => valueOf(run, y) !== null)
    .sort((a, b) => valueOf(b, y)! - valueOf(a, y)!)
    .slice(0, BARS)
}

/** Fewer points than these are no chart. */
const FEWEST: Record<Kind, number> = { scatter: 1, parallel: 1, contour: 3, bars: 1, boxes: 1, histogram: 1 }

/** What ECharts is to draw; null when too few runs have a value on each axis. */
export function draw(kind: Kind, runs: Run[], dimensions: Dimension[], axes: Axes): EChartsCoreOption | null {
  const { x, y } = axes
  if (listShown(kind, runs, axes).length < FEWEST[kind]) return null
  const look = style()
  if (kind === "parallel") return makeParallel(runs, dimensions, y, look)
  if (kind === "boxes") return makeBoxes(runs, x, y, look)
  if (kind === "bars") return makeBars(listShown(kind, runs, axes), y, look)
  if (kind === "histogram") return makeHistogram(runs, y, look)
  if (kind === "contour") return makeContour(listShown(kind, runs, axes), axes, look)
  return {
    ...look.base,
    xAxis: look.axis(x),
    yAxis: look.upright(y),
    tooltip: { ...look.tooltip, formatter: ({ dataIndex }: { dataIndex: number }) => tell(runs[dataIndex]!, [x, y]) },
    series: {
      type: "scatter",
      symbolSize: runs.length > 300 ? 5 : 8,
      data: runs.map((run) => ({
        value: [valueOf(run, x) ?? "-", valueOf(run, y) ?? "-"],
        itemStyle: { color: runColour(run.run_id) },
      })),
    },
  }
}

function makeBars(found: Run[], y: Dimension, look: Style): EChartsCoreOption {
  return {
    ...look.base,
    xAxis: { ...look.axis(y), type: "value", scale: false }, // a bar says nothing unless it begins at zero
    yAxis: { ...look.axis(y), type: "category", name: "", inverse: true, data: found.map((run) => cutText(run.name)) },
    tooltip: { ...look.tooltip, formatter: ({ dataIndex }: { dataIndex: number }) => tell(found[dataIndex]!, [y]) },
    series: {
      type: "bar",
      barMaxWidth: 22,
      data: found.map((run) => ({ value: valueOf(run, y), itemStyle: { color: runColour(run.run_id) } })),
    },
  }
}

function makeBoxes(runs: Run[], x: Dimension, y: Dimension, look: Style): EChartsCoreOption {
  const groups = new Map<string, number[]>()
  for (const run of runs) {
    const height = valueOf(run, y)
    if (height === null) continue
    const name = run.params[x.id.slice(7)] ?? "none"
    groups.set(name, [...(groups.get(name) ?? []), height])
  }
  const names = [...groups.keys()].sort((a, b) => Number(a) - Number(b) || (a < b ? -1 : 1)).slice(0, BARS)
  const boxes = names.map((name) => box(groups.get(name)!))
  const told = ({ dataIndex }: { dataIndex: number }) => {
    const [low, first, middle, third, high] = boxes[dataIndex]!.map((value) => writeValue(value, y))
    return `${cutText(names[dataIndex]!)}, ${count(groups.get(names[dataIndex]!)!.length, "run")}\nmiddle ${middle}, half within ${first} to ${third}\nall within ${low} to ${high}`
  }
  return {
    ...look.base,
    xAxis: { ...look.axis(x), type: "category", data: names.map(cutText) },
    yAxis: look.upright(y),
    tooltip: { ...look.tooltip, formatter: told },
    series: {
      type: "boxplot",
      data: boxes,
      itemStyle: { color: colour("--chosen"), borderColor: colour("--accent"), borderWidth: 1.5 },
    },
  }
}

function makeHistogram(runs: Run[], y: Dimension, look: Style): EChartsCoreOption {
  const bins = countBins(runs.map((run) => valueOf(run, y)).filter((value) => value !== null))
  const told = ({ dataIndex }: { dataIndex: number }) => {
    const { from, to, count: runs } = bins[dataIndex]!
    return `${number(from)} to ${number(to)}\n${count(runs, "run")}`
  }
  return {
    ...look.base,
    xAxis: { ...look.axis(y), type: "category", data: bins.map(({ from, to }) => number((from + to) / 2)) },
    yAxis: { ...look.plain, ...look.above, type: "value", minInterval: 1, name: "runs" },
    tooltip: { ...look.tooltip, formatter: told },
    series: {
      type: "bar",
      barCategoryGap: "4%",
      data: bins.map(({ count: runs }) => runs),
      itemStyle: { color: colour("--accent") },
    },
  }
}

/** A surface of colours through the runs, and the runs on it. */
function makeContour(runs: Run[], { x, y, z }: Axes, look: Style): EChartsCoreOption {
  const points = runs.map((run): Point => [valueOf(run, x)!, valueOf(run, y)!, valueOf(run, z)!])
  const heights = points.map((point) => point[2])
  const { xs, ys, heights: cells } = interpolateSurface(points)
  const columns = xs.length - 1
  const [least, most] = [Math.min(...heights), Math.max(...heights)]
  const level = (height: number) => least + (Math.round(((height - least) / (most - least || 1)) * LEVELS) / LEVELS) * (most - least)
  const rect = (_params: unknown, api: CustomApi) => {
    const [column, row] = [api.value(0), api.value(1)]
    const [left, bottom] = api.coord([xs[column]!, ys[row]!]) as [number, number]
    const [right, top] = api.coord([xs[column + 1]!, ys[row + 1]!]) as [number, number]
    // Half a pixel more on each side, so that no seam is seen between cells.
    const shape = { x: left - 0.5, y: top - 0.5, width: right - left + 1, height: bottom - top + 1 }
    return { type: "rect", shape, style: { fill: api.visual("color") }, silent: true }
  }
  const extent = (edges: number[]) => ({ min: edges[0], max: edges.at(-1), scale: true })
  const plain = { formatter: (value: number) => number(value), showMinLabel: false, showMaxLabel: false }
  const along = (made: ReturnType<Style["axis"]>, edges: number[]) => {
    return { ...made, ...extent(edges), axisLabel: { ...made.axisLabel, ...plain }, splitLine: { show: false } }
  }
  return {
    ...look.base,
    grid: { ...look.base.grid, right: 86 },
    xAxis: along(look.axis(x), xs),
    yAxis: along(look.upright(y), ys),
    tooltip: { ...look.tooltip, formatter: ({ dataIndex }: { dataIndex: number }) => tell(runs[dataIndex]!, [x, y, z]) },
    visualMap: {
      ...look.scale(z, least, most),
      seriesIndex: 0,
      dimension: 2,
      orient: "vertical",
      right: 4,
      top: "middle",
    },
    series: [
      {
        name: GROUND,
        type: "custom",
        silent: true,
        clip: true,
        tooltip: { show: false },
        progressive: 0, // a part of a surface would be seen
        renderItem: rect,
        encode: { x: [], y: [] },
        data: cells.map((height, n) => [n % columns, Math.floor(n / columns), level(height)]),
      },
      {
        type: "scatter",
        symbolSize: points.length > 300 ? 4 : 7,
        itemStyle: { color: "#ffffff", borderColor: "#1b1e25", borderWidth: 1 },
        data: points.map(([across, up]) => [across, up]),
      },
    ],
  }
}

/** What ECharts gives to who draws an item. */
interface CustomApi {
  value: (dimension: number) => number
  coord: (point: [number, number]) => number[]
  visual: (name: "color") => string
}

function makeParallel(runs: Run[], dimensions: Dimension[], y: Dimension, look: Style): EChartsCoreOption {
  const ranked = rankParams(runs, dimensions, y).map(({ name }) => `params.${name}`)
  const axes = [...ranked.slice(0, AXES - 1).map((id) => dimensions.find((one) => one.id === id)!), y]
  const values = runs.map((run) => valueOf(run, y)).filter((value) => value !== null)
  const [least, most] = [Math.min(...values), Math.max(...values)]
  const axisLabel = { ...look.plain.axisLabel, textBorderColor: look.tooltip.backgroundColor, textBorderWidth: 3 }
  const baseOption = {
    ...look.base,
    tooltip: { ...look.tooltip, formatter: ({ dataIndex }: { dataIndex: number }) => tell(runs[dataIndex]!, axes) },
    parallel: { left: 40, right: 70, bottom: 56, parallelAxisDefault: { ...look.plain, axisLabel } },
    parallelAxis: axes.map((axis, dim) => ({
      dim,
      name: cutText(axis.name),
      nameTruncate: { maxWidth: 110 },
      ...(axis.texts ? { type: "category", data: axis.texts.map(cutText) } : { scale: true }),
    })),
    visualMap: {
      ...look.scale(y, least, most),
      dimension: axes.length - 1,
      orient: "horizontal",
      left: "center",
      bottom: 0,
    },
    series: {
      type: "parallel",
      lineStyle: { width: 1.4, opacity: runs.length > 200 ? 0.25 : 0.6 },
      data: runs.map((run) => axes.map((axis) => valueOf(run, axis) ?? "-")),
    },
  }
  const named = (top: number, second: number) => ({ parallel: { top }, parallelAxis: axes.map((_, n) => ({ nameGap: n % 2 ? second : 12 })) })
  // Where names would meet, every second one stands higher.
  return { baseOption, media: [{ query: { maxWidth: 120 * axes.length }, option: named(62, 28) }, { option: named(46, 12) }] }
}

/** A run and its values as plain text; the chart draws it, so that no markup is read. */
function tell(run: Run, dimensions: Dimension[]): string {
  const lines = dimensions.map((one) => `${cutText(one.name)}: ${cutText(writeValue(valueOf(run, one), one))}`)
  return [cutText(run.name || run.run_id), ...lines].join("\n")
}

/** Braces mark styles in the texts of a chart: they are left out. */
function cutText(text: string): string {
  const plain = text.replaceAll(/[{}|\n]/g, " ")
  return plain.length > 40 ? `${plain.slice(0, 39)}…` : plain
}

type Style = ReturnType<typeof style>

function style() {
  const [text, line, surface] = [colour("--soft"), colour("--line"), colour("--raised")]
  const plain = {
    axisLine: { lineStyle: { color: line } },
    axisTick: { show: false },
    axisLabel: { color: text, hideOverlap: true },
    nameTextStyle: { color: text },
    splitLine: { lineStyle: { color: line } },
  }
  const axis = (dimension: Dimension) => ({
    ...plain,
    name: cutText(dimension.name),
    nameLocation: "middle",
    nameGap: 30,
    ...(dimension.texts ? { type: "category", data: dimension.texts.map(cutText) } : { type: "value", scale: true }),
  })
  // The name of an upright axis stands above it, where no number of any width meets it.
  const above = { nameLocation: "end", nameGap: 12, nameTextStyle: { color: text, align: "left" } }
  return {
    plain,
    base: {
      animation: false,
      textStyle: { fontFamily: "system-ui, sans-serif" },
      grid: { left: 12, right: 24, top: 30, bottom: 34, containLabel: true },
    },
    tooltip: {
      show: true,
      renderMode: "richText",
      confine: true,
      backgroundColor: surface,
      borderColor: line,
      textStyle: { color: colour("--text"), fontSize: 12 },
    },
    scale: (dimension: Dimension, min: number, max: number) => ({
      min,
      max,
      calculable: false,
      itemHeight: 120,
      itemWidth: 10,
      textStyle: { color: text },
      text: [writeValue(max, dimension), writeValue(min, dimension)],
      inRange: { color: SCALE },
    }),
    above,
    axis,
    upright: (dimension: Dimension) => ({ ...axis(dimension), ...above }),
  }
}
