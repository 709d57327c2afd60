import { expect, test } from "vitest"
import { writeCsv } from "../src/pages/runs/download"
import { findColumn, suggestColumns } from "../src/pages/runs/columns"
import { sortGroups, write } from "../src/pages/runs/lines"
import { join } from "../src/state/live"
import type { Run, RunGroup } from "../src/api/types"

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
    `r1,"'=cmd|"" /C calc""",-0.5,-1,"0,1",'-1,61`,
    "",
  ])
})

test("columns are suggested by what most runs have", () => {
  expect(suggestColumns([RUN], undefined, false)).toContain("metrics.loss")
  const fields = { metrics: ["m"], params: [], tags: [], truncated: false }
  expect(suggestColumns([], fields, false)).toContain("metrics.m")
  expect(suggestColumns([], fields, false)).not.toContain("experiment")
  expect(suggestColumns([], fields, true)[0]).toBe("experiment")
  expect(findColumn("nothing")).toBe(undefined)
})

test.each([
  [undefined, "mean", "0.1 0.01 none 10"],
  ["run_name ASC", "mean", "0.01 0.1 10 none"],
  ["run_name DESC", "mean", "10 0.1 0.01 none"],
  ["params.lr ASC", "mean", "0.01 0.1 10 none"],
  ["metrics.loss ASC", "mean", "10 0.01 0.1 none"],
  ["metrics.loss ASC", "max", "0.01 0.1 10 none"],
  ["start_time DESC", "mean", "none 10 0.01 0.1"],
  ["user_id ASC", "mean", "0.1 0.01 none 10"],
] as const)("groups in the order %s by the %s", (order, aggregate, sorted) => {
  const group = (value: string | null, newest_start_ms: number, mean: number | null, max: number | null): RunGroup => ({
    values: [value],
    runs: 1,
    newest_start_ms,
    statuses: {},
    metrics: [[mean === null ? 0 : 1, mean, mean, max]],
  })
  const groups = [group("0.1", 1, 3, 4), group("0.01", 2, 2, 3), group(null, 4, null, null), group("10", 3, 1, 5)]
  const shape = { tree: false, group: ["params.lr"], metrics: ["metrics.loss"], aggregate }
  expect(sortGroups(groups, order, shape).map((one) => one.values[0] ?? "none").join(" ")).toBe(sorted)
})

test("changes are joined", () => {
  const one = { runs: ["a"], experiments: ["1"], models: [], all: false }
  expect(join(one, { ...one, runs: ["a", "b"], all: true })).toEqual({ ...one, runs: ["a", "b"], all: true })
})
