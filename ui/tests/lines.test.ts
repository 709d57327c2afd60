import { expect, test } from "vitest"
import { writeCsv } from "../src/pages/runs/download"
import { findColumn, suggestColumns } from "../src/pages/runs/columns"
import { write } from "../src/pages/runs/lines"
import { join } from "../src/state/live"
import type { Run } from "../src/api/types"

const RUN = {
  run_id: "r1",
  name: '=cmd|" /C calc"',
  status: "FINISHED",
  user: "ann",
  start_ms: 0,
  end_ms: 61_000,
  params: { lr: "0,1", note: "-1" },
  metrics: { loss: [9, 0, -0.5, -1, 3, 2, 0, 10, 0] },
  tags: {},
  inputs: [],
  model_outputs: [],
} as unknown as Run

test.each([
  ["params.lr", "it's", "params.lr = 'it''s'"],
  ["params.lr", null, "NOT EXISTS(params.lr)"],
  ["start_time", 5, "start_time = 5"],
  ["metrics.x", NaN, "metrics.x IS NAN"],
])("the group %s = %s is the filter %s", (field, value, text) => expect(write(field, value)).toBe(text))

test("a file of runs is quoted, and holds no formula", () => {
  const columns = ["metrics.loss", "min(metrics.loss)", "params.lr", "params.note", "duration"].map((id) => findColumn(id)!)
  expect(writeCsv([RUN], columns).split("\r\n")).toEqual([
    "run_id,name,metrics.loss,min(metrics.loss),params.lr,params.note,duration",
    `r1,"'=cmd|"" /C calc""",-0.5,-1,"0,1",'-1,1 min 1 s`,
    "",
  ])
})

test("columns are suggested by what most runs have", () => {
  expect(suggestColumns([RUN])).toContain("metrics.loss")
  expect(suggestColumns([], { metrics: ["m"], params: [], tags: [], truncated: false })).toContain("metrics.m")
  expect(findColumn("nothing")).toBe(undefined)
})

test("changes are joined", () => {
  const one = { runs: ["a"], experiments: ["1"], models: [], all: false }
  expect(join(one, { ...one, runs: ["a", "b"], all: true })).toEqual({ ...one, runs: ["a", "b"], all: true })
})
