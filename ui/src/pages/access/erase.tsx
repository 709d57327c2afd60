/** Erasing a user: what would change is counted first, and the name is typed before it is done. */
import { useState } from "preact/hooks"
import { call } from "../../api/client"
import { Failure, Skeleton } from "../../components/basics"
import { FormDialog } from "../../components/dialog"
import { Table } from "../../components/table"
import { say } from "../../components/toasts"
import { count } from "../../format"
import { useLoad } from "../../state/load"

interface EraseProps {
  name: string
  onClose: () => void
  onDone: () => void
}

export function EraseForm({ name, onClose, onDone }: EraseProps) {
  const { data, error } = useLoad(name, (signal) => call("users.erase", { name, dry_run: true }, signal))
  const [typed, setTyped] = useState("")
  const submit = async () => {
    const done = await call("users.erase", { name })
    say(`${name} is erased: ${done.pseudonym} stands where the name was`)
    onDone()
  }
  const places = Object.entries(data?.changed ?? {}).filter(([, rows]) => rows > 0)
  return (
    <FormDialog
      title={`Erase ${name}`}
      action="Erase for good"
      danger
      ready={data !== undefined && typed === name}
      onClose={onClose}
      onSubmit={submit}
    >
      <p>The user is deleted, and a pseudonym stands wherever the name was, in runs, models and the audit log. This cannot be undone.</p>
      {error && <Failure error={error} />}
      {!data && !error && <Skeleton rows={2} />}
      {data && (
        <>
          {places.length === 0 && <p>The name stands nowhere but in the list of users.</p>}
          {places.length > 0 && (
            <Table label="Where the name stands" heads={["Where the name stands", ["Entries", "number"]]} inside>
              {places.map(([table, rows]) => (
                <tr key={table}>
                  <td>{table.replaceAll("_", " ")}</td>
                  <td class="number">{count(rows)}</td>
                </tr>
              ))}
            </Table>
          )}
          <label class="field">
            <span>Type “{name}” to erase the user</span>
            <input class="input" value={typed} onInput={(event) => setTyped(event.currentTarget.value)} autoFocus />
          </label>
        </>
      )}
    </FormDialog>
  )
}
