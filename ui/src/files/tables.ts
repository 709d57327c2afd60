/** Tables in files: comma- and tab-separated text, and Parquet, which is read a range of rows at a time. */
import { send } from "../api/client"
import { encodingOf, fileUrl, type Source } from "./transfer"

export interface Rows {
  columns: string[]
  /** How many rows there are; undefined when only the beginning of the file was read. */
  count: number | undefined
  /** Rows from `start` on as texts; null where there is nothing. */
  read: (start: number, end: number) => Promise<(string | null)[][]>
  known: number
}

/** Split separated text (RFC 4180) into rows; quotes may hold separators, line ends and doubled quotes. */
export function parseSeparated(text: string, separator: string): string[][] {
  const rows: string[][] = []
  let row: string[] = []
  let cell = ""
  let quoted = false
  for (let at = 0; at < text.length; at++) {
    const sign = text[at]!
    if (quoted) {
      if (sign !== '"') cell += sign
      else if (text[at + 1] === '"') cell += text[++at]!
      else quoted = false
    } else if (sign === '"' && cell === "") quoted = true
    else if (sign === separator) {
      row.push(cell)
      cell = ""
    } else if (sign === "\n") {
      row.push(cell.replace(/\r$/, ""))
      rows.push(row)
      row = []
      cell = ""
    } else cell += sign
  }
  if (cell || row.length) rows.push([...row, cell])
  return rows
}

const MOST_BYTES = 8_000_000

export async function openSeparated(source: Source, separator: string, signal: AbortSignal): Promise<Rows> {
  const { bytes, size } = await source.read(0, MOST_BYTES, signal)
  const cut = size > bytes.length
  const [columns = [], ...rows] = parseSeparated(new TextDecoder(encodingOf(bytes)).decode(bytes), separator)
  if (cut) rows.pop() // its end was not read
  return {
    columns,
    known: rows.length,
    count: cut ? undefined : rows.length,
    read: (start, end) => Promise.resolve(rows.slice(start, end)),
  }
}

export async function openParquet(path: string, size: number, signal: AbortSignal): Promise<Rows> {
  const [{ parquetMetadataAsync, parquetReadObjects, parquetSchema }, { decompress }] = await Promise.all([
    import("hyparquet"),
    import("fzstd"),
  ])
  const file = {
    byteLength: size,
    slice: async (start: number, end = size) => {
      const init = { headers: { range: `bytes=${start}-${end - 1}` }, signal }
      return (await send(fileUrl(path), init)).arrayBuffer()
    },
  }
  const metadata = await parquetMetadataAsync(file)
  const columns = parquetSchema(metadata).children.map((child) => child.element.name)
  const count = Number(metadata.num_rows)
  const compressors = { ZSTD: (input: Uint8Array) => decompress(input) }
  return {
    columns,
    count,
    known: count,
    read: async (rowStart, rowEnd) => {
      const rows = await parquetReadObjects({ file, metadata, rowStart, rowEnd, compressors })
      return rows.map((row) => columns.map((name) => write(row[name])))
    },
  }
}

/** A value of a cell as text. */
export function write(value: unknown): string | null {
  if (value === null || value === undefined) return null
  if (typeof value === "string") return value
  if (value instanceof Date) return value.toISOString()
  if (typeof value === "object")
    return JSON.stringify(value, (_, inner: unknown) => (typeof inner === "bigint" ? String(inner) : inner))
  return String(value as number | bigint | boolean)
}

/** A table in the form of pandas' `split` or of records, as tables are logged; null for JSON that is none. */
export function readJsonTable(text: string): Rows | null {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return null
  }
  const { columns, data } = (value ?? {}) as { columns?: unknown; data?: unknown }
  if (Array.isArray(columns) && Array.isArray(data) && data.every(Array.isArray)) {
    return list(columns.map(String), data as unknown[][])
  }
  if (!Array.isArray(value) || !value.length) return null
  if (!value.every((row) => typeof row === "object" && row !== null && !Array.isArray(row))) return null
  const names = [...new Set(value.flatMap((row) => Object.keys(row as object)))]
  return list(
    names,
    value.map((row) => names.map((name) => (row as Record<string, unknown>)[name])),
  )
}

function list(columns: string[], rows: unknown[][]): Rows {
  const read = (start: number, end: number) => Promise.resolve(rows.slice(start, end).map((row) => row.map(write)))
  return { columns, count: rows.length, known: rows.length, read }
}
