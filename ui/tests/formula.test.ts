import { expect, test } from "vitest"
import type { Run } from "../src/api/types"
import { findStepped, FormulaError, readFormula } from "../src/formula"
import found from "../../tests/rules/formulas.json"

interface Cases {
  metrics: Record<string, [last: number, min: number, max: number]>
  values: [text: string, value: number | null][]
  faults: [text: string, at: number][]
}

// The server's parser is held to the same cases.
const cases = found as unknown as Cases

function makeRun(metrics: Cases["metrics"]): Run {
  const rows = Object.entries(metrics).map(([key, [last, min, max]]) => [key, [0, 0, last, min, 0, max, 0, 1, 0]])
  return { metrics: Object.fromEntries(rows) } as unknown as Run
}

test.each(cases.values)("%s is %s", (text, value) => {
  expect(readFormula(text)(makeRun(cases.metrics))).toBe(value)
})

test.each(cases.faults)("%s is refused at %s", (text, at) => {
  try {
    readFormula(text)
    expect.unreachable()
  } catch (error) {
    expect(error).toBeInstanceOf(FormulaError)
    expect((error as FormulaError).at).toBe(at)
  }
})

test.each([
  ["metrics.a / metrics.b", true],
  ["1 - metrics.`min(x)`", true],
  ["metrics.a - min(metrics.a)", true],
  ["min(metrics.a) - MAX( metrics.b )", false],
  ["metrics.a - parent.metrics.a", false],
  ["metrics.a -", false],
  ["1 / 2", false],
])("%s has a curve: %s", (text, stepped) => {
  expect(findStepped(`computed.${text}`)).toBe(stepped ? text : undefined)
  expect(findStepped(text)).toBe(undefined)
})

test("NaN and the difference of infinities are missing, what is too large is infinite", () => {
  const run = makeRun({ nan: [NaN, 1, 2], inf: [Infinity, 0, 0], large: [1e300, 0, 0] })
  expect(readFormula("metrics.nan + 1")(run)).toBe(null)
  expect(readFormula("min(metrics.nan) + 1")(run)).toBe(2)
  expect(readFormula("metrics.inf - metrics.inf")(run)).toBe(null)
  expect(readFormula("metrics.large * metrics.large")(run)).toBe(Infinity)
})
