/** The address is the state: where one is, and all that a page shows, is read from it and written to it. */
import { computed, signal } from "@preact/signals"
import { fromHash } from "./address"
import { base, within } from "./workspace"

interface Place {
  path: string
  query: URLSearchParams
}

function read(): Place {
  const moved = fromHash(location.hash)
  if (moved) history.replaceState(null, "", base + moved)
  return { path: within(location.pathname), query: new URLSearchParams(location.search) }
}

export const place = signal<Place>(read())
export const path = computed(() => place.value.path)

addEventListener("popstate", () => {
  place.value = read()
})

/** Go to an address of this application, in the same workspace; `replace` leaves no step to come back to. */
export function go(to: string, replace = false): void {
  const href = base + within(to)
  if (href === location.pathname + location.search) return
  history[replace ? "replaceState" : "pushState"](null, "", href)
  place.value = read()
  if (!replace) scrollTo(0, 0)
}

/** Write fields of the query; null takes one out. What is typed replaces, what is chosen is a step to come back to. */
export function setQuery(changes: Record<string, string | null>, replace = false): void {
  const query = new URLSearchParams(place.value.query)
  for (const [name, value] of Object.entries(changes)) {
    if (value === null || value === "") query.delete(name)
    else query.set(name, value)
  }
  history[replace ? "replaceState" : "pushState"](null, "", location.pathname + (query.size ? `?${query}` : ""))
  place.value = read()
}

/** Have a link lead into the same workspace, also when it is opened in another window. */
export function keepWorkspace(event: MouseEvent): void {
  const link = (event.target as Element).closest?.("a")
  if (base && link?.origin === location.origin && within(link.pathname) === link.pathname) link.pathname = base + link.pathname
}

/** Clicks on links stay in the application, unless another window is asked for. */
export function followLinks(event: MouseEvent): void {
  const link = (event.target as Element).closest?.("a")
  if (!link || event.defaultPrevented || event.button !== 0) return
  if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return
  if (link.target || link.hasAttribute("download") || link.origin !== location.origin) return
  const at = within(link.pathname)
  if (at.startsWith("/api/") || at === "/metrics") return
  event.preventDefault()
  go(link.pathname + link.search)
}
