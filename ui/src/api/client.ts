/** Calls operations of the native API; one place knows how a request is sent and how an error is told. */
import { base } from "../state/workspace"
import { decode } from "./msgpack"
import { ROUTES, type Operations } from "./types"

export type Name = keyof Operations

/** An operation that was refused or failed, with what to do about it. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly hint: string = "",
    readonly details: Record<string, unknown> = {},
  ) {
    super(message)
  }
}

/** Carry out an operation. Throws ApiError, or an AbortError when `signal` ends it. */
export async function call<N extends Name>(
  name: N,
  request: Operations[N]["request"],
  signal?: AbortSignal,
): Promise<Operations[N]["response"]> {
  const [method, path] = ROUTES[name]
  const left = { ...(request as object) } as Record<string, unknown>
  let url = `${base}/api/v1${path.replace(/\{(\w+)\}/g, (_, field: string) => {
    const value = String(left[field])
    delete left[field]
    return encodeURIComponent(value)
  })}`
  const init: RequestInit = { method, headers: { accept: "application/msgpack" } }
  if (signal) init.signal = signal
  if ((method as string) === "GET") {
    const query = new URLSearchParams()
    for (const [field, value] of Object.entries(left)) if (value != null) query.set(field, String(value))
    if (query.size) url += `?${query}`
  } else {
    init.headers = { ...init.headers, "content-type": "application/json" }
    init.body = JSON.stringify(left)
  }
  const response = await send(url, init)
  return decode(await response.arrayBuffer()) as Operations[N]["response"]
}

/** Return the header that says that a page of this server asks: its cookie is there where people sign in. */
function readCsrf(): Record<string, string> {
  const found = /(?:^|; )trackway_csrf=([0-9a-f]+)/.exec(document.cookie)
  return found ? { "x-trackway-csrf": found[1]! } : {}
}

/** Fetch something of the server; every way of failing becomes an ApiError. */
export async function send(url: string, init: RequestInit): Promise<Response> {
  let response: Response
  if (init.method && init.method !== "GET") init.headers = { ...(init.headers as object), ...readCsrf() }
  try {
    response = await fetch(url, init)
  } catch (error) {
    if ((error as Error).name === "AbortError") throw error
    throw new ApiError(0, "unreachable", "The server does not answer", "see that it runs, then try again")
  }
  if (response.ok) return response
  if (response.status === 401) location.assign(`/sign-in?then=${encodeURIComponent(location.pathname + location.search)}`)
  const body = await response.text()
  try {
    const told = (JSON.parse(body) as { error: Partial<ApiError> }).error
    throw new ApiError(response.status, told.code ?? "", told.message ?? "", told.hint ?? "", told.details ?? {})
  } catch (error) {
    if (error instanceof ApiError) throw error
    throw new ApiError(response.status, "", body.slice(0, 300) || `The server answered ${response.status}`)
  }
}
