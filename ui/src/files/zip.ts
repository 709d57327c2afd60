/**
 * What an archive of the ZIP form holds: the list at its end, and single entries, by ranges of bytes.
 *
 * Nothing that it says of itself is believed further than it can be read: entries are counted, not their number read, and
 * a name is a text and never a place.
 * source: https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT (4.3.7 to 4.3.16, 4.5.3)
 */
import { ApiError } from "../api/client"
import { nameOf, type Source } from "./transfer"
import { unpacked } from "./unpack"

export interface Entry {
  name: string
  /** Of what is unpacked, and packed, as the archive says. */
  size: number
  packed: number
  /** As the archive has it, which knows no time zone; empty for none. */
  time: string
  method: number
  encrypted: boolean
  /** Where it begins in the file. */
  at: number
}

export interface Directory {
  entries: Entry[]
  /** Entries that there are, as the archive says. */
  count: number
  /** There are more than are listed. */
  cut: boolean
  /** The list is not as the archive says. */
  damaged: boolean
}

const MOST_ENTRIES = 1_000
/** Its end: a record, a comment of at most 65,535 bytes, and before it what large archives add. */
const TAIL_BYTES = 22 + 65_535 + 76
const LIST_BYTES = 4_000_000
/** Of an entry in the list: its name, what is added and its comment have a length of 16 bits each. */
const ENTRY_BYTES = 46 + 3 * 65_535
const END = 0x06054b50
const END_64 = 0x06064b50
const LISTED = 0x02014b50
const BEGIN = 0x04034b50

function viewOf(bytes: Uint8Array) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const u16 = (at: number) => view.getUint16(at, true)
  const u32 = (at: number) => view.getUint32(at, true)
  return { length: bytes.length, u16, u32, u64: (at: number) => u32(at) + u32(at + 4) * 2 ** 32 }
}

type View = ReturnType<typeof viewOf>

/** Read the list of an archive; null when it is none. */
export async function readDirectory(source: Source, signal?: AbortSignal): Promise<Directory | null> {
  const from = Math.max(0, source.size - TAIL_BYTES)
  const tail = (await source.read(from, TAIL_BYTES, signal)).bytes
  const view = viewOf(tail)
  let at = tail.length - 22
  while (at >= 0 && !(view.u32(at) === END && at + 22 + view.u16(at + 20) <= tail.length)) at--
  if (at < 0) return null
  let [count, size, offset] = [view.u16(at + 10), view.u32(at + 12), view.u32(at + 16)]
  if (at >= 76 && view.u32(at - 76) === END_64) {
    at -= 76
    ;[count, size, offset] = [view.u64(at + 32), view.u64(at + 40), view.u64(at + 48)]
  }
  const start = from + at - size // it ends where the end begins, whatever was put before the archive
  if (start < 0) return { entries: [], count, cut: false, damaged: true }
  const read = Math.min(size, LIST_BYTES)
  const list = start >= from ? tail.subarray(start - from, start - from + read) : (await source.read(start, read, signal)).bytes
  const { entries, end } = readEntries(list, start - offset)
  const cut = end < size && (entries.length === MOST_ENTRIES || (read < size && end > read - ENTRY_BYTES))
  return { entries, count, cut, damaged: !cut && (end !== size || count !== entries.length) }
}

function readEntries(list: Uint8Array, shift: number): { entries: Entry[]; end: number } {
  const view = viewOf(list)
  const entries: Entry[] = []
  let at = 0
  while (entries.length < MOST_ENTRIES && at + 46 <= list.length && view.u32(at) === LISTED) {
    const name = at + 46
    const extra = name + view.u16(at + 28)
    const rest = extra + view.u16(at + 30)
    const next = rest + view.u16(at + 32)
    if (next > list.length) break
    const sizes = [view.u32(at + 24), view.u32(at + 20), view.u32(at + 42)]
    readLarge(view, extra, rest, sizes)
    entries.push({
      name: new TextDecoder().decode(list.subarray(name, extra)),
      size: sizes[0]!,
      packed: sizes[1]!,
      at: sizes[2]! + shift,
      time: readTime(view.u16(at + 14), view.u16(at + 12)),
      method: view.u16(at + 10),
      encrypted: (view.u16(at + 8) & 1) === 1,
    })
    at = next
  }
  return { entries, end: at }
}

/** Put those sizes that do not fit into 32 bits in the place of those that say so. */
function readLarge(view: View, start: number, end: number, sizes: number[]): void {
  for (let at = start; at + 4 <= end; at += 4 + view.u16(at + 2)) {
    if (view.u16(at) !== 1) continue
    let [field, last] = [at + 4, Math.min(end, at + 4 + view.u16(at + 2))]
    for (const [n, size] of sizes.entries()) {
      if (size !== 0xffffffff || field + 8 > last) continue
      sizes[n] = view.u64(field)
      field += 8
    }
    return
  }
}

function readTime(date: number, time: number): string {
  const [month, day] = [(date >> 5) & 15, date & 31]
  const clock = [time >> 11, (time >> 5) & 63, (time & 31) * 2]
  if (!month || month > 12 || !day || clock[0]! > 23 || clock[1]! > 59 || clock[2]! > 59) return ""
  const two = (value: number) => String(value).padStart(2, "0")
  return `${1980 + (date >> 9)}-${two(month)}-${two(day)} ${clock.map(two).join(":")}`
}

/** Whether an entry is packed in a way that is read here. */
export const isReadable = ({ method, encrypted }: Entry) => (method === 0 || method === 8) && !encrypted

/** What is in an entry. */
export function openEntry(archive: Source, entry: Entry): Source {
  const name = nameOf(entry.name)
  const stored: Source = {
    name,
    key: `${archive.key} ${entry.at} ${entry.name}`,
    size: entry.packed,
    read: async (start, limit, signal) => {
      const known = entry.at >= 0 && entry.at < archive.size
      const head = viewOf(known ? (await archive.read(entry.at, 30, signal)).bytes : new Uint8Array())
      if (head.length < 30 || head.u32(0) !== BEGIN)
        throw new ApiError(0, "", "This entry is not where the archive says", "download the archive to look at it")
      const from = entry.at + 30 + head.u16(26) + head.u16(28) + start
      const length = Math.min(limit, entry.packed - start, archive.size - from)
      const bytes = length > 0 ? (await archive.read(from, length, signal)).bytes : new Uint8Array()
      return { bytes, size: entry.packed }
    },
  }
  return entry.method === 8 ? unpacked(stored, name, "deflate-raw") : stored
}
