/** People and service accounts: invited, disabled, given tokens, deleted. */
import { useState } from "preact/hooks"
import { call } from "../../api/client"
import type { User } from "../../api/types"
import { Button, Empty, Failure, SearchBox, Skeleton } from "../../components/basics"
import { FormDialog } from "../../components/dialog"
import { Section } from "../../components/facts"
import { Menu } from "../../components/menu"
import { Table } from "../../components/table"
import { attempt, say } from "../../components/toasts"
import { ago, moment } from "../../format"
import { useLoad } from "../../state/load"
import { me } from "../../state/me"
import { place, setQuery } from "../../state/router"
import { EraseForm } from "./erase"
import { Secret } from "./secret"
import { Sessions, SignIns } from "./sessions"
import { Tokens } from "./tokens"

export function People() {
  const [adding, setAdding] = useState(false)
  const [invitation, setInvitation] = useState<{ name: string; secret: string }>()
  const [wanted, setWanted] = useState("")
  const { data, error, reload } = useLoad("users", loadUsers)
  const found = data?.filter((user) => user.name.toLowerCase().includes(wanted.trim().toLowerCase()))
  const shown = data?.find((user) => user.name === place.value.query.get("user"))
  const invite = (name: string, secret: string) => {
    reload()
    if (secret) setInvitation({ name, secret })
  }
  return (
    <>
      <div class="row">
        <SearchBox label="Find by name" value={wanted} onInput={setWanted} />
        {me.value?.is_admin && (
          <Button kind="primary" icon="add" onClick={() => setAdding(true)}>
            Add
          </Button>
        )}
      </div>
      {error && <Failure error={error} retry={reload} />}
      {!data && !error && <Skeleton rows={4} />}
      {found?.length === 0 && (
        <Empty title={wanted ? "Nobody has such a name" : "Nobody is here yet"}>
          <p>A person gets a link to choose a password; a service account has tokens and no password.</p>
        </Empty>
      )}
      {found && found.length > 0 && (
        <Table label="People and service accounts" heads={["Name", "Kind", "State", ["Since", "only-wide"], ["Acts", "unseen"]]}>
          {found.map((user) => (
            <tr key={user.number}>
              <td class="cut wide">{user.name}</td>
              <td>
                {user.kind === "service" ? "Service account" : "Person"}
                {user.is_admin && " "}
                {user.is_admin && <span class="badge">Administrator</span>}
              </td>
              <td>
                <State user={user} />
              </td>
              <td class="only-wide" title={`${moment(user.created_ms)} by ${user.created_by}`}>
                {ago(user.created_ms)}
              </td>
              <td class="number">
                <Acts user={user} reload={reload} onInvited={invite} />
              </td>
            </tr>
          ))}
        </Table>
      )}
      {shown && (
        <Section
          title={`Tokens of ${shown.name}`}
          acts={<Button icon="close" label="Close the tokens" onClick={() => setQuery({ user: null })} />}
        >
          <Tokens user={shown.name} key={shown.name} />
        </Section>
      )}
      {shown?.kind === "user" && (
        <>
          <Section title={`Where ${shown.name} is signed in`}>
            <Sessions user={shown.name} key={shown.name} />
          </Section>
          <Section title={`Sign-ins of ${shown.name}`}>
            <SignIns user={shown.name} key={shown.name} />
          </Section>
        </>
      )}
      {adding && <PersonForm onClose={() => setAdding(false)} onMade={invite} />}
      {invitation && (
        <Secret
          title={`A link for ${invitation.name}`}
          text={`${location.origin}/join#${invitation.secret}`}
          note="It sets a password, once, within a week. Send it to nobody else."
          onClose={() => setInvitation(undefined)}
        />
      )}
    </>
  )
}

async function loadUsers(signal: AbortSignal): Promise<User[]> {
  const users: User[] = []
  let page_token = ""
  do {
    const page = await call("users.list", { limit: 1_000, page_token }, signal)
    users.push(...page.users)
    page_token = page.next_page_token ?? ""
  } while (page_token && users.length < 10_000)
  return users
}

function State({ user }: { user: User }) {
  if (user.disabled) return <span class="badge bad">Disabled</span>
  if (user.kind === "service" || user.has_password) return <span class="badge good">Active</span>
  return (
    <span class="badge" title="Invited, or signs in elsewhere: at a provider or a directory">
      No password here
    </span>
  )
}

interface ActsProps {
  user: User
  reload: () => void
  onInvited: (name: string, secret: string) => void
}

function Acts({ user, reload, onInvited }: ActsProps) {
  const { name, disabled, is_admin, kind } = user
  const [asked, setAsked] = useState<"delete" | "erase" | "admin">()
  const turn = async () => {
    if (!(await attempt(() => call("users.update", { name, disabled: !disabled })))) return
    reload()
    say(disabled ? `${name} may sign in again` : `${name} is out`, async () => {
      await call("users.update", { name, disabled })
      reload()
    })
  }
  const invite = () =>
    attempt(async () => {
      const made = await call("users.invite", { name })
      onInvited(name, made.invitation ?? "")
    })
  const person = kind === "user"
  return (
    <>
      <Menu
        kind="bare"
        tiny
        icon="more"
        label={`Acts on ${name}`}
        acts={[
          { text: person ? "Tokens and sessions" : "Tokens", icon: "list", act: () => setQuery({ user: name }) },
          ...(person ? [{ text: "New link for a password", icon: "link" as const, act: () => void invite() }] : []),
          ...(person
            ? [{ text: is_admin ? "No administrator any more" : "Make an administrator", icon: "star" as const, act: () => setAsked("admin") }]
            : []),
          { text: disabled ? "Let in again" : "Disable", icon: "eye", act: () => void turn() },
          { text: "Delete", icon: "trash", danger: true, act: () => setAsked("delete") },
          { text: "Erase, the name too", icon: "hidden", danger: true, act: () => setAsked("erase") },
        ]}
      />
      {asked === "delete" && (
        <FormDialog
          title={`Delete ${name}`}
          action="Delete"
          danger
          onClose={() => setAsked(undefined)}
          onSubmit={async () => {
            await call("users.delete", { name })
            reload()
          }}
        >
          <p>All tokens, memberships and grants go with the user, and this cannot be undone: to keep somebody out for a while, disable. What the user made stays.</p>
        </FormDialog>
      )}
      {asked === "erase" && <EraseForm name={name} onClose={() => setAsked(undefined)} onDone={reload} />}
      {asked === "admin" && (
        <FormDialog
          title={is_admin ? `${name} is no administrator any more` : `Make ${name} an administrator`}
          action={is_admin ? "Take it back" : "Make an administrator"}
          danger={!is_admin}
          onClose={() => setAsked(undefined)}
          onSubmit={async () => {
            await call("users.update", { name, is_admin: !is_admin })
            reload()
          }}
        >
          <p>An administrator of the installation may do everything in every workspace, and looks after users.</p>
        </FormDialog>
      )}
    </>
  )
}

function PersonForm({ onClose, onMade }: { onClose: () => void; onMade: (name: string, secret: string) => void }) {
  const [name, setName] = useState("")
  const [service, setService] = useState(false)
  const submit = async () => {
    const made = await call("users.create", { name: name.trim(), kind: service ? "service" : "user" })
    onMade(made.user.name, made.invitation ?? "")
  }
  return (
    <FormDialog title="Add somebody" action="Add" ready={name.trim() !== ""} onClose={onClose} onSubmit={submit}>
      <label class="field">
        <span>Name</span>
        <input class="input" value={name} onInput={(event) => setName(event.currentTarget.value)} autoFocus />
      </label>
      <label class="check">
        <input type="checkbox" checked={service} onChange={(event) => setService(event.currentTarget.checked)} />A service
        account: tokens, and no password
      </label>
      <p class="soft small">Nobody sees anything until they are given a role, alone or with a team.</p>
    </FormDialog>
  )
}
