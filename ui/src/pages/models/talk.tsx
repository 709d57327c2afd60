/** What is said of a model or a version, asked for it, and was done to it. */
import { useState } from "preact/hooks"
import { call } from "../../api/client"
import type { Comment, Identity, TransitionRequest } from "../../api/types"
import { Button, Failure, Skeleton } from "../../components/basics"
import { FormDialog } from "../../components/dialog"
import { Section } from "../../components/facts"
import { Markdown } from "../../components/markdown"
import { attempt } from "../../components/toasts"
import { discard } from "../../components/trash"
import { ago, count, moment } from "../../format"
import { useLoad } from "../../state/load"
import { me, useMay } from "../../state/me"
import { versionHref } from "./badges"

interface About {
  name: string
  version?: number | undefined
}

/** Without a version all of a model is meant; the field is left out then. */
const about = ({ name, version }: About) => (version === undefined ? { name } : { name, version })

export function Comments({ name, version }: About) {
  const [text, setText] = useState("")
  const [editing, setEditing] = useState<Comment>()
  const { data, error, reload } = useLoad(`${name} ${version}`, (signal) =>
    call("registered_models.list_comments", { ...about({ name, version }), limit: 100 }, signal),
  )
  const send = async () => {
    if (await attempt(() => call("registered_models.create_comment", { ...about({ name, version }), text }))) {
      setText("")
      reload()
    }
  }
  const remove = async (comment: Comment) => {
    await discard(
      () => call("registered_models.delete_comment", { name, comment_id: comment.comment_id }),
      "The comment is gone",
      reload,
    )
  }
  return (
    <Section title="Comments" note={data && count(data.comments.length)}>
      <div class="section-body stack">
        {error && <Failure error={error} />}
        {!data && !error && <Skeleton rows={3} />}
        {data?.comments.map((comment) => (
          <article class="comment" key={comment.comment_id}>
            <div class="row">
              <strong class="cut">{comment.author || "somebody"}</strong>
              <span class="soft small" title={moment(comment.created_ms)}>
                {ago(comment.created_ms)}
                {comment.updated_ms > comment.created_ms && ", changed"}
                {version === undefined && comment.version !== null && `, on version ${comment.version}`}
              </span>
              <span class="grow" />
              <Button kind="bare" tiny icon="edit" label="Change this comment" onClick={() => setEditing(comment)} />
              <Button kind="bare" tiny icon="trash" label="Delete this comment" onClick={() => void remove(comment)} />
            </div>
            <Markdown text={comment.text} />
          </article>
        ))}
        <textarea
          class="area"
          rows={3}
          aria-label="Comment in Markdown"
          placeholder="Say something about it; Markdown works"
          value={text}
          onInput={(event) => setText(event.currentTarget.value)}
        />
        <div>
          <Button disabled={!text.trim()} onClick={() => void send()}>
            Comment
          </Button>
        </div>
      </div>
      {editing && (
        <TextForm
          title="Change the comment"
          action="Change"
          label="Comment"
          before={editing.text}
          onClose={() => setEditing(undefined)}
          onSubmit={async (next) => {
            await call("registered_models.update_comment", { name, comment_id: editing.comment_id, text: next })
            reload()
          }}
        />
      )}
    </Section>
  )
}

interface TextFormProps {
  title: string
  action: string
  label: string
  before?: string
  optional?: boolean
  onClose: () => void
  onSubmit: (text: string) => Promise<unknown>
}

export function TextForm({ title, action, label, before = "", optional = false, onClose, onSubmit }: TextFormProps) {
  const [text, setText] = useState(before)
  return (
    <FormDialog
      title={title}
      action={action}
      ready={optional || text.trim() !== ""}
      onClose={onClose}
      onSubmit={() => onSubmit(text)}
    >
      <label class="field">
        <span>{label}</span>
        <textarea class="area" rows={4} value={text} onInput={(event) => setText(event.currentTarget.value)} autoFocus />
      </label>
    </FormDialog>
  )
}

type Decision = "approve" | "reject" | "withdraw"

const ACTIONS: Record<Decision, string> = { approve: "Approve", reject: "Reject", withdraw: "Withdraw" }
const STATES: Record<TransitionRequest["state"], string> = { open: "busy", approved: "good", rejected: "bad", withdrawn: "" }

interface RequestsProps extends About {
  /** Changes when something was done with the version. */
  turn: number
  reload: () => void
}

export function Requests({ name, version, turn, reload }: RequestsProps) {
  const [asked, setAsked] = useState<{ request: TransitionRequest; decision: Decision }>()
  const requests = useLoad(`${name} ${version} ${turn}`, (signal) =>
    call("registered_models.list_requests", { ...about({ name, version }), limit: 50 }, signal),
  )
  const may = useMay("registered_models.decide_request", name)
  if (!requests.data?.requests.length) return null
  return (
    <Section title="Requests" note={count(requests.data.requests.length)}>
      <ul class="entries">
        {requests.data.requests.map((request) => (
          <li key={request.request_id}>
            <span class={`badge ${STATES[request.state]}`}>{request.state}</span>
            <span class="grow">
              <a href={versionHref(name, request.version)}>Version {request.version}</a> to{" "}
              <strong>{request.stage ?? `@${request.alias}`}</strong>
              {request.author && ` asked by ${request.author}`}
              {request.comment && `: ${request.comment}`}
              {request.state !== "open" && request.decided_by && (
                <span class="soft">{` (${request.state} by ${request.decided_by}${request.reason ? `: ${request.reason}` : ""})`}</span>
              )}
            </span>
            <span class="soft small" title={moment(request.created_ms)}>
              {ago(request.created_ms)}
            </span>
            {request.state === "open" &&
              may &&
              listDecisions(request, me.value).map((decision) => (
                <Button key={decision} tiny onClick={() => setAsked({ request, decision })}>
                  {ACTIONS[decision]}
                </Button>
              ))}
          </li>
        ))}
      </ul>
      {asked && (
        <TextForm
          title={`${ACTIONS[asked.decision]} the request`}
          action={ACTIONS[asked.decision]}
          label="Reason"
          optional
          onClose={() => setAsked(undefined)}
          onSubmit={async (reason) => {
            const { request_id } = asked.request
            await call("registered_models.decide_request", { name, request_id, decision: asked.decision, reason })
            requests.reload()
            reload()
          }}
        />
      )}
    </Section>
  )
}

/** Who asked withdraws, and somebody else decides; where nobody is told apart, everybody is offered all of it. */
export function listDecisions(request: TransitionRequest, who: Identity | undefined): Decision[] {
  if (!who || who.means === "none") return ["approve", "reject", "withdraw"]
  return request.author === `${who.kind}:${who.name}` ? ["withdraw"] : ["approve", "reject"]
}

export function History({ name, version }: About) {
  const { data, error } = useLoad(`${name} ${version}`, (signal) =>
    call("registered_models.history", { ...about({ name, version }), limit: 50 }, signal),
  )
  return (
    <Section title="History">
      {error && <Failure error={error} />}
      <ul class="entries">
        {data?.events.map((event, n) => (
          <li key={n}>
            <span class="grow">
              {version === undefined && event.version !== null && <span class="soft">Version {event.version}: </span>}
              {event.action.replaceAll("_", " ").replaceAll(".", " ")}
              <span class="soft small">
                {Object.entries(event.detail)
                  .slice(0, 4)
                  .map(([key, value]) => ` ${key} ${value}`)
                  .join(",")
                  .slice(0, 200)}
              </span>
            </span>
            <span class="soft small">{event.actor}</span>
            <span class="soft small" title={moment(event.time_ms)}>
              {ago(event.time_ms)}
            </span>
          </li>
        ))}
      </ul>
    </Section>
  )
}
