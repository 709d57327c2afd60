/** Teams: names, and who is in them. */
import { useState } from "preact/hooks"
import { call } from "../../api/client"
import type { Team } from "../../api/types"
import { Button, Empty, Failure, Skeleton } from "../../components/basics"
import { FormDialog } from "../../components/dialog"
import { Section } from "../../components/facts"
import { attempt, say } from "../../components/toasts"
import { discard } from "../../components/trash"
import { count } from "../../format"
import { useLoad } from "../../state/load"
import { may } from "../../state/me"

export function Teams() {
  const [adding, setAdding] = useState(false)
  const { data, error, reload } = useLoad("teams", (signal) => call("teams.list", {}, signal))
  return (
    <>
      <div class="row">
        <p class="grow soft">A team is given a role as a person is; who joins it has that role from the next request on.</p>
        {may("admin") && (
          <Button kind="primary" icon="add" onClick={() => setAdding(true)}>
            Create
          </Button>
        )}
      </div>
      {error && <Failure error={error} retry={reload} />}
      {!data && !error && <Skeleton rows={4} />}
      {data?.teams.length === 0 && (
        <Empty title="No teams yet">
          <p>Groups of an OpenID provider, an LDAP directory or SCIM become teams by themselves.</p>
        </Empty>
      )}
      {data?.teams.map((team) => (
        <Members key={team.team} team={team} reload={reload} />
      ))}
      {adding && <TeamForm onClose={() => setAdding(false)} reload={reload} />}
    </>
  )
}

function Members({ team, reload }: { team: Team; reload: () => void }) {
  const [asked, setAsked] = useState<"add">()
  const name = team.team
  const remove = async (user: string) => {
    if (!(await attempt(() => call("teams.remove_member", { team: name, user })))) return
    reload()
    say(`${user} has left ${name}`, async () => {
      await call("teams.add_member", { team: name, user })
      reload()
    })
  }
  return (
    <Section
      title={name}
      note={count(team.members.length, "member")}
      acts={
        <>
          <Button icon="add" onClick={() => setAsked("add")} label={`Add somebody to ${name}`}>
            Add
          </Button>
          <Button kind="danger" icon="trash" label={`Delete ${name}`} onClick={() => void discard(() => call("teams.delete", { team: name }), `The team ${name} is in the trash`, reload)} />
        </>
      }
    >
      {team.description && <p class="section-body soft small">{team.description}</p>}
      <ul class="entries">
        {team.members.map((user) => (
          <li key={user}>
            <span class="grow">{user}</span>
            <Button tiny label={`Remove ${user} from ${name}`} onClick={() => void remove(user)}>
              Remove
            </Button>
          </li>
        ))}
      </ul>
      {asked === "add" && <MemberForm team={name} onClose={() => setAsked(undefined)} reload={reload} />}
    </Section>
  )
}

interface FormProps {
  onClose: () => void
  reload: () => void
}

function MemberForm({ team, onClose, reload }: FormProps & { team: string }) {
  const [user, setUser] = useState("")
  const submit = async () => {
    await call("teams.add_member", { team, user: user.trim() })
    reload()
  }
  return (
    <FormDialog title={`Add somebody to ${team}`} action="Add" ready={user.trim() !== ""} onClose={onClose} onSubmit={submit}>
      <label class="field">
        <span>Name</span>
        <input class="input" value={user} onInput={(event) => setUser(event.currentTarget.value)} autoFocus />
      </label>
    </FormDialog>
  )
}

function TeamForm({ onClose, reload }: FormProps) {
  const [team, setTeam] = useState("")
  const submit = async () => {
    await call("teams.create", { team: team.trim() })
    reload()
  }
  return (
    <FormDialog title="Create a team" action="Create" ready={team.trim() !== ""} onClose={onClose} onSubmit={submit}>
      <label class="field">
        <span>Name</span>
        <input class="input" value={team} onInput={(event) => setTeam(event.currentTarget.value)} autoFocus />
      </label>
    </FormDialog>
  )
}
