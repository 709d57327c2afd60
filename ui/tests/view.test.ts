import { expect, test } from "vitest"
import { readView, writeView, type View } from "../src/pages/runs/view"
import { readList, writeList } from "../src/state/list"

const VIEW: View = {
  experiments: ["1"],
  filter: "metrics.`a,b` < 1 AND params.x = '100%'",
  order: { field: "min(metrics.`val loss`)", descending: true },
  trash: true,
  columns: ["status", "metrics.a,b", "tags.50%"],
  pinned: ["status"],
  widths: { "metrics.a:b": 90 },
  group: ["params.lr"],
  tree: true,
  mode: "split",
  aggregate: "max",
  top: ["a", "b"],
  hidden: ["abc"],
}

test("a view comes back from its address as it was", () => {
  const { experiments: _, ...written } = VIEW
  const query = new URLSearchParams()
  for (const [name, value] of Object.entries(writeView(written))) if (value !== null) query.set(name, value)
  expect(readView(new URLSearchParams(query.toString()), "1")).toEqual(VIEW)
})

test("an address without anything is the plain table of all experiments", () => {
  const view = readView(new URLSearchParams(), undefined)
  expect(view).toMatchObject({ experiments: null, filter: "", order: null, columns: null, mode: "table" })
})

test.each([["order=;DROP"], ["mode=x"], ["widths=a:-5,b:x,:9"], ["columns="]])("%s is read as far as it goes", (text) => {
  const view = readView(new URLSearchParams(text), undefined)
  expect(view.order).toBe(null)
  expect(view.mode).toBe("table")
  expect(view.widths).toEqual({})
})

test("lists keep commas and percent signs", () => {
  const items = ["a,b", "%2C", "100%", ""]
  expect(readList(writeList(items))).toEqual(items)
})
