/** A small curve for a row of a table. */

const WIDTH = 96
const HEIGHT = 20

/** A curve of a row's height, without axes; points that are no numbers are gaps. */
export function Spark({ values }: { values: Float64Array }) {
  const known = values.filter(Number.isFinite)
  const [low, high] = [Math.min(...known), Math.max(...known)]
  const path = Array.from(values)
    .map((value, n) => {
      if (!Number.isFinite(value)) return ""
      const top = high === low ? HEIGHT / 2 : HEIGHT - 2 - ((value - low) / (high - low)) * (HEIGHT - 4)
      const left = (n / Math.max(1, values.length - 1)) * WIDTH
      return `${n === 0 || !Number.isFinite(values[n - 1]) ? "M" : "L"}${left.toFixed(1)} ${top.toFixed(1)}`
    })
    .join("")
  return (
    <svg class="spark" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} width={WIDTH} height={HEIGHT} aria-hidden="true">
      <path d={path} />
    </svg>
  )
}
