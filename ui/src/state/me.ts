/** Who the visitor is to the server, asked for once: who signs in or out begins a new document. */
import { signal } from "@preact/signals"
import { call, send } from "../api/client"
import type { Identity } from "../api/types"

/** Undefined until it is known. */
export const me = signal<Identity | undefined>(undefined)

call("users.current", {}).then(
  (identity) => (me.value = identity),
  () => undefined, // the page itself tells what is wrong
)

export async function signOut(): Promise<void> {
  await send("/api/v1/session", { method: "DELETE" })
  location.assign("/sign-in")
}
