/** What an operator looks at and sets: whether the server is well, how long the trash is kept, which keys are trusted. */
import { useState } from "preact/hooks"
import { call, send } from "../../api/client"
import type { Retention, Trash as TrashOfExperiment } from "../../api/types"
import { Button, Failure, Skeleton } from "../../components/basics"
import { FormDialog } from "../../components/dialog"
import { Facts, Section } from "../../components/facts"
import { MayNot } from "../../components/rights"
import { say } from "../../components/toasts"
import { discard } from "../../components/trash"
import { bytes, count, moment } from "../../format"
import { useLoad } from "../../state/load"
import { may, me } from "../../state/me"
import { address } from "../../state/workspace"
import type { PageProps } from "../pages"
import "./operate.css"

const DAY_MS = 86_400_000

export default function Settings(_: PageProps) {
  return (
    <main class="page" id="main">
      <div class="head">
        <h1>Settings</h1>
      </div>
      <Health />
      <Trash />
      <Keys />
    </main>
  )
}

interface Told {
  answer: boolean
  why: string
  version: string
  protocol: string
}

function Health() {
  const { data, error, reload } = useLoad("health", loadHealth)
  return (
    <Section title="Server" acts={<Button icon="refresh" label="Look again" onClick={reload} />}>
      {error && <Failure error={error} />}
      {data && (
        <Facts
          facts={[
            ["State", <span class={`badge ${data.answer ? "good" : "bad"}`}>{data.answer ? "Ready" : data.why}</span>],
            ["Trackway", data.version],
            ["Speaks MLflow", data.protocol],
            ["Address", address()],
            ["Operations", <a href="/api/v1/openapi.json">OpenAPI</a>],
            ["Measures", <a href="/metrics">Prometheus</a>],
            ["To look deeper", <code>trackway doctor</code>],
          ]}
        />
      )}
    </Section>
  )
}

async function loadHealth(signal: AbortSignal): Promise<Told> {
  const [ready, version] = await Promise.all([fetch("/ready", { signal }), send("/version", { signal })])
  return {
    answer: ready.ok,
    why: (await ready.text()).slice(0, 200),
    version: version.headers.get("x-trackway-version") ?? "",
    protocol: (await version.text()).slice(0, 40),
  }
}

function Trash() {
  const [asked, setAsked] = useState<"policy" | "purge">()
  const { data, error, reload } = useLoad("retention", (signal) => call("retention.get", {}, signal))
  return (
    <Section
      title="Trash"
      acts={
        may("admin") ? (
          <>
            <Button onClick={() => setAsked("policy")}>Change</Button>
            <Button kind="danger" onClick={() => setAsked("purge")}>
              Empty it
            </Button>
          </>
        ) : (
          me.value && <MayNot needs="admin" />
        )
      }
    >
      {error && <Failure error={error} />}
      {!data && !error && <Skeleton rows={2} />}
      {data && (
        <Facts
          facts={[
            ["Emptied by itself", data.trash_ms === null ? "never" : `after ${count(Math.round(data.trash_ms / DAY_MS), "day")}`],
            ["Experiments in it", count(data.trashed_experiments)],
            ["Runs in it", count(data.trashed_runs)],
            ["Other things in it", <a href="/trash">{count(data.trashed_objects)}</a>],
          ]}
        />
      )}
      {data && <Outlook key={`${data.trash_ms} ${data.trashed_runs} ${data.trashed_experiments}`} />}
      {data && asked === "policy" && <PolicyForm before={data} onClose={() => setAsked(undefined)} reload={reload} />}
      {asked === "purge" && <PurgeForm onClose={() => setAsked(undefined)} reload={reload} />}
    </Section>
  )
}

/** What of the trash goes when, for who may look at all of it; nobody else is told of it. */
function Outlook() {
  const { data } = useLoad("outlook", (signal) => call("retention.report", {}, signal))
  if (!data || data.experiments.length === 0) return null
  return (
    <div class="panel scroll" tabIndex={0} role="region" aria-label="What of it goes when">
      <table class="table">
        <thead>
          <tr>
            <th>Experiment</th>
            <th>Since</th>
            <th>Goes from</th>
            <th class="number">Runs</th>
            <th class="number">Files</th>
            <th class="number">Due now</th>
            <th>Kept</th>
          </tr>
        </thead>
        <tbody>
          {data.experiments.map((one) => (
            <tr key={one.experiment_id}>
              <td>
                {one.name}
                {one.is_whole && <span class="soft small"> all of it</span>}
              </td>
              <td>{moment(one.oldest_ms)}</td>
              <td>{one.next_ms === null ? "stays" : moment(one.next_ms)}</td>
              <td class="number">{count(one.contents.runs + one.held.runs)}</td>
              <td class="number">{bytes(one.contents.file_bytes + one.held.file_bytes)}</td>
              <td class="number">{count(one.due.runs)}</td>
              <td>{kept(one)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {!data.complete && <p class="soft small">There is more: this is the oldest part of it.</p>}
    </div>
  )
}

function kept(one: TrashOfExperiment): string {
  const reasons = [
    (one.held.experiments > 0 || one.held.runs > 0 || one.held.models > 0) && "by a legal hold",
    one.needed > 0 && `${one.needed} needed by versions`,
  ]
  return reasons.filter(Boolean).join(", ")
}

interface FormProps {
  onClose: () => void
  reload: () => void
}

function PolicyForm({ before, onClose, reload }: FormProps & { before: Retention }) {
  const [days, setDays] = useState(before.trash_ms === null ? "" : String(Math.round(before.trash_ms / DAY_MS)))
  const submit = async () => {
    await call("retention.set", { trash_ms: days.trim() === "" ? null : Math.round(Number(days) * DAY_MS) })
    reload()
  }
  return (
    <FormDialog
      title="How long the trash is kept"
      action="Set"
      ready={days.trim() === "" || Number(days) > 0}
      onClose={onClose}
      onSubmit={submit}
    >
      <label class="field">
        <span>Days (empty for ever)</span>
        <input class="input" inputMode="decimal" value={days} onInput={(event) => setDays(event.currentTarget.value)} autoFocus />
      </label>
      <p class="soft small">What has been in the trash for longer is removed for good, with its files, by the server itself.</p>
    </FormDialog>
  )
}

function PurgeForm({ onClose, reload }: FormProps) {
  const { data, error } = useLoad("dry", (signal) => call("retention.purge", { older_than_ms: 0, dry_run: true }, signal))
  const submit = async () => {
    const done = await call("retention.purge", { older_than_ms: 0 })
    say(`${count(done.runs, "run")} and ${bytes(done.file_bytes)} of files are removed`)
    reload()
  }
  return (
    <FormDialog title="Empty the trash" action="Remove for good" danger ready={data !== undefined} onClose={onClose} onSubmit={submit}>
      {error && <Failure error={error} />}
      {data && (
        <p>
          {count(data.experiments, "experiment")}, {count(data.runs, "run")} with {count(data.points, "point")},{" "}
          {count(data.objects ?? 0, "other thing")}, and{" "}
          {count(data.files, "file")} of {bytes(data.file_bytes)} are removed for good. This cannot be undone.
        </p>
      )}
    </FormDialog>
  )
}

function Keys() {
  const [adding, setAdding] = useState(false)
  const { data, error, reload } = useLoad("keys", (signal) => call("signing_keys.list", {}, signal))
  const remove = (name: string) => discard(() => call("signing_keys.delete", { name }), `“${name}” is trusted no more`, reload)
  return (
    <Section title="Keys that sign models" acts={may("admin") && <Button icon="add" onClick={() => setAdding(true)}>Trust a key</Button>}>
      {error && <Failure error={error} />}
      {data?.keys.length === 0 && <p class="soft section-none">None is trusted yet: no signature of a version is kept.</p>}
      <ul class="entries">
        {data?.keys.map((key) => (
          <li key={key.name}>
            <strong>{key.name}</strong>
            <span class="badge">{key.kind}</span>
            <span class="grow soft small">
              {moment(key.created_ms)} by {key.created_by}
            </span>
            {may("admin") && (
              <Button tiny kind="danger" onClick={() => void remove(key.name)}>
                Trust no more
              </Button>
            )}
          </li>
        ))}
      </ul>
      {adding && <KeyForm onClose={() => setAdding(false)} reload={reload} />}
    </Section>
  )
}

function KeyForm({ onClose, reload }: FormProps) {
  const [name, setName] = useState("")
  const [pem, setPem] = useState("")
  const submit = async () => {
    await call("signing_keys.create", { name: name.trim(), pem })
    reload()
  }
  return (
    <FormDialog title="Trust a key" action="Trust" ready={name.trim() !== "" && pem.trim() !== ""} onClose={onClose} onSubmit={submit}>
      <label class="field">
        <span>Name</span>
        <input class="input" value={name} onInput={(event) => setName(event.currentTarget.value)} autoFocus />
      </label>
      <label class="field">
        <span>Public key or certificate, as PEM</span>
        <textarea class="area mono" rows={8} value={pem} onInput={(event) => setPem(event.currentTarget.value)} />
      </label>
    </FormDialog>
  )
}
