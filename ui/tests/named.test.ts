import { expect, test } from "vitest"
import type { Experiment } from "../src/api/types"
import { experimentsOf, hrefOf, listViews, writeQuery } from "../src/pages/runs/named"

const experiment = (experiment_id: string, tags: Record<string, string>) => ({ experiment_id, tags }) as unknown as Experiment

test("a view of one experiment opens where it is kept, of several or of all where it says", () => {
  for (const [experiments, href] of [
    [["1"], "/experiments/1?order=user+ASC"],
    [["1", "2"], "/runs?experiments=1%2C2&order=user+ASC"],
    [null, "/runs?order=user+ASC"],
  ] as const) {
    const query = writeQuery(experiments && [...experiments], "?order=user+ASC")
    for (const page of [["1"], ["1", "7"], null]) {
      if (experiments?.length !== 1 || page?.length === 1) expect(hrefOf(query, page)).toBe(href)
    }
  }
})

test("a view is the same in whichever order its address says it", () => {
  const query = writeQuery(["1", "2"], "?order=user+ASC&experiments=1,2")
  expect(query).toBe(writeQuery(["1", "2"], "?experiments=1%2C2&order=user%20ASC"))
  expect([query, "order=user", "experiments="].map(experimentsOf)).toEqual([["1", "2"], undefined, null])
})

test("a page without choices keeps its experiments when one begins anew", () => {
  expect([["1"], ["1", "2"], null].map((shown) => hrefOf("", shown))).toEqual(["/experiments/1", "/runs?experiments=1%2C2", "/runs"])
})

test("views of several experiments are found on the page of each and once on that of all these", () => {
  const both = { "trackway.view.both": "experiments=1%2C2", note: "no view" }
  const kept = [experiment("1", { ...both, "trackway.view.a": "tree=1" }), experiment("2", both)]
  const names = (those: Experiment[], shown: string[] | null) => listViews(those, shown).map((view) => view.name)
  expect(names(kept.slice(0, 1), ["1"])).toEqual(["a", "both"])
  expect(names(kept.slice(1), ["2"])).toEqual(["both"])
  expect(names(kept, ["1", "2"])).toEqual(["both"])
})

test("views of one name and other experiments are two", () => {
  const kept = [experiment("1", { "trackway.view.a": "experiments=1%2C2" }), experiment("2", { "trackway.view.a": "experiments=2%2C3" })]
  expect(listViews(kept, ["1", "2"])).toHaveLength(2)
})
