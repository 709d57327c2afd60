/** Projects that were run: by where they are and their entry points, as the tags of their runs say. */
import { call } from "../../api/client"
import type { RunGroup } from "../../api/types"
import { Button, Code, Empty, Failure, SearchBox, Skeleton } from "../../components/basics"
import { MayNot } from "../../components/rights"
import { Table } from "../../components/table"
import { ago, count, field, moment, quote } from "../../format"
import { useLive } from "../../state/live"
import { useLoad } from "../../state/load"
import { may, me } from "../../state/me"
import { place, setQuery } from "../../state/router"
import type { PageProps } from "../pages"
import "../../components/detail.css"

const SOURCE = field("tags", "mlflow.source.name")
const ENTRY = field("tags", "mlflow.project.entryPoint")
const LAUNCHED = `${field("tags", "mlflow.source.type")} = 'PROJECT'`
const MOST = 1_000
const REST_MS = 5_000

export default function Projects(_: PageProps) {
  const text = place.value.query.get("q") ?? ""
  const { data, error, reload } = useLoad("projects", (signal) =>
    call("runs.group", { filter: LAUNCHED, by: [SOURCE, ENTRY], limit: MOST }, signal),
  )
  useLive({}, reload, REST_MS)
  const found = data?.groups.filter(({ values }) => values.join(" ").toLowerCase().includes(text.toLowerCase()))
  return (
    <main class="page" id="main">
      <div class="head">
        <h1>Projects</h1>
        <Button icon="refresh" label="Look again" onClick={reload} />
      </div>
      {error && <Failure error={error} retry={reload} />}
      {!data && !error && <Skeleton rows={6} />}
      {data?.groups.length === 0 && (
        <Empty title="No project has been run yet">
          <p>A project is a folder or a git repository with an MLproject file. A launch makes a run that says what it was made of{may("create") ? ":" : "."}</p>
          {me.value && !may("create") && <MayNot needs="create" />}
          {may("create") && <Code text={`trackway run ./churn --entry-point train -P rate=0.1\ntrackway run https://example.org/team/churn.git --version main`} />}
        </Empty>
      )}
      {data && data.groups.length > 0 && (
        <>
          <div class="row">
            <SearchBox value={text} label="Find a project" onInput={(q) => setQuery({ q }, true)} />
          </div>
          {found!.length === 0 && <Empty title="No project has this in its name" />}
          {found!.length > 0 && (
            <Table label="Projects" heads={["Project", "Entry point", ["Runs", "number"], "How they went", "Last launched"]}>
              {found!.map((group) => (
                <Row key={JSON.stringify(group.values)} group={group} />
              ))}
            </Table>
          )}
          {data.total > data.groups.length && <p class="soft">The first {count(data.groups.length)} of {count(data.total)}.</p>}
        </>
      )}
    </main>
  )
}

const MEANING: Record<string, string> = { FINISHED: "good", FAILED: "bad", RUNNING: "busy", KILLED: "warn", LOST: "warn" }

function Row({ group }: { group: RunGroup }) {
  const [source, entry] = group.values.map((value) => (value === null ? "" : String(value)))
  const own = [LAUNCHED, `${SOURCE} = ${quote(source!)}`, entry ? `${ENTRY} = ${quote(entry)}` : `NOT EXISTS(${ENTRY})`]
  const runs = `/runs?filter=${encodeURIComponent(own.join(" AND "))}`
  return (
    <tr>
      <td class="cut wide" title={source}>
        <a href={runs}>{source || "unnamed"}</a>
      </td>
      <td class="mono">{entry}</td>
      <td class="number">{count(group.runs)}</td>
      <td>
        <span class="row">
          {Object.entries(group.statuses).map(([status, runsOf]) => (
            <span key={status} class={`badge ${MEANING[status] ?? ""}`}>
              {count(runsOf)} {status.toLowerCase()}
            </span>
          ))}
        </span>
      </td>
      <td title={moment(group.newest_start_ms)}>{ago(group.newest_start_ms)}</td>
    </tr>
  )
}
