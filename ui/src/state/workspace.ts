/** Which workspace the address names: `/w/vision/experiments` is a page of `vision`, `/experiments` of one's default. */

/** What stands before the path of every page and call; empty where the address names no workspace. */
export const base = baseOf(globalThis.location?.pathname ?? "")

export function baseOf(pathname: string): string {
  return /^\/w\/[^/]+/.exec(pathname)?.[0] ?? ""
}

/** The path of a page, without the workspace before it. */
export function within(pathname: string, prefix = base): string {
  return prefix && (pathname === prefix || pathname.startsWith(`${prefix}/`)) ? pathname.slice(prefix.length) || "/" : pathname
}

/** The address by which programs reach this workspace. */
export const address = () => location.origin + base

export const pagesOf = (workspace: string) => `/w/${encodeURIComponent(workspace)}/experiments`
