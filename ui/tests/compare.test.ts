import { expect, test } from "vitest"
import { diffLines, hunks } from "../src/components/diff"
import { sideBySide } from "../src/components/difference"
import { drawLines, layOut, nameEdges } from "../src/pages/models/lineage"

const told = (before: string, after: string) =>
  diffLines(before, after).map(({ kind, text }) => ({ same: " ", gone: "-", added: "+" })[kind] + text)

test("a difference has as few changes as possible", () => {
  expect(told("a\nb\nc\nd", "a\nc\ne\nd")).toEqual([" a", "-b", " c", "+e", " d"])
  expect(told("a", "a")).toEqual([" a"])
  expect(told("", "x\ny")).toEqual(["-", "+x", "+y"])
  expect(told("a\na", "a")).toEqual([" a", "-a"])
})

test("both sides can be read back out of a difference", () => {
  const draw = (seed: number) => Array.from({ length: 40 }, (_, n) => (n * seed * 7919) % 5).join("\n")
  for (let seed = 1; seed < 20; seed++) {
    const lines = diffLines(draw(seed), draw(seed + 3))
    expect(lines.filter((line) => line.kind !== "added").map((line) => line.text).join("\n")).toBe(draw(seed))
    expect(lines.filter((line) => line.kind !== "gone").map((line) => line.text).join("\n")).toBe(draw(seed + 3))
  }
})

test("what is far from a change is left out", () => {
  const before = Array.from({ length: 30 }, (_, n) => `line ${n}`)
  const after = before.with(15, "changed")
  const found = hunks(diffLines(before.join("\n"), after.join("\n")))
  expect(found.map((hunk) => [hunk.skipped, hunk.lines.length])).toEqual([[12, 8]])
})

test("records are put side by side by name", () =>
  expect(sideBySide([{ b: "1" }, { a: "2", b: "1" }])).toEqual([
    ["a", [null, "2"]],
    ["b", ["1", "1"]],
  ]))

test("a lineage is laid out from left to right, and a ring ends", () => {
  const node = (id: string) => ({ kind: "run" as const, id, digest: "" })
  const nodes = ["c", "a", "b"].map(node)
  const edges = [
    { source: 1, target: 2, link: null },
    { source: 2, target: 0, link: null },
  ]
  const lefts = layOut({ nodes, edges }).map((placed) => placed.left)
  expect([lefts[1]! < lefts[2]!, lefts[2]! < lefts[0]!]).toEqual([true, true])
  expect(layOut({ nodes, edges: [...edges, { source: 0, target: 1, link: null }] })).toHaveLength(3)
})

test("what came from nothing is drawn right before what came of it", () => {
  const nodes = ["last", "middle", "first", "data"].map((id) => ({ kind: "run" as const, id, digest: "" }))
  const edges = [[1, 0], [2, 1], [3, 0]].map(([source, target]) => ({ source: source!, target: target!, link: null }))
  const [, middle, first, data] = layOut({ nodes, edges }).map((placed) => placed.left)
  expect(data).toBe(middle)
  expect(first).toBe(0)
})

test("a line passes below the nodes of the columns that it crosses", () => {
  const node = { kind: "run" as const, id: "a", digest: "" }
  const at = (left: number, top: number) => ({ node, left, top })
  const placed = [at(0, 0), at(260, 0), at(260, 60), at(520, 0)]
  const [short, long, next] = drawLines(placed, [
    [placed[0]!, placed[1]!],
    [placed[0]!, placed[3]!],
    [placed[0]!, placed[3]!],
  ])
  expect([short!.bottom, short!.y]).toEqual([0, 23])
  expect([long!.bottom, next!.bottom]).toEqual([120, 134])
  expect(long!.path).toContain("260 120H450C")
})

test("two links between the same runs are one line with both names", () =>
  expect([
    ...nameEdges([
      { source: 0, target: 1, link: "uses" },
      { source: 1, target: 2, link: null },
      { source: 0, target: 1, link: "retry_of" },
    ]),
  ]).toEqual([
    ["0 1", "uses, retry of"],
    ["1 2", ""],
  ]))
