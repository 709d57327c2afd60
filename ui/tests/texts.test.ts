/** What is read of texts that others wrote: data sets, descriptions, what one types to find something. */
import { expect, test } from "vitest"
import { firstWords } from "../src/components/markdown"
import { readSearch } from "../src/pages/experiments/search"
import { readColumns, readProfile, readSource } from "../src/pages/run/dataset"

test.each([
  ["", ""],
  ["it's", "name ILIKE '%it''s%'"],
  ["tags", "name ILIKE '%tags%'"],
  ["tags.team = 'growth'", "tags.team = 'growth'"],
  ["NOT EXISTS(tags.owner)", "NOT EXISTS(tags.owner)"],
  ["not bad", "name ILIKE '%not bad%'"],
])("to type %s is to ask for %s", (text, filter) => expect(readSearch(text)).toBe(filter))

const COLUMNS = '{"mlflow_colspec":[{"type":"double","name":"age","required":true},{"type":"string","name":"city","required":false},{"type":"long"}]}'

test.each([
  [COLUMNS, [["age", "double"], ["city", "string, optional"], ["2", "long"]]],
  ['{"mlflow_colspec": 3}', []],
  ['{"mlflow_colspec": [null]}', [["0", ""]]],
  ["null", []],
  ["{", []],
  [null, []],
])("columns of %s", (schema, columns) => expect(readColumns(schema)).toEqual(columns))

test("a profile is what it counts", () => {
  expect(readProfile('{"num_rows": 12345, "of": "x", "more": {}}')).toEqual([
    ["num_rows", "12,345"],
    ["of", "x"],
  ])
})

test.each([
  ["code", '{"tags":{"mlflow.source.name":"train.py"}}', "code train.py"],
  ["http", '{"url":"https://example.org/a.csv"}', "http https://example.org/a.csv"],
  ["local", "data/a.csv", "local data/a.csv"],
  ["odd", '{"url":{"a":1}}', 'odd {"url":{"a":1}}'],
])("a source of kind %s that says %s", (source_type, source, told) => {
  expect(readSource({ name: "", digest: "", schema: null, profile: null, source_type, source })).toBe(told)
})

test("the first words of a description have no marks", () => {
  expect(firstWords("# What\n\nA **wider** net, see [the report](https://example.org).")).toBe("What A wider net, see the report.")
})
