/** Give a model that a run logged a name in the registry. */
import { useState } from "preact/hooks"
import { call } from "../../api/client"
import type { Run } from "../../api/types"
import { Button } from "../../components/basics"
import { FormDialog } from "../../components/dialog"
import { say } from "../../components/toasts"
import { useLoad } from "../../state/load"
import { may } from "../../state/me"
import { go } from "../../state/router"

interface RegisterProps {
  run: Run
  /** Where the model's files are, as `runs:/…` or `models:/…`. */
  source: string
  /** Of a model that has a record of its own. */
  modelId?: string
}

export function RegisterButton(props: RegisterProps) {
  const [open, setOpen] = useState(false)
  if (!may("create")) return null
  return (
    <>
      <Button icon="star" kind="primary" onClick={() => setOpen(true)}>
        Register this model
      </Button>
      {open && <Register {...props} onClose={() => setOpen(false)} />}
    </>
  )
}

function Register({ run, source, modelId = "", onClose }: RegisterProps & { onClose: () => void }) {
  const [name, setName] = useState("")
  const { data } = useLoad("models", (signal) => call("registered_models.search", { limit: 1_000 }, signal))
  const known = data?.models.some((model) => model.name === name.trim())
  const submit = async () => {
    const wanted = name.trim()
    await call("registered_models.create", { name: wanted, if_exists: "return" })
    const made = await call("model_versions.create", { name: wanted, source, run_id: run.run_id, model_id: modelId })
    say(`Version ${made.version} of “${wanted}” is there`)
    go(`/models/${encodeURIComponent(wanted)}/versions/${made.version}`)
  }
  return (
    <FormDialog title="Register the model" action="Register" ready={name.trim() !== ""} onClose={onClose} onSubmit={submit}>
      <label class="field">
        <span>Name of the model</span>
        <input
          class="input"
          list="registered"
          value={name}
          onInput={(event) => setName(event.currentTarget.value)}
          autoFocus
        />
      </label>
      <datalist id="registered">
        {data?.models.map((model) => (
          <option key={model.name} value={model.name} />
        ))}
      </datalist>
      <p class="soft small">{known ? "It becomes the next version of this model." : "A name that is not there yet is made."}</p>
    </FormDialog>
  )
}
