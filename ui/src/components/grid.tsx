/**
 * A table of any number of rows and columns, of which only those in sight exist.
 *
 * Columns that are pinned stay at the left, some rows at the top. Rows have one height. The keys of a grid work: arrows, Page Up and Down,
 * Home and End move the active row; Space chooses it, Enter opens it. At a head, Shift and an arrow size its column; two
 * clicks at its edge fit it to what is in sight.
 */
import { Component, type ComponentChildren } from "preact"
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks"
import { Icon } from "./icon"
import { inSight, sum } from "./sight"
import "./grid.css"

export interface GridColumn<R> {
  id: string
  title: string
  /** Said before the title, small: where the column comes from. */
  kind?: string
  width: number
  pinned?: boolean
  number?: boolean
  sortable?: boolean
  cell: (row: R) => ComponentChildren
  head?: ComponentChildren
}

interface GridProps<R> {
  label: string
  columns: GridColumn<R>[]
  count: number
  /** The row at a place; undefined while it is on its way. */
  row: (place: number) => R | undefined
  /** Rows that stay below the head while the others scroll. */
  top?: R[]
  onRange: (start: number, end: number) => void
  sort?: { id: string; descending: boolean } | undefined
  onSort?: (id: string) => void
  onResize?: (id: string, width: number) => void
  /** A column was dropped before another one. */
  onReorder?: (id: string, before: string) => void
  onOpen?: (row: R) => void
  onChoose?: (row: R, place: number) => void
  rowClass?: (row: R) => string
  /** Changes when rows have changed. */
  version: number
}

const ROW = 34
const HEAD = 40
const MORE = 8
/** Browsers lay out no more pixels than this. */
const TALLEST = 30_000_000
const NARROWEST = 60
/** A key makes a column wider or narrower by so much. */
const STEP = 20

/** Each row has a key of its own: one that moves keeps its elements, so that a press or the focus stays with what it was on. */
export function Grid<R extends { key: string }>(props: GridProps<R>) {
  const { columns, count, row, onRange, version } = props
  const box = useRef<HTMLDivElement>(null)
  const [seen, setSeen] = useState({ top: 0, left: 0, height: 600, width: 1000 })
  const [active, setActive] = useState(0)
  const [resized, setResized] = useState<{ id: string; width: number }>()
  const widths = useMemo(
    () => columns.map((column) => (column.id === resized?.id ? resized.width : column.width)),
    [columns, resized],
  )
  const pinned = columns.filter((column) => column.pinned).length
  const pinnedWidth = sum(widths.slice(0, pinned))
  const total = sum(widths)
  const rows = Math.min(count, Math.floor(TALLEST / ROW))
  const first = Math.max(0, Math.floor(seen.top / ROW) - MORE)
  const last = Math.min(rows, Math.ceil((seen.top + seen.height) / ROW) + MORE)
  const [from, to, before] = inSight(widths, pinned, seen.left, Math.max(seen.width - pinnedWidth, 200))

  useLayoutEffect(() => {
    const element = box.current!
    const measure = () =>
      setSeen({
        top: element.scrollTop,
        left: element.scrollLeft,
        height: element.clientHeight,
        width: element.clientWidth,
      })
    measure()
    let frame = 0
    const scrolled = () => {
      cancelAnimationFrame(frame)
      frame = requestAnimationFrame(measure)
    }
    element.addEventListener("scroll", scrolled, { passive: true })
    const sized = new ResizeObserver(scrolled)
    sized.observe(element)
    return () => {
      cancelAnimationFrame(frame)
      element.removeEventListener("scroll", scrolled)
      sized.disconnect()
    }
  }, [])
  useEffect(() => onRange(first, last), [first, last, version])

  const moveTo = (place: number) => {
    const next = Math.max(0, Math.min(rows - 1, place))
    const above = HEAD + ROW * (props.top?.length ?? 0)
    setActive(next)
    const element = box.current!
    const top = next * ROW
    if (top < element.scrollTop) element.scrollTop = top
    else if (top + ROW > element.scrollTop + element.clientHeight - above)
      element.scrollTop = top + ROW - element.clientHeight + above
  }
  const press = (event: KeyboardEvent) => {
    if (event.target !== box.current) return
    const page = Math.max(1, Math.floor(seen.height / ROW) - 2)
    const steps: Record<string, number> = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page }
    const step = steps[event.key]
    const at = row(active)
    if (step !== undefined) moveTo(active + step)
    else if (event.key === "Home") moveTo(0)
    else if (event.key === "End") moveTo(rows - 1)
    else if (event.key === " " && at !== undefined) props.onChoose?.(at, active)
    else if (event.key === "Enter" && at !== undefined) props.onOpen?.(at)
    else return
    event.preventDefault()
  }

  const layout = useMemo((): Layout<R> => {
    const shown = [...columns.slice(0, pinned), ...columns.slice(from, to)]
    const places = shown.map((_, n) => (n < pinned ? n : from + n - pinned))
    const styles = places.map((n) => ({
      width: `${widths[n]}px`,
      ...(n < pinned ? { "--left": `${sum(widths.slice(0, n))}px` } : {}),
    }))
    return { shown, places, styles, pinned, before }
  }, [columns, widths, pinned, from, to, before])
  const kept = (props.top ?? []).map((one, n) => (
    <Row key={one.key} id={`top-${n}`} place={n} one={one} kind={props.rowClass?.(one) ?? ""} layout={layout} active={false} />
  ))
  const lines = []
  for (let n = first; n < last; n++) {
    const one = row(n)
    const kind = one === undefined ? "" : (props.rowClass?.(one) ?? "")
    lines.push(
      <Row key={one?.key ?? n} id={`row-${n}`} place={n} one={one} kind={kind} layout={layout} active={n === active} onActive={setActive} />,
    )
  }
  return (
    <div
      class={seen.left > 0 ? "grid shifted" : "grid"}
      ref={box}
      role="grid"
      tabIndex={0}
      aria-label={props.label}
      aria-rowcount={count + 1}
      aria-colcount={columns.length}
      aria-activedescendant={count > 0 && active >= first && active < last ? `row-${active}` : undefined}
      onKeyDown={press}
    >
      <div class="grid-head" role="rowgroup" style={{ width: `${total}px` }}>
        <div role="row" aria-rowindex={1} class="grid-row">
          {fillCells(layout, (column, n, style) => (
            <Head
              key={column.id}
              {...props}
              column={column}
              place={n}
              pinned={n < pinned}
              style={style}
              width={widths[n]!}
              onWidth={(width, done) => {
                setResized(done ? undefined : { id: column.id, width })
                if (done) props.onResize?.(column.id, width)
              }}
            />
          ))}
        </div>
      </div>
      {kept.length > 0 && (
        <div role="rowgroup" class="grid-top" aria-label="Kept at the top" style={{ height: `${kept.length * ROW + 1}px`, width: `${total}px` }}>
          {kept}
        </div>
      )}
      <div role="rowgroup" class="grid-body" style={{ height: `${rows * ROW}px`, width: `${total}px` }}>
        {lines}
      </div>
    </div>
  )
}

/** Which columns are made, where each stands, and how wide it is. */
interface Layout<R> {
  shown: GridColumn<R>[]
  places: number[]
  styles: Record<string, string>[]
  pinned: number
  before: number
}

/** Make the cells of a row: those that are pinned, a gap for the columns out of sight, the others. */
function fillCells<R>(
  { shown, places, styles, pinned, before }: Layout<R>,
  make: (column: GridColumn<R>, place: number, style: Record<string, string>) => ComponentChildren,
) {
  const cells = shown.map((column, n) => make(column, places[n]!, styles[n]!))
  return (
    <>
      {cells.slice(0, pinned)}
      {before > 0 && <span class="grid-gap" style={{ width: `${before}px` }} role="presentation" />}
      {cells.slice(pinned)}
    </>
  )
}

interface RowProps<R> {
  id: string
  place: number
  /** What stands here; undefined while it is on its way. */
  one: R | undefined
  kind: string
  layout: Layout<R>
  active: boolean
  onActive?: (place: number) => void
}

/** One row; while one scrolls, those that stay in sight as they are, are not made again. */
class Row<R> extends Component<RowProps<R>> {
  override shouldComponentUpdate(next: RowProps<R>): boolean {
    const { place, one, kind, layout, active } = this.props
    return next.place !== place || next.layout !== layout || next.active !== active || next.kind !== kind || !isSame(one, next.one)
  }

  override render({ id, place, one, kind, layout, active, onActive }: RowProps<R>) {
    return (
      <div
        role="row"
        id={id}
        aria-rowindex={onActive && place + 2}
        class={`grid-row ${active ? "active" : ""} ${kind}`}
        style={{ top: `${place * ROW}px` }}
        onPointerDown={() => onActive?.(place)}
      >
        {one === undefined ? (
          <div role="gridcell" class="grid-cell grow">
            <span class="grid-wait" />
          </div>
        ) : (
          fillCells(layout, (column, at, style) => (
            <div
              role="gridcell"
              key={column.id}
              aria-colindex={at + 1}
              class={`grid-cell ${column.number ? "number" : ""} ${at < layout.pinned ? "pinned" : ""}`}
              style={style}
            >
              {column.cell(one)}
            </div>
          ))
        )}
      </div>
    )
  }
}

/** Whether two rows say the same: they are one, or have the same in each of their fields. */
function isSame<R>(one: R | undefined, other: R | undefined): boolean {
  if (!one || !other) return one === other
  for (const key in one) if (one[key] !== other[key]) return false
  return true
}

interface HeadProps<R> extends GridProps<R> {
  column: GridColumn<R>
  place: number
  pinned: boolean
  style: Record<string, string>
  width: number
  onWidth: (width: number, done: boolean) => void
}

function Head<R>({ column, place, pinned, style, width, onWidth, sort, onSort, onReorder, onResize }: HeadProps<R>) {
  const sorted = sort?.id === column.id ? (sort.descending ? "descending" : "ascending") : undefined
  const drag = (event: PointerEvent) => {
    event.preventDefault()
    const start = event.clientX
    const handle = event.currentTarget as HTMLElement
    handle.setPointerCapture(event.pointerId)
    const wide = (at: PointerEvent) => Math.max(NARROWEST, Math.round(width + at.clientX - start))
    const move = (at: PointerEvent) => onWidth(wide(at), false)
    const end = (at: PointerEvent) => {
      handle.removeEventListener("pointermove", move)
      onWidth(wide(at), true)
    }
    handle.addEventListener("pointermove", move)
    handle.addEventListener("pointerup", end, { once: true })
  }
  const resize = (event: KeyboardEvent) => {
    const step = { ArrowLeft: -STEP, ArrowRight: STEP }[event.key]
    if (!event.shiftKey || step === undefined || !onResize) return
    event.preventDefault()
    onResize(column.id, Math.max(NARROWEST, width + step))
  }
  const fit = (event: MouseEvent) => {
    const grid = (event.currentTarget as HTMLElement).closest(".grid")!
    const cells = [...grid.querySelectorAll<HTMLElement>(`[aria-colindex="${place + 1}"]`)]
    onResize?.(column.id, Math.max(NARROWEST, ...measure(cells)))
  }
  const movable = onReorder !== undefined && !pinned
  return (
    <div
      role="columnheader"
      aria-colindex={place + 1}
      aria-sort={sorted ?? (column.sortable ? "none" : undefined)}
      class={`grid-cell ${column.number ? "number" : ""} ${pinned ? "pinned" : ""}`}
      style={style}
      draggable={movable}
      onDragStart={(event) => event.dataTransfer?.setData("text/x-column", column.id)}
      onDragOver={(event) => {
        if (movable && event.dataTransfer?.types.includes("text/x-column")) event.preventDefault()
      }}
      onDrop={(event) => {
        const moved = event.dataTransfer?.getData("text/x-column")
        if (movable && moved && moved !== column.id) onReorder(moved, column.id)
      }}
    >
      {column.head ?? (
        <button
          type="button"
          class="grid-sort"
          disabled={!column.sortable}
          title={column.kind ? `${column.kind} ${column.title}` : column.title}
          onClick={() => onSort?.(column.id)}
          onKeyDown={resize}
        >
          <span class="cut">
            {column.kind && <span class="grid-kind">{column.kind}</span>}
            {column.title}
          </span>
          {sorted && <Icon name={sorted === "descending" ? "down" : "up"} />}
        </button>
      )}
      {onResize && !column.head && <span class="grid-resize" onPointerDown={drag} onDblClick={fit} aria-hidden="true" />}
    </div>
  )
}

/** How wide cells would be if nothing of them were cut. */
function measure(cells: HTMLElement[]): number[] {
  const before = cells.map((cell) => cell.style.width)
  for (const cell of cells) cell.style.width = "max-content"
  const widths = cells.map((cell) => Math.ceil(cell.getBoundingClientRect().width))
  for (const [n, cell] of cells.entries()) cell.style.width = before[n]!
  return widths
}
