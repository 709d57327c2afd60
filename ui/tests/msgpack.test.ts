import { describe, expect, test } from "vitest"
import { decode } from "../src/api/msgpack"

const read = (hex: string) => decode(Uint8Array.from(hex.match(/../g)!, (byte) => parseInt(byte, 16)).buffer)

describe("MessagePack", () => {
  test.each([
    ["00", 0],
    ["7f", 127],
    ["ff", -1],
    ["e0", -32],
    ["c0", null],
    ["c2", false],
    ["c3", true],
    ["cc80", 128],
    ["cd0100", 256],
    ["ce00010000", 65_536],
    ["cf0000000100000000", 2 ** 32],
    ["d080", -128],
    ["d18000", -32_768],
    ["d3ffffffff00000000", -(2 ** 32)],
    ["cb7ff8000000000000", NaN],
    ["cb7ff0000000000000", Infinity],
    ["cb8000000000000000", -0],
    ["a0", ""],
    ["a3c3a978", "éx"],
    ["d9026162", "ab"],
    ["920102", [1, 2]],
    ["dc000101", [1]],
    ["c4020102", new Uint8Array([1, 2])],
  ])("%s", (hex, value) => expect(read(hex)).toEqual(value))

  test("maps have no prototype, so that a key may have any name", () => {
    const found = read("81a95f5f70726f746f5f5f01") as Record<string, unknown>
    expect(Object.keys(found)).toEqual(["__proto__"])
    expect(Object.getPrototypeOf(found)).toBe(null)
  })

  test.each(["", "a3", "c403", "92", "cb00", "c1", "0000"])("%s is refused", (hex) => {
    expect(() => read(hex || "c1")).toThrow()
  })
})
