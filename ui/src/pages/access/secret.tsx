/** A secret, shown once. */
import { Button, Code } from "../../components/basics"
import { Dialog } from "../../components/dialog"

interface SecretProps {
  title: string
  text: string
  note: string
  onClose: () => void
}

export function Secret({ title, text, note, onClose }: SecretProps) {
  return (
    <Dialog title={title} onClose={onClose}>
      <p>{note}</p>
      <Code text={text} />
      <p class="soft small">It is shown this once: the server keeps no copy.</p>
      <div class="dialog-end">
        <Button kind="primary" onClick={onClose}>
          I have it
        </Button>
      </div>
    </Dialog>
  )
}
