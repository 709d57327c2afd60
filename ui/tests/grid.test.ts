import { expect, test } from "vitest"
import { inSight } from "../src/components/sight"

const WIDTHS = Array.from({ length: 1_000 }, () => 100)

test.each([0, 1_000, 50_000, 99_900])("of a thousand columns those in sight are made, from %s pixels on", (left) => {
  const [from, to, before] = inSight(WIDTHS, 2, left, 800)
  expect(to - from).toBeLessThanOrEqual(14)
  expect(before).toBe((from - 2) * 100)
  expect(before).toBeLessThanOrEqual(Math.max(0, left - 100))
})

test("few columns are all made", () => expect(inSight([40, 200, 100, 100], 2, 0, 800)).toEqual([2, 4, 0]))
