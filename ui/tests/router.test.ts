import { expect, test } from "vitest"
import { fromHash, match } from "../src/state/address"

test.each([
  ["/runs/{run_id}", "/runs/a%2Fb", { run_id: "a/b" }],
  ["/runs/{run_id}", "/runs/", null],
  ["/runs/{run_id}", "/runs/a/b", null],
  ["/runs/{run_id}", "/runs/%ff", null],
  ["/", "/", {}],
])("%s and %s", (pattern, at, fields) => expect(match(pattern, at)).toEqual(fields))

test.each([
  ["#/experiments/3/runs/abc/artifacts", "/runs/abc"],
  ["#/experiments/3?x=1", "/experiments/3?x=1"],
  ["#/models/churn/versions/2", "/models/churn/versions/2"],
  ["#/models/churn", "/models/churn"],
  ["#/prompts", "/"],
  ["#//evil.test/x", "/"],
  ["#main", null],
  ["", null],
])("MLflow's address %s is ours %s", (hash, at) => expect(fromHash(hash)).toBe(at))
