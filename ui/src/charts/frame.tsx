/** What is around every chart of a board: its name, its acts, and where it is moved and sized by pointer or keys. */
import type { ComponentChildren, RefObject } from "preact"
import { useState } from "preact/hooks"
import { Icon } from "../components/icon"
import { Menu, type Act } from "../components/menu"
import { clampSize, TALLEST, WIDEST, type Size } from "./layout"

/** How a card takes part in an arrangement. */
export interface Placed {
  /** Names the card among those of its section. */
  key: string
  size: Size
  /** Columns that there are. */
  columns: number
  onSize: (size: Size) => void
  /** Move by so many places. */
  onMove: (by: number) => void
  /** Another card of the section was dropped here. */
  onDrop: (key: string) => void
  onRemove: () => void
}

interface FrameProps {
  title: string
  /** Said beside the title, small. */
  note?: ComponentChildren
  acts?: Act[]
  placed?: Placed | undefined
  busy?: boolean
  box?: RefObject<HTMLElement>
  children: ComponentChildren
}

const DRAGGED = "text/x-chart"
const ONE_ROW = 220
/** A card of two rows is as high as two cards with what is around them and between. */
const MORE_ROW = 269
/** How far a corner is drawn for one column, or one row, more. */
const STEP = 140

/** The height of what is drawn in a card. */
export function heightOf(size: Size): number {
  return ONE_ROW + (size.height - 1) * MORE_ROW
}

export function Frame({ title, note, acts = [], placed, busy, box, children }: FrameProps) {
  const [over, setOver] = useState(false)
  const carries = (event: DragEvent) => placed !== undefined && event.dataTransfer?.types.includes(DRAGGED)
  return (
    <section
      class={`panel chart ${over ? "chart-over" : ""}`}
      ref={box}
      aria-label={title}
      aria-busy={busy || undefined}
      style={placed && { gridArea: `span ${placed.size.height} / span ${Math.min(placed.size.width, placed.columns)}` }}
      onDragOver={(event) => {
        if (!carries(event)) return
        event.preventDefault()
        setOver(true)
      }}
      onDragLeave={() => setOver(false)}
      onDrop={(event) => {
        if (!carries(event)) return
        event.preventDefault()
        setOver(false)
        placed!.onDrop(event.dataTransfer!.getData(DRAGGED))
      }}
    >
      <div class="row chart-head">
        {placed && <Handle title={title} placed={placed} />}
        <h3 class="cut grow" title={title}>
          {title}
        </h3>
        {note}
        <Menu kind="bare" tiny icon="more" label={`Acts on the chart of ${title}`} acts={[...acts, ...actsOf(placed)]} />
      </div>
      {children}
      {placed && placed.columns > 1 && <Corner title={title} placed={placed} />}
    </section>
  )
}

function actsOf(placed: Placed | undefined): Act[] {
  if (!placed) return []
  const { size, columns, onSize, onMove, onRemove } = placed
  const wide: Act = { text: size.width > 1 ? "One column" : "Wide", icon: "split", act: () => onSize({ ...size, width: size.width > 1 ? 1 : 2 }) }
  return [
    { text: "Move back", icon: "left", act: () => onMove(-1) },
    { text: "Move on", icon: "right", act: () => onMove(1) },
    ...(columns > 1 ? [wide] : []),
    { text: size.height > 1 ? "Low" : "Tall", icon: "up", act: () => onSize({ ...size, height: size.height > 1 ? 1 : 2 }) },
    { text: "Leave out", icon: "hidden", act: onRemove },
  ]
}

const STEPS: Record<string, [number, number]> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
}

/** Drags a card to another one's place; arrows move it too. */
function Handle({ title, placed }: { title: string; placed: Placed }) {
  return (
    <button
      type="button"
      class="chart-handle"
      draggable
      aria-label={`Move ${title}`}
      title="Drag to move, or use the arrow keys"
      onDragStart={(event) => {
        event.dataTransfer?.setData(DRAGGED, placed.key)
        event.dataTransfer?.setDragImage(event.currentTarget.closest(".chart")!, 12, 12)
      }}
      onKeyDown={(event) => {
        const step = STEPS[event.key]
        if (!step) return
        event.preventDefault()
        const { currentTarget: handle } = event
        placed.onMove(step[0] + step[1])
        requestAnimationFrame(() => handle.focus()) // what is put elsewhere in a document loses it
      }}
    >
      <Icon name="grip" />
    </button>
  )
}

/** The corner that a card is sized by. */
function Corner({ title, placed }: { title: string; placed: Placed }) {
  const { size, onSize } = placed
  const sized = (right: number, down: number) => onSize(clampSize({ width: size.width + right, height: size.height + down }))
  return (
    <button
      type="button"
      class="chart-corner"
      aria-label={`Size of ${title}: ${size.width} by ${size.height}, of at most ${WIDEST} by ${TALLEST}`}
      title="Drag to resize, or use the arrow keys"
      onKeyDown={(event) => {
        const step = STEPS[event.key]
        if (!step) return
        event.preventDefault()
        sized(...step)
      }}
      onPointerDown={(event) => {
        event.preventDefault()
        const { clientX, clientY, pointerId, currentTarget: corner } = event
        corner.focus()
        corner.setPointerCapture(pointerId)
        const move = (at: PointerEvent) => sized((at.clientX - clientX) / STEP, (at.clientY - clientY) / STEP)
        corner.addEventListener("pointermove", move)
        corner.addEventListener("lostpointercapture", () => corner.removeEventListener("pointermove", move), { once: true })
      }}
    />
  )
}
