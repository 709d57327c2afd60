import { describe, expect, test } from "vitest"
import { safeHref } from "../src/components/markdown"
import { readModelFile } from "../src/files/mlmodel"
import { kindOf } from "../src/files/kinds"
import { parseSeparated, readJsonTable, write } from "../src/files/tables"
import { encodingOf, folderOf } from "../src/files/transfer"

describe("separated text", () => {
  test("quotes hold separators, line ends and quotes", () => {
    expect(parseSeparated('a,b\r\n"1,2","say ""x""\nnext"\n', ",")).toEqual([
      ["a", "b"],
      ["1,2", 'say "x"\nnext'],
    ])
  })
  test("the last line may lack its end", () => expect(parseSeparated("a\tb", "\t")).toEqual([["a", "b"]]))
  test("nothing is no row", () => expect(parseSeparated("", ",")).toEqual([]))
})

describe("tables in JSON", () => {
  test("pandas' split form", async () => {
    const rows = readJsonTable('{"columns": ["a"], "data": [[1], [null]]}')!
    expect(rows.columns).toEqual(["a"])
    expect(await rows.read(0, 2)).toEqual([["1"], [null]])
  })
  test("records, with names that some lack", async () => {
    const rows = readJsonTable('[{"a": 1}, {"b": {"c": 2}}]')!
    expect(await rows.read(0, 2)).toEqual([
      ["1", null],
      [null, '{"c":2}'],
    ])
  })
  test("what is no table is none", () => {
    for (const text of ["{", "[]", "[1]", "3", '{"columns": 1, "data": []}']) expect(readJsonTable(text)).toBeNull()
  })
  test("values as text", () => expect([write(3n), write({ n: 3n }), write(false)]).toEqual(["3", '{"n":"3"}', "false"]))
})

describe("links of Markdown", () => {
  test.each(["https://a.example/", "mailto:a@b.example", "/runs/1", "#here"])("%s leads there", (href) =>
    expect(safeHref(href)).toBe(href),
  )
  test.each(["javascript:alert(1)", "JAVASCRIPT:x", "data:text/html,x", "//evil.example", "/\\evil.example", "vbscript:x", ""])(
    "%s leads nowhere",
    (href) => expect(safeHref(href)).toBeNull(),
  )
})

test("an MLmodel file gives flavors and signature", () => {
  const model = readModelFile(
    "flavors:\n  a:\n    x: 1\n  b: {}\nrun_id: r\nsignature:\n  inputs: '[{\"name\": \"it''s\", \"type\":\n    \"long\"}]'\n",
  )
  expect(model.flavors).toEqual(["a", "b"])
  expect(model.inputs).toEqual([{ name: "it's", type: "long", required: true }])
  expect(model.facts).toEqual([["Run", "r"]])
  expect(readModelFile("signature:\n  inputs: '{'\n").inputs).toEqual([])
})

test("files are told by their names", () => {
  expect(["MLmodel", "a.PNG", "a.csv.gz", "a.npz", "a.npy", "a.tar", "requirements.txt", "Dockerfile"].map(kindOf)).toEqual([
    "model",
    "image",
    "gzip",
    "archive",
    "array",
    "other",
    "text",
    "text",
  ])
})

test("text is UTF-8, or UTF-16 when it begins as that does", () => {
  const begins = [[0xff, 0xfe, 0x68, 0], [0xfe, 0xff, 0, 0x68], [0xef, 0xbb, 0xbf, 0x68], []]
  expect(begins.map((bytes) => encodingOf(new Uint8Array(bytes)))).toEqual(["utf-16le", "utf-16be", "utf-8", "utf-8"])
})

test("only locations of this server have a folder", () => {
  expect(folderOf("mlflow-artifacts:/1/abc/artifacts")).toBe("1/abc/artifacts")
  expect(folderOf("mlflow-artifacts://host/1")).toBeNull()
  expect(folderOf("s3://bucket/1")).toBeNull()
})
