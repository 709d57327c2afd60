/** An array of NumPy: what it is, its curve where it is a vector, and its first rows. */
import { useMemo } from "preact/hooks"
import { Failure, Skeleton } from "../components/basics"
import { Facts, Section } from "../components/facts"
import { Spark } from "../components/spark"
import { count, number } from "../format"
import { useLoad } from "../state/load"
import { MOST_CELLS, readNpy, rowsOf, sample, sumUp, widthOf, type NpyArray } from "./npy"
import { TablePreview } from "./table"
import type { Source } from "./transfer"

const READ_BYTES = 4_000_000

export default function ArrayPreview({ source }: { source: Source }) {
  const { data, error, reload } = useLoad(source.key, async (signal) => ({
    array: readNpy((await source.read(0, READ_BYTES, signal)).bytes),
  }))
  if (error) return <Failure error={error} retry={reload} />
  if (!data) return <Skeleton rows={8} />
  if (!data.array) return <p class="soft">This is no array of NumPy. Download it to look at it.</p>
  return <Shown array={data.array} id={source.key} />
}

function Shown({ array, id }: { array: NpyArray; id: string }) {
  const { type, shape, size, elements } = array
  const summary = useMemo(() => elements && sumUp(elements), [array])
  const rows = useMemo(() => rowsOf(array), [array])
  const width = widthOf(array)
  return (
    <div class="stack">
      <Section title="NumPy array">
        <Facts
          facts={[
            ["Shape", shape.map((side) => count(side)).join(" × ") || "A single value"],
            ["Type", <span class="mono">{type}</span>],
            ["Order", shape.length > 1 && (array.fortran ? "Fortran: by columns" : "C: by rows")],
            ["Elements", count(size)],
            ["Minimum", summary && number(summary.min)],
            ["Maximum", summary && number(summary.max)],
            ["Mean", summary && number(summary.mean)],
            ["NaN or infinite", summary && summary.others > 0 && count(summary.others)],
          ]}
        />
        {summary && shape.length > 0 && width === 1 && elements!.length > 1 && (
          <div class="array-curve">
            <Spark values={sample(elements!)} />
          </div>
        )}
      </Section>
      {elements && elements.length < size && <p class="soft small">{`The first ${count(elements.length)} elements were read.`}</p>}
      {width > MOST_CELLS && <p class="soft small">{`The first ${MOST_CELLS} of ${count(width)} values of a row are shown.`}</p>}
      {rows ? <TablePreview id={id} open={() => Promise.resolve(rows)} /> : <p class="soft">{reasonOf(array)}</p>}
    </div>
  )
}

function reasonOf({ type, elements }: NpyArray): string {
  if (/^\W?O/.test(type)) return "It holds pickled Python objects, which are never unpickled here. Load it with NumPy, if you trust it."
  if (!elements) return "There is no table of elements of this type. Load it with NumPy."
  return "It is stored by columns and too large for its rows to be shown. Load it with NumPy."
}
