/** Reading addresses, without a browser. */

/** Where the addresses of MLflow's pages, which clients print, are here. */
export function fromHash(hash: string): string | null {
  if (!hash.startsWith("#/")) return null
  const [path = "", query = ""] = hash.slice(1).split("?", 2)
  const run = /^\/experiments\/[^/]+\/runs\/([^/]+)/.exec(path)
  if (run) return `/runs/${run[1]}`
  const version = /^\/models\/([^/]+)\/versions\/([^/]+)/.exec(path)
  if (version) return `/models/${version[1]}/versions/${version[2]}`
  return /^\/(experiments|models)(\/[^/]+)?/.test(path) ? path + (query && `?${query}`) : "/"
}

/** Match a path such as `/runs/{run_id}/{tab}`; returns its fields, decoded, or null. */
export function match(pattern: string, at: string): Record<string, string> | null {
  const names = pattern.split("/")
  const parts = at.split("/")
  if (names.length !== parts.length) return null
  const fields: Record<string, string> = {}
  for (const [n, name] of names.entries()) {
    const part = parts[n]!
    if (name.startsWith("{")) {
      if (!part) return null
      try {
        fields[name.slice(1, -1)] = decodeURIComponent(part)
      } catch {
        return null
      }
    } else if (name !== part) return null
  }
  return fields
}
