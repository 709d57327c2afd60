/**
 * What an ONNX file says of itself: its inputs and outputs, its operators, who made it.
 *
 * A reader of the wire format of Protocol Buffers, for the fields of `onnx.proto` that are shown: fields that are not
 * looked at, the weights among them, are passed over by their length, and nothing is ever executed.
 * source: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto (ModelProto, GraphProto, ValueInfoProto, TensorProto)
 */

export interface Value {
  name: string
  type: string
}

interface OnnxModel {
  irVersion: number
  producer: string
  domain: string
  doc: string
  /** Sets of operators and their versions. */
  opsets: [domain: string, version: number][]
  metadata: [string, string][]
  graph: string
  inputs: Value[]
  outputs: Value[]
  /** How often each operator stands in the graph, most often first. */
  operators: [string, number][]
  nodes: number
  /** Weights that there are, and how many numbers they hold. */
  tensors: number
  parameters: number
  /** The file ended within, or was no such file from somewhere on. */
  cut: boolean
}

const MOST_TEXT = 2_000
const MOST_VALUES = 500

/** Names of the types of elements, by their numbers in TensorProto.DataType. */
const TYPES =
  "undefined float32 uint8 int8 uint16 int16 int32 int64 string bool float16 float64 uint32 uint64 complex64 complex128 bfloat16 float8e4m3fn float8e4m3fnuz float8e5m2 float8e5m2fnuz uint4 int4".split(
    " ",
  )

/** One field: a number, or the bytes of a text or message. */
type Visit = (field: number, value: number, bytes: Bytes) => void

class Bytes {
  constructor(
    private readonly data: Uint8Array,
    private at = 0,
    private readonly end = data.length,
    /** Whether something was missing, here or within. */
    readonly state = { cut: false },
  ) {}

  /** Call `visit` for each field; what is cut off ends it. */
  each(visit: Visit): void {
    while (this.at < this.end) {
      const key = this.varint()
      const [field, wire] = [Math.floor(key / 8), key % 8]
      if (field === 0 || Number.isNaN(key)) return this.stop()
      if (wire === 0) {
        const value = this.varint()
        if (Number.isNaN(value)) return this.stop()
        visit(field, value, EMPTY)
      } else if (wire === 1 || wire === 5) {
        this.at += wire === 1 ? 8 : 4
      } else if (wire === 2) {
        const length = this.varint()
        if (Number.isNaN(length)) return this.stop()
        const end = this.at + length
        if (end > this.end) this.state.cut = true
        visit(field, length, new Bytes(this.data, this.at, Math.min(end, this.end), this.state))
        this.at = end
      } else return this.stop()
    }
    if (this.at > this.end) this.stop()
  }

  text(): string {
    return new TextDecoder().decode(this.data.subarray(this.at, Math.min(this.end, this.at + MOST_TEXT)))
  }

  /** Numbers that lie packed one behind the other. */
  numbers(): number[] {
    const found: number[] = []
    while (this.at < this.end && found.length < 100) {
      const value = this.varint()
      if (Number.isNaN(value)) break
      found.push(value)
    }
    return found
  }

  private varint(): number {
    let [value, scale] = [0, 1]
    for (let n = 0; n < 10; n++) {
      if (this.at >= this.end) return NaN
      const byte = this.data[this.at++]!
      value += (byte & 127) * scale
      if (byte < 128) return value
      scale *= 128
    }
    return NaN
  }

  private stop(): void {
    this.state.cut = true
    this.at = this.end
  }
}

const EMPTY = new Bytes(new Uint8Array())

/** Read the beginning of a file, or all of it; null when it is no ONNX model. */
export function readOnnx(data: Uint8Array): OnnxModel | null {
  const model: OnnxModel = {
    irVersion: 0,
    producer: "",
    domain: "",
    doc: "",
    opsets: [],
    metadata: [],
    graph: "",
    inputs: [],
    outputs: [],
    operators: [],
    nodes: 0,
    tensors: 0,
    parameters: 0,
    cut: false,
  }
  const root = new Bytes(data)
  let version = ""
  let found = false
  root.each((field, value, bytes) => {
    if (field === 1) model.irVersion = value
    else if (field === 2) model.producer = bytes.text()
    else if (field === 3) version = bytes.text()
    else if (field === 4) model.domain = bytes.text()
    else if (field === 6) model.doc = bytes.text()
    else if (field === 7) {
      found = true
      readGraph(bytes, model)
    } else if (field === 8) model.opsets.push(readOpset(bytes))
    else if (field === 14) model.metadata.push(readEntry(bytes))
  })
  model.producer = [model.producer, version].filter(Boolean).join(" ")
  model.cut = root.state.cut
  return found && model.irVersion > 0 && model.irVersion < 1_000 ? model : null
}

function readGraph(graph: Bytes, model: OnnxModel): void {
  const counts = new Map<string, number>()
  const weights = new Set<string>()
  graph.each((field, _, bytes) => {
    if (field === 1) {
      model.nodes++
      const operator = readOperator(bytes)
      counts.set(operator, (counts.get(operator) ?? 0) + 1)
    } else if (field === 2) model.graph = bytes.text()
    else if (field === 5) {
      const { name, size } = readTensor(bytes)
      weights.add(name)
      model.tensors++
      model.parameters += size
    } else if (field === 11 && model.inputs.length < MOST_VALUES) model.inputs.push(readValue(bytes))
    else if (field === 12 && model.outputs.length < MOST_VALUES) model.outputs.push(readValue(bytes))
  })
  model.operators = [...counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1))
  model.inputs = model.inputs.filter(({ name }) => !weights.has(name)) // older files name their weights as inputs, too
}

function readOperator(node: Bytes): string {
  let [name, domain] = ["", ""]
  node.each((field, _, bytes) => {
    if (field === 4) name = bytes.text()
    else if (field === 7) domain = bytes.text()
  })
  return domain && domain !== "ai.onnx" ? `${domain}.${name}` : name
}

function readTensor(tensor: Bytes): { name: string; size: number } {
  let name = ""
  const dims: number[] = []
  tensor.each((field, value, bytes) => {
    if (field === 1) dims.push(...(bytes === EMPTY ? [value] : bytes.numbers()))
    else if (field === 8) name = bytes.text()
  })
  return { name, size: dims.reduce((size, dim) => size * dim, 1) }
}

function readValue(value: Bytes): Value {
  const found = { name: "", type: "" }
  value.each((field, _, bytes) => {
    if (field === 1) found.name = bytes.text()
    else if (field === 2) found.type = readType(bytes, 0)
  })
  return found
}

/** A tensor's elements and shape; of sequences and maps what they hold. */
function readType(type: Bytes, depth: number): string {
  let told = ""
  if (depth > 4) return told
  type.each((field, _, bytes) => {
    if (field === 1 || field === 8) told = readTensorType(bytes)
    else if (field === 4 || field === 9) {
      let inner = ""
      bytes.each((at, __, element) => {
        if (at === 1) inner = readType(element, depth + 1)
      })
      told = `${field === 4 ? "sequence" : "optional"} of ${inner || "values"}`
    } else if (field === 5) told = readMap(bytes, depth)
  })
  return told
}

function readMap(map: Bytes, depth: number): string {
  let [key, inner] = ["", ""]
  map.each((field, value, bytes) => {
    if (field === 1) key = nameType(value)
    else if (field === 2) inner = readType(bytes, depth + 1)
  })
  return `map of ${key} to ${inner || "values"}`
}

function readTensorType(tensor: Bytes): string {
  let element = ""
  let shape: string[] | undefined
  tensor.each((field, value, bytes) => {
    if (field === 1) element = nameType(value)
    else if (field === 2) {
      shape = []
      bytes.each((at, _, dim) => {
        if (at === 1) shape!.push(readDimension(dim))
      })
    }
  })
  return shape ? `${element} (${shape.join(", ")})` : element
}

function readDimension(dimension: Bytes): string {
  let told = "any"
  dimension.each((field, value, bytes) => {
    if (field === 1) told = String(value)
    else if (field === 2) told = bytes.text() || "any"
  })
  return told
}

function nameType(number: number): string {
  return TYPES[number] ?? `type ${number}`
}

function readOpset(opset: Bytes): [string, number] {
  let [domain, version] = ["", 0]
  opset.each((field, value, bytes) => {
    if (field === 1) domain = bytes.text()
    else if (field === 2) version = value
  })
  return [domain || "ai.onnx", version]
}

function readEntry(entry: Bytes): [string, string] {
  let [key, told] = ["", ""]
  entry.each((field, _, bytes) => {
    if (field === 1) key = bytes.text()
    else if (field === 2) told = bytes.text()
  })
  return [key, told]
}
