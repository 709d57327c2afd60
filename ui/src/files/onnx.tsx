/** What an ONNX model takes, gives and is made of. */
import type { FileEntry } from "../api/types"
import { Failure, Skeleton } from "../components/basics"
import { Facts, Section } from "../components/facts"
import { bytes, count } from "../format"
import { useLoad } from "../state/load"
import { readOnnx } from "./onnx-file"
import { readPart } from "./transfer"
import { Signature } from "./views"

/** Weights lie within the graph: of a larger file what comes behind them is not seen. */
const READ_BYTES = 30_000_000
const OPERATORS = 30

export default function Onnx({ file }: { file: FileEntry }) {
  const { data, error, reload } = useLoad(`${file.path} ${file.sha256}`, async (signal) => {
    const part = await readPart(file.path, 0, READ_BYTES, signal)
    return { model: readOnnx(part.bytes), whole: part.bytes.length >= part.size }
  })
  if (error) return <Failure error={error} retry={reload} />
  if (!data) return <Skeleton rows={6} />
  const { model, whole } = data
  if (!model) return <p class="soft">This is no ONNX model. Download it to look at it.</p>
  const fields = (values: { name: string; type: string }[]) => values.map((one) => ({ ...one, required: true }))
  return (
    <div class="stack">
      {(model.cut || !whole) && (
        <p class="soft small" role="status">
          {whole ? "The file ends too early" : `The first ${bytes(READ_BYTES)} were read`}: there may be more in it than is said here.
        </p>
      )}
      <Section title="ONNX model">
        <Facts
          facts={[
            ["Graph", model.graph],
            ["Made by", model.producer],
            ["Domain", model.domain],
            ["Format", `IR version ${model.irVersion}`],
            ["Operator sets", model.opsets.map(([domain, version]) => `${domain} ${version}`).join(", ")],
            ["Nodes", count(model.nodes)],
            ["Weights", `${count(model.parameters)} in ${count(model.tensors, "tensor")}`],
            ["Description", model.doc],
            ...model.metadata.slice(0, 50).map(([key, value]): [string, string] => [key, value]),
          ]}
        />
      </Section>
      <Signature model={{ inputs: fields(model.inputs), outputs: fields(model.outputs), params: [] }} />
      <Section title="Operators" note={count(model.operators.length)}>
        <div class="row wrap section-body">
          {model.operators.slice(0, OPERATORS).map(([name, times]) => (
            <span class="badge" key={name}>
              {name} <span class="soft">{count(times)}</span>
            </span>
          ))}
          {model.operators.length > OPERATORS && <span class="soft small">and {count(model.operators.length - OPERATORS)} more</span>}
        </div>
      </Section>
    </div>
  )
}
