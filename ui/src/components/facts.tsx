/** What is known of one thing: names with their values, and tables of names and values that can be searched. */
import type { ComponentChildren } from "preact"
import { useEffect, useRef, useState } from "preact/hooks"
import { Button, CopyButton, SearchBox } from "./basics"
import "./detail.css"

export type Fact = [name: string, value: ComponentChildren]

/** Facts without a value are left out. */
export function Facts({ facts }: { facts: Fact[] }) {
  return (
    <dl class="facts">
      {facts
        .filter(([, value]) => value !== null && value !== undefined && value !== "" && value !== false)
        .map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
    </dl>
  )
}

export function Copied({ text, shown }: { text: string; shown?: string }) {
  return (
    <span class="row copied">
      <span class="mono cut" title={text}>
        {shown ?? text}
      </span>
      <CopyButton text={text} label={`Copy ${text.slice(0, 40)}`} />
    </span>
  )
}

interface SectionProps {
  title: string
  note?: ComponentChildren
  acts?: ComponentChildren
  children: ComponentChildren
}

export function Section({ title, note, acts, children }: SectionProps) {
  return (
    <section class="panel section" aria-label={title}>
      <div class="section-head">
        <h2>{title}</h2>
        {note !== undefined && <span class="soft small">{note}</span>}
        <span class="grow" />
        {acts}
      </div>
      {children}
    </section>
  )
}

interface PairsProps {
  label: string
  names: string[]
  heads: string[]
  /** The cells of a name, after the name's own. */
  cells: (name: string) => ComponentChildren[]
  numbers?: boolean
}

const FIRST = 50

/** A table of one row a name; a search when there are many, and the rest on request. */
export function Pairs({ label, names, heads, cells, numbers }: PairsProps) {
  const [text, setText] = useState("")
  const [all, setAll] = useState(false)
  const found = text ? names.filter((name) => name.toLowerCase().includes(text.toLowerCase())) : names
  const shown = all ? found : found.slice(0, FIRST)
  return (
    <>
      {names.length > 10 && (
        <div class="section-search">
          <SearchBox value={text} label={`Search ${label.toLowerCase()}`} onInput={setText} />
        </div>
      )}
      <div class="scroll" tabIndex={0} role="region" aria-label={label}>
        <table class="table fixed">
          <thead>
            <tr>
              {heads.map((head, n) => (
                <th key={n} class={numbers && n > 0 ? "number" : ""}>
                  {head}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {shown.map((name) => (
              <tr key={name}>
                <td class="cut" title={name}>
                  {name}
                </td>
                {cells(name).map((cell, n) => (
                  <td key={n} class={numbers ? "number" : "value"}>
                    {cell}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {found.length === 0 && <p class="soft section-none">None has this in its name.</p>}
      {found.length > shown.length && (
        <div class="section-search">
          <Button onClick={() => setAll(true)}>Show all {found.length}</Button>
        </div>
      )}
    </>
  )
}

/** Whether an element has come into sight, for what costs a request. */
export function useSeen<E extends Element>() {
  const element = useRef<E>(null)
  const [seen, setSeen] = useState(false)
  useEffect(() => {
    if (seen || !element.current) return
    const watch = new IntersectionObserver((entries) => entries.some((entry) => entry.isIntersecting) && setSeen(true), {
      rootMargin: "200px",
    })
    watch.observe(element.current)
    return () => watch.disconnect()
  }, [seen])
  return { element, seen }
}
