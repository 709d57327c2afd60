/**
 * Reads MessagePack: the API's form in which numbers keep NaN and the infinities, and columns are bytes.
 *
 * Integers beyond 2^53 become the nearest number. Source: the MessagePack specification, without extensions.
 */
export function decode(buffer: ArrayBuffer): unknown {
  const reader = new Reader(buffer)
  const value = reader.read()
  if (!reader.atEnd()) throw new Error("There is more behind the value")
  return value
}

const text = new TextDecoder()

class Reader {
  private at = 0
  private readonly view: DataView
  private readonly bytes: Uint8Array
  /** Keys come again and again: each is decoded once. */
  private readonly keys = new Map<string, string>()

  constructor(buffer: ArrayBuffer) {
    this.view = new DataView(buffer)
    this.bytes = new Uint8Array(buffer)
  }

  atEnd(): boolean {
    return this.at === this.bytes.length
  }

  read(): unknown {
    const kind = this.view.getUint8(this.at++)
    if (kind < 0x80) return kind
    if (kind < 0x90) return this.map(kind & 0x0f)
    if (kind < 0xa0) return this.list(kind & 0x0f)
    if (kind < 0xc0) return this.string(kind & 0x1f)
    if (kind >= 0xe0) return kind - 0x100
    switch (kind) {
      case 0xc0:
        return null
      case 0xc2:
        return false
      case 0xc3:
        return true
      case 0xc4:
        return this.binary(this.size(1))
      case 0xc5:
        return this.binary(this.size(2))
      case 0xc6:
        return this.binary(this.size(4))
      case 0xca:
        return this.view.getFloat32(this.skip(4))
      case 0xcb:
        return this.view.getFloat64(this.skip(8))
      case 0xcc:
        return this.size(1)
      case 0xcd:
        return this.size(2)
      case 0xce:
        return this.size(4)
      case 0xcf:
        return Number(this.view.getBigUint64(this.skip(8)))
      case 0xd0:
        return this.view.getInt8(this.skip(1))
      case 0xd1:
        return this.view.getInt16(this.skip(2))
      case 0xd2:
        return this.view.getInt32(this.skip(4))
      case 0xd3:
        return Number(this.view.getBigInt64(this.skip(8)))
      case 0xd9:
        return this.string(this.size(1))
      case 0xda:
        return this.string(this.size(2))
      case 0xdb:
        return this.string(this.size(4))
      case 0xdc:
        return this.list(this.size(2))
      case 0xdd:
        return this.list(this.size(4))
      case 0xde:
        return this.map(this.size(2))
      case 0xdf:
        return this.map(this.size(4))
    }
    throw new Error(`A value of kind 0x${kind.toString(16)} is not known`)
  }

  private skip(size: number): number {
    const start = this.at
    this.at += size
    return start
  }

  private size(width: 1 | 2 | 4): number {
    const start = this.skip(width)
    if (width === 1) return this.view.getUint8(start)
    return width === 2 ? this.view.getUint16(start) : this.view.getUint32(start)
  }

  private binary(size: number): Uint8Array {
    const start = this.skip(size)
    if (this.at > this.bytes.length) throw new Error("The value is cut short")
    return this.bytes.slice(start, this.at)
  }

  private string(size: number): string {
    const start = this.skip(size)
    if (this.at > this.bytes.length) throw new Error("The value is cut short")
    if (size > 24) return text.decode(this.bytes.subarray(start, this.at))
    let key = ""
    for (let n = start; n < this.at; n++) {
      const code = this.bytes[n]!
      if (code > 0x7f) return text.decode(this.bytes.subarray(start, this.at))
      key += String.fromCharCode(code)
    }
    const known = this.keys.get(key)
    if (known !== undefined) return known
    this.keys.set(key, key)
    return key
  }

  private list(size: number): unknown[] {
    const values: unknown[] = []
    for (let n = 0; n < size; n++) values.push(this.read())
    return values
  }

  private map(size: number): Record<string, unknown> {
    // Without a prototype: a key may be "__proto__".
    const values: Record<string, unknown> = Object.create(null)
    for (let n = 0; n < size; n++) {
      const key = this.read()
      values[String(key)] = this.read()
    }
    return values
  }
}
