/** What can stand at the caret of a filter: its grammar is that of docs/how-to/search.md, read as far as completion needs. */

export type Slot =
  | { kind: "field"; from: number; part: string }
  | { kind: "operator"; from: number; part: string; field: string }
  | { kind: "value"; from: number; part: string; field: string }
  | { kind: "join"; from: number; part: string }

const TOKEN = /\s*(?:([\w.:/+-]+)|([=<>!]+)|([(),*])|('(?:[^']|'')*'?|"(?:[^"]|"")*"?|`(?:[^`]|``)*`?))/gy

const ARITHMETIC = /^[-+*/]$/

interface Token {
  text: string
  start: number
  end: number
}

function read(text: string): Token[] {
  const tokens: Token[] = []
  TOKEN.lastIndex = 0
  for (let found = TOKEN.exec(text); found; found = TOKEN.exec(text)) {
    const token = found[1] ?? found[2] ?? found[3] ?? found[4]!
    tokens.push({ text: token, start: TOKEN.lastIndex - token.length, end: TOKEN.lastIndex })
  }
  return tokens
}

/** Say what stands at a place of a filter, from where on it would be replaced, and what of it is there. */
export function findSlot(text: string, caret: number): Slot {
  const before = text.slice(0, caret)
  const tokens = read(before)
  const last = tokens.at(-1)
  // A word that touches the caret is still being written; a closed quote or a mark is not.
  const open = last !== undefined && last.end === caret && !/^[(),*]$/.test(last.text) && !isClosed(last.text)
  let state: "field" | "operator" | "value" | "join" = "field"
  let field = ""
  let fieldStart = caret
  let between = false
  let list = false
  const done = open ? tokens.slice(0, -1) : tokens
  for (const { text: token, start } of done) {
    const word = token.toUpperCase()
    if (state === "field") {
      if (token === "(" || word === "NOT" || word === "EXISTS") continue
      const joined = field !== "" && field.endsWith(".")
      field = joined ? field + token : token
      if (!joined) fieldStart = start
      if (/^(MIN|MAX|LAST)$/.test(word)) field = ""
      else if (!token.endsWith(".")) state = "operator"
    } else if (state === "operator" && ARITHMETIC.test(token)) {
      state = "field"
      field = ""
    } else if (state === "operator") {
      if (token === ")" || word === "NOT") continue
      if (word === "IN") list = true
      if (word === "BETWEEN") between = true
      state = "value"
    } else if (state === "value") {
      if (token === "(" || token === "," || word === "NOT") continue
      if (token === ")") {
        list = false
        state = "join"
      } else if (list) continue
      else if (between) {
        if (word === "AND") between = false
      } else state = "join"
    } else if (ARITHMETIC.test(token)) state = "value"
    else if (word === "AND" || word === "OR") {
      state = "field"
      field = ""
    }
  }
  const part = open ? last.text : ""
  const from = open ? last.start : caret
  if (state === "field") {
    const joined = field.endsWith(".")
    return { kind: "field", from: joined ? fieldStart : from, part: joined ? field + part : part }
  }
  if (state === "join") return { kind: "join", from, part }
  return { kind: state, from, part, field }
}

function isClosed(token: string): boolean {
  const quote = token[0]!
  if (!"'\"`".includes(quote)) return false
  return token.length > 1 && token.endsWith(quote) && (token.split(quote).length - 1) % 2 === 0
}

type Entity = "metric" | "param" | "tag" | "link" | "attribute"

/** Entities by the letter that they begin with. */
const ENTITIES: Record<string, Entity> = { m: "metric", p: "param", t: "tag", l: "link" }

/** The entity and key that a field of the language names. */
export function readField(field: string): { entity: Entity; key: string } {
  const found = /^(metrics?|params?|parameters?|tags?|links?|attributes?|attr|run)\.([\s\S]+)$/.exec(field)
  const key = (found ? found[2]! : field).replace(/^[`"]([\s\S]*)[`"]$/, "$1").replaceAll("``", "`")
  return { entity: ENTITIES[found?.[1]?.[0] ?? ""] ?? "attribute", key }
}

const NUMBERS = new Set(["start_time", "end_time", "duration_ms", "created"])

/** Operators that a field takes, the usual ones first. */
export function listOperators(field: string): string[] {
  const { entity, key } = readField(field)
  const rest = ["IN", "NOT IN", "IS NULL", "IS NOT NULL"]
  if (entity === "metric") return ["<", ">", "<=", ">=", "=", "!=", "BETWEEN", "IS NAN", "IS INF", ...rest]
  if (entity === "attribute" && NUMBERS.has(key)) return [">", "<", ">=", "<=", "=", "!=", "BETWEEN", ...rest]
  const text = ["=", "!=", "LIKE", "ILIKE", ...rest]
  return entity === "param" ? [...text, "<", ">", "<=", ">=", "BETWEEN"] : text
}

export const ATTRIBUTES = [
  "status",
  "run_name",
  "start_time",
  "end_time",
  "duration_ms",
  "user_id",
  "run_id",
  "experiment_id",
  "experiment_name",
  "parent_run_id",
  "external_key",
  "source_name",
  "git_commit",
]
export const LINKS = [
  "links.uses",
  "links.made_by",
  "links.retry_of",
  "links.reproduces",
  "links.used_by",
  "links.made",
  "links.retried_by",
  "links.reproduced_by",
]
export const STATUSES = ["RUNNING", "SCHEDULED", "FINISHED", "FAILED", "KILLED", "LOST"]
export const MOMENTS = ["now() - 1h", "now() - 1d", "now() - 7d"]
