import { expect, test } from "vitest"
import type { Run } from "../src/api/types"
import { areSingle } from "../src/charts/curves"
import { box, countBins, findAxes, interpolateSurface, listComputed, listDimensions, rankParams, valueOf, writeValue } from "../src/charts/relations"

const run = (params: Record<string, string>, loss: number) =>
  ({ params, metrics: { loss: [0, 0, loss, loss, 0, loss, 0, 1, 0] } }) as unknown as Run

test("dimensions are params that differ, and metrics; texts are told from numbers", () => {
  const runs = [run({ lr: "0.1", opt: "adam", same: "x" }, 1), run({ lr: "1e-3", opt: "sgd", same: "x" }, 2)]
  const found = listDimensions(runs)
  expect(found.map(({ id, texts }) => [id, texts])).toEqual([
    ["params.lr", null],
    ["params.opt", ["adam", "sgd"]],
    ["metrics.loss", null],
  ])
  expect(found.map((one) => valueOf(runs[1]!, one))).toEqual([0.001, 1, 2])
  expect(writeValue(1, found[1]!)).toBe("sgd")
})

test("what is computed is a dimension, where a run has it", () => {
  const query = new URLSearchParams({ columns: "status,computed.1 - metrics.loss,computed.metrics.none" })
  const computed = listComputed(query, ["params.lr", "computed.metrics.loss * 2", "computed.1 - metrics.loss", null])
  const runs = [run({ lr: "0.1" }, 3), run({ lr: "0.2" }, NaN)]
  const found = listDimensions(runs, computed).filter(({ id }) => id.startsWith("computed."))
  expect(found.map((one) => [one.name, one.runs, valueOf(runs[0]!, one)])).toEqual([
    ["1 - loss", 1, -2],
    ["loss * 2", 1, 6],
  ])
})

test("what cannot be drawn is left out", () => {
  const runs = [run({ lr: "0.1" }, NaN), run({}, Infinity)]
  expect(listDimensions(runs).map(({ id }) => id)).toEqual([])
  expect(valueOf(runs[1]!, { id: "params.lr", name: "lr", texts: null, runs: 0 })).toBe(null)
})

test("what most runs have is shown first", () => {
  const runs = [1, 2, 3, 4].map((n) => run({ a: String(n), b: String(n * n) }, n))
  runs.push({ params: {}, metrics: { best_loss: [0, 0, 1, 1, 0, 1, 0, 1, 0] } } as unknown as Run)
  const dimensions = listDimensions(runs)
  const nothing = { x: null, y: null, z: null }
  expect(findAxes("bars", dimensions, nothing)!.y.id).toBe("metrics.loss")
  expect(findAxes("contour", dimensions, nothing)).toMatchObject({ x: { id: "params.a" }, y: { id: "params.b" }, z: { id: "metrics.loss" } })
  expect(findAxes("bars", dimensions, { ...nothing, y: "metrics.best_loss" })!.y.runs).toBe(1)
})

test("metrics of one value have no curve", () => {
  const [one, two] = [run({}, 1), run({}, 2)]
  expect(areSingle("loss", [one, two])).toBe(true)
  two.metrics["loss"]![7] = 2
  expect(areSingle("loss", [one, two])).toBe(false)
  expect(areSingle("loss", [])).toBe(false)
})

test("a param that decides a metric goes with it wholly, a name of each run not at all", () => {
  const runs = Array.from({ length: 40 }, (_, n) => run({ a: String(n % 2), b: String(n % 5), id: `run ${n}` }, n % 2))
  const dimensions = listDimensions(runs)
  const ranked = rankParams(runs, dimensions, dimensions.at(-1)!)
  expect(ranked[0]).toEqual({ name: "a", share: 1 })
  expect(ranked.find(({ name }) => name === "id")!.share).toBe(0)
})

test("a box has quartiles between values", () => expect(box([4, 1, 3, 2])).toEqual([1, 1.75, 2.5, 3.25, 4]))

test("bins hold each value once, from the least to the greatest", () => {
  const values = Array.from({ length: 500 }, (_, n) => Math.sin(n) * n)
  const bins = countBins(values)
  expect(bins.reduce((sum, { count }) => sum + count, 0)).toBe(500)
  expect([bins[0]!.from, bins.at(-1)!.to]).toEqual([Math.min(...values), Math.max(...values)])
  expect(countBins([2, 2])).toEqual([{ from: 2, to: 2, count: 2 }])
  expect(countBins([])).toEqual([])
})

test("a surface is near its points, and stays between the least and the greatest of them", () => {
  const { xs, ys, heights } = interpolateSurface([
    [0, 0, 1],
    [1, 1, 3],
    [0.5, 0.2, 2],
  ])
  const columns = xs.length - 1
  expect(heights).toHaveLength(columns * (ys.length - 1))
  expect(Math.min(...heights)).toBeGreaterThanOrEqual(1)
  expect(Math.max(...heights)).toBeLessThanOrEqual(3)
  expect(heights[columns]).toBeCloseTo(1, 0)
  expect(heights.at(-1)).toBeCloseTo(3, 0)
})
