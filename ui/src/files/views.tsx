/** Previews that are made of a text: notebooks, models, maps of what is in them. */
import type { ComponentChildren } from "preact"
import { Facts, Section } from "../components/facts"
import { Highlighted } from "../components/highlight"
import { Markdown } from "../components/markdown"
import { readModelFile, type Field } from "./mlmodel"

interface Cell {
  cell_type?: string
  source?: string | string[]
  execution_count?: number | null
  outputs?: Output[]
}

interface Output {
  output_type?: string
  text?: string | string[]
  data?: Record<string, string | string[]>
  ename?: string
  evalue?: string
  traceback?: string[]
}

const joined = (text: string | string[] | undefined) => (Array.isArray(text) ? text.join("") : (text ?? ""))
/** Colours of a terminal, which are in tracebacks. */
const ESCAPES = /\u001b\[[\d;]*m/g

/** A notebook's cells. Outputs are shown as text or as images: their HTML, which may hold anything, is not. */
export function Notebook({ text }: { text: string }) {
  let cells: Cell[]
  try {
    cells = (JSON.parse(text) as { cells?: Cell[] }).cells ?? []
  } catch {
    return <Highlighted text={text} language="json" />
  }
  return (
    <div class="stack">
      {cells.map((cell, n) => (
        <div class="cell" key={n}>
          {cell.cell_type === "markdown" ? (
            <Markdown text={joined(cell.source)} />
          ) : (
            <Highlighted text={joined(cell.source)} language={cell.cell_type === "code" ? "python" : ""} />
          )}
          {cell.outputs?.map((output, at) => <CellOutput key={at} output={output} />)}
        </div>
      ))}
    </div>
  )
}

function CellOutput({ output }: { output: Output }): ComponentChildren {
  const image = Object.entries(output.data ?? {}).find(([kind]) => /^image\/(png|jpeg|gif|webp)$/.test(kind))
  if (image) return <img class="cell-image" alt="Output" src={`data:${image[0]};base64,${joined(image[1]).replace(/\s/g, "")}`} />
  const told = output.traceback?.join("\n") ?? (joined(output.text) || joined(output.data?.["text/plain"]))
  return told ? <pre class="source tall" tabIndex={0}>{told.replace(ESCAPES, "")}</pre> : null
}

/** What a model takes and gives, and who can load it. */
export function ModelSummary({ text }: { text: string }) {
  const model = readModelFile(text)
  return (
    <div class="stack">
      <Section title="Model">
        <Facts
          facts={[
            [
              "Flavors",
              <span class="row wrap">
                {model.flavors.map((flavor) => (
                  <span class="badge" key={flavor}>
                    {flavor}
                  </span>
                ))}
              </span>,
            ],
            ...model.facts,
          ]}
        />
      </Section>
      <Signature model={model} />
    </div>
  )
}

export function Signature({ model }: { model: { inputs: Field[]; outputs: Field[]; params: Field[] } }) {
  const parts: [string, Field[]][] = [
    ["Inputs", model.inputs],
    ["Outputs", model.outputs],
    ["Params", model.params],
  ]
  const known = parts.filter(([, fields]) => fields.length)
  if (!known.length) return null
  return (
    <Section title="Signature">
      <div class="scroll" tabIndex={0} role="region" aria-label="Signature">
        <table class="table fixed">
          <thead>
            <tr>
              <th>Part</th>
              <th>Name</th>
              <th>Type</th>
            </tr>
          </thead>
          <tbody>
            {known.map(([part, fields]) =>
              fields.map((field, n) => (
                <tr key={`${part} ${n}`}>
                  <td class="soft">{n === 0 ? part : ""}</td>
                  <td class="cut" title={field.name}>
                    {field.name}
                    {!field.required && <span class="soft"> (optional)</span>}
                  </td>
                  <td class="mono">{field.type}</td>
                </tr>
              )),
            )}
          </tbody>
        </table>
      </div>
    </Section>
  )
}
