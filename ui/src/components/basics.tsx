/** The small parts that pages are made of. */
import type { ComponentChildren, JSX } from "preact"
import { useState } from "preact/hooks"
import type { ApiError } from "../api/client"
import type { RunStatus } from "../api/status"
import { copy } from "../state/clipboard"
import { Icon, type IconName } from "./icon"

interface ButtonProps extends Omit<JSX.IntrinsicElements["button"], "icon"> {
  icon?: IconName
  kind?: "primary" | "danger" | "bare"
  tiny?: boolean
  /** Said by an icon without text, and shown when the pointer rests. */
  label?: string
  children?: ComponentChildren
}

export function Button({ icon, kind, tiny, label, children, ...rest }: ButtonProps) {
  const bare = children === undefined || children === null
  const names = ["button", kind, tiny && "tiny", bare && "icon"].filter(Boolean).join(" ")
  return (
    <button type="button" class={names} aria-label={label} title={label} {...rest}>
      {icon && <Icon name={icon} />}
      {children}
    </button>
  )
}

const MEANING: Record<RunStatus, "good" | "busy" | "bad" | "warn" | ""> = {
  RUNNING: "busy",
  SCHEDULED: "",
  FINISHED: "good",
  FAILED: "bad",
  KILLED: "warn",
  LOST: "warn",
}

/** A run's status: the colour says it again, the word says it. */
export function Status({ status }: { status: RunStatus }) {
  return (
    <span class={`badge ${MEANING[status] ?? ""}`}>
      <span class="dot" aria-hidden="true" />
      {status.charAt(0) + status.slice(1).toLowerCase()}
    </span>
  )
}

/** Why there is nothing, in the server's words, and what to do; to be refused is no fault, and is not tried again. */
export function Failure({ error, retry }: { error: ApiError; retry?: () => void }) {
  const refused = error.status === 403
  return (
    <div class={refused ? "notice" : "notice bad"} role="alert">
      <div class="grow">
        <strong>{error.message}</strong>
        {error.hint && <div class="small">What to do: {error.hint}</div>}
      </div>
      {retry && !refused && (
        <Button icon="refresh" onClick={retry}>
          Try again
        </Button>
      )}
    </div>
  )
}

/** A page whose object cannot be shown, and a way on. */
export function PageFailure({ title, error, retry, on }: { title: string; error: ApiError; retry: () => void; on: [href: string, text: string] }) {
  return (
    <main class="page" id="main">
      <h1>{title}</h1>
      <Failure error={error} retry={retry} />
      <a href={on[0]}>{on[1]}</a>
    </main>
  )
}

interface EmptyProps {
  title: string
  /** Whether it is all that the page has. */
  alone?: boolean
  children?: ComponentChildren
}

/** A place where nothing is yet, which says how something comes there. */
export function Empty({ title, alone, children }: EmptyProps) {
  return (
    <div class="empty">
      {alone ? <h1>{title}</h1> : <h2>{title}</h2>}
      {children}
    </div>
  )
}

/** The shape of what is on its way. */
export function Skeleton({ rows = 6 }: { rows?: number }) {
  return (
    <div class="panel padded" role="progressbar" aria-busy="true" aria-label="Loading">
      <div style={{ display: "grid", gap: "20px" }}>
        {Array.from({ length: rows }, (_, n) => (
          <span class="bone" key={n} style={{ width: `${88 - ((n * 17) % 50)}%` }} />
        ))}
      </div>
    </div>
  )
}

export function CopyButton({ text, label = "Copy" }: { text: string; label?: string }) {
  const [came, setCame] = useState<"copied" | "refused">()
  const tell = (what: "copied" | "refused") => {
    setCame(what)
    setTimeout(() => setCame(undefined), 1_500)
  }
  return (
    <Button
      kind="bare"
      tiny
      icon={came === undefined ? "copy" : came === "copied" ? "check" : "close"}
      label={came === undefined ? label : came === "copied" ? "Copied" : "The browser does not let the page copy"}
      onClick={(event) => {
        event.stopPropagation()
        void copy(text).then(
          () => tell("copied"),
          () => tell("refused"),
        )
      }}
    />
  )
}

export function Code({ text }: { text: string }) {
  return (
    <div class="code">
      <pre tabIndex={0}>
        <code>{text}</code>
      </pre>
      <CopyButton text={text} />
    </div>
  )
}

interface SearchBoxProps {
  value: string
  label: string
  onInput: (value: string) => void
}

export function SearchBox({ value, label, onInput }: SearchBoxProps) {
  return (
    <label class="search grow">
      <span class="unseen">{label}</span>
      <Icon name="search" />
      <input
        class="input"
        type="search"
        placeholder={label}
        value={value}
        onInput={(event) => onInput(event.currentTarget.value)}
      />
    </label>
  )
}
