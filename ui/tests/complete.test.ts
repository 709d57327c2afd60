import { describe, expect, test } from "vitest"
import { findSlot, listOperators, readField } from "../src/pages/runs/complete"

/** What stands at the bar. */
const at = (text: string) => {
  const caret = text.indexOf("|")
  return findSlot(text.replace("|", ""), caret)
}

describe("what can stand at the caret of a filter", () => {
  test.each([
    ["|", "field", 0, ""],
    ["met|", "field", 0, "met"],
    ["metrics.|", "field", 0, "metrics."],
    ["params.`model/na|", "field", 0, "params.`model/na"],
    ["NOT (tags.t|", "field", 5, "tags.t"],
    ["min(metrics.lo|", "field", 4, "metrics.lo"],
    ["metrics.loss |", "operator", 13, ""],
    ["min(metrics.loss) |", "operator", 18, ""],
    ["params.`a b` LI|", "operator", 13, "LI"],
    ["status = |", "value", 9, ""],
    ["status = 'FI|", "value", 9, "'FI"],
    ["status IN ('FINISHED', |", "value", 23, ""],
    ["metrics.loss BETWEEN 1 AND |", "value", 27, ""],
    ["metrics.loss < 1 |", "join", 17, ""],
    ["metrics.loss / met|", "field", 15, "met"],
    ["(metrics.loss * metrics.a) |", "operator", 27, ""],
    ["metrics.loss < 1 - metrics.a |", "join", 29, ""],
    ["metrics.loss*metrics.a > 1 AND sta|", "field", 31, "sta"],
    ["status = 'FINISHED' |", "join", 20, ""],
    ["status IN ('a') A|", "join", 16, "A"],
    ["metrics.loss < 1 AND |", "field", 21, ""],
    ["metrics.loss < 1 AND par| AND status = 'x'", "field", 21, "par"],
  ])("%s", (text, kind, from, part) => expect(at(text)).toMatchObject({ kind, from, part }))

  test("the field of a value is known", () => {
    expect(at("a = 1 AND params.opt = 'ad|")).toMatchObject({ field: "params.opt", part: "'ad" })
    expect(at("params.`a b` = |")).toMatchObject({ field: "params.`a b`" })
  })
})

test.each([
  ["metrics.loss", "metric", "loss"],
  ["params.`a``b`", "param", "a`b"],
  ["tags.mlflow.user", "tag", "mlflow.user"],
  ["links.retry_of", "link", "retry_of"],
  ["status", "attribute", "status"],
])("%s names a %s", (text, entity, key) => expect(readField(text)).toEqual({ entity, key }))

test("operators are those of the field's type", () => {
  expect(listOperators("metrics.x")[0]).toBe("<")
  expect(listOperators("params.x")).toContain("LIKE")
  expect(listOperators("start_time")).not.toContain("LIKE")
})
