/** A text in Markdown that can be changed in its place. */
import { useState } from "preact/hooks"
import { Button } from "./basics"
import { Section } from "./facts"
import { Markdown } from "./markdown"
import { attempt } from "./toasts"

interface NoteProps {
  title: string
  text: string
  /** What stands there while there is none. */
  empty: string
  onSave: (text: string) => Promise<unknown>
}

export function Note({ title, text, empty, onSave }: NoteProps) {
  const [draft, setDraft] = useState<string>()
  const [busy, setBusy] = useState(false)
  const save = async () => {
    setBusy(true)
    if (await attempt(() => onSave(draft!))) setDraft(undefined)
    setBusy(false)
  }
  return (
    <Section
      title={title}
      acts={
        draft === undefined && (
          <Button icon="edit" label={`Edit: ${title}`} onClick={() => setDraft(text)}>
            Edit
          </Button>
        )
      }
    >
      <div class="section-body">
        {draft === undefined ? (
          text ? (
            <Markdown text={text} />
          ) : (
            <p class="soft">{empty}</p>
          )
        ) : (
          <div class="stack">
            <textarea
              class="area"
              rows={10}
              aria-label={`${title} in Markdown`}
              value={draft}
              onInput={(event) => setDraft(event.currentTarget.value)}
              autoFocus
            />
            <div class="row">
              <Button kind="primary" disabled={busy} onClick={() => void save()}>
                Save
              </Button>
              <Button onClick={() => setDraft(undefined)}>Cancel</Button>
              <span class="soft small">Markdown; markup of HTML is shown as it is written.</span>
            </div>
          </div>
        )}
      </div>
    </Section>
  )
}
