/** What can be done with the runs that are chosen. */
import { useState } from "preact/hooks"
import { ApiError, call } from "../../api/client"
import { Button } from "../../components/basics"
import { FormDialog } from "../../components/dialog"
import { attempt, say } from "../../components/toasts"
import { count, quote } from "../../format"
import { useLoad } from "../../state/load"
import { go } from "../../state/router"

interface BulkProps {
  runIds: string[]
  trash: boolean
  onDone: () => void
  onClear: () => void
}

const AT_ONCE = 6
/** Runs that the page of comparisons takes. */
const MOST_COMPARED = 100

/** Do the same to many runs, a few at a time. */
async function forEach(runIds: string[], act: (run_id: string) => Promise<unknown>): Promise<void> {
  const left = [...runIds]
  const work = async () => {
    for (let id = left.pop(); id !== undefined; id = left.pop()) await act(id)
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
}

const remove = (ids: string[]) => forEach(ids, (run_id) => call("runs.delete", { run_id }))
const restore = (ids: string[]) => forEach(ids, (run_id) => call("runs.restore", { run_id }))

export function BulkBar({ runIds, trash, onDone, onClear }: BulkProps) {
  const [asked, setAsked] = useState<"tag" | "move">()
  const [busy, setBusy] = useState(false)
  const many = count(runIds.length, "run")
  const act = async (does: (ids: string[]) => Promise<unknown>, said: string, undo?: (ids: string[]) => Promise<unknown>) => {
    setBusy(true)
    const ids = runIds
    if (await attempt(() => does(ids))) {
      say(
        said,
        undo &&
          (async () => {
            await undo(ids)
            onDone()
          }),
      )
    }
    setBusy(false)
    onDone()
  }
  return (
    <>
      <strong>{many} chosen</strong>
      <Button icon="chart" disabled={runIds.length < 2} onClick={() => go(`/compare?runs=${runIds.slice(0, MOST_COMPARED)}`)}>
        {runIds.length > MOST_COMPARED ? `Compare the first ${MOST_COMPARED}` : "Compare"}
      </Button>
      {trash ? (
        <Button icon="restore" disabled={busy} onClick={() => void act(restore, `${many} restored`, remove)}>
          Restore
        </Button>
      ) : (
        <>
          <Button icon="tag" onClick={() => setAsked("tag")}>
            Tag
          </Button>
          <Button icon="move" onClick={() => setAsked("move")}>
            Move
          </Button>
          <Button
            icon="trash"
            kind="danger"
            disabled={busy}
            onClick={() => void act(remove, `${many} moved to the trash`, restore)}
          >
            Delete
          </Button>
        </>
      )}
      <Button kind="bare" icon="close" onClick={onClear}>
        Choose none
      </Button>
      {asked === "tag" && <TagDialog runIds={runIds} onClose={() => setAsked(undefined)} onDone={onDone} />}
      {asked === "move" && <MoveDialog runIds={runIds} onClose={() => setAsked(undefined)} onDone={onDone} />}
    </>
  )
}

interface DialogProps {
  runIds: string[]
  onClose: () => void
  onDone: () => void
}

function TagDialog({ runIds, onClose, onDone }: DialogProps) {
  const [key, setKey] = useState("")
  const [value, setValue] = useState("")
  const submit = async () => {
    await forEach(runIds, (run_id) => call("runs.ingest", { run_id, tags: { [key.trim()]: value } }))
    say(`${count(runIds.length, "run")} tagged`)
    onDone()
  }
  return (
    <FormDialog
      title={`Tag ${count(runIds.length, "run")}`}
      action="Tag"
      ready={key.trim() !== ""}
      onClose={onClose}
      onSubmit={submit}
    >
      <label class="field">
        <span>Name</span>
        <input class="input" value={key} onInput={(event) => setKey(event.currentTarget.value)} autoFocus />
      </label>
      <label class="field">
        <span>Value</span>
        <input class="input" value={value} onInput={(event) => setValue(event.currentTarget.value)} />
      </label>
    </FormDialog>
  )
}

function MoveDialog({ runIds, onClose, onDone }: DialogProps) {
  const [name, setName] = useState("")
  const typed = name.trim()
  const { data } = useLoad(`like ${typed}`, (signal) =>
    call("experiments.search", { filter: `name ILIKE ${quote(`%${typed}%`)}`, limit: 50 }, signal),
  )
  const submit = async () => {
    const found = await call("experiments.search", { filter: `name = ${quote(typed)}`, limit: 1 })
    const target = found.experiments[0]?.experiment_id
    if (target === undefined) throw new ApiError(404, "", `No experiment is called “${typed}”`, "choose one that is offered, or create it first")
    for (let at = 0; at < runIds.length; at += 1_000)
      await call("runs.move", { run_ids: runIds.slice(at, at + 1_000), experiment_id: target })
    say(`${count(runIds.length, "run")} moved`)
    onDone()
  }
  return (
    <FormDialog
      title={`Move ${count(runIds.length, "run")}`}
      action="Move"
      ready={typed !== ""}
      onClose={onClose}
      onSubmit={submit}
    >
      <label class="field">
        <span>To the experiment</span>
        <input
          class="input"
          list="experiments"
          value={name}
          onInput={(event) => setName(event.currentTarget.value)}
          autoComplete="off"
          autoFocus
        />
      </label>
      <datalist id="experiments">
        {data?.experiments.map((one) => (
          <option key={one.experiment_id} value={one.name} />
        ))}
      </datalist>
      <p class="soft small">Their descendants go with them.</p>
    </FormDialog>
  )
}
