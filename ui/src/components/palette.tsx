/** The command palette: go anywhere, do anything, by its name. Ctrl+K or Cmd+K opens it. */
import { signal } from "@preact/signals"
import { useEffect, useRef, useState } from "preact/hooks"
import { call } from "../api/client"
import { quote } from "../format"
import { ACCOUNT, OPERATION, SECTIONS } from "../pages/pages"
import { go } from "../state/router"
import { choose } from "../state/theme"
import { Icon, type IconName } from "./icon"
import { keysShown } from "./keys"

export interface Command {
  text: string
  detail?: string
  icon: IconName
  act: () => void
}

export const paletteOpen = signal(false)
/** What the page that is shown can do. */
export const pageCommands = signal<Command[]>([])

const ALWAYS: Command[] = [
  ...[...SECTIONS, ...OPERATION, ACCOUNT].map(({ href, text }) => ({ text, icon: "list" as const, act: () => go(href) })),
  { text: "Keys", icon: "keys", act: () => (keysShown.value = true) },
  { text: "Theme: light", icon: "light", act: () => choose("light") },
  { text: "Theme: dark", icon: "dark", act: () => choose("dark") },
  { text: "Theme: as the system", icon: "system", act: () => choose("system") },
]

export function Palette() {
  useEffect(() => {
    const listen = (event: KeyboardEvent) => {
      if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
        event.preventDefault()
        paletteOpen.value = !paletteOpen.value
      }
    }
    addEventListener("keydown", listen)
    return () => removeEventListener("keydown", listen)
  }, [])
  return paletteOpen.value ? <Open /> : null
}

function Open() {
  const element = useRef<HTMLDialogElement>(null)
  const [text, setText] = useState("")
  const [chosen, setChosen] = useState(0)
  const [found, setFound] = useState<Command[]>([])
  const close = () => (paletteOpen.value = false)
  useEffect(() => element.current!.showModal(), [])
  useEffect(() => {
    const control = new AbortController()
    const timer = setTimeout(() => {
      void search(text.trim(), control.signal).then(setFound, () => setFound([]))
    }, 150)
    return () => {
      clearTimeout(timer)
      control.abort()
    }
  }, [text])
  const words = text.toLowerCase().split(/\s+/)
  const named = [...pageCommands.value, ...ALWAYS].filter(({ text: name }) =>
    words.every((word) => name.toLowerCase().includes(word)),
  )
  const commands = [...named, ...found]
  const at = Math.min(chosen, commands.length - 1)
  const act = (command: Command | undefined) => {
    if (!command) return
    close()
    command.act()
  }
  const press = (event: KeyboardEvent) => {
    if (event.key === "ArrowDown") setChosen((at + 1) % commands.length)
    else if (event.key === "ArrowUp") setChosen((at - 1 + commands.length) % commands.length)
    else if (event.key === "Enter") act(commands[at])
    else return
    event.preventDefault()
  }
  return (
    <dialog
      class="palette"
      ref={element}
      aria-label="Commands"
      onCancel={close}
      onMouseDown={(event) => event.target === element.current && close()}
    >
      <input
        class="palette-input"
        role="combobox"
        aria-expanded="true"
        aria-controls="palette-list"
        aria-activedescendant={commands.length ? `palette-${at}` : undefined}
        aria-label="Go to, or do"
        placeholder="Go to a page, an experiment or a run…"
        value={text}
        onInput={(event) => {
          setText(event.currentTarget.value)
          setChosen(0)
        }}
        onKeyDown={press}
      />
      <div class="palette-list" id="palette-list" role="listbox" aria-label="Commands">
        {commands.map((command, n) => (
          <div
            role="option"
            id={`palette-${n}`}
            key={n}
            class="menu-item"
            aria-selected={n === at}
            onMouseMove={() => setChosen(n)}
            onClick={() => act(command)}
          >
            <Icon name={command.icon} />
            <span class="cut">{command.text}</span>
            {command.detail && <span class="soft small cut">{command.detail}</span>}
          </div>
        ))}
        {commands.length === 0 && <div class="menu-title">Nothing has this name.</div>}
      </div>
    </dialog>
  )
}

/** Find experiments and runs by name; a run's id is found whole. */
async function search(text: string, signal: AbortSignal): Promise<Command[]> {
  if (text.length < 2) return []
  const like = quote(`%${text}%`)
  const [experiments, runs, models] = await Promise.all([
    call("experiments.search", { filter: `name ILIKE ${like}`, limit: 6 }, signal),
    call("runs.search", { filter: `run_name ILIKE ${like} OR run_id = ${quote(text)}`, limit: 6 }, signal),
    call("registered_models.search", { filter: `name ILIKE ${like}`, limit: 6 }, signal),
  ])
  return [
    ...models.models.map(
      ({ name }): Command => ({
        text: name,
        detail: "model",
        icon: "star",
        act: () => go(`/models/${encodeURIComponent(name)}`),
      }),
    ),
    ...experiments.experiments.map(
      (one): Command => ({
        text: one.name,
        detail: "experiment",
        icon: "list",
        act: () => go(`/experiments/${encodeURIComponent(one.experiment_id)}`),
      }),
    ),
    ...runs.runs.map(
      (one): Command => ({
        text: one.name,
        detail: `run ${one.run_id.slice(0, 8)}`,
        icon: "arrow",
        act: () => go(`/runs/${encodeURIComponent(one.run_id)}`),
      }),
    ),
  ]
}
