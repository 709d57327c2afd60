import { describe, expect, test } from "vitest"
import { arrange, move, nameKept, readLayout, writeLayout, type Layout } from "../src/charts/layout"

const NONE: Layout = { first: [], without: [], sizes: {}, shut: [], kept: [] }

function through(part: Partial<Layout>): Layout {
  const query = new URLSearchParams()
  for (const [name, value] of Object.entries(writeLayout(part))) if (value !== null) query.set(name, value)
  return readLayout(new URLSearchParams(query.toString()))
}

describe("an arrangement", () => {
  test("comes back from the address as it was, whatever names it holds", () => {
    const odd = "a,b:2x2/c%2C d"
    const layout: Layout = {
      first: [odd, "z"],
      without: ["<b>"],
      sizes: { [odd]: { width: 3, height: 2 } },
      shut: ["."],
      kept: [{ kind: "contour", x: "params.a b", y: "params.%", z: "metrics.m,n" }],
    }
    expect(through(layout)).toEqual(layout)
    expect(through(NONE)).toEqual(NONE)
  })

  test("of an address that was cut or made up is what can be read of it", () => {
    const query = new URLSearchParams("kept=pie a b c,scatter %25E0%25 y,bars x y&sizes=loss,loss:9x9,:1x1")
    expect(readLayout(query)).toEqual({
      ...NONE,
      sizes: { loss: { width: 3, height: 2 } },
      kept: [{ kind: "bars", x: "x", y: "y", z: "" }],
    })
  })

  test("has a card for each metric, in sections by what stands before the slash", () => {
    const sections = arrange(["train/loss", "acc", "train/acc", "val/acc"], NONE)
    expect([...sections]).toEqual([
      ["", ["acc"]],
      ["train", ["train/acc", "train/loss"]],
      ["val", ["val/acc"]],
    ])
  })

  test("names as few cards as it needs, and has new ones by name", () => {
    const section = ["a", "b", "c", "d"]
    expect(move([], section, "d", 0)).toEqual(["d"])
    expect(move([], section, "a", 1)).toEqual(["b"])
    expect(move([], section, "a", 3)).toEqual(["b", "c", "d"])
    expect(move(["d"], ["d", "a", "b", "c"], "d", 3)).toEqual([])
    expect(move(["x/z"], section, "b", -5)).toEqual(["x/z", "b"])
    const later = arrange([...section, "aa"], { first: ["d"], without: ["b"] })
    expect(later.get("")).toEqual(["d", "a", "aa", "c"])
  })

  test("tells charts apart that are kept", () => {
    expect(nameKept({ kind: "bars", x: "a", y: "b", z: "" })).not.toBe(nameKept({ kind: "boxes", x: "a", y: "b", z: "" }))
  })
})
