/** Who changed what, when: newest first, perhaps of one operation or one object. */
import { call } from "../../api/client"
import { Button, Empty, Failure, SearchBox, Skeleton } from "../../components/basics"
import { Table } from "../../components/table"
import { ago, moment } from "../../format"
import { useLoad } from "../../state/load"
import { place, setQuery } from "../../state/router"
import type { PageProps } from "../pages"
import "../../components/detail.css"

const PAGE = 100

export default function Audit(_: PageProps) {
  const { query } = place.value
  const operation = query.get("operation") ?? ""
  const object = query.get("object") ?? ""
  const pages = Math.max(1, Number(query.get("pages")) || 1)
  const { data, error, reload } = useLoad(`${operation}\n${object}\n${pages}`, (signal) =>
    call("audit.search", { operation: operation.trim(), object: object.trim(), limit: PAGE * pages }, signal),
  )
  return (
    <main class="page" id="main">
      <div class="head">
        <h1>Audit</h1>
        <Button icon="refresh" label="Look again" onClick={reload} />
      </div>
      <div class="row wrap">
        <SearchBox value={operation} label="Operation, such as runs.delete" onInput={(next) => setQuery({ operation: next }, true)} />
        <SearchBox value={object} label="Object" onInput={(next) => setQuery({ object: next }, true)} />
      </div>
      {error && <Failure error={error} retry={reload} />}
      {!data && !error && <Skeleton rows={10} />}
      {data?.entries.length === 0 && <Empty title="No entry is like this" />}
      {data && data.entries.length > 0 && (
        <Table label="Entries" heads={["When", "Who", "Operation", "Object", "Detail", ["Request", "only-wide"]]} fixed>
          {data.entries.map((entry, n) => (
            <tr key={n}>
              <td title={ago(entry.time_ms)}>{moment(entry.time_ms)}</td>
              <td class="cut">{entry.actor}</td>
              <td>
                <button type="button" class="badge" onClick={() => setQuery({ operation: entry.operation })}>
                  {entry.operation}
                </button>
              </td>
              <td class="cut mono" title={entry.object}>
                {entry.object}
              </td>
              <td class="cut" title={entry.detail}>
                {entry.detail}
              </td>
              <td class="cut mono only-wide">{entry.request_id}</td>
            </tr>
          ))}
        </Table>
      )}
      {data?.next_page_token && (
        <div>
          <Button onClick={() => setQuery({ pages: String(pages + 1) }, true)}>Show more</Button>
        </div>
      )}
    </main>
  )
}
