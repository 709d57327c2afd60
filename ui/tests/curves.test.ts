import { describe, expect, test } from "vitest"
import type { Curve } from "../src/api/types"
import { align, band, findOdd, locate, readAxis, smooth, unpack, withoutOutliers, writeAxis } from "../src/charts/curves"

const PLAIN = { x: false, y: false }

function make(values: number[], steps = values.map((_, n) => n), times = steps.map((n) => n * 1_000)): Curve {
  const pack = (numbers: number[]) => new Uint8Array(new BigInt64Array(numbers.map(BigInt)).buffer)
  const doubles = new Uint8Array(new Float64Array(values).buffer)
  return { run_id: "r", series: ["m", pack(steps), pack(times), doubles], shown: values.length, count: 1_000 }
}

describe("curves", () => {
  test("columns of bytes become numbers, also negative steps and large times", () => {
    const points = unpack(make([1, NaN, Infinity], [-5, 0, 2 ** 40], [1_700_000_000_000, 0, -1]))
    expect([...points.steps]).toEqual([-5, 0, 2 ** 40])
    expect([...points.times]).toEqual([1_700_000_000_000, 0, -1])
    expect([...points.values]).toEqual([1, NaN, Infinity])
  })

  test("smoothing begins at the first value, and keeps what is no number", () => {
    expect([...smooth(Float64Array.of(2, 2, NaN, 2), 0.9)].map((one) => Math.round(one * 1e9) / 1e9)).toEqual([2, 2, NaN, 2])
    expect(smooth(Float64Array.of(0, 10), 0.5)[1]).toBeCloseTo(6.667, 3)
  })

  test("an axis of time is in seconds, a relative one begins at the first point", () => {
    const points = unpack(make([1, 2], [0, 1], [5_000, 7_000]))
    expect([...locate(points, { kind: "time" })]).toEqual([5, 7])
    expect([...locate(points, { kind: "relative" })]).toEqual([0, 2])
  })

  test("an axis of another metric has its last value at each step", () => {
    const other = unpack(make([10, 20], [1, 3]))
    const x = locate(unpack(make([0, 0, 0, 0, 0])), { kind: "metric", key: "o" }, other)
    expect([...x]).toEqual([NaN, 10, 10, 20, 20])
  })

  test("curves come onto one x; a hole is null, no point is undefined", () => {
    const one = { x: Float64Array.of(0, 1, 2), y: Float64Array.of(1, NaN, 3) }
    const other = { x: Float64Array.of(1, 4, 0), y: Float64Array.of(5, 6, 7) }
    expect(align([one, other], PLAIN)).toEqual({
      x: [0, 1, 2, 4],
      rows: [
        [1, null, 3, undefined],
        [7, 5, undefined, 6],
      ],
    })
  })

  test("what a logarithm does not have is left out", () => {
    const curve = { x: Float64Array.of(0, 1), y: Float64Array.of(1, -1) }
    expect(align([curve], { x: true, y: true })).toEqual({ x: [1], rows: [[null]] })
  })

  test("a band has mean, least and greatest, straight between points", () => {
    const rows = [
      [0, undefined, 2],
      [2, 3, undefined],
    ]
    expect(band([0, 1, 2], rows)).toEqual([
      [1, 2, 2],
      [0, 1, 2],
      [2, 3, 2],
    ])
  })

  test("outliers are the outermost two of a hundred on each side", () => {
    const values = Array.from({ length: 100 }, (_, n) => n / 100)
    const [low, high] = withoutOutliers([[...values, 1e9, -1e9]])!
    expect(low).toBeGreaterThan(-1)
    expect(high).toBeLessThan(2)
    expect(withoutOutliers([[1, 2]])).toBe(null)
  })

  test("points without a height are found", () => {
    const odd = findOdd(Float64Array.of(1, 2, 3), Float64Array.of(NaN, 0, -Infinity))
    expect(odd).toEqual([
      { x: 1, value: NaN },
      { x: 3, value: -Infinity },
    ])
  })

  test.each(["step", "time", "relative", "metrics.val/loss"])("the axis %s is kept in the address", (text) => {
    expect(writeAxis(readAxis(text)) ?? "step").toBe(text)
  })
})
