/** Tokens of oneself, or of somebody whom an administrator looks after. */
import { useState } from "preact/hooks"
import { call } from "../../api/client"
import { Button, Failure, Skeleton } from "../../components/basics"
import { FormDialog } from "../../components/dialog"
import { say } from "../../components/toasts"
import { ago, moment } from "../../format"
import { useLoad } from "../../state/load"
import { Secret } from "./secret"

const DAY_MS = 86_400_000

/** user: "" for oneself */
export function Tokens({ user }: { user: string }) {
  const [adding, setAdding] = useState(false)
  const [secret, setSecret] = useState<{ name: string; text: string }>()
  const [ending, setEnding] = useState<{ token_id: string; name: string }>()
  const { data, error, reload } = useLoad(`tokens ${user}`, (signal) => call("tokens.list", { user }, signal))
  return (
    <>
      <div class="section-body row">
        <span class="grow soft small">What programs sign in with.</span>
        <Button icon="add" onClick={() => setAdding(true)}>
          New token
        </Button>
      </div>
      {error && <Failure error={error} retry={reload} />}
      {!data && !error && <Skeleton rows={2} />}
      {data?.tokens.length === 0 && <p class="soft section-none">There is none.</p>}
      <ul class="entries">
        {data?.tokens.map((token) => (
          <li key={token.token_id}>
            <strong>{token.name}</strong>
            {token.role && <span class="badge">{token.role}</span>}
            {token.workspace && <span class="badge">only in {token.workspace}</span>}
            <span class="grow soft small" title={moment(token.created_ms)}>
              made {ago(token.created_ms)}, {ends(token.expires_ms)}
            </span>
            <Button tiny kind="danger" label={`Revoke ${token.name}`} onClick={() => setEnding(token)}>
              Revoke
            </Button>
          </li>
        ))}
      </ul>
      {adding && (
        <TokenForm
          user={user}
          onClose={() => setAdding(false)}
          onMade={(name, text) => {
            reload()
            setSecret({ name, text })
          }}
        />
      )}
      {secret && (
        <Secret
          title={`The token “${secret.name}”`}
          text={secret.text}
          note="Set it as TRACKWAY_TRACKING_TOKEN, or as MLFLOW_TRACKING_TOKEN for MLflow's clients."
          onClose={() => setSecret(undefined)}
        />
      )}
      {ending && (
        <FormDialog
          title={`Revoke “${ending.name}”`}
          action="Revoke"
          danger
          onClose={() => setEnding(undefined)}
          onSubmit={async () => {
            await call("tokens.delete", { token_id: ending.token_id, user })
            say(`“${ending.name}” counts no more`)
            reload()
          }}
        >
          <p>Whatever uses it is refused from its next request on. This cannot be undone: make a new one instead.</p>
        </FormDialog>
      )}
    </>
  )
}

function ends(expires_ms: number): string {
  if (expires_ms === 0) return "never ends"
  return expires_ms <= Date.now() ? "has ended" : `ends ${moment(expires_ms)}`
}

const ROLES = ["", "reader", "editor", "manager", "admin", "provisioner"]

function TokenForm({ user, onClose, onMade }: { user: string; onClose: () => void; onMade: (name: string, secret: string) => void }) {
  const [name, setName] = useState("")
  const [role, setRole] = useState("")
  const [workspace, setWorkspace] = useState("")
  const [days, setDays] = useState("90")
  const submit = async () => {
    const expires_ms = Number(days) === 0 ? 0 : Date.now() + Math.round(Number(days) * DAY_MS)
    const made = await call("tokens.create", { name: name.trim(), user, role, workspace: workspace.trim(), expires_ms })
    onMade(made.token.name, made.secret)
  }
  const ready = name.trim() !== "" && days.trim() !== "" && Number(days) >= 0
  return (
    <FormDialog title="New token" action="Make it" ready={ready} onClose={onClose} onSubmit={submit}>
      <label class="field">
        <span>Name, such as where it is used</span>
        <input class="input" value={name} onInput={(event) => setName(event.currentTarget.value)} autoFocus />
      </label>
      <label class="field">
        <span>The most that it permits</span>
        <select class="select" value={role} onChange={(event) => setRole(event.currentTarget.value)}>
          {ROLES.map((one) => (
            <option key={one} value={one}>
              {one || "all that its user may"}
            </option>
          ))}
        </select>
      </label>
      <label class="field">
        <span>The only workspace that it is for (empty for all)</span>
        <input class="input" value={workspace} onInput={(event) => setWorkspace(event.currentTarget.value)} />
      </label>
      <label class="field">
        <span>Days until it ends (0 for never)</span>
        <input class="input" inputMode="decimal" value={days} onInput={(event) => setDays(event.currentTarget.value)} />
      </label>
    </FormDialog>
  )
}
