/** GeoJSON drawn, with where it lies and what its features say. */
import { useMemo } from "preact/hooks"
import { Highlighted } from "../components/highlight"
import { count } from "../format"
import { fit, readGeo } from "./geo"

const WIDTH = 900

export function GeoPreview({ text }: { text: string }) {
  const drawing = useMemo(() => readGeo(text), [text])
  const framed = useMemo(() => drawing && fit(drawing, WIDTH), [drawing])
  if (!drawing || !framed) return <Highlighted text={text} language="json" />
  const { paths, points, width, height } = framed
  const [west, south, east, north] = drawing.box
  return (
    <div class="stack">
      <p class="soft small">
        {count(drawing.features, "feature")}, from {degrees(west)} to {degrees(east)} east and {degrees(south)} to{" "}
        {degrees(north)} north, without a map below
        {drawing.cut && "; there are more positions than are drawn"}
      </p>
      <svg class="geo" viewBox={`0 0 ${width} ${height}`} role="img" aria-label={`${count(drawing.features, "feature")} drawn`}>
        {drawing.shapes.map(({ kind, title }, n) => {
          const point = points[n]
          const named = title && <title>{title}</title>
          return point ? (
            <circle key={n} class="geo-point" cx={point[0]} cy={point[1]} r={4}>
              {named}
            </circle>
          ) : (
            <path key={n} class={`geo-${kind}`} d={paths[n]}>
              {named}
            </path>
          )
        })}
      </svg>
      <details>
        <summary>As text</summary>
        <Highlighted text={text.slice(0, 200_000)} language="json" />
      </details>
    </div>
  )
}

function degrees(value: number): string {
  return `${Number(value.toFixed(4))}°`
}
