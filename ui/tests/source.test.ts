import { beforeEach, expect, test, vi } from "vitest"
import { Lines } from "../src/pages/runs/lines"
import { RunSource } from "../src/pages/runs/source"
import type { Run } from "../src/api/types"

const ALL = 100_000
const { asked, found } = vi.hoisted(() => ({
  asked: [] as [string, Record<string, unknown>][],
  found: { all: 0 },
}))

vi.mock("../src/api/client", async (original) => ({
  ...(await original<object>()),
  call: (name: string, request: Record<string, unknown>) => {
    asked.push([name, request])
    const ids = (first: number, limit: number) =>
      Array.from({ length: Math.max(0, Math.min(limit, found.all - first)) }, (_, n) => `r${first + n}`)
    const runs = (list: string[]) => list.map((run_id) => ({ run_id }) as Run)
    if (name === "runs.search")
      return Promise.resolve({ runs: runs(ids(0, 100)), next_page_token: found.all > 100 ? "more" : "" })
    if (name === "runs.group") {
      const group = (value: string, mean: number) => ({ values: [value], runs: 1, metrics: [[1, mean, mean, mean]] })
      return Promise.resolve({ groups: [group("a", 1), group("b", 2)], runs: 2, total: 2 })
    }
    if (name === "runs.get_many") return Promise.resolve({ runs: runs(request.run_ids as string[]) })
    const { first = 0, limit = 1_000_000 } = request as { first?: number; limit?: number }
    const own = ids(first, limit)
    return Promise.resolve({ run_ids: own.join("\n"), count: own.length, total: found.all, truncated: false })
  },
}))

function open(all: number): RunSource {
  found.all = all
  return new RunSource({ experiments: ["1"], filter: "", order_by: [], view: "active" }, () => undefined)
}

beforeEach(() => void asked.splice(0))

test("few runs need nothing but the search", async () => {
  const source = open(40)
  await vi.waitFor(() => expect(source.counted).toBe(true))
  expect(source.count).toBe(40)
  expect(asked.map(([name]) => name)).toEqual(["runs.search"])
  expect(await source.every()).toHaveLength(40)
})

test("of many runs the ids are fetched where one looks, a stretch at a time", async () => {
  const source = open(ALL)
  await vi.waitFor(() => expect(source.count).toBe(ALL))
  expect([source.id(99), source.id(1_999), source.id(2_000)]).toEqual(["r99", "r1999", undefined])
  source.need(50_010, 50_030)
  source.need(50_030, 50_050)
  await vi.waitFor(() => expect(source.run(50_020)?.run_id).toBe("r50020"))
  expect(source.place("r50020")).toBe(50_020)
  const firsts = asked.filter(([name]) => name === "runs.index").map(([, request]) => request.first)
  expect(firsts).toEqual([0, 50_000])
})

test("all of them are chosen by asking for all ids", async () => {
  const source = open(ALL)
  await vi.waitFor(() => expect(source.count).toBe(ALL))
  expect(new Set(await source.every()).size).toBe(ALL)
})

test("when runs have come and gone, what is in sight is asked for anew", async () => {
  const source = open(ALL)
  await vi.waitFor(() => expect(source.count).toBe(ALL))
  source.need(99_950, ALL)
  await vi.waitFor(() => expect(source.run(99_999)).toBeDefined())
  found.all = ALL - 10
  asked.splice(0)
  await source.refresh()
  expect(source.count).toBe(ALL - 10)
  expect(source.id(99_995)).toBe(undefined)
  await vi.waitFor(() => expect(asked.at(-1)?.[0]).toBe("runs.get_many"))
  expect(asked.map(([, request]) => request.first)).toContain(98_000)
})

test("another order of the same groups asks for nothing, other groups do", async () => {
  const query = { experiments: ["1"], filter: "", order_by: [] as string[], view: "active" as const }
  const shape = { tree: false, group: ["params.x"], metrics: ["metrics.m"], aggregate: "mean" as const }
  const first = (lines: Lines) => {
    const line = lines.line(0)
    return line?.kind === "group" && line.group.values[0]
  }
  const early = new Lines(query, { ...shape, metrics: null }, () => undefined)
  expect([early.loading, asked]).toEqual([true, []]) // nothing is asked for before it is known which metrics there are
  const lines = new Lines(query, shape, () => undefined, early)
  await vi.waitFor(() => expect(first(lines)).toBe("a"))
  const sorted = new Lines({ ...query, order_by: ["metrics.m DESC"] }, shape, () => undefined, lines)
  expect([first(sorted), sorted.groups, sorted.total]).toEqual(["b", 2, 2])
  expect(asked.map(([name]) => name)).toEqual(["runs.group"])
  const others = new Lines({ ...query, filter: "metrics.m > 1" }, shape, () => undefined, sorted)
  expect(others.loading).toBe(true)
  expect(asked).toHaveLength(2)
})
