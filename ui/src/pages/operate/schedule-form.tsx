/** A form that makes a schedule; what it does not ask for is as `trackway schedules create` has it by itself. */
import { useState } from "preact/hooks"
import { call } from "../../api/client"
import { FormDialog } from "../../components/dialog"
import { readParams } from "./params"

interface ScheduleFormProps {
  onClose: () => void
  onMade: (name: string) => void
}

export function ScheduleForm({ onClose, onMade }: ScheduleFormProps) {
  const [name, setName] = useState("")
  const [cron, setCron] = useState("")
  const [zone, setZone] = useState(Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC")
  const [uri, setUri] = useState("")
  const [entry, setEntry] = useState("main")
  const [params, setParams] = useState("")
  const fields: [label: string, value: string, set: (value: string) => void, example: string][] = [
    ["Name", name, setName, "nightly"],
    ["When: minute, hour, day, month, weekday", cron, setCron, "30 2 * * mon-fri, or @daily"],
    ["Time zone", zone, setZone, "Europe/Paris"],
    ["Project: a folder of the worker, or a repository", uri, setUri, "https://git.example.org/churn.git"],
    ["Entry point", entry, setEntry, "main"],
  ]
  const submit = async () => {
    const unsaid = { version: "", experiment: "", backend: "", backend_config: "", env_manager: "" }
    const launch = { ...unsaid, uri: uri.trim(), entry_point: entry.trim() || "main", params: readParams(params) }
    await call("schedules.create", { name: name.trim(), cron: cron.trim(), time_zone: zone.trim() || "UTC", launch })
    onMade(name.trim())
  }
  return (
    <FormDialog
      title="Run a project by the clock"
      action="Create"
      ready={[name, cron, uri].every((text) => text.trim() !== "")}
      onClose={onClose}
      onSubmit={submit}
    >
      {fields.map(([label, value, set, example], n) => (
        <label class="field" key={label}>
          <span>{label}</span>
          <input
            class="input"
            value={value}
            placeholder={example}
            spellcheck={false}
            onInput={(event) => set(event.currentTarget.value)}
            autoFocus={n === 0}
          />
        </label>
      ))}
      <label class="field">
        <span>Params, one a line</span>
        <textarea
          class="area mono"
          rows={3}
          placeholder="alpha=0.5"
          value={params}
          spellcheck={false}
          onInput={(event) => setParams(event.currentTarget.value)}
        />
      </label>
      <p class="soft small">
        A worker runs it: <code>trackway worker</code> on any machine that has what the project needs.
      </p>
    </FormDialog>
  )
}
