/** Whether the server is well, and what to do where it is not: what `trackway doctor` sees, from here. */
import { ApiError, call } from "../../api/client"
import { Button, Code, Failure, Skeleton } from "../../components/basics"
import { bytes, count } from "../../format"
import { useLoad } from "../../state/load"
import { address } from "../../state/workspace"
import type { PageProps } from "../pages"
import "../../components/detail.css"
import "./operate.css"

interface Finding {
  what: string
  verdict: "ok" | "look" | "wrong"
  found: string
  /** What to do; a command where it can be one. */
  act?: string
}

const VERDICTS = { ok: ["good", "Fine"], look: ["warn", "Look"], wrong: ["bad", "Wrong"] } as const
const LARGE_LOG_BYTES = 512_000_000
const LARGE_TRASH = 1_000
const SKEW_MS = 5_000

export default function Doctor(_: PageProps) {
  const { data, error, loading, reload } = useLoad("doctor", examine)
  const worst = data && (["wrong", "look", "ok"] as const).find((one) => data.some(({ verdict }) => verdict === one))
  return (
    <main class="page" id="main">
      <div class="head">
        <h1>Doctor</h1>
        <Button icon="refresh" label="Look again" disabled={loading} onClick={reload} />
      </div>
      {error && <Failure error={error} retry={reload} />}
      {!data && !error && <Skeleton rows={8} />}
      {data && worst && (
        <>
          <p class="soft" role="status">
            {worst === "ok"
              ? "Everything that can be seen from here is as it should be."
              : `${count(data.filter(({ verdict }) => verdict !== "ok").length, "finding")} to look at.`}
          </p>
          <ul class="panel findings" aria-label="Findings">
            {data.map(({ what, verdict, found, act }) => (
              <li key={what}>
                <span class={`badge ${VERDICTS[verdict][0]}`}>{VERDICTS[verdict][1]}</span>
                <strong>{what}</strong>
                <span class="grow">
                  {found}
                  {act && <span class="soft"> What to do: {act}</span>}
                </span>
              </li>
            ))}
          </ul>
          <p class="soft small">Artifacts, disks and journals are examined where they are:</p>
          <Code text={`trackway doctor --uri ${address()}`} />
        </>
      )}
    </main>
  )
}

async function examine(signal: AbortSignal): Promise<Finding[]> {
  const asked = Date.now()
  const ready = await fetch("/ready", { signal })
  const why = (await ready.text()).slice(0, 200)
  const took = Date.now() - asked
  const found: Finding[] = [
    ready.ok
      ? { what: "Server", verdict: "ok", found: `ready, answered within ${count(took)} ms` }
      : { what: "Server", verdict: "wrong", found: why, act: "read the server's log" },
  ]
  const clock = Date.parse(ready.headers.get("date") ?? "")
  const skew = clock - (asked + took / 2)
  if (Number.isFinite(skew)) {
    const same = Math.abs(skew) < SKEW_MS
    const told = same ? "agrees with this browser's" : `differs from this browser's by ${Math.round(skew / 1_000)} s`
    found.push({ what: "Clock", verdict: same ? "ok" : "look", found: told, ...(same ? {} : { act: "set both by NTP" }) })
  }
  const parts = await Promise.all([
    shielded("Database", examineStore, signal),
    shielded("Jobs", examineJobs, signal),
    shielded("Trash", examineTrash, signal),
    shielded("Quota", examineUsage, signal),
  ])
  return [...found, ...parts.flat()]
}

/** What may not be seen, or fails, is a finding itself. */
async function shielded(
  what: string,
  part: (signal: AbortSignal) => Promise<Finding[]>,
  signal: AbortSignal,
): Promise<Finding[]> {
  try {
    return await part(signal)
  } catch (error) {
    if (!(error instanceof ApiError) || signal.aborted) throw error
    const hidden = error.status === 403 || error.status === 401
    return [{ what, verdict: hidden ? "ok" : "wrong", found: hidden ? "only shown to administrators" : error.message }]
  }
}

async function examineStore(signal: AbortSignal): Promise<Finding[]> {
  const store = await call("store.inspect", {}, signal)
  const missing = store.missing_indexes
  const plain = store.journal_mode === "" || store.journal_mode === "wal"
  return [
    { what: "Schema", verdict: "ok", found: `revision ${store.revision}, ${bytes(store.size_bytes)}` },
    missing.length
      ? { what: "Indexes", verdict: "wrong", found: `missing: ${missing.join(", ")}`, act: "stop the server, then trackway db repair" }
      : { what: "Indexes", verdict: "ok", found: "all there" },
    plain
      ? store.log_bytes > LARGE_LOG_BYTES
        ? { what: "Write-ahead log", verdict: "look", found: `${bytes(store.log_bytes)} are not in the database yet`, act: "end what has been reading for long" }
        : { what: "Write-ahead log", verdict: "ok", found: store.journal_mode ? bytes(store.log_bytes) : "kept by PostgreSQL" }
      : { what: "Write-ahead log", verdict: "wrong", found: `the journal mode is ${store.journal_mode}`, act: "PRAGMA journal_mode = WAL" },
  ]
}

async function examineJobs(signal: AbortSignal): Promise<Finding[]> {
  const { jobs } = await call("jobs.list", {}, signal)
  const failing = jobs.filter((job) => job.error_ms !== null && job.error_ms >= job.ended_ms)
  if (jobs.length === 0) return [{ what: "Jobs", verdict: "look", found: "none has been done yet", act: "let one server do them, without --jobs=false" }]
  if (failing.length === 0) return [{ what: "Jobs", verdict: "ok", found: `${count(jobs.length)} are done by themselves` }]
  return failing.map(({ name, error }) => ({ what: `Job ${name}`, verdict: "wrong", found: error, act: "see the page of jobs" }))
}

async function examineTrash(signal: AbortSignal): Promise<Finding[]> {
  const { trash_ms, trashed_runs, trashed_experiments } = await call("retention.get", {}, signal)
  const found = `${count(trashed_experiments, "experiment")}, ${count(trashed_runs, "run")}`
  const much = trash_ms === null && trashed_runs > LARGE_TRASH
  return [{ what: "Trash", verdict: much ? "look" : "ok", found, ...(much ? { act: "set in Settings how long it is kept" } : {}) }]
}

async function examineUsage(signal: AbortSignal): Promise<Finding[]> {
  const { runs, points, size_bytes, exceeded } = await call("usage.get", {}, signal)
  const found = `${count(runs, "run")}, ${count(points, "point")}, ${bytes(size_bytes)} of files`
  if (exceeded.length === 0) return [{ what: "Quota", verdict: "ok", found }]
  return [{ what: "Quota", verdict: "wrong", found: `${found}; no more ${exceeded.join(", ")}`, act: "trackway quotas set, or remove what is old" }]
}
