import { expect, test } from "vitest"
import { ago, browser, bytes, dated, duration, field, number, plain, quote } from "../src/format"

test.each([
  [0, "0"],
  [-0, "−0"],
  [1, "1"],
  [0.123456789, "0.12346"],
  [-2.5, "−2.5"],
  [123_456, "123,456"],
  [1e12, "1e12"],
  [1.5e-7, "1.5e−7"],
  [5e-324, "4.941e−324"],
  [NaN, "NaN"],
  [Infinity, "+Inf"],
  [-Infinity, "−Inf"],
  [null, ""],
  [undefined, ""],
])("the number %s is written %s", (value, text) => expect(number(value)).toBe(text))

test.each([
  [5, "5 ms"],
  [1_500, "1.5 s"],
  [61_000, "1 min 1 s"],
  [3_600_000, "1 h 0 min"],
  [200 * 3_600_000, "8 d 8 h"],
  [-1, ""],
])("%s ms took %s", (ms, text) => expect(duration(ms)).toBe(text))

test.each([
  [0, "just now"],
  [90_000, "2 min ago"],
  [7_200_000, "2 h ago"],
  [3 * 86_400_000, "3 d ago"],
])("%s ms ago", (ms, text) => expect(ago(1e12 - ms, 1e12)).toBe(text))

test("a moment says how long ago it was only where its date does not", () => {
  expect(dated(1e12 - 7_200_000, 1e12)).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \(2 h ago\)$/)
  expect(dated(1e12 + 1_000, 1e12)).not.toContain("(")
  expect(dated(1e12 - 31 * 86_400_000, 1e12)).not.toContain("(")
})

test("a moment beyond the calendar is shown as its number", () => expect(ago(-9e18, 0)).toBe("-9000000000000000000"))

test.each([
  [999, "999 B"],
  [1_500, "1.5 kB"],
  [25e6, "25 MB"],
  [4e12, "4.0 TB"],
])("%s bytes", (size, text) => expect(bytes(size)).toBe(text))

test("texts and names are quoted for the search language", () => {
  expect(quote("it's")).toBe("'it''s'")
  expect(field("metrics", "loss")).toBe("metrics.loss")
  expect(field("params", "model/name")).toBe("params.`model/name`")
})

test("a name cannot hide how it ends", () => {
  expect(plain("holiday\u202egnp.exe")).toBe("holiday\ufffdgnp.exe")
  expect(plain("a\0\n\u009bb")).toBe("a\ufffd\ufffd\ufffdb")
  expect(plain("תמונה.png")).toBe("תמונה.png")
})

test.each([
  ["Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0", "Firefox on Linux"],
  ["Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/126.0 Safari/537.36 Edg/126.0", "Edge on Windows"],
  ["Mozilla/5.0 (Macintosh; Intel Mac OS X 14_5) AppleWebKit/605.1 Version/17.5 Safari/605.1", "Safari on Mac"],
  ["Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 Chrome/126.0 Mobile Safari/537.36", "Chrome on Android"],
  ["curl/8.5.0", "curl/8.5.0"],
  ["", "Unknown"],
])("%s is told as %s", (agent, text) => expect(browser(agent)).toBe(text))
