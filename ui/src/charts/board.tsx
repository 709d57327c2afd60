/** Charts of runs as a board that one arranges: a card a metric, charts of params beside them, and images over steps. */
import type { ComponentChildren } from "preact"
import { useLayoutEffect, useRef, useState } from "preact/hooks"
import type { Run } from "../api/types"
import { Button, Empty, Skeleton } from "../components/basics"
import { Dialog } from "../components/dialog"
import { lazy } from "../components/lazy"
import { Menu, type Act } from "../components/menu"
import { say } from "../components/toasts"
import { count } from "../format"
import { findStepped, nameMetric } from "../formula"
import type { Change } from "../state/live"
import { place, setQuery } from "../state/router"
import { ChartCard } from "./card"
import { runColour } from "./colours"
import type { Axis } from "./curves"
import type { Placed } from "./frame"
import { Images } from "./images"
import { ANEW, arrange, isArranged, move, nameKept, PLAIN, readLayout, writeLayout, type Kept, type Layout, type Size } from "./layout"
import { Options, readOptions } from "./options"
import { KINDS, listComputed, readKind, type Kind } from "./relations"
import type { Group } from "./values"
import "./charts.css"

interface BoardProps {
  /** Runs whose curves are drawn. */
  runs: Run[]
  groups?: Group[] | null
  colour?: (runId: string) => string
  /** Metrics that have a card. */
  metrics: string[]
  change: Change | undefined
  /** What curves are drawn along when nothing is chosen. */
  usual?: Axis
  status?: ComponentChildren
  /** Where nothing was logged. */
  empty: ComponentChildren
  /** Runs that are compared by params and metrics; undefined while they are on their way, null where there is one only. */
  compared: Run[] | undefined | null
  /** How many there are, if not all of them are here. */
  total?: number | null
}

const STEP: Axis = { kind: "step" }
const Relation = lazy(() => import("./relation"))
const KeptCard = lazy(() => import("./kept"))

export function Board(props: BoardProps) {
  const { runs, metrics, change, usual = STEP, status, empty, compared, total = null, colour = runColour } = props
  const { query } = place.value
  const kind = compared === null ? null : readKind(query.get("chart"))
  const layout = readLayout(query)
  const wanted = query.get("metric") ?? ""
  const cards = [...metrics, ...listComputed(query, []).filter(findStepped)]
  const found = cards.filter((key) => key.toLowerCase().includes(wanted.toLowerCase()))
  const keep = (chart: Kept) => {
    const kept = [...layout.kept.filter((one) => nameKept(one) !== nameKept(chart)), chart]
    setQuery({ ...writeLayout({ kept }), chart: null })
  }
  return (
    <div class="charts">
      <div class="row wrap">
        {compared !== null && <Kinds kind={kind} />}
        <span class="grow" />
        {kind === null && isArranged(layout) && <Arranged layout={layout} />}
      </div>
      {kind !== null && (
        <div class="charts-scroll">
          {compared ? <Relation kind={kind} runs={compared} total={total} onKeep={keep} /> : <Skeleton rows={5} />}
        </div>
      )}
      {kind === null && (
        <>
          <Options options={readOptions(query, usual)} usual={usual} metrics={metrics} />
          {status}
          <div class="charts-scroll" tabIndex={0} role="region" aria-label="Charts">
            {metrics.length === 0 && empty}
            {metrics.length > 0 && found.length === 0 && <Empty title="No metric has this in its name" />}
            <Cards {...props} metrics={found} layout={layout} />
            <Images runs={runs} colour={colour} change={change} />
          </div>
        </>
      )}
    </div>
  )
}

const NAMES: Record<Kind, string> = {
  scatter: "Scatter",
  parallel: "Parallel",
  contour: "Contour",
  bars: "Bars",
  boxes: "Boxes",
  histogram: "Histogram",
}

function Kinds({ kind }: { kind: Kind | null }) {
  return (
    <div class="group wrap" role="group" aria-label="Kind of chart">
      <Button aria-pressed={kind === null} onClick={() => setQuery({ chart: null })}>
        Curves
      </Button>
      {KINDS.map((one) => (
        <Button key={one} aria-pressed={one === kind} onClick={() => setQuery({ chart: one })}>
          {NAMES[one]}
        </Button>
      ))}
    </div>
  )
}

/** What was left out comes back, and all of the arrangement goes. */
function Arranged({ layout }: { layout: Layout }) {
  const back = (key: string): Act => ({
    text: `Show ${nameMetric(key)}`,
    icon: "eye",
    act: () => setQuery(writeLayout({ without: layout.without.filter((one) => one !== key) })),
  })
  return (
    <Menu
      icon="columns"
      label="Arranged charts"
      text={<span class="only-wide">Arranged</span>}
      acts={[
        ...layout.without.slice(0, 20).map(back),
        { text: "As they were at first", icon: "restore", act: () => setQuery(ANEW) },
      ]}
    />
  )
}

/** How wide a column is at least, and what lies between two. */
const COLUMN = 340
const GAP = 12

function useColumns() {
  const element = useRef<HTMLDivElement>(null)
  const [columns, setColumns] = useState(1)
  useLayoutEffect(() => {
    const measure = () => setColumns(Math.max(1, Math.floor((element.current!.clientWidth + GAP) / (COLUMN + GAP))))
    measure()
    const sized = new ResizeObserver(measure)
    sized.observe(element.current!)
    return () => sized.disconnect()
  }, [])
  return { element, columns }
}

interface CardsProps extends BoardProps {
  layout: Layout
}

function Cards({ runs, groups = null, colour = runColour, metrics, change, usual = STEP, compared, layout }: CardsProps) {
  const options = readOptions(place.value.query, usual)
  const { element, columns } = useColumns()
  const [large, setLarge] = useState<string | null>(null)
  const [told, setTold] = useState("")
  const arrangeAs = (part: Partial<Layout>) => setQuery(writeLayout(part), true)
  const common = (key: string) => ({
    key,
    size: layout.sizes[key] ?? PLAIN,
    columns,
    onSize: (size: Size) => {
      arrangeAs({ sizes: { ...layout.sizes, [key]: size } })
      setTold(`${size.width} by ${size.height}`)
    },
  })
  const placeCard = (key: string, section: string[]): Placed => {
    const put = (one: string, at: number) => {
      arrangeAs({ first: move(layout.first, section, one, at) })
      setTold(`${nameMetric(one)} is at place ${Math.max(1, Math.min(section.length, at + 1))} of ${section.length}`)
    }
    return {
      ...common(key),
      onMove: (by) => put(key, section.indexOf(key) + by),
      onDrop: (one) => section.includes(one) && put(one, section.indexOf(key)),
      onRemove: () => {
        setQuery(writeLayout({ without: [...layout.without, key] }))
        say(`“${nameMetric(key)}” is left out`, async () => setQuery(writeLayout({ without: layout.without })))
      },
    }
  }
  const placeKept = (chart: Kept): Placed => {
    const names = layout.kept.map(nameKept)
    const at = names.indexOf(nameKept(chart))
    const put = (from: number, to: number) => {
      const kept = [...layout.kept]
      const [one] = kept.splice(from, 1)
      kept.splice(Math.max(0, to), 0, one!)
      arrangeAs({ kept })
    }
    return {
      ...common(nameKept(chart)),
      onMove: (by) => put(at, at + by),
      onDrop: (name) => names.includes(name) && put(names.indexOf(name), at),
      onRemove: () => {
        setQuery(writeLayout({ kept: layout.kept.filter((one) => one !== chart) }))
        say("The chart is left out", async () => setQuery(writeLayout({ kept: layout.kept })))
      },
    }
  }
  const card = (metric: string, placed?: Placed) => (
    <ChartCard
      key={metric}
      metric={metric}
      runs={runs}
      groups={groups}
      colour={colour}
      options={options}
      change={change}
      large={placed === undefined}
      onLarge={setLarge}
      placed={placed}
    />
  )
  const kept = compared === null ? [] : layout.kept
  return (
    <div ref={element}>
      <span class="unseen" role="status">
        {told}
      </span>
      {kept.length > 0 && compared && (
        <Section title="Kept" mark="kept." total={kept.length} layout={layout}>
          <div class="board" style={{ "--columns": fit(columns, kept.map((chart) => placeKept(chart).size)) }}>
            {kept.map((chart) => (
              <KeptCard key={nameKept(chart)} chart={chart} runs={compared} placed={placeKept(chart)} />
            ))}
          </div>
        </Section>
      )}
      {[...arrange(metrics, layout)].map(([section, keys]) => (
        <Section key={section} title={section || "Metrics"} mark={section || "."} total={keys.length} layout={layout}>
          <Some keys={keys} columns={fit(columns, keys.map((key) => layout.sizes[key] ?? PLAIN))}>
            {(key) => card(key, placeCard(key, keys))}
          </Some>
        </Section>
      ))}
      {large !== null && (
        <Dialog title={nameMetric(large)} wide onClose={() => setLarge(null)}>
          {card(large)}
        </Dialog>
      )}
    </div>
  )
}

interface SectionProps {
  title: string
  /** What it is called among those that are closed. */
  mark: string
  total: number
  layout: Layout
  children: ComponentChildren
}

function Section({ title, mark, total, layout: { shut }, children }: SectionProps) {
  const open = !shut.includes(mark)
  return (
    <details
      class="section"
      open={open}
      onToggle={({ currentTarget }) => {
        if (currentTarget.open === open) return
        setQuery(writeLayout({ shut: open ? [...shut, mark] : shut.filter((one) => one !== mark) }), true)
      }}
    >
      <summary>
        {title} <span class="soft">{count(total)}</span>
      </summary>
      {open && children}
    </details>
  )
}

/** As many columns as a section fills, but two: a single chart is not drawn out over a whole screen. */
function fit(columns: number, sizes: Size[]): number {
  const wanted = sizes.reduce((sum, { width }) => sum + width, 0)
  return Math.min(columns, Math.max(2, wanted))
}

const FIRST = 24

interface SomeProps {
  keys: string[]
  columns: number
  children: (key: string) => ComponentChildren
}

/** The first cards of a section, and more on request. */
function Some({ keys, columns, children }: SomeProps) {
  const [shown, setShown] = useState(FIRST)
  return (
    <>
      <div class="board" style={{ "--columns": columns }}>
        {keys.slice(0, shown).map(children)}
      </div>
      {keys.length > shown && (
        <Button onClick={() => setShown(shown + FIRST)}>Show more of {count(keys.length)}</Button>
      )}
    </>
  )
}
