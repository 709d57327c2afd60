/** The table of runs: choosing, sorting, sizing and ordering columns, all of it kept in the address. */
import { useMemo, useRef } from "preact/hooks"
import { Grid, type GridColumn } from "../../components/grid"
import { Icon } from "../../components/icon"
import { attempt } from "../../components/toasts"
import { count, moment, number } from "../../format"
import { go } from "../../state/router"
import type { Run } from "../../api/types"
import { runColour } from "../../charts/colours"
import { findColumn, type RunColumn } from "./columns"
import { AGGREGATES, type Line, type Lines } from "./lines"
import { MOST_ON_TOP, type Aggregate, type View } from "./view"

interface TableProps {
  lines: Lines
  /** Runs that stay at the top. */
  top: Run[]
  version: number
  columns: RunColumn[]
  view: View
  chosen: Set<string>
  hidden: Set<string>
  onChosen: (chosen: Set<string>) => void
  onHide: (id: string) => void
  onView: (part: Partial<View>, replace?: boolean) => void
}

export function RunTable(props: TableProps) {
  const { lines, version, columns, view, chosen, hidden, onChosen, onView } = props
  // Cells are made of what is shown, and act on what there is when they are pressed.
  const latest = useRef(props)
  latest.current = props
  const toggle = (line: Line) => {
    if (line.kind === "group") return
    const { chosen, onChosen } = latest.current
    const next = new Set(chosen)
    if (!next.delete(line.run.run_id)) next.add(line.run.run_id)
    onChosen(next)
  }
  const source = lines.source
  const all = source !== null && chosen.size > 0 && chosen.size >= source.count
  const grouped = view.group.length > 0
  const grid = useMemo((): GridColumn<Line>[] => {
    const width = (id: string, usual: number) => view.widths[id] ?? usual
    const narrow = innerWidth < 720
    return [
      {
        id: "choose",
        title: "Choose",
        width: 40,
        pinned: true,
        head: !source ? (
          <span class="unseen">Choose</span>
        ) : (
          <input
            type="checkbox"
            aria-label="Choose all runs"
            checked={all}
            onChange={() => {
              if (all) onChosen(new Set())
              else void attempt(async () => latest.current.onChosen(new Set(await source.every())))
            }}
          />
        ),
        cell: (line) =>
          line.kind === "run" && (
            <input
              type="checkbox"
              aria-label={`Choose ${line.run.name}`}
              checked={chosen.has(line.run.run_id)}
              onChange={() => toggle(line)}
            />
          ),
      },
      {
        id: "name",
        title: grouped ? "Group" : "Run",
        width: width("name", narrow ? 160 : 240),
        pinned: true,
        sortable: true,
        cell: (line) => <Name line={line} latest={latest} view={view} hidden={hidden} />,
      },
      ...[...columns]
        .sort((a, b) => Number(view.pinned.includes(b.id)) - Number(view.pinned.includes(a.id)))
        .map(
          (column): GridColumn<Line> => ({
            id: column.id,
            title: column.title,
            ...(column.kind ? { kind: column.kind } : {}),
            width: width(column.id, column.width),
            pinned: view.pinned.includes(column.id) && !narrow,
            number: column.number ?? false,
            sortable: column.order !== undefined && (!grouped || isShared(column, lines)),
            cell: (line) => (line.kind === "run" ? column.cell(line.run) : <Shared line={line} column={column} lines={lines} />),
          }),
        ),
    ]
  }, [lines, columns, view, chosen, hidden, all])

  const top = useMemo(
    () => props.top.map((run): Line => ({ kind: "run", key: run.run_id, run, depth: 0, children: 0, open: false })),
    [props.top],
  )
  const orders: Record<string, string | undefined> = { name: "run_name" }
  for (const column of columns) orders[column.id] = column.order
  const sorted = Object.keys(orders).find((id) => orders[id] === view.order?.field)
  const sort = (id: string) => {
    const field = orders[id]!
    const first = findColumn(id)?.number ?? false // numbers: the greatest first
    if (view.order?.field !== field) onView({ order: { field, descending: first } })
    else if (view.order.descending === first) onView({ order: { field, descending: !first } })
    else onView({ order: null })
  }
  return (
    <Grid
      label="Runs"
      columns={grid}
      count={lines.count}
      row={(at) => lines.line(at)}
      top={top}
      version={version}
      onRange={(start, end) => lines.need(start, end)}
      sort={sorted !== undefined ? { id: sorted, descending: view.order!.descending } : undefined}
      onSort={sort}
      onResize={(id, width) => onView({ widths: { ...view.widths, [id]: width } }, true)}
      onReorder={(id, before) =>
        onView(
          {
            columns: reorder(
              columns.map((column) => column.id),
              id,
              before,
            ),
          },
          true,
        )
      }
      onOpen={(line) =>
        line.kind === "run" ? go(`/runs/${encodeURIComponent(line.run.run_id)}`) : lines.toggle(line)
      }
      onChoose={toggle}
      rowClass={(line) => (line.kind === "run" && chosen.has(line.run.run_id) ? "chosen" : line.kind === "group" ? "group-row" : "")}
    />
  )
}

interface NameProps {
  line: Line
  latest: { current: TableProps }
  view: View
  hidden: Set<string>
}

function Name({ line, latest, view, hidden }: NameProps) {
  const indent = { paddingLeft: `${line.depth * 18}px` }
  const opens = line.kind === "group" || line.children > 0
  const title = line.kind === "group" ? "the group" : line.run.name
  const opener = opens ? (
    <button
      type="button"
      class="opener"
      aria-expanded={line.open}
      aria-label={`${line.open ? "Close" : "Open"} ${title}`}
      onClick={() => latest.current.lines.toggle(line)}
    >
      <Icon name={line.open ? "down" : "right"} />
    </button>
  ) : (
    (view.tree || view.group.length > 0) && <span class="opener" />
  )
  if (line.kind === "group") {
    return (
      <span class="run-name" style={indent}>
        {opener}
        <span class="cut" title={describeGroup(view.group, line.group.values)}>
          {line.group.values.map((value) => (value === null ? "none" : String(value))).join(" · ")}
        </span>
        <span class="badge" title={Object.entries(line.group.statuses).map(([s, n]) => `${n} ${s.toLowerCase()}`).join(", ")}>
          {count(line.group.runs)}
        </span>
      </span>
    )
  }
  const { run } = line
  const onTop = view.top.includes(run.run_id)
  return (
    <span class="run-name" style={indent}>
      {opener}
      {view.mode === "table" ? (
        <span class="dot" style={{ color: runColour(run.run_id) }} aria-hidden="true" />
      ) : (
        <button
          type="button"
          class="opener"
          aria-pressed={!hidden.has(run.run_id)}
          aria-label={`Show ${run.name} in charts`}
          style={{ color: hidden.has(run.run_id) ? "var(--line-strong)" : runColour(run.run_id) }}
          onClick={() => latest.current.onHide(run.run_id)}
        >
          <Icon name={hidden.has(run.run_id) ? "hidden" : "eye"} />
        </button>
      )}
      <a class="cut" dir="auto" href={`/runs/${encodeURIComponent(run.run_id)}`} title={run.name}>
        {run.name || run.run_id}
      </a>
      {line.children > 0 && <span class="badge">{count(line.children)}</span>}
      <button
        type="button"
        class="opener pin"
        aria-pressed={onTop}
        aria-label={`Keep ${run.name} at the top`}
        title={onTop ? "Let it scroll with the others" : "Keep at the top, and always draw it"}
        onClick={() => latest.current.onView({ top: onTop ? view.top.filter((id) => id !== run.run_id) : [...view.top, run.run_id].slice(-MOST_ON_TOP) })}
      >
        <Icon name="pin" />
      </button>
    </span>
  )
}

function describeGroup(fields: string[], values: (string | number | null)[]): string {
  return fields.map((field, n) => `${field} = ${values[n] ?? "none"}`).join(", ")
}

/** Whether groups have a value in a column. */
function isShared(column: RunColumn, lines: Lines): boolean {
  if (column.id === "started" || column.order === undefined) return column.id === "started"
  return lines.shape.metrics?.includes(column.order) || lines.shape.group.includes(column.order)
}

const SAID: Record<Aggregate, string> = { mean: "Mean", min: "Least", max: "Greatest" }

/** What the runs of a group have together in a column: an aggregate of a metric, with the others at hand. */
function Shared({ line, column, lines }: { line: Line & { kind: "group" }; column: RunColumn; lines: Lines }) {
  if (column.id === "started") return <span title={moment(line.group.newest_start_ms)}>{moment(line.group.newest_start_ms).slice(0, 10)}</span>
  const at = column.order === undefined ? -1 : (lines.shape.metrics?.indexOf(column.order) ?? -1)
  const found = line.group.metrics[at]
  if (!found || found[0] === 0) return null
  const [runs, mean, min, max] = found
  const { aggregate } = lines.shape
  return (
    <span title={`${SAID[aggregate]} of ${count(runs, "run")}; mean ${number(mean)}, from ${number(min)} to ${number(max)}`}>
      {number(found[AGGREGATES[aggregate]])}
    </span>
  )
}

/** Put one item before another. */
function reorder(ids: string[], moved: string, before: string): string[] {
  const rest = ids.filter((id) => id !== moved)
  const at = rest.indexOf(before)
  return [...rest.slice(0, at), moved, ...rest.slice(at)]
}
