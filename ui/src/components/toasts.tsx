/** Short messages of what was done, with the way back. */
import { signal } from "@preact/signals"
import { ApiError } from "../api/client"
import { Button } from "./basics"

interface Toast {
  id: number
  text: string
  bad: boolean
  undo?: () => Promise<unknown>
}

const toasts = signal<Toast[]>([])
let last = 0
const SHOWN_MS = 8_000

/** Say what was done; `undo` takes it back. */
export function say(text: string, undo?: () => Promise<unknown>): void {
  show({ id: ++last, text, bad: false, ...(undo ? { undo } : {}) })
}

/** Say what failed. */
function complain(error: unknown): void {
  if ((error as Error)?.name === "AbortError") return
  const text = error instanceof ApiError ? [error.message, error.hint].filter(Boolean).join(". ") : String(error)
  show({ id: ++last, text, bad: true })
}

/** Do something, and say what failed of it; tells whether it was done. */
export async function attempt(act: () => Promise<unknown>): Promise<boolean> {
  try {
    await act()
    return true
  } catch (error) {
    complain(error)
    return false
  }
}

function show(toast: Toast): void {
  toasts.value = [...toasts.value.slice(-3), toast]
  setTimeout(() => close(toast.id), SHOWN_MS)
}

function close(id: number): void {
  toasts.value = toasts.value.filter((toast) => toast.id !== id)
}

export function Toasts() {
  return (
    <div class="toasts" role="status" aria-live="polite">
      {toasts.value.map(({ id, text, bad, undo }) => (
        <div class={`toast ${bad ? "bad" : ""}`} key={id}>
          <span class="grow">{text}</span>
          {undo && (
            <Button
              onClick={() => {
                close(id)
                void attempt(undo)
              }}
            >
              Undo
            </Button>
          )}
          <Button kind="bare" icon="close" label="Close" onClick={() => close(id)} />
        </div>
      ))}
    </div>
  )
}
