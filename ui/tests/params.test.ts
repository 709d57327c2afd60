import { expect, test } from "vitest"
import { readParams } from "../src/pages/operate/params"

test("params are read line by line", () =>
  expect(readParams(" alpha = 0.5 \n\nnote=a=b\nempty=")).toEqual({ alpha: "0.5", note: "a=b", empty: "" }))

test.each(["alpha", "=1", "a=1\na=2", "__proto__\n"])("%j is refused", (text) => expect(() => readParams(text)).toThrow())

test("no name is special", () => expect(Object.keys(readParams("constructor=1"))).toEqual(["constructor"]))
