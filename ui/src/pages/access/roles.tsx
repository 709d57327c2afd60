/** Roles: what each permits; one's own beside those that are built in. */
import { useState } from "preact/hooks"
import { call } from "../../api/client"
import type { Role } from "../../api/types"
import { Button, Failure, Skeleton } from "../../components/basics"
import { FormDialog } from "../../components/dialog"
import { discard } from "../../components/trash"
import { useLoad } from "../../state/load"
import { may } from "../../state/me"
import "./access.css"

type Permission = Role["permissions"][number]

const PERMISSIONS: [Permission, string][] = [
  ["read", "see it"],
  ["write", "log to it, change it"],
  ["create", "make experiments and models"],
  ["delete", "move it to the trash"],
  ["manage", "give others roles on it"],
  ["admin", "what is about the whole workspace"],
]

export function Roles() {
  const [adding, setAdding] = useState(false)
  const { data, error, reload } = useLoad("roles", (signal) => call("roles.list", {}, signal))
  const remove = ({ role }: Role) =>
    discard(() => call("roles.delete", { role }), `The role ${role} is gone, with the grants of it`, reload)
  return (
    <>
      <div class="row">
        <p class="grow soft">A role is a set of permissions. It counts where it is granted: see Grants.</p>
        {may("admin") && (
          <Button kind="primary" icon="add" onClick={() => setAdding(true)}>
            Create
          </Button>
        )}
      </div>
      {error && <Failure error={error} retry={reload} />}
      {!data && !error && <Skeleton rows={5} />}
      {data && (
        <div class="panel scroll" tabIndex={0} role="region" aria-label="Roles">
          <table class="table">
            <thead>
              <tr>
                <th>Role</th>
                {PERMISSIONS.map(([permission, text]) => (
                  <th key={permission} title={text}>
                    {permission}
                  </th>
                ))}
                <th>
                  <span class="unseen">Acts</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {data.roles.map((role) => (
                <tr key={role.role}>
                  <td class="cut wide">{role.role}</td>
                  {PERMISSIONS.map(([permission]) => (
                    <td key={permission}>{role.permissions.includes(permission) ? "yes" : <span class="soft">no</span>}</td>
                  ))}
                  <td class="number">
                    {!role.built_in && (
                      <Button tiny kind="danger" label={`Delete the role ${role.role}`} onClick={() => void remove(role)}>
                        Delete
                      </Button>
                    )}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {adding && <RoleForm onClose={() => setAdding(false)} reload={reload} />}
    </>
  )
}

function RoleForm({ onClose, reload }: { onClose: () => void; reload: () => void }) {
  const [role, setRole] = useState("")
  const [chosen, setChosen] = useState<Set<Permission>>(new Set(["read"]))
  const toggle = (permission: Permission) => {
    const next = new Set(chosen)
    if (!next.delete(permission)) next.add(permission)
    setChosen(next)
  }
  const submit = async () => {
    await call("roles.set", { role: role.trim(), permissions: [...chosen] })
    reload()
  }
  return (
    <FormDialog title="Create a role" action="Create" ready={role.trim() !== "" && chosen.size > 0} onClose={onClose} onSubmit={submit}>
      <label class="field">
        <span>Name</span>
        <input class="input" value={role} onInput={(event) => setRole(event.currentTarget.value)} autoFocus />
      </label>
      <fieldset class="choices">
        <legend>Permits</legend>
        {PERMISSIONS.map(([permission, text]) => (
          <label class="check" key={permission}>
            <input type="checkbox" checked={chosen.has(permission)} onChange={() => toggle(permission)} />
            {permission}: {text}
          </label>
        ))}
      </fieldset>
    </FormDialog>
  )
}
