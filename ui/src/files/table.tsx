/** A table of a file, a page of rows at a time. */
import { useState } from "preact/hooks"
import { Button, Failure, Skeleton } from "../components/basics"
import { count } from "../format"
import { useLoad } from "../state/load"
import type { Rows } from "./tables"

const PAGE = 50
const MOST_COLUMNS = 200

interface TableProps {
  /** Stands for the table and what is in it. */
  id: string
  open: (signal: AbortSignal) => Promise<Rows>
}

export function TablePreview({ id, open }: TableProps) {
  const [start, setStart] = useState(0)
  const { data: rows, error } = useLoad(id, open)
  const page = useLoad(rows ? `${id} ${start}` : null, () => rows!.read(start, Math.min(rows!.known, start + PAGE)))
  if (error ?? page.error) return <Failure error={(error ?? page.error)!} />
  if (!rows || !page.data) return <Skeleton rows={8} />
  const end = start + page.data.length
  return (
    <div class="stack">
      <div class="row wrap">
        <span class="soft small" role="status">
          {rows.known === 0 ? "No rows" : `Rows ${count(start + 1)} to ${count(end)} of ${count(rows.known)}`}
          {rows.count === undefined && " in the part that was read; download the file for all"}
          {rows.columns.length > MOST_COLUMNS && `, the first ${MOST_COLUMNS} of ${count(rows.columns.length)} columns`}
        </span>
        <span class="grow" />
        <Button icon="left" label="Rows before" disabled={start === 0} onClick={() => setStart(Math.max(0, start - PAGE))} />
        <Button icon="right" label="Rows after" disabled={end >= rows.known} onClick={() => setStart(start + PAGE)} />
      </div>
      <div class="panel scroll" tabIndex={0} role="region" aria-label="Rows">
        <table class="table fixed">
          <thead>
            <tr>
              <th class="number row-number">Row</th>
              {rows.columns.slice(0, MOST_COLUMNS).map((name, n) => (
                <th key={n}>{name}</th>
              ))}
            </tr>
          </thead>
          <tbody>
            {page.data.map((row, n) => (
              <tr key={n}>
                <td class="number soft">{start + n + 1}</td>
                {rows.columns.slice(0, MOST_COLUMNS).map((_, at) => (
                  <td key={at} class="cut" title={row[at] ?? ""}>
                    {row[at] === null || row[at] === undefined ? <span class="soft">null</span> : row[at]!.slice(0, 300)}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </div>
  )
}
