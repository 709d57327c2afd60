/** Webhooks: who is told of what, and what became of each telling. */
import { useState } from "preact/hooks"
import { call } from "../../api/client"
import type { Delivery, Webhook } from "../../api/types"
import { Button, Empty, Failure, Skeleton } from "../../components/basics"
import { FormDialog } from "../../components/dialog"
import { Section } from "../../components/facts"
import { Highlighted } from "../../components/highlight"
import { Menu } from "../../components/menu"
import { Table } from "../../components/table"
import { attempt, say } from "../../components/toasts"
import { discard } from "../../components/trash"
import { ago, count, moment } from "../../format"
import { useLoad } from "../../state/load"
import { may } from "../../state/me"
import { place, setQuery } from "../../state/router"
import type { PageProps } from "../pages"
import { EVENTS, type EventKind } from "./kinds"
import "./operate.css"

export default function Webhooks(_: PageProps) {
  const [asked, setAsked] = useState<Webhook | "new">()
  const { data, error, reload } = useLoad("webhooks", (signal) => call("webhooks.list", { limit: 1_000 }, signal))
  const chosen = data?.webhooks.find((one) => one.webhook_id === place.value.query.get("webhook"))
  return (
    <main class="page" id="main">
      <div class="head">
        <h1>Webhooks</h1>
        {may("admin") && (
          <Button kind="primary" icon="add" onClick={() => setAsked("new")}>
            Create
          </Button>
        )}
      </div>
      {error && <Failure error={error} retry={reload} />}
      {!data && !error && <Skeleton rows={6} />}
      {data?.webhooks.length === 0 && (
        <Empty title="No webhooks yet">
          <p>A webhook tells another system when a run ends, a version is registered, or a stage changes: signed, and until it answers.</p>
        </Empty>
      )}
      {data && data.webhooks.length > 0 && (
        <Table label="Webhooks" heads={["Name", "Address", "Told of", "State", ["Made", "only-wide"], ["Acts", "unseen"]]}>
          {data.webhooks.map((one) => (
            <tr key={one.webhook_id}>
              <td class="cut wide" title={one.description}>
                <a href={`/webhooks?webhook=${encodeURIComponent(one.webhook_id)}`}>{one.name}</a>
              </td>
              <td class="cut wide mono" title={one.url}>
                {one.url}
              </td>
              <td title={one.events.join("\n")}>{count(one.events.length, "kind")}</td>
              <td>
                <span class={`badge ${one.enabled ? "good" : ""}`}>{one.enabled ? "On" : "Off"}</span>
                {one.signed && <span class="soft small"> signed</span>}
              </td>
              <td class="only-wide" title={moment(one.created_ms)}>
                {ago(one.created_ms)}
              </td>
              <td class="number">
                <Acts webhook={one} reload={reload} onEdit={() => setAsked(one)} />
              </td>
            </tr>
          ))}
        </Table>
      )}
      {chosen && <Deliveries key={chosen.webhook_id} webhook={chosen} />}
      {asked && (
        <WebhookForm before={asked === "new" ? undefined : asked} onClose={() => setAsked(undefined)} reload={reload} />
      )}
    </main>
  )
}

function Acts({ webhook, reload, onEdit }: { webhook: Webhook; reload: () => void; onEdit: () => void }) {
  const { webhook_id, name, enabled } = webhook
  const turn = async () => {
    if (await attempt(() => call("webhooks.update", { webhook_id, enabled: !enabled }))) reload()
  }
  const test = async () => {
    await attempt(async () => {
      const { state, attempts } = await call("webhooks.test", { webhook_id })
      say(state === "delivered" ? `“${name}” took the example` : `“${name}” did not take it: ${attempts.at(-1)?.error ?? state}`)
    })
    setQuery({ webhook: webhook_id })
  }
  return (
    <>
      <Menu
        kind="bare"
        tiny
        icon="more"
        label={`Acts on ${name}`}
        acts={[
          { text: "Send an example", icon: "arrow", act: () => void test() },
          { text: "Change", icon: "edit", act: onEdit },
          { text: enabled ? "Switch off" : "Switch on", icon: "eye", act: () => void turn() },
          { text: "Delete", icon: "trash", danger: true, act: () => void discard(() => call("webhooks.delete", { webhook_id }), `“${name}” is in the trash`, reload) },
        ]}
      />
    </>
  )
}

interface FormProps {
  before: Webhook | undefined
  onClose: () => void
  reload: () => void
}

function WebhookForm({ before, onClose, reload }: FormProps) {
  const [name, setName] = useState(before?.name ?? "")
  const [url, setUrl] = useState(before?.url ?? "")
  const [secret, setSecret] = useState("")
  const [events, setEvents] = useState<Set<EventKind>>(new Set(before?.events))
  const toggle = (kind: EventKind) => {
    const next = new Set(events)
    if (!next.delete(kind)) next.add(kind)
    setEvents(next)
  }
  const submit = async () => {
    const wanted = { name: name.trim(), url: url.trim(), events: EVENTS.filter((kind) => events.has(kind)) }
    if (before) await call("webhooks.update", { webhook_id: before.webhook_id, ...wanted, secret: secret || null })
    else await call("webhooks.create", { ...wanted, secret })
    reload()
  }
  return (
    <FormDialog
      title={before ? "Change the webhook" : "Create a webhook"}
      action={before ? "Change" : "Create"}
      ready={name.trim() !== "" && url.trim() !== "" && events.size > 0}
      onClose={onClose}
      onSubmit={submit}
    >
      <label class="field">
        <span>Name</span>
        <input class="input" value={name} onInput={(event) => setName(event.currentTarget.value)} autoFocus />
      </label>
      <label class="field">
        <span>Address</span>
        <input
          class="input"
          type="url"
          placeholder="https://ci.example.org/hooks/trackway"
          value={url}
          onInput={(event) => setUrl(event.currentTarget.value)}
        />
      </label>
      <label class="field">
        <span>{before?.signed ? "New secret (empty keeps the old one)" : "Secret, with which each telling is signed"}</span>
        <input
          class="input"
          type="password"
          autocomplete="new-password"
          value={secret}
          onInput={(event) => setSecret(event.currentTarget.value)}
        />
      </label>
      <fieldset class="kinds">
        <legend>Told of</legend>
        {EVENTS.map((kind) => (
          <label class="check" key={kind}>
            <input type="checkbox" checked={events.has(kind)} onChange={() => toggle(kind)} />
            {kind.replaceAll("_", " ").replace(".", ": ")}
          </label>
        ))}
      </fieldset>
    </FormDialog>
  )
}

const STATES: Record<Delivery["state"], string> = { dead: "bad", delivered: "good", pending: "busy" }

function Deliveries({ webhook }: { webhook: Webhook }) {
  const { webhook_id, name } = webhook
  const [shown, setShown] = useState("")
  const { data, error, reload } = useLoad(webhook_id, (signal) =>
    call("webhooks.list_deliveries", { webhook_id, limit: 100 }, signal),
  )
  const replay = async (delivery: Delivery) => {
    const again = { webhook_id, delivery_id: delivery.delivery_id }
    if (await attempt(() => call("webhooks.replay_delivery", again))) reload()
  }
  return (
    <Section
      title={`Deliveries to ${name}`}
      note={data && count(data.deliveries.length)}
      acts={<Button icon="refresh" label="Look again" onClick={reload} />}
    >
      {error && <Failure error={error} />}
      {data?.deliveries.length === 0 && <p class="soft section-none">Nothing has been sent yet.</p>}
      <ul class="entries">
        {data?.deliveries.map((one) => (
          <li key={one.delivery_id}>
            <span class={`badge ${STATES[one.state]}`}>{one.state}</span>
            <span class="grow">
              {one.event}
              {one.is_test && <span class="soft"> (example)</span>}
              <span class="soft small">
                {` ${count(one.attempts.length, "attempt")}`}
                {one.attempts.length > 0 && `: ${one.attempts.at(-1)!.status || ""} ${one.attempts.at(-1)!.error}`}
              </span>
            </span>
            <span class="soft small" title={moment(one.created_ms)}>
              {ago(one.created_ms)}
            </span>
            <Button tiny aria-expanded={shown === one.delivery_id} onClick={() => setShown(shown === one.delivery_id ? "" : one.delivery_id)}>
              Body
            </Button>
            {one.state !== "pending" && (
              <Button tiny onClick={() => void replay(one)}>
                Send again
              </Button>
            )}
            {shown === one.delivery_id && (
              <div class="whole">
                <Highlighted text={one.body} language="json" />
              </div>
            )}
          </li>
        ))}
      </ul>
    </Section>
  )
}
