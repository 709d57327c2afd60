/**
 * How a board of charts is arranged, as its address holds it.
 *
 * There is a card for each metric, in sections by what stands before the first slash, by name. An arrangement says only
 * what is otherwise: so a metric that is logged tomorrow has its card, whatever was moved today.
 */
import { COMPUTED } from "../formula"
import { readList, writeList } from "../state/list"
import { readKind, type Kind } from "./relations"

export interface Size {
  /** In columns. */
  width: number
  /** In heights of a card. */
  height: number
}

/** A chart of params and metrics that is kept beside the curves; ids are those of dimensions. */
export interface Kept {
  kind: Kind
  x: string
  y: string
  z: string
}

export interface Layout {
  /** Cards that were moved, in their order: each section has its own of them first. */
  first: string[]
  /** Cards that were left out. */
  without: string[]
  sizes: Record<string, Size>
  /** Sections that are closed. */
  shut: string[]
  kept: Kept[]
}

export const WIDEST = 3
export const TALLEST = 2
export const PLAIN: Size = { width: 1, height: 1 }

export function readLayout(query: URLSearchParams): Layout {
  return {
    first: readList(query.get("first")),
    without: readList(query.get("without")),
    sizes: readSizes(readList(query.get("sizes"))),
    shut: readList(query.get("shut")),
    kept: readList(query.get("kept")).flatMap(readKept),
  }
}

/** Write parts of an arrangement as changes of the query. */
export function writeLayout(part: Partial<Layout>): Record<string, string | null> {
  const changes: Record<string, string | null> = {}
  for (const name of ["first", "without", "shut"] as const) {
    const items = part[name]
    if (items) changes[name] = writeList(items) || null
  }
  if (part.sizes) {
    const sized = Object.entries(part.sizes).filter(([, { width, height }]) => width > 1 || height > 1)
    changes.sizes = writeList(sized.map(([key, { width, height }]) => `${key}:${width}x${height}`)) || null
  }
  if (part.kept) changes.kept = writeList(part.kept.map(nameKept)) || null
  return changes
}

/** All that an arrangement is kept in, taken out. */
export const ANEW = { first: null, without: null, sizes: null, shut: null, kept: null }

export function isArranged({ first, without, sizes, shut, kept }: Layout): boolean {
  return [first, without, Object.keys(sizes), shut, kept].some((part) => part.length > 0)
}

export function clampSize({ width, height }: Size): Size {
  const within = (value: number, most: number) => Math.max(1, Math.min(most, Math.round(value) || 1))
  return { width: within(width, WIDEST), height: within(height, TALLEST) }
}

function readSizes(items: string[]): Record<string, Size> {
  const sizes: Record<string, Size> = {}
  for (const item of items) {
    const found = /^([\s\S]+):(\d)x(\d)$/.exec(item)
    if (found) sizes[found[1]!] = clampSize({ width: Number(found[2]), height: Number(found[3]) })
  }
  return sizes
}

/** The text of a kept chart, which is its key too. */
export function nameKept({ kind, x, y, z }: Kept): string {
  return [kind, ...[x, y, z].map(encodeURIComponent)].join(" ")
}

function readKept(text: string): Kept[] {
  const [named = "", ...rest] = text.split(" ")
  const kind = readKind(named)
  try {
    const [x = "", y = "", z = ""] = rest.map(decodeURIComponent)
    return kind ? [{ kind, x, y, z }] : []
  } catch {
    return [] // a link that was cut
  }
}

function sectionOf(key: string): string {
  return key.includes("/") && !key.startsWith(COMPUTED) ? key.slice(0, key.indexOf("/")) : ""
}

/** The cards of each section, in their order. */
export function arrange(keys: string[], { first, without }: Pick<Layout, "first" | "without">): Map<string, string[]> {
  const there = new Set(keys.filter((key) => !without.includes(key)))
  const moved = first.filter((key) => there.has(key))
  const rest = [...there].filter((key) => !moved.includes(key)).sort()
  const sections = new Map<string, string[]>()
  for (const section of [...new Set(rest.concat(moved).map(sectionOf))].sort()) sections.set(section, [])
  for (const key of [...moved, ...rest]) sections.get(sectionOf(key))!.push(key)
  return sections
}

/** Put a card of a section at another place there; returns what comes first from then on. */
export function move(first: string[], section: string[], key: string, place: number): string[] {
  const order = section.filter((one) => one !== key)
  order.splice(Math.max(0, Math.min(order.length, place)), 0, key)
  // As few as needed are named: those up to where the rest is in order by itself.
  let named = order.length
  while (named > 0 && inOrder(order.slice(named - 1))) named--
  return [...first.filter((one) => !section.includes(one)), ...order.slice(0, named)]
}

function inOrder(keys: string[]): boolean {
  return keys.every((key, n) => n === 0 || keys[n - 1]! <= key)
}
