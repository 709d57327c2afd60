/** Formulas of metrics, as docs/reference/search.md has them: computed here, so that a column has its numbers with its runs. */
import { LAST, MAX, MIN } from "./api/summary"
import type { Run } from "./api/types"

/** Computes a run's number; null where it is missing, as by a division by zero. */
export type Compute = (run: Run) => number | null

/** What the ids of columns and axes begin with that are computed; the rest is their formula. */
export const COMPUTED = "computed."

/** A formula that cannot be read, and the character where that shows. */
export class FormulaError extends Error {
  constructor(
    message: string,
    readonly at: number,
  ) {
    super(message)
  }
}

const MOST_OPERANDS = 20
const DEEPEST = 100
const TOKEN = /\s*(?:(?<word>[\p{L}\p{N}_.:/+-]+)|(?<mark>[()*])|(?<quoted>'(?:[^']|'')*'|"(?:[^"]|"")*"|`(?:[^`]|``)*`))/uy
const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i
const METRIC = /^metrics?\.(.*)$/su
const RUN_TOGETHER = /[-+/](metrics?|parent)\./
const PLACES = { last: LAST, min: MIN, max: MAX }

interface Token {
  kind: "word" | "mark" | "quoted" | "end"
  text: string
  at: number
}

/** Read a formula with at least one metric; throws FormulaError. */
export function readFormula(text: string): Compute {
  const reader = new Reader(text)
  const compute = reader.sum(0)
  reader.end()
  return compute
}

const known = new Map<string, Compute | undefined>()

/** Find what computes the column or axis of an id; undefined when its formula cannot be read. */
export function findFormula(id: string): Compute | undefined {
  if (!known.has(id)) {
    try {
      known.set(id, readFormula(id.slice(COMPUTED.length)))
    } catch (error) {
      if (!(error instanceof FormulaError)) throw error
      known.set(id, undefined)
    }
  }
  return known.get(id)
}

/** How a metric is called, or what is computed from metrics. */
export function nameMetric(id: string): string {
  return id.startsWith(COMPUTED) ? nameFormula(id) : id
}

/** How a formula is called where it is clear that it is one of metrics. */
export function nameFormula(id: string): string {
  return id.slice(COMPUTED.length).replaceAll(/(?<![\w.:/`"'-])metrics?\./g, "")
}

/** The formula of an id, where it has a value at each step: it is of the run's own metrics, and not of their extremes alone. */
export function findStepped(id: string): string | undefined {
  const text = id.startsWith(COMPUTED) && findFormula(id) ? id.slice(COMPUTED.length) : ""
  const stepped = /metrics?\./.test(text.replaceAll(/\b(min|max)\s*\(.*?\)/gisu, ""))
  return stepped && !/\bparent\./.test(text) ? text : undefined
}

class Reader {
  private next: Token
  private operands = 0
  private metrics = 0

  constructor(private readonly text: string) {
    this.next = this.read(0)
  }

  end(): void {
    if (this.next.kind !== "end") throw this.fail("+ - * / or the end is expected here")
    if (this.metrics === 0) throw new FormulaError("A metric is missing, as in metrics.loss", 0)
  }

  sum(depth: number): Compute {
    let left = this.product(depth)
    for (let sign = this.takeSign("+-"); sign; sign = this.takeSign("+-")) left = join(left, sign, this.product(depth))
    return left
  }

  private product(depth: number): Compute {
    let left = this.operand(depth)
    for (let sign = this.takeSign("*/"); sign; sign = this.takeSign("*/")) left = join(left, sign, this.operand(depth))
    return left
  }

  private operand(depth: number): Compute {
    if (depth > DEEPEST) throw this.fail(`Parentheses nest at most ${DEEPEST} deep`)
    if (this.next.text === "(") {
      this.take()
      const inner = this.sum(depth + 1)
      this.expect(")")
      return inner
    }
    if (++this.operands > MOST_OPERANDS) throw this.fail(`At most ${MOST_OPERANDS} numbers and metrics are computed with`)
    const { kind, text } = this.next
    if (kind === "word" && NUMBER.test(text) && Number.isFinite(Number(text))) {
      this.take()
      return () => Number(text)
    }
    const aggregate = text.toLowerCase()
    if (kind === "word" && Object.hasOwn(PLACES, aggregate)) {
      this.take()
      this.expect("(")
      const key = this.key()
      this.expect(")")
      return this.metric(key, PLACES[aggregate as keyof typeof PLACES])
    }
    return this.metric(this.key(), LAST)
  }

  private metric(key: string, place: number): Compute {
    this.metrics++
    return (run) => {
      const value = run.metrics[key]?.[place]
      return value === undefined || value === null || Number.isNaN(value) ? null : value
    }
  }

  private key(): string {
    const { kind, text, at } = this.next
    const found = kind === "word" ? METRIC.exec(text) : null
    if (!found) throw this.fail("A number or a metric is expected here, and a space before and behind + - * /")
    const together = RUN_TOGETHER.exec(text)
    if (together) throw new FormulaError("An operator that follows a metric has a space before it", at + count(text, together.index))
    if (text.includes("+")) throw this.fail("No key has a +: what is added has a space before its sign")
    this.take()
    const bare = found[1]!
    if (bare !== "" && !bare.endsWith(".")) return bare
    const quoted = this.next
    if (bare !== "" || quoted.kind !== "quoted" || quoted.at !== at + count(text)) throw new FormulaError(`No key follows ${text}`, at)
    this.take()
    const mark = quoted.text[0]!
    return quoted.text.slice(1, -1).replaceAll(mark + mark, mark)
  }

  /** Take one of some signs, which a word may begin with: `-0.5`, where no operand can stand. */
  private takeSign(signs: string): string {
    const { kind, text, at } = this.next
    const sign = text.charAt(0)
    if (kind === "quoted" || sign === "" || !signs.includes(sign)) return ""
    if (text.length === 1) this.take()
    else this.next = { kind, text: text.slice(1), at: at + 1 }
    return sign
  }

  private expect(mark: string): void {
    if (this.next.text !== mark) throw this.fail(`${mark} is expected here`)
    this.take()
  }

  private take(): void {
    if (this.next.kind !== "end") this.next = this.read(TOKEN.lastIndex)
  }

  /** Read the token from a place on; the place of the one behind it is kept by the pattern. */
  private read(from: number): Token {
    TOKEN.lastIndex = from
    const found = TOKEN.exec(this.text)
    if (!found) {
      const rest = this.text.slice(from).trimStart()
      const at = count(this.text, this.text.length - rest.length)
      if (rest !== "") throw new FormulaError(`${rest.slice(0, 1)} cannot stand in a formula`, at)
      TOKEN.lastIndex = this.text.length
      return { kind: "end", text: "", at }
    }
    const { word, mark, quoted } = found.groups!
    const text = word ?? mark ?? quoted!
    const kind = word !== undefined ? "word" : mark !== undefined ? "mark" : "quoted"
    return { kind, text, at: count(this.text, TOKEN.lastIndex - text.length) }
  }

  private fail(message: string): FormulaError {
    return new FormulaError(message, this.next.at)
  }
}

/** How many characters, as the server counts them, stand before a place. */
function count(text: string, end = text.length): number {
  return [...text.slice(0, end)].length
}

function join(left: Compute, sign: string, right: Compute): Compute {
  return (run) => {
    const [one, two] = [left(run), right(run)]
    if (one === null || two === null || (sign === "/" && two === 0)) return null
    const value = sign === "+" ? one + two : sign === "-" ? one - two : sign === "*" ? one * two : one / two
    return Number.isNaN(value) ? null : value
  }
}
