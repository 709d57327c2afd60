/** Dialogs: modal, closed by Escape or beside them; a form is sent by Enter. */
import type { ComponentChildren } from "preact"
import { useEffect, useId, useRef, useState } from "preact/hooks"
import { ApiError } from "../api/client"
import { Button, Failure } from "./basics"

interface DialogProps {
  title: string
  onClose: () => void
  children: ComponentChildren
  wide?: boolean
}

export function Dialog({ title, onClose, children, wide }: DialogProps) {
  const element = useRef<HTMLDialogElement>(null)
  const id = useId()
  useEffect(() => {
    const back = document.activeElement as HTMLElement | null
    element.current!.showModal()
    return () => back?.focus?.()
  }, [])
  return (
    <dialog
      ref={element}
      class={wide ? "wide" : ""}
      aria-labelledby={id}
      onCancel={(event) => {
        event.preventDefault()
        onClose()
      }}
      onMouseDown={(event) => {
        if (event.target === element.current) onClose()
      }}
    >
      <div class="dialog-form">
        <div class="row">
          <h2 class="grow" id={id}>
            {title}
          </h2>
          <Button kind="bare" icon="close" label="Close" onClick={onClose} />
        </div>
        {children}
      </div>
    </dialog>
  )
}

interface FormProps {
  title: string
  /** What the button that does it says. */
  action: string
  onClose: () => void
  /** Does it; an error is shown in the form, which stays open. */
  onSubmit: () => Promise<unknown>
  children: ComponentChildren
  ready?: boolean
  danger?: boolean
}

/** A dialog whose form does one thing. */
export function FormDialog({ title, action, onClose, onSubmit, children, ready = true, danger }: FormProps) {
  const [error, setError] = useState<ApiError>()
  const [busy, setBusy] = useState(false)
  const submit = async (event: Event) => {
    event.preventDefault()
    if (busy || !ready) return
    setBusy(true)
    try {
      await onSubmit()
      onClose()
    } catch (failure) {
      setError(failure instanceof ApiError ? failure : new ApiError(0, "", String(failure)))
      setBusy(false)
    }
  }
  return (
    <Dialog title={title} onClose={onClose}>
      <form class="dialog-form" style={{ padding: 0 }} onSubmit={submit}>
        {children}
        {error && <Failure error={error} />}
        <div class="dialog-end">
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" kind={danger ? "danger" : "primary"} disabled={!ready || busy}>
            {action}
          </Button>
        </div>
      </form>
    </Dialog>
  )
}
