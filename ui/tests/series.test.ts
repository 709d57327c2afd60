import { describe, expect, test } from "vitest"
import type { FileEntry } from "../src/api/types"
import { findSeries, imageAt } from "../src/charts/series"

const file = (name: string): FileEntry => ({ path: `r/images/${name}`, is_dir: false, size_bytes: 1, sha256: null, modified_ms: null })

describe("images over steps", () => {
  test("are found by their names, each with its small copy", () => {
    const found = findSeries([
      file("val~sample+step+10+timestamp+5+a1.png"),
      file("val~sample+step+10+timestamp+5+a1+compressed.webp"),
      file("val~sample+step+2+timestamp+4+b2.png"),
      file("old%step%0%timestamp%1%c3.png"),
      file("cat.png"),
    ])
    expect([...found.keys()]).toEqual(["old", "val/sample"])
    expect(found.get("val/sample")!.map(({ step, small }) => [step, small !== ""])).toEqual([
      [2, false],
      [10, true],
    ])
  })

  test("of one step are the last one that was logged, and between steps the one before", () => {
    const series = findSeries([file("a+step+1+timestamp+9+x.png"), file("a+step+1+timestamp+8+y.png"), file("a+step+5+timestamp+9+z.png")]).get("a")!
    expect(imageAt(series, 4)!.path).toBe("r/images/a+step+1+timestamp+9+x.png")
    expect(imageAt(series, 0)).toBeUndefined()
  })
})
