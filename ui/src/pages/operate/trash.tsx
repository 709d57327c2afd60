/** The trash: what was deleted, to bring it back or to remove it for good. */
import { useState } from "preact/hooks"
import { call } from "../../api/client"
import type { TrashEntry } from "../../api/types"
import { Button, Empty, Failure, Skeleton } from "../../components/basics"
import { FormDialog } from "../../components/dialog"
import { Menu } from "../../components/menu"
import { Table } from "../../components/table"
import { attempt, say } from "../../components/toasts"
import { ago, bytes, count, moment } from "../../format"
import { useLoad } from "../../state/load"
import { place, setQuery } from "../../state/router"
import type { PageProps } from "../pages"
import "./operate.css"

const PAGE = 100

export const KINDS: Record<TrashEntry["kind"], string> = {
  registered_model: "Model",
  model_version: "Version",
  comment: "Comment",
  endpoint: "Endpoint",
  signing_key: "Key",
  webhook: "Webhook",
  schedule: "Schedule",
  team: "Team",
  role: "Role",
  grant: "Grant",
}

export default function Trash(_: PageProps) {
  const { query } = place.value
  const asked = query.get("kind")
  const kind = asked && asked in KINDS ? (asked as TrashEntry["kind"]) : null
  const pages = Math.max(1, Number(query.get("pages")) || 1)
  const { data, error, reload } = useLoad(`${kind} ${pages}`, (signal) => call("trash.search", { kind, limit: PAGE * pages }, signal))
  return (
    <main class="page" id="main">
      <div class="head">
        <h1>Trash</h1>
        <Button icon="refresh" label="Look again" onClick={reload} />
      </div>
      <div class="row wrap">
        <select
          class="select"
          style={{ width: "auto" }}
          aria-label="Kind"
          value={kind ?? ""}
          onChange={(event) => setQuery({ kind: event.currentTarget.value || null, pages: null })}
        >
          <option value="">Everything</option>
          {Object.entries(KINDS).map(([value, text]) => (
            <option key={value} value={value}>
              {text}
            </option>
          ))}
        </select>
        <p class="grow soft small">
          What you deleted; administrators see all of it. Experiments and runs are in the trash of their own lists.
        </p>
      </div>
      {error && <Failure error={error} retry={reload} />}
      {!data && !error && <Skeleton rows={6} />}
      {data?.entries.length === 0 && (
        <Empty title="Nothing is in the trash">
          <p>Models, versions, webhooks, schedules, teams and roles that are deleted wait here until the trash is emptied.</p>
        </Empty>
      )}
      {data && data.entries.length > 0 && (
        <Table label="In the trash" heads={["Name", "Kind", "Deleted", ["By", "only-wide"], ["Acts", "unseen"]]}>
          {data.entries.map((entry) => (
            <Row key={entry.trash_id} entry={entry} reload={reload} />
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

function Row({ entry, reload }: { entry: TrashEntry; reload: () => void }) {
  const [purging, setPurging] = useState(false)
  const { trash_id, name, kind } = entry
  const restore = async () => {
    if (!(await attempt(() => call("trash.restore", { trash_id })))) return
    reload()
    say(`“${name}” is back`)
  }
  return (
    <tr>
      <td class="cut wide" title={name}>
        {name}
      </td>
      <td>{KINDS[kind]}</td>
      <td title={moment(entry.deleted_ms)}>{ago(entry.deleted_ms)}</td>
      <td class="cut only-wide">{entry.deleted_by}</td>
      <td>
        <span class="row" style={{ justifyContent: "flex-end" }}>
          <Button tiny label={`Restore ${name}`} onClick={() => void restore()}>
            Restore
          </Button>
          <Menu
            kind="bare"
            tiny
            icon="more"
            label={`Acts on ${name}`}
            acts={[{ text: "Remove for good", icon: "trash", danger: true, act: () => setPurging(true) }]}
          />
        </span>
        {purging && <PurgeForm entry={entry} onClose={() => setPurging(false)} reload={reload} />}
      </td>
    </tr>
  )
}

function PurgeForm({ entry, onClose, reload }: { entry: TrashEntry; onClose: () => void; reload: () => void }) {
  const trash_ids = [entry.trash_id]
  const { data, error } = useLoad(entry.trash_id, (signal) => call("trash.purge", { trash_ids, dry_run: true }, signal))
  const submit = async () => {
    await call("trash.purge", { trash_ids })
    reload()
  }
  return (
    <FormDialog
      title={`Remove “${entry.name}” for good`}
      action="Remove for good"
      danger
      ready={data !== undefined}
      onClose={onClose}
      onSubmit={submit}
    >
      {error && <Failure error={error} />}
      {data && (
        <p>
          {data.files > 0 ? `${count(data.files, "file")} of ${bytes(data.file_bytes)} go with it. ` : ""}This cannot be undone.
        </p>
      )}
    </FormDialog>
  )
}
