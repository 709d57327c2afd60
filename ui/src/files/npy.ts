/**
 * An array in NumPy's own format: its head, and the elements that were read as texts and numbers.
 *
 * source: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
 */
import type { Rows } from "./tables"

export interface NpyArray {
  /** As NumPy writes it, such as `<f8`; "record" for one of named fields. */
  type: string
  shape: number[]
  /** Whether the first index is the one that changes fastest. */
  fortran: boolean
  /** Elements that there should be. */
  size: number
  /** Those that were read; null for a type that is not read here. */
  elements: Elements | null
}

export interface Elements {
  length: number
  text: (n: number) => string
  /** The element as a number, where it is one. */
  number: ((n: number) => number) | null
}

const MOST_HEAD_BYTES = 100_000
/** NumPy's own limit. */
const MOST_SIDES = 64
const MAGIC = "\x93NUMPY"
export const MOST_CELLS = 200

/** Read the beginning of a file; null when it is no array. */
export function readNpy(data: Uint8Array): NpyArray | null {
  if (data.length < 12 || String.fromCharCode(...data.subarray(0, 6)) !== MAGIC) return null
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength)
  const [start, length] = data[6] === 1 ? [10, view.getUint16(8, true)] : [12, view.getUint32(8, true)]
  if (start + length > data.length || length > MOST_HEAD_BYTES) return null
  const head = new TextDecoder("latin1").decode(data.subarray(start, start + length))
  const order = /'fortran_order':\s*(True|False)/.exec(head)
  const shape = /'shape':\s*\(([\d, ]*)\)/.exec(head)
  const type = /'descr':\s*(?:'([<>|=\w[\]]{1,40})'|\[)/.exec(head)
  if (!order || !shape || !type) return null
  const sides = (shape[1]!.match(/\d+/g) ?? []).map(Number)
  const size = sides.reduce((product, side) => product * side, 1)
  if (!Number.isSafeInteger(size) || sides.length > MOST_SIDES) return null
  const body = new DataView(data.buffer, data.byteOffset + start + length, data.length - start - length)
  return {
    type: type[1] ?? "record",
    shape: sides,
    fortran: order[1] === "True" && sides.length > 1,
    size,
    elements: type[1] ? readElements(type[1], body, size) : null,
  }
}

/** How DataView reads numbers of a type. */
const NUMBERS = {
  f4: "getFloat32",
  f8: "getFloat64",
  i1: "getInt8",
  i2: "getInt16",
  i4: "getInt32",
  i8: "getBigInt64",
  m8: "getBigInt64",
  u1: "getUint8",
  u2: "getUint16",
  u4: "getUint32",
  u8: "getBigUint64",
} as const
/** Digits that a type has, where the number itself has more. */
const DIGITS: Record<string, number> = { f2: 4, f4: 7 }
const UNITS: Record<string, number> = { D: 864e5, h: 36e5, m: 6e4, s: 1_000, ms: 1, us: 1e-3, ns: 1e-6 }
const MOST_TEXT_BYTES = 4_000

function readElements(type: string, view: DataView, most: number): Elements | null {
  const found = /^([<>|=])([a-zA-Z])(\d+)(?:\[(\w+)\])?$/.exec(type)
  if (!found) return null
  const [, order, kind = "", digits, unit = ""] = found
  const little = order !== ">"
  const bytes = Number(digits) * (kind === "U" ? 4 : 1)
  if (!bytes) return null
  const length = Math.min(most, Math.floor(view.byteLength / bytes))
  const name = kind + digits
  const get = NUMBERS[name as keyof typeof NUMBERS]
  if (get || name === "f2") {
    const read = (n: number) => (get ? view[get](n * bytes, little) : half(view.getUint16(n * bytes, little)))
    return { length, number: (n) => Number(read(n)), text: (n) => write(read(n), DIGITS[name]) }
  }
  const texts = (text: (at: number) => string): Elements => ({ length, number: null, text: (n) => text(n * bytes) })
  const width = Math.min(bytes, MOST_TEXT_BYTES)
  if (name === "b1") return texts((at) => (view.getUint8(at) ? "True" : "False"))
  if (name === "c8") return texts((at) => complex(view.getFloat32(at, little), view.getFloat32(at + 4, little), 7))
  if (name === "c16") return texts((at) => complex(view.getFloat64(at, little), view.getFloat64(at + 8, little)))
  if (name === "M8") return texts((at) => date(view.getBigInt64(at, little), UNITS[unit]!))
  if (kind === "U") return texts((at) => codes(view, at, width, little))
  if (kind === "S") return texts((at) => new TextDecoder().decode(new Uint8Array(view.buffer, view.byteOffset + at, width)).replace(/\0+$/, ""))
  return null
}

function write(value: number | bigint, digits?: number): string {
  return String(digits && Number.isFinite(value) ? Number((value as number).toPrecision(digits)) : value)
}

/** A number of 16 bits: IEEE 754's binary16. */
function half(bits: number): number {
  const power = (bits >> 10) & 31
  const fraction = bits & 1023
  const size = power === 0 ? fraction * 2 ** -24 : power < 31 ? (1024 + fraction) * 2 ** (power - 25) : fraction ? NaN : Infinity
  return bits >> 15 ? -size : size
}

function complex(real: number, imaginary: number, digits?: number): string {
  return `${write(real, digits)}${imaginary < 0 ? "" : "+"}${write(imaginary, digits)}j`
}

/** A time as text; one that is none, or of a unit that calendars do not have, as its number. */
function date(value: bigint, scale: number): string {
  const made = new Date(Number(value) * scale)
  return Number.isNaN(made.getTime()) ? String(value) : made.toISOString()
}

function codes(view: DataView, start: number, length: number, little: boolean): string {
  let text = ""
  for (let at = start; at < start + length; at += 4) {
    const code = view.getUint32(at, little)
    text += code > 0x10ffff ? "\ufffd" : String.fromCodePoint(code)
  }
  return text.replace(/\0+$/, "")
}

/** How many elements there are for each of the first index. */
export const widthOf = ({ shape }: NpyArray) => shape.slice(1).reduce((product, side) => product * side, 1)

/** The elements as a table: a row for each of the first index, a column for each of the rest; null where there is none. */
export function rowsOf(array: NpyArray): Rows | null {
  const { shape, size, fortran, elements } = array
  if (!elements || (fortran && elements.length < size)) return null
  const { length, text } = elements
  const width = widthOf(array)
  const places = Array.from({ length: Math.min(width, MOST_CELLS) }, (_, n) => indexOf(n, shape))
  const offsets = places.map((place, n) => {
    let [offset, step] = [0, 1]
    for (const [at, side] of shape.entries()) {
      offset += place[at]! * step
      step *= side
    }
    return fortran ? offset : n
  })
  // Of a row that is longer than what was read the beginning is shown.
  const known = width && length && Math.max(1, Math.floor(length / width))
  const cell = (at: number) => (at < length ? text(at) : null)
  return {
    columns: shape.length > 1 ? places.map((place) => place.slice(1).join(", ")) : ["Value"],
    known,
    count: length === size ? known : undefined,
    read: (start, end) =>
      Promise.resolve(
        Array.from({ length: end - start }, (_, n) => offsets.map((offset) => cell((start + n) * (fortran ? 1 : width) + offset))),
      ),
  }
}

/** The index of the element that stands in the n-th column. */
function indexOf(n: number, shape: number[]): number[] {
  let left = n
  const index = shape.map(() => 0)
  for (let at = shape.length - 1; at > 0; at--) {
    index[at] = left % shape[at]!
    left = Math.floor(left / shape[at]!)
  }
  return index
}

export interface Summary {
  min: number
  max: number
  mean: number
  /** How many are NaN or infinite, which are in none of the above. */
  others: number
}

/** Sum up the elements that were read; null when none is a finite number. */
export function sumUp({ number, length }: Elements): Summary | null {
  if (!number) return null
  let [min, max, mean, finite] = [Infinity, -Infinity, 0, 0]
  for (let n = 0; n < length; n++) {
    const value = number(n)
    if (!Number.isFinite(value)) continue
    if (value < min) min = value
    if (value > max) max = value
    mean += (value - mean) / ++finite
  }
  return finite ? { min, max, mean, others: length - finite } : null
}

/** At most 400 of the elements, evenly chosen. */
export function sample({ number, length }: Elements): Float64Array {
  const size = Math.min(400, length)
  return Float64Array.from({ length: size }, (_, n) => number!(Math.floor((n * (length - 1)) / (size - 1))))
}
