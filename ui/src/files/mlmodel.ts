/** What a model's MLmodel file says, as far as a page shows it: a reader of the lines that matter, not of YAML. */

export interface Field {
  name: string
  type: string
  required: boolean
}

interface ModelFile {
  flavors: string[]
  inputs: Field[]
  outputs: Field[]
  params: Field[]
  facts: [string, string][]
}

const FACTS: Record<string, string> = {
  utc_time_created: "Made (UTC)",
  model_id: "Model id",
  model_uuid: "Unique id",
  run_id: "Run",
  mlflow_version: "MLflow format",
  model_size_bytes: "Bytes",
}

export function readModelFile(text: string): ModelFile {
  const top = new Map<string, string[]>()
  let lines: string[] = []
  for (const line of text.split(/\r?\n/)) {
    const head = /^([A-Za-z_]\w*):\s*(.*)$/.exec(line)
    if (head) top.set(head[1]!, (lines = [head[2]!]))
    else lines.push(line)
  }
  const flavors = (top.get("flavors") ?? []).flatMap((line) => /^ {2}(\w[\w.-]*):/.exec(line)?.[1] ?? [])
  const signature = readNested(top.get("signature") ?? [])
  const facts = Object.entries(FACTS).flatMap(([key, title]): [string, string][] => {
    const value = unquote(top.get(key)?.[0] ?? "")
    return value && value !== "null" ? [[title, value]] : []
  })
  return {
    flavors,
    facts,
    inputs: readFields(signature.get("inputs")),
    outputs: readFields(signature.get("outputs")),
    params: readFields(signature.get("params")),
  }
}

/** Values of a block's keys, with the lines that go on with them. */
function readNested(lines: string[]): Map<string, string> {
  const found = new Map<string, string>()
  let key = ""
  for (const line of lines) {
    const head = /^ {2}(\w+):\s*(.*)$/.exec(line)
    if (head) found.set((key = head[1]!), head[2]!)
    else if (key && line.trim()) found.set(key, `${found.get(key)!} ${line.trim()}`)
  }
  return found
}

function unquote(text: string): string {
  if (/^'.*'$/s.test(text)) return text.slice(1, -1).replaceAll("''", "'")
  return /^".*"$/s.test(text) ? text.slice(1, -1) : text
}

function readFields(text: string | undefined): Field[] {
  if (!text) return []
  let value: unknown
  try {
    value = JSON.parse(unquote(text))
  } catch {
    return []
  }
  if (!Array.isArray(value)) return []
  return value.map((one: Record<string, unknown>, n) => ({
    name: String(one["name"] ?? (value.length === 1 ? "(all)" : n)),
    type: typeOf(one),
    required: one["required"] !== false && one["default"] === undefined,
  }))
}

function typeOf(one: Record<string, unknown>): string {
  const tensor = one["tensor-spec"] as { dtype?: string; shape?: number[] } | undefined
  if (tensor) return `${tensor.dtype ?? ""} (${(tensor.shape ?? []).map((size) => (size < 0 ? "any" : size)).join(", ")})`
  const { type, items, default: preset } = one as { type?: string; items?: Record<string, unknown>; default?: unknown }
  const plain = type === "array" && items ? `array of ${typeOf(items)}` : (type ?? "")
  return preset === undefined ? plain : `${plain} = ${JSON.stringify(preset)}`
}
