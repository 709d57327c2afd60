import { expect, test } from "vitest"
import { baseOf, pagesOf, within } from "../src/state/workspace"

test.each([
  ["/w/vision/experiments", "/w/vision"],
  ["/w/vision", "/w/vision"],
  ["/w/", ""],
  ["/experiments/w/vision", ""],
  ["/", ""],
])("the address %s begins with %s", (pathname, base) => expect(baseOf(pathname)).toBe(base))

test.each([
  ["/w/vision/runs/a", "/runs/a"],
  ["/w/vision", "/"],
  ["/w/visionary/runs", "/w/visionary/runs"],
  ["/runs/a", "/runs/a"],
])("the page of %s is %s", (pathname, page) => expect(within(pathname, "/w/vision")).toBe(page))

test("a workspace's pages are below its name", () => expect(pagesOf("vision")).toBe("/w/vision/experiments"))
