/** What is different: of texts line by line, of several things value by value. */
import type { ComponentChildren } from "preact"
import { diffLines, hunks } from "./diff"
import "./detail.css"

const SIGNS = { same: " ", gone: "-", added: "+" }
const CLASSES = { same: "", gone: "t-gone", added: "t-added" }

export function TextDifference({ before, after }: { before: string; after: string }) {
  if (before === after) return <p class="soft">They are the same.</p>
  return (
    <pre class="source tall" tabIndex={0} aria-label="Changes">
      {hunks(diffLines(before, after)).map((hunk, n) => (
        <code key={n}>
          {hunk.skipped > 0 && <span class="diff-line t-place">{`⋯ ${hunk.skipped} lines that are the same\n`}</span>}
          {hunk.lines.map((line, at) => (
            <span key={at} class={`diff-line ${CLASSES[line.kind]}`}>{`${SIGNS[line.kind]} ${line.text}\n`}</span>
          ))}
        </code>
      ))}
    </pre>
  )
}

export interface Thing {
  id: string
  head: ComponentChildren
}

interface ValuesProps {
  label: string
  things: Thing[]
  /** By name, the value of each thing; null where there is none. */
  values: [name: string, of: (string | null)[]][]
  onlyDifferent: boolean
  numbers?: boolean
}

export function differs(of: (string | null)[]): boolean {
  return of.some((value) => value !== of[0])
}

/** Names by rows, things by columns; rows with differences are marked, and may be all that is shown. */
export function Values({ label, things, values, onlyDifferent, numbers }: ValuesProps) {
  const shown = values.filter(([, of]) => (onlyDifferent ? differs(of) : of.some(Boolean)))
  if (!shown.length) {
    return <p class="soft section-none">{values.length ? "None of them differ." : "There are none."}</p>
  }
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label={`${label} side by side`}>
      <table class="table fixed">
        <thead>
          <tr>
            <th>Name</th>
            {things.map((thing) => (
              <th key={thing.id} class={numbers ? "number" : ""}>
                {thing.head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {shown.map(([name, of]) => (
            <tr key={name} class={differs(of) && !onlyDifferent ? "differs" : ""}>
              <td class="cut" title={name}>
                {name}
              </td>
              {of.map((value, n) => (
                <td key={n} class={numbers ? "number" : "value"}>
                  {value === null ? <span class="soft">none</span> : value}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

/** Records side by side, as rows of names. */
export function sideBySide(records: Record<string, string>[]): [string, (string | null)[]][] {
  const names = [...new Set(records.flatMap(Object.keys))].sort()
  return names.map((name) => [name, records.map((record) => record[name] ?? null)])
}
