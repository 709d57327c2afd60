/** The server's own background work: what it is for, when it was done, and whether it failed. */
import { call } from "../../api/client"
import type { Job } from "../../api/types"
import { Button, Empty, Failure, Skeleton } from "../../components/basics"
import { Table } from "../../components/table"
import { ago, count, duration, moment } from "../../format"
import { useLoad } from "../../state/load"
import type { PageProps } from "../pages"
import "../../components/detail.css"
import "./operate.css"

/** A job that was not done for so many of its pauses is late. */
const LATE = 5

export default function Jobs(_: PageProps) {
  const { data, error, reload } = useLoad("jobs", (signal) => call("jobs.list", {}, signal))
  return (
    <main class="page" id="main">
      <div class="head">
        <h1>Jobs</h1>
        <Button icon="refresh" label="Look again" onClick={reload} />
      </div>
      <p class="soft">What the server does by itself, one replica at a time. Projects that run by the clock are schedules.</p>
      {error && <Failure error={error} retry={reload} />}
      {!data && !error && <Skeleton rows={8} />}
      {data?.jobs.length === 0 && (
        <Empty title="No job has been done yet">
          <p>A server begins with them within a minute, unless it was started with --jobs=false.</p>
        </Empty>
      )}
      {data && data.jobs.length > 0 && (
        <Table label="Jobs" heads={["Job", "State", "Last done", ["Took", "number"], ["Every", "number"], ["Times", "number"], ["Failed", "number"], "Last failure"]}>
          {data.jobs.map((job) => (
            <tr key={job.name}>
              <td class="two-lines">
                <strong>{job.name}</strong>
                <div class="soft small">{job.purpose}</div>
              </td>
              <td>
                <State job={job} />
              </td>
              <td title={moment(job.ended_ms)}>{ago(job.ended_ms)}</td>
              <td class="number">{duration(job.ended_ms - job.began_ms)}</td>
              <td class="number">{pause(job.interval_ms)}</td>
              <td class="number">{count(job.times)}</td>
              <td class="number">{job.failures > 0 ? count(job.failures) : ""}</td>
              <td class="cut wide" title={job.error}>
                {job.error_ms !== null && <span class="soft small">{ago(job.error_ms)}: </span>}
                {job.error}
              </td>
            </tr>
          ))}
        </Table>
      )}
    </main>
  )
}

/** A round time, in its largest unit. */
function pause(ms: number): string {
  if (ms % 3_600_000 === 0) return `${ms / 3_600_000} h`
  return ms % 60_000 === 0 ? `${ms / 60_000} min` : `${ms / 1_000} s`
}

function State({ job }: { job: Job }) {
  if (job.error_ms !== null && job.error_ms >= job.ended_ms) return <span class="badge bad">Failed</span>
  if (Date.now() - job.ended_ms > LATE * job.interval_ms + 60_000) return <span class="badge warn">Late</span>
  return <span class="badge good">Done</span>
}
