/** Tags that can be added, changed and taken away, with the way back. */
import { useState } from "preact/hooks"
import { Button } from "./basics"
import { FormDialog } from "./dialog"
import { Section } from "./facts"
import { attempt, say } from "./toasts"

interface TagsProps {
  tags: Record<string, string>
  onSet: (key: string, value: string) => Promise<unknown>
  onDelete: (key: string) => Promise<unknown>
  reload: () => void
}

/** Tags that the system itself writes; they are shown where they belong. */
export const OWN_TAGS = /^(mlflow|trackway)\./

export function Tags({ tags, onSet, onDelete, reload }: TagsProps) {
  const [asked, setAsked] = useState<{ key: string; value: string }>()
  const remove = async (key: string, value: string) => {
    if (!(await attempt(() => onDelete(key)))) return
    reload()
    say(`The tag “${key}” is gone`, async () => {
      await onSet(key, value)
      reload()
    })
  }
  const shown = Object.entries(tags).filter(([key]) => !OWN_TAGS.test(key))
  return (
    <Section
      title="Tags"
      acts={
        <Button icon="add" onClick={() => setAsked({ key: "", value: "" })}>
          Add
        </Button>
      }
    >
      <div class="chips">
        {shown.length === 0 && <span class="soft">None</span>}
        {shown.map(([key, value]) => (
          <span class="chip" key={key}>
            <button
              type="button"
              class="badge"
              title={`Change ${key}: ${value}`}
              onClick={() => setAsked({ key, value })}
            >
              {key}
              <span class="soft cut">{value.slice(0, 80)}</span>
            </button>
            <Button kind="bare" tiny icon="close" label={`Delete the tag ${key}`} onClick={() => void remove(key, value)} />
          </span>
        ))}
      </div>
      {asked && (
        <TagForm
          before={asked}
          onClose={() => setAsked(undefined)}
          onSubmit={async (key, value) => {
            await onSet(key, value)
            reload()
          }}
        />
      )}
    </Section>
  )
}

interface FormProps {
  before: { key: string; value: string }
  onClose: () => void
  onSubmit: (key: string, value: string) => Promise<unknown>
}

function TagForm({ before, onClose, onSubmit }: FormProps) {
  const [key, setKey] = useState(before.key)
  const [value, setValue] = useState(before.value)
  return (
    <FormDialog
      title={before.key ? "Change a tag" : "Add a tag"}
      action={before.key ? "Change" : "Add"}
      ready={key.trim() !== ""}
      onClose={onClose}
      onSubmit={() => onSubmit(key.trim(), value)}
    >
      <label class="field">
        <span>Name</span>
        <input
          class="input"
          value={key}
          disabled={before.key !== ""}
          onInput={(event) => setKey(event.currentTarget.value)}
          autoFocus
        />
      </label>
      <label class="field">
        <span>Value</span>
        <textarea class="area" rows={3} value={value} onInput={(event) => setValue(event.currentTarget.value)} />
      </label>
    </FormDialog>
  )
}
