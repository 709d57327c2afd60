import { afterAll, expect, test, vi } from "vitest"
import type { Identity } from "../src/api/types"

vi.stubGlobal("fetch", () => Promise.reject(new Error("there is no server")))
afterAll(() => vi.unstubAllGlobals())
const { lost, may, me } = await import("../src/state/me")
const rita: Identity = {
  number: 2,
  name: "rita",
  kind: "user",
  is_admin: false,
  means: "session",
  workspace: "default",
  permissions: ["read"],
  has_role: true,
  administrators: ["root"],
}

test("nothing is offered until it is known who the visitor is", () => {
  expect(may("read")).toBe(false)
  expect(lost.value).toBe(undefined)
})

test("what is offered is what the visitor may do in the whole workspace", () => {
  me.value = rita
  expect([may("read"), may("create"), may("admin")]).toEqual([true, false, false])
  me.value = { ...rita, permissions: ["create", "read", "write"] }
  expect([may("read"), may("create"), may("admin")]).toEqual([true, true, false])
})
