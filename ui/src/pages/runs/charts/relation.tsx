/** Charts of many runs by their params and metrics: scatter, parallel coordinates, bars, boxes, and what matters. */
import { useEffect, useMemo, useRef, useState } from "preact/hooks"
import type { Run } from "../../../api/types"
import { Empty, Skeleton } from "../../../components/basics"
import { count } from "../../../format"
import { go, place, setQuery } from "../../../state/router"
import { colour, dark } from "../../../state/theme"
import { runColour } from "../colours"
import type { ECharts, EChartsCoreOption } from "./echarts"
import { box, listDimensions, rankParams, valueOf, writeValue, type Dimension, type Kind } from "./relations"

interface RelationProps {
  kind: Kind
  runs: Run[]
  /** How many runs there are, if not all are here. */
  total: number | null
}

const AXES = 10
const BARS = 60

export default function Relation({ kind, runs, total }: RelationProps) {
  const dimensions = useMemo(() => listDimensions(runs), [runs])
  const { query } = place.value
  const find = (name: string, usual: Dimension | undefined) =>
    dimensions.find(({ id }) => id === query.get(name)) ?? usual
  const metrics = dimensions.filter(({ id }) => id.startsWith("metrics."))
  const params = dimensions.filter(({ id }) => id.startsWith("params."))
  const y = find("y", metrics.find(({ name }) => /loss|rmse|acc|auc|f1/.test(name)) ?? metrics[0])
  const x = find("px", params[0] ?? metrics.find((one) => one !== y))
  const option = useMemo(
    () => y && x && make(kind, runs, dimensions, x, y),
    [kind, runs, dimensions, x?.id, y?.id, dark.value],
  )
  if (!y || !x || !option) {
    return (
      <Empty title="There is nothing to compare yet">
        <p>These charts need runs with metrics, and params in which they differ.</p>
      </Empty>
    )
  }
  const open = (place: number) => {
    const run = shown(kind, runs, y)[place]
    if (run && (kind === "scatter" || kind === "bars")) go(`/runs/${encodeURIComponent(run.run_id)}`)
  }
  return (
    <section class="panel chart relation" aria-label={`${kind} of ${y.name}`}>
      <div class="row wrap chart-head">
        {(kind === "scatter" || kind === "boxes") && (
          <Choice label="x" name="px" value={x} dimensions={kind === "boxes" ? params : dimensions} />
        )}
        <Choice label={kind === "parallel" ? "colour" : "y"} name="y" value={y} dimensions={metrics} />
        <span class="grow" />
        <span class="soft small">
          {total !== null && total > runs.length
            ? `The first ${count(runs.length)} of ${count(total)} runs`
            : count(runs.length, "run")}
        </span>
      </div>
      <Canvas option={option} label={`${kind} of ${y.name}, ${count(runs.length, "run")}`} onOpen={open} />
      {(kind === "parallel" || kind === "scatter") && <Importance runs={runs} dimensions={dimensions} target={y} />}
    </section>
  )
}

interface ChoiceProps {
  label: string
  name: string
  value: Dimension
  dimensions: Dimension[]
}

function Choice({ label, name, value, dimensions }: ChoiceProps) {
  return (
    <label class="row">
      <span class="small">{label}</span>
      <select
        class="select"
        value={value.id}
        onChange={(event) => setQuery({ [name]: event.currentTarget.value }, true)}
      >
        {dimensions.map(({ id, name: text }) => (
          <option key={id} value={id}>
            {text}
          </option>
        ))}
      </select>
    </label>
  )
}

/** Which params go with the metric, as bars of shares. */
function Importance({ runs, dimensions, target }: { runs: Run[]; dimensions: Dimension[]; target: Dimension }) {
  const ranked = useMemo(() => rankParams(runs, dimensions, target).slice(0, 8), [runs, dimensions, target])
  if (ranked.length === 0) return null
  return (
    <div class="importance">
      <h3>What goes with {target.name}</h3>
      <p class="soft small">The share of its variance between the values of a param; it need not be the cause.</p>
      <dl>
        {ranked.map(({ name, share }) => (
          <div class="row" key={name}>
            <dt class="cut" title={name}>
              {name}
            </dt>
            <dd class="grow">
              <span class="share" style={{ width: `${Math.max(1, share * 100)}%` }} />
            </dd>
            <dd class="small number">{Math.round(share * 100)}%</dd>
          </div>
        ))}
      </dl>
    </div>
  )
}

interface CanvasProps {
  option: EChartsCoreOption
  label: string
  onOpen: (place: number) => void
}

function Canvas({ option, label, onOpen }: CanvasProps) {
  const element = useRef<HTMLDivElement>(null)
  const chart = useRef<ECharts>()
  const [ready, setReady] = useState(false)
  const latest = useRef(onOpen)
  latest.current = onOpen
  useEffect(() => {
    let gone = false
    let sized: ResizeObserver | undefined
    void import("./echarts").then(({ init }) => {
      if (gone) return
      chart.current = init(element.current!)
      chart.current.on("click", (event) => latest.current(event.dataIndex as number))
      sized = new ResizeObserver(() => chart.current?.resize())
      sized.observe(element.current!)
      setReady(true)
    })
    return () => {
      gone = true
      sized?.disconnect()
      chart.current?.dispose()
    }
  }, [])
  useEffect(() => {
    if (ready) chart.current!.setOption(option, true)
  }, [ready, option])
  return (
    <>
      {!ready && <Skeleton rows={4} />}
      <div class="relation-canvas" ref={element} role="img" aria-label={label} />
    </>
  )
}

/** The runs of a chart, in the order of its points. */
function shown(kind: Kind, runs: Run[], y: Dimension): Run[] {
  if (kind !== "bars") return runs
  return [...runs]
    .filter((run) => valueOf(run, y) !== null)
    .sort((a, b) => valueOf(b, y)! - valueOf(a, y)!)
    .slice(0, BARS)
}

function make(kind: Kind, runs: Run[], dimensions: Dimension[], x: Dimension, y: Dimension): EChartsCoreOption {
  const look = style()
  if (kind === "parallel") return makeParallel(runs, dimensions, y, look)
  if (kind === "boxes") return makeBoxes(runs, x, y, look)
  if (kind === "bars") return makeBars(runs, y, look)
  return {
    ...look.base,
    xAxis: look.axis(x),
    yAxis: look.axis(y),
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

function makeBars(runs: Run[], y: Dimension, look: Style): EChartsCoreOption {
  const found = shown("bars", runs, y)
  return {
    ...look.base,
    xAxis: { ...look.axis(y), type: "value" },
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
    yAxis: look.axis(y),
    tooltip: { ...look.tooltip, formatter: told },
    series: {
      type: "boxplot",
      data: boxes,
      itemStyle: { color: colour("--chosen"), borderColor: colour("--accent"), borderWidth: 1.5 },
    },
  }
}

function makeParallel(runs: Run[], dimensions: Dimension[], y: Dimension, look: Style): EChartsCoreOption {
  const ranked = rankParams(runs, dimensions, y).map(({ name }) => `params.${name}`)
  const axes = [...ranked.slice(0, AXES - 1).map((id) => dimensions.find((one) => one.id === id)!), y]
  const values = runs.map((run) => valueOf(run, y)).filter((value) => value !== null)
  const [least, most] = [Math.min(...values), Math.max(...values)]
  return {
    ...look.base,
    tooltip: { ...look.tooltip, formatter: ({ dataIndex }: { dataIndex: number }) => tell(runs[dataIndex]!, axes) },
    parallel: { left: 40, right: 70, top: 46, bottom: 56, parallelAxisDefault: look.plain },
    parallelAxis: axes.map((axis, dim) => ({
      ...look.plain,
      dim,
      name: cutText(axis.name),
      nameTruncate: { maxWidth: 110 },
      ...(axis.texts ? { type: "category", data: axis.texts.map(cutText) } : { scale: true }),
    })),
    visualMap: {
      dimension: axes.length - 1,
      min: least,
      max: most,
      calculable: false,
      orient: "horizontal",
      left: "center",
      bottom: 0,
      itemHeight: 120,
      itemWidth: 10,
      textStyle: { color: look.text },
      text: [writeValue(most, y), writeValue(least, y)],
      inRange: { color: ["#3b4cc0", "#8fb0ff", "#d9a441", "#c8423a"] },
    },
    series: {
      type: "parallel",
      lineStyle: { width: 1.4, opacity: runs.length > 200 ? 0.25 : 0.6 },
      data: runs.map((run) => axes.map((axis) => valueOf(run, axis) ?? "-")),
    },
  }
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
  return {
    text,
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
    axis: (dimension: Dimension) => ({
      ...plain,
      name: cutText(dimension.name),
      nameLocation: "middle",
      nameGap: 30,
      ...(dimension.texts ? { type: "category", data: dimension.texts.map(cutText) } : { type: "value", scale: true }),
    }),
  }
}
