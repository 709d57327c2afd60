/** A chart of params and metrics as a card among others. */
import { useMemo } from "preact/hooks"
import type { Run } from "../api/types"
import { count } from "../format"
import { place, setQuery } from "../state/router"
import { dark } from "../state/theme"
import { Canvas, openRun } from "./canvas"
import { Frame, heightOf, type Placed } from "./frame"
import type { Kept } from "./layout"
import { draw } from "./relation-options"
import { findAxes, listComputed, listDimensions, type Axes } from "./relations"

interface KeptProps {
  chart: Kept
  runs: Run[]
  placed: Placed
}

export default function KeptCard({ chart, runs, placed }: KeptProps) {
  const computed = listComputed(place.value.query, [chart.x, chart.y, chart.z])
  const dimensions = useMemo(() => listDimensions(runs, computed), [runs, computed.join("\n")])
  const axes = findAxes(chart.kind, dimensions, chart)
  const option = useMemo(
    () => axes && draw(chart.kind, runs, dimensions, axes),
    [chart.kind, runs, dimensions, axes?.x.id, axes?.y.id, axes?.z.id, dark.value],
  )
  const height = heightOf(placed.size)
  const look = { chart: chart.kind, px: chart.x, y: chart.y, z: chart.z }
  return (
    <Frame
      title={nameChart(chart, axes)}
      placed={placed}
      acts={[{ text: "Enlarge", icon: "zoom", act: () => setQuery(look) }]}
      note={<span class="soft small">{count(runs.length, "run")}</span>}
    >
      {option ? (
        <Canvas
          option={option}
          height={height}
          label={`${chart.kind}, ${count(runs.length, "run")}`}
          onOpen={(n) => openRun(chart.kind, runs, axes!, n)}
        />
      ) : (
        <p class="soft section-none">These runs have nothing of it.</p>
      )}
    </Frame>
  )
}

function nameChart({ kind, y }: Kept, axes: Axes | undefined): string {
  if (!axes) return `${kind} of ${y.slice(y.indexOf(".") + 1)}`
  if (kind === "contour") return `${axes.z.name} by ${axes.x.name} and ${axes.y.name}`
  return kind === "scatter" || kind === "boxes" ? `${axes.y.name} by ${axes.x.name}` : `${kind} of ${axes.y.name}`
}
