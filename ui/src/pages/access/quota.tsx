/** What the workspace holds and asks, and the most that it may: a form for administrators. */
import { useState } from "preact/hooks"
import { call } from "../../api/client"
import type { Usage } from "../../api/types"
import { Button, Failure, Skeleton } from "../../components/basics"
import { FormDialog } from "../../components/dialog"
import { Facts, Section, type Fact } from "../../components/facts"
import { bytes, count } from "../../format"
import { useLoad } from "../../state/load"

const GIGABYTE = 1e9

export function WorkspaceUsage({ mayLimit }: { mayLimit: boolean }) {
  const { data, error, reload } = useLoad("usage", (signal) => call("usage.get", {}, signal))
  const [limiting, setLimiting] = useState(false)
  if (error?.status === 403) return null
  return (
    <Section
      title="What the workspace uses"
      acts={mayLimit && data && <Button onClick={() => setLimiting(true)}>Change the quota</Button>}
    >
      {error && <Failure error={error} retry={reload} />}
      {!data && !error && <Skeleton rows={2} />}
      {data && <Facts facts={list(data)} />}
      {limiting && data && <QuotaForm usage={data} onClose={() => setLimiting(false)} onDone={reload} />}
    </Section>
  )
}

function list(usage: Usage): Fact[] {
  const { exceeded } = usage
  const of = (held: number, most: number | null, write: (value: number) => string, passed = false) => (
    <>
      {write(held)}
      {most !== null && ` of ${write(most)}`}
      {passed && <span class="badge bad">Quota passed</span>}
    </>
  )
  return [
    ["Runs", of(usage.runs, usage.runs_quota, count, exceeded.includes("runs"))],
    ["Points of metrics", of(usage.points, usage.points_quota, count, exceeded.includes("points"))],
    ["Files", of(usage.size_bytes, usage.bytes_quota, bytes, exceeded.includes("bytes"))],
    ["Requests in the last minute", of(usage.requests_last_minute, usage.requests_per_minute_quota, count)],
  ]
}

interface QuotaProps {
  usage: Usage
  onClose: () => void
  onDone: () => void
}

function QuotaForm({ usage, onClose, onDone }: QuotaProps) {
  const [runs, setRuns] = useState(write(usage.runs_quota))
  const [points, setPoints] = useState(write(usage.points_quota))
  const [gigabytes, setGigabytes] = useState(write(usage.bytes_quota && usage.bytes_quota / GIGABYTE))
  const [requests, setRequests] = useState(write(usage.requests_per_minute_quota))
  const fields: [label: string, value: string, set: (value: string) => void][] = [
    ["Runs", runs, setRuns],
    ["Points of metrics", points, setPoints],
    ["Files, in GB", gigabytes, setGigabytes],
    ["Requests a minute", requests, setRequests],
  ]
  const submit = async () => {
    const size = read(gigabytes)
    await call("quotas.set", {
      runs: read(runs),
      points: read(points),
      size_bytes: size === null ? null : Math.round(size * GIGABYTE),
      requests_per_minute: read(requests),
    })
    onDone()
  }
  return (
    <FormDialog
      title="The most that the workspace may use"
      action="Set"
      ready={fields.every(([, value]) => value.trim() === "" || Number(value) >= 0)}
      onClose={onClose}
      onSubmit={submit}
    >
      {fields.map(([label, value, set], n) => (
        <label class="field" key={label}>
          <span>{label}</span>
          <input
            class="input"
            inputMode="decimal"
            placeholder="No limit"
            value={value}
            onInput={(event) => set(event.currentTarget.value)}
            autoFocus={n === 0}
          />
        </label>
      ))}
      <p class="soft small">What is here stays when a quota is passed; more of it is refused. The trash counts until it is emptied.</p>
    </FormDialog>
  )
}

function write(quota: number | null): string {
  return quota === null ? "" : String(quota)
}

function read(text: string): number | null {
  return text.trim() === "" ? null : Number(text)
}
