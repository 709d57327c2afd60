/** The table of runs: choosing, sorting, sizing and ordering columns, all of it kept in the address. */
import { useMemo } from "preact/hooks"
import type { Run } from "../../api/types"
import { Grid, type GridColumn } from "../../components/grid"
import { go } from "../../state/router"
import type { RunColumn } from "./columns"
import { runColour } from "./colours"
import type { RunSource } from "./source"
import type { View } from "./view"

interface TableProps {
  source: RunSource
  version: number
  columns: RunColumn[]
  view: View
  chosen: Set<string>
  onChosen: (chosen: Set<string>) => void
  onView: (part: Partial<View>, replace?: boolean) => void
}

export function RunTable({ source, version, columns, view, chosen, onChosen, onView }: TableProps) {
  const toggle = (run: Run) => {
    const next = new Set(chosen)
    if (!next.delete(run.run_id)) next.add(run.run_id)
    onChosen(next)
  }
  const all = chosen.size > 0 && chosen.size >= source.count
  const grid = useMemo((): GridColumn<Run>[] => {
    const width = (id: string, usual: number) => view.widths[id] ?? usual
    const narrow = innerWidth < 720
    return [
      {
        id: "choose",
        title: "Choose",
        width: 40,
        pinned: true,
        head: (
          <input
            type="checkbox"
            aria-label="Choose all runs"
            checked={all}
            onChange={() => onChosen(all ? new Set() : everyRun(source))}
          />
        ),
        cell: (run) => (
          <input
            type="checkbox"
            aria-label={`Choose ${run.name}`}
            checked={chosen.has(run.run_id)}
            onChange={() => toggle(run)}
          />
        ),
      },
      {
        id: "name",
        title: "Run",
        width: width("name", narrow ? 150 : 240),
        pinned: true,
        sortable: true,
        cell: (run) => (
          <span class="run-name">
            <span class="dot" style={{ color: runColour(run.run_id) }} aria-hidden="true" />
            <a class="cut" href={`/runs/${encodeURIComponent(run.run_id)}`} title={run.name}>
              {run.name || run.run_id}
            </a>
          </span>
        ),
      },
      ...[...columns]
        .sort((a, b) => Number(view.pinned.includes(b.id)) - Number(view.pinned.includes(a.id)))
        .map(
          (column): GridColumn<Run> => ({
            id: column.id,
            title: column.title,
            ...(column.kind ? { kind: column.kind } : {}),
            width: width(column.id, column.width),
            pinned: view.pinned.includes(column.id),
            number: column.number ?? false,
            sortable: column.order !== undefined,
            cell: column.cell,
          }),
        ),
    ]
  }, [columns, view, chosen, version])

  const orders: Record<string, string | undefined> = { name: "run_name" }
  for (const column of columns) orders[column.id] = column.order
  const sorted = Object.keys(orders).find((id) => orders[id] === view.order?.field)
  const sort = (id: string) => {
    const field = orders[id]!
    if (view.order?.field !== field) onView({ order: { field, descending: columns.some((c) => c.id === id && c.number) } })
    else if (view.order.descending === columns.some((c) => c.id === id && c.number))
      onView({ order: { field, descending: !view.order.descending } })
    else onView({ order: null })
  }
  return (
    <Grid
      label="Runs"
      columns={grid}
      count={source.count}
      row={(at) => source.run(at)}
      version={version}
      onRange={(start, end) => source.need(start, end)}
      sort={sorted !== undefined ? { id: sorted, descending: view.order!.descending } : undefined}
      onSort={sort}
      onResize={(id, width) => onView({ widths: { ...view.widths, [id]: width } }, true)}
      onReorder={(id, before) => onView({ columns: reorder(columns.map((column) => column.id), id, before) }, true)}
      onOpen={(run) => go(`/runs/${encodeURIComponent(run.run_id)}`)}
      onChoose={toggle}
      rowClass={(run) => (chosen.has(run.run_id) ? "chosen" : "")}
    />
  )
}

function everyRun(source: RunSource): Set<string> {
  const ids = new Set<string>()
  for (let at = 0; at < source.count; at++) ids.add(source.id(at)!)
  return ids
}

/** Put one item before another. */
export function reorder(ids: string[], moved: string, before: string): string[] {
  const rest = ids.filter((id) => id !== moved)
  const at = rest.indexOf(before)
  return [...rest.slice(0, at), moved, ...rest.slice(at)]
}
