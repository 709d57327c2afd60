/** Who the visitor is to the server, asked for once: who signs in or out begins a new document. */
import { signal } from "@preact/signals"
import { call, send, type ApiError } from "../api/client"
import type { Identity, Operations } from "../api/types"
import { useLoad } from "./load"

/** Undefined until it is known. */
export const me = signal<Identity | undefined>(undefined)

/** Why there is no workspace at this address for the visitor, where there is none. */
export const lost = signal<ApiError | undefined>(undefined)

call("users.current", {}).then(
  (identity) => (me.value = identity),
  (error: ApiError) => {
    if (error.status === 404) lost.value = error // else the page itself tells what is wrong
  },
)

/** Whether the visitor may do something everywhere in the workspace; false until it is known. */
export function may(permission: Identity["permissions"][number]): boolean {
  return me.value?.permissions.includes(permission) ?? false
}

/**
 * Whether the visitor may carry out an operation on something, so that a page need not offer what is refused.
 *
 * returns: undefined until it is known; true where nobody signs in, and where it is not told, as the server checks anyway
 */
export function useMay(operation: keyof Operations, target: string): boolean | undefined {
  const who = me.value
  const asked = who !== undefined && who.means !== "none"
  const { data, error } = useLoad(asked ? `${who.name} ${operation} ${target}` : null, (signal) =>
    call("access.explain", { user: who!.name, operation, target }, signal),
  )
  return asked ? (data?.allowed ?? (error ? true : undefined)) : who && true
}

export async function signOut(): Promise<void> {
  await send("/api/v1/session", { method: "DELETE" })
  location.assign("/sign-in")
}
