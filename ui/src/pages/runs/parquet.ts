/**
 * Writes a table as Parquet: one row group, one plain page a column, nothing compressed.
 *
 * Source: the Parquet format's specification (file layout, data page version 1, PLAIN and RLE encodings) and Thrift's compact
 * protocol, as far as they are needed for columns of numbers and texts that may be missing.
 */
export interface Column {
  name: string
  values: (number | null)[] | (string | null)[]
  kind: "number" | "text"
}

const [I32, I64, BINARY, LIST, STRUCT] = [5, 6, 8, 9, 12] as const
const [DOUBLE, BYTE_ARRAY, UTF8, OPTIONAL, PLAIN, RLE] = [5, 6, 0, 1, 0, 3] as const
const MAGIC = [0x50, 0x41, 0x52, 0x31]
const utf8 = new TextEncoder()

/** Bytes that grow. */
class Bytes {
  private data = new Uint8Array(1_024)
  size = 0

  push(...bytes: number[]): void {
    this.append(bytes)
  }

  append(bytes: ArrayLike<number>): void {
    if (this.size + bytes.length > this.data.length) {
      const grown = new Uint8Array(Math.max(this.data.length * 2, this.size + bytes.length))
      grown.set(this.data.subarray(0, this.size))
      this.data = grown
    }
    this.data.set(bytes, this.size)
    this.size += bytes.length
  }

  int32(value: number): void {
    this.push(value & 0xff, (value >>> 8) & 0xff, (value >>> 16) & 0xff, value >>> 24)
  }

  varint(value: number): void {
    while (value > 0x7f) {
      this.push((value % 0x80) | 0x80)
      value = Math.floor(value / 0x80)
    }
    this.push(value)
  }

  take(): Uint8Array<ArrayBuffer> {
    return this.data.slice(0, this.size)
  }
}

type Field = [id: number, kind: number, value: Value]
type Value = number | string | Field[] | Value[]

/** A Thrift struct; lists have the kind of their first item told before them: `[id, LIST, [kind, ...items]]`. */
function struct(out: Bytes, fields: Field[]): void {
  let last = 0
  for (const [id, kind, value] of fields) {
    out.push(((id - last) << 4) | kind)
    last = id
    put(out, kind, value)
  }
  out.push(0)
}

function put(out: Bytes, kind: number, value: Value): void {
  if (kind === I32 || kind === I64) out.varint((value as number) * 2) // zigzag of what is never negative
  else if (kind === BINARY) {
    const bytes = utf8.encode(value as string)
    out.varint(bytes.length)
    out.append(bytes)
  } else if (kind === STRUCT) struct(out, value as Field[])
  else {
    const [inner, ...items] = value as [number, ...Value[]]
    if (items.length < 15) out.push((items.length << 4) | inner)
    else {
      out.push(0xf0 | inner)
      out.varint(items.length)
    }
    for (const item of items) put(out, inner, item)
  }
}

function writePage({ values, kind }: Column): Uint8Array {
  const page = new Bytes()
  const levels = new Bytes()
  const groups = Math.ceil(values.length / 8)
  levels.varint((groups << 1) | 1)
  for (let group = 0; group < groups; group++) {
    let bits = 0
    for (let n = 0; n < 8; n++) if ((values[group * 8 + n] ?? null) !== null) bits |= 1 << n
    levels.push(bits)
  }
  page.int32(levels.size)
  page.append(levels.take())
  const eight = new DataView(new ArrayBuffer(8))
  for (const value of values) {
    if (value === null) continue
    if (kind === "text") {
      const bytes = utf8.encode(value as string)
      page.int32(bytes.length)
      page.append(bytes)
    } else {
      eight.setFloat64(0, value as number, true)
      page.append(new Uint8Array(eight.buffer))
    }
  }
  return page.take()
}

export function writeParquet(columns: Column[]): Uint8Array<ArrayBuffer> {
  const out = new Bytes()
  out.append(MAGIC)
  const rows = columns[0]?.values.length ?? 0
  const chunks: Field[][] = []
  for (const column of columns) {
    const page = writePage(column)
    const start = out.size
    struct(out, [
      [1, I32, 0],
      [2, I32, page.length],
      [3, I32, page.length],
      [5, STRUCT, [[1, I32, rows], [2, I32, PLAIN], [3, I32, RLE], [4, I32, RLE]]],
    ])
    out.append(page)
    const size = out.size - start
    const meta: Field[] = [
      [1, I32, column.kind === "text" ? BYTE_ARRAY : DOUBLE],
      [2, LIST, [I32, PLAIN, RLE]],
      [3, LIST, [BINARY, column.name]],
      [4, I32, 0],
      [5, I64, rows],
      [6, I64, size],
      [7, I64, size],
      [9, I64, start],
    ]
    chunks.push([[2, I64, start], [3, STRUCT, meta]])
  }
  const schema = columns.map((column): Field[] => [
    [1, I32, column.kind === "text" ? BYTE_ARRAY : DOUBLE],
    [3, I32, OPTIONAL],
    [4, BINARY, column.name],
    ...(column.kind === "text" ? ([[6, I32, UTF8]] as Field[]) : []),
  ])
  const start = out.size
  struct(out, [
    [1, I32, 1],
    [2, LIST, [STRUCT, [[4, BINARY, "runs"], [5, I32, columns.length]], ...schema]],
    [3, I64, rows],
    [4, LIST, [STRUCT, [[1, LIST, [STRUCT, ...chunks]], [2, I64, start - 4], [3, I64, rows]]]],
    [6, BINARY, "trackway"],
  ])
  out.int32(out.size - start)
  out.append(MAGIC)
  return out.take()
}
