/** Charts of many runs by their params and metrics: scatter, contour, bars and the like, and what matters. */
import { useMemo } from "preact/hooks"
import type { Run } from "../api/types"
import { Button, Empty } from "../components/basics"
import { count } from "../format"
import { place, setQuery } from "../state/router"
import { dark } from "../state/theme"
import { Canvas, openRun } from "./canvas"
import type { Kept } from "./layout"
import { draw } from "./relation-options"
import { findAxes, listComputed, listDimensions, rankParams, type Dimension, type Kind } from "./relations"

interface RelationProps {
  kind: Kind
  runs: Run[]
  /** How many runs there are, if not all are here. */
  total: number | null
  onKeep: (chart: Kept) => void
}

/** One chart over all the room, with what is on its axes to choose, which is part of the address. */
export default function Relation({ kind, runs, total, onKeep }: RelationProps) {
  const { query } = place.value
  const asked = { x: query.get("px"), y: query.get("y"), z: query.get("z") }
  const computed = listComputed(query, Object.values(asked))
  const dimensions = useMemo(() => listDimensions(runs, computed), [runs, computed.join("\n")])
  const axes = findAxes(kind, dimensions, asked)
  const option = useMemo(
    () => axes && draw(kind, runs, dimensions, axes),
    [kind, runs, dimensions, axes?.x.id, axes?.y.id, axes?.z.id, dark.value],
  )
  if (!axes) {
    return (
      <Empty title="There is nothing to compare yet">
        <p>These charts need runs with metrics, and params in which they differ.</p>
      </Empty>
    )
  }
  const { x, y, z } = axes
  const metrics = dimensions.filter(({ id }) => !id.startsWith("params."))
  const params = dimensions.filter(({ id }) => id.startsWith("params."))
  const numbers = dimensions.filter(({ texts }) => texts === null)
  const across = { scatter: dimensions, contour: numbers, boxes: params, parallel: null, bars: null, histogram: null }[kind]
  return (
    <section class="panel chart relation" aria-label={`${kind} of ${kind === "contour" ? z.name : y.name}`}>
      <div class="row wrap chart-head">
        {across && <Choice label="x" name="px" value={x} dimensions={across} />}
        <Choice
          label={kind === "parallel" ? "colour" : kind === "histogram" ? "of" : "y"}
          name="y"
          value={y}
          dimensions={kind === "contour" ? numbers : metrics}
        />
        {kind === "contour" && <Choice label="height" name="z" value={z} dimensions={metrics} />}
        <span class="grow" />
        <span class="soft small">
          {total !== null && total > runs.length
            ? `The first ${count(runs.length)} of ${count(total)} runs`
            : count(runs.length, "run")}
        </span>
        <Button icon="pin" onClick={() => onKeep({ kind, x: x.id, y: y.id, z: z.id })}>
          Keep beside the curves
        </Button>
      </div>
      {option ? (
        <Canvas
          option={option}
          label={`${kind} of ${y.name}, ${count(runs.length, "run")}`}
          onOpen={(n) => openRun(kind, runs, axes, n)}
        />
      ) : (
        <Empty title="Too few runs have a number on each axis">
          <p>Choose other params and metrics for the axes above.</p>
        </Empty>
      )}
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
