/** Grants: who has which role on what, and why somebody may do something. */
import { useState } from "preact/hooks"
import { call } from "../../api/client"
import { ROUTES, type CreateGrant, type Grant } from "../../api/types"
import { Button, Empty, Failure, Skeleton } from "../../components/basics"
import { FormDialog } from "../../components/dialog"
import { ExperimentName } from "../../components/experiment-name"
import { Section } from "../../components/facts"
import { Table } from "../../components/table"
import { discard } from "../../components/trash"
import { ago, moment } from "../../format"
import { useLoad } from "../../state/load"
import { may } from "../../state/me"
import { place, setQuery } from "../../state/router"
import "./access.css"

export function Grants() {
  const [adding, setAdding] = useState(false)
  const { data, error, reload } = useLoad("grants", (signal) => call("grants.list", {}, signal))
  const remove = (grant: Grant) =>
    discard(() => call("grants.delete", { grant_id: grant.grant_id }), `${who(grant)} is ${grant.role} no more`, reload)
  return (
    <>
      <Why />
      <div class="row">
        <p class="grow soft">Roles add up; without one nothing is permitted, and what may not be read is not there.</p>
        {may("admin") && (
          <Button kind="primary" icon="add" onClick={() => setAdding(true)}>
            Give a role
          </Button>
        )}
      </div>
      {error && <Failure error={error} retry={reload} />}
      {!data && !error && <Skeleton rows={4} />}
      {data?.grants.length === 0 && (
        <Empty title="Nobody has been given a role">
          <p>Who makes an experiment or a model is its manager. Everything else is given here.</p>
        </Empty>
      )}
      {data && data.grants.length > 0 && (
        <Table label="Grants" heads={["Who", "Role", "On", ["Given", "only-wide"], ["Acts", "unseen"]]}>
          {data.grants.map((grant) => (
            <tr key={grant.grant_id}>
              <td class="cut wide">{who(grant)}</td>
              <td>{grant.role}</td>
              <td class="cut wide">
                <Where grant={grant} />
              </td>
              <td class="only-wide" title={`${moment(grant.created_ms)} by ${grant.created_by}`}>
                {ago(grant.created_ms)}
              </td>
              <td class="number">
                <Button tiny kind="danger" label={`Take back ${grant.role} from ${who(grant)}`} onClick={() => void remove(grant)}>
                  Take back
                </Button>
              </td>
            </tr>
          ))}
        </Table>
      )}
      {adding && <GrantForm onClose={() => setAdding(false)} reload={reload} />}
    </>
  )
}

function who({ subject_kind, subject }: Grant): string {
  if (subject_kind === "everyone") return "Everyone"
  return subject_kind === "team" ? `Team ${subject}` : subject
}

/** What a role may be given on: in a table, and where one chooses. */
const TARGETS: Record<Grant["target_kind"], [shown: string, chosen: string]> = {
  workspace: ["The whole workspace", "the whole workspace"],
  experiment: ["Experiment", "an experiment"],
  registered_model: ["Model", "a registered model"],
  endpoint: ["Endpoint", "an endpoint"],
  schedule: ["Schedule", "a schedule"],
}

function where({ target_kind, target }: Grant): string {
  return `${TARGETS[target_kind][0]} ${target}`.trim()
}

/** An experiment by its name, which its id does not say; patterns and all else as they are. */
function Where({ grant }: { grant: Grant }) {
  if (grant.target_kind !== "experiment" || !/^\d+$/.test(grant.target)) return <>{where(grant)}</>
  return (
    <span class="row">
      Experiment <ExperimentName id={grant.target} />
    </span>
  )
}

/** Asks whether somebody may do something; what is asked is the address. */
function Why() {
  const query = place.value.query
  const [user, setUser] = useState(query.get("who") ?? "")
  const [operation, setOperation] = useState(query.get("operation") ?? "runs.get")
  const [target, setTarget] = useState(query.get("target") ?? "")
  const asked = { user: query.get("who") ?? "", operation: query.get("operation") ?? "", target: query.get("target") ?? "" }
  const key = asked.user && asked.operation ? JSON.stringify(asked) : null
  const { data, error } = useLoad(key, (signal) => call("access.explain", asked, signal))
  return (
    <Section title="Why can they do this?">
      <form
        class="section-body why"
        onSubmit={(event) => {
          event.preventDefault()
          setQuery({ who: user.trim(), operation, target: target.trim() || null })
        }}
      >
        <label class="field">
          <span>User</span>
          <input class="input" value={user} onInput={(event) => setUser(event.currentTarget.value)} required />
        </label>
        <label class="field">
          <span>Operation</span>
          <select class="select" value={operation} onChange={(event) => setOperation(event.currentTarget.value)}>
            {Object.keys(ROUTES).map((name) => (
              <option key={name}>{name}</option>
            ))}
          </select>
        </label>
        <label class="field">
          <span>Id or name of what (empty for the workspace)</span>
          <input class="input" value={target} onInput={(event) => setTarget(event.currentTarget.value)} />
        </label>
        <Button type="submit">Ask</Button>
      </form>
      {key && error && <Failure error={error} />}
      {key && data && !error && (
        <div class="section-body" role="status">
          <p>
            <span class={`badge ${data.allowed ? "good" : "bad"}`}>{data.allowed ? "May" : "May not"}</span> It needs the
            permission {data.permission}.
          </p>
          <ul class="reasons">
            {data.reasons.map((reason) => (
              <li key={reason}>{reason}</li>
            ))}
          </ul>
        </div>
      )}
    </Section>
  )
}

function GrantForm({ onClose, reload }: { onClose: () => void; reload: () => void }) {
  const [subject_kind, setSubjectKind] = useState<CreateGrant["subject_kind"]>("user")
  const [subject, setSubject] = useState("")
  const [target_kind, setTargetKind] = useState<CreateGrant["target_kind"]>("workspace")
  const [target, setTarget] = useState("")
  const [role, setRole] = useState("reader")
  const roles = useLoad("roles of a grant", (signal) => call("roles.list", {}, signal)).data?.roles ?? []
  const everyone = subject_kind === "everyone"
  const everywhere = target_kind === "workspace"
  const submit = async () => {
    await call("grants.create", {
      subject_kind,
      subject: everyone ? "" : subject.trim(),
      target_kind,
      target: everywhere ? "" : target.trim(),
      role,
    })
    reload()
  }
  const ready = (everyone || subject.trim() !== "") && (everywhere || target.trim() !== "")
  return (
    <FormDialog title="Give a role" action="Give" ready={ready} onClose={onClose} onSubmit={submit}>
      <label class="field">
        <span>To</span>
        <select
          class="select"
          value={subject_kind}
          onChange={(event) => setSubjectKind(event.currentTarget.value as CreateGrant["subject_kind"])}
        >
          <option value="user">a user</option>
          <option value="team">a team</option>
          <option value="everyone">everyone who is signed in</option>
        </select>
      </label>
      {!everyone && (
        <label class="field">
          <span>{subject_kind === "team" ? "Name of the team" : "Name of the user"}</span>
          <input class="input" value={subject} onInput={(event) => setSubject(event.currentTarget.value)} />
        </label>
      )}
      <label class="field">
        <span>Role</span>
        <select class="select" value={role} onChange={(event) => setRole(event.currentTarget.value)}>
          {roles.map((one) => (
            <option key={one.role}>{one.role}</option>
          ))}
        </select>
      </label>
      <label class="field">
        <span>On</span>
        <select
          class="select"
          value={target_kind}
          onChange={(event) => setTargetKind(event.currentTarget.value as CreateGrant["target_kind"])}
        >
          {Object.entries(TARGETS).map(([kind, [, chosen]]) => (
            <option key={kind} value={kind}>
              {chosen}
            </option>
          ))}
        </select>
      </label>
      {!everywhere && (
        <label class="field">
          <span>{target_kind === "experiment" ? "Its id" : "Its name"}, or names by a pattern with *</span>
          <input class="input" value={target} onInput={(event) => setTarget(event.currentTarget.value)} />
        </label>
      )}
    </FormDialog>
  )
}
