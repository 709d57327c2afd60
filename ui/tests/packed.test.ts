import { describe, expect, test, vi } from "vitest"
import { readNpy, rowsOf, sumUp } from "../src/files/npy"
import { openSeparated } from "../src/files/tables"
import { decodeText, type Source } from "../src/files/transfer"
import { unpack, unpacked } from "../src/files/unpack"
import { openEntry, readDirectory } from "../src/files/zip"

const signal = new AbortController().signal
const bytesOf = (text: string) => new TextEncoder().encode(text)

function joined(...parts: Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((length, part) => length + part.length, 0))
  let at = 0
  for (const part of parts) {
    all.set(part, at)
    at += part.length
  }
  return all
}

async function pack(data: string | Uint8Array, format: CompressionFormat): Promise<Uint8Array> {
  const stream = new Blob([data as BlobPart]).stream().pipeThrough(new CompressionStream(format))
  return new Uint8Array(await new Response(stream).arrayBuffer())
}

/** A file of these bytes, and how many of them were asked for. */
function made(bytes: Uint8Array, name = "a"): Source & { asked: number } {
  const source = {
    name,
    key: name,
    size: bytes.length,
    asked: 0,
    read: (start: number, limit: number) => {
      expect(start >= 0 && limit > 0 && Number.isSafeInteger(start + limit)).toBe(true)
      source.asked += limit
      return Promise.resolve({ bytes: bytes.slice(start, start + limit), size: bytes.length })
    },
  }
  return source
}

/** Bytes that are the same each time. */
function* random(count: number, length: number) {
  let seed = 1
  for (let turn = 0; turn < count; turn++) yield Uint8Array.from({ length }, () => (seed = (seed * 16_807) % 2_147_483_647) & 255)
}

describe("gzip", () => {
  const rows = Array.from({ length: 2_000 }, (_, n) => `${n},${(n * 7_919) % 1_000}\n`).join("")

  test("is unpacked, and shown by the name within", async () => {
    const source = unpacked(made(await pack(`a,b\n${rows}`, "gzip")), "table.csv", "gzip")
    expect(await openSeparated(source, ",", signal)).toMatchObject({ columns: ["a", "b"], known: 2_000, count: 2_000 })
  })

  test("of which more is packed than is asked for is cut, at the limit", async () => {
    const packed = made(await pack(rows, "gzip"))
    const part = await unpacked(packed, "a.txt", "gzip").read(0, 1_000)
    expect(part).toMatchObject({ size: Infinity, damaged: false })
    expect(decodeText(part)).toEqual({ text: rows.slice(0, 1_000), size: Infinity, cut: true })
    expect((await unpacked(packed, "a.txt", "gzip").read(500, 100)).bytes).toEqual(bytesOf(rows.slice(500, 600)))
  })

  test("that is a bomb is unpacked to the limit, and hardly further", async () => {
    const bomb = await pack(new Uint8Array(50_000_000), "gzip")
    const Real = DecompressionStream
    let out = 0
    const counted = () =>
      new TransformStream<Uint8Array, Uint8Array>({
        transform: (piece, to) => {
          out += piece.length
          to.enqueue(piece)
        },
      })
    vi.stubGlobal("DecompressionStream", function (format: CompressionFormat) {
      const { readable, writable } = new Real(format)
      return { writable, readable: readable.pipeThrough(counted()) }
    })
    const part = await unpacked(made(bomb), "a.txt", "gzip").read(0, 1_000_000)
    vi.unstubAllGlobals()
    expect([part.bytes.length, part.size]).toEqual([1_000_000, Infinity])
    expect(out).toBeLessThan(10_000_000)
  })

  test("that is cut gives what came before, and is damaged unless only a part was read", async () => {
    const packed = await pack(rows, "gzip")
    for (let end = 0; end < packed.length; end += 97) {
      for (const whole of [true, false]) {
        const found = await unpack(packed.subarray(0, end), "gzip", 1e6, whole)
        expect(found.end).toBe(whole ? "damaged" : "cut")
        expect(rows.startsWith(new TextDecoder().decode(found.bytes))).toBe(true)
      }
    }
    const most = await unpack(packed.subarray(0, packed.length - 4), "gzip", 1e6, true)
    expect(most.bytes.length).toBeGreaterThan(rows.length / 2)
  })

  test("of any bytes whatever is refused in words", async () => {
    for (const bytes of random(50, 200)) {
      await expect(unpacked(made(bytes), "a", "gzip").read(0, 100)).rejects.toThrow("could not be unpacked")
    }
    const empty = await unpacked(made(await pack("", "gzip")), "a", "gzip").read(0, 100)
    expect([empty.bytes.length, empty.size]).toEqual([0, 0])
  })
})

interface Made {
  name: string
  data?: string
  method?: number
  flags?: number
  time?: [date: number, time: number]
}

const u16 = (value: number) => Uint8Array.from([value & 255, (value >> 8) & 255])
const u32 = (value: number) => joined(u16(value & 0xffff), u16(value >>> 16))
const u64 = (value: number) => joined(u32(value % 2 ** 32 | 0), u32(Math.floor(value / 2 ** 32)))

/** An archive; what its end says can be said otherwise. */
async function zip(files: Made[], { count = files.length, size = -1, comment = "", large = false, before = "" } = {}): Promise<Uint8Array> {
  let body: Uint8Array = new Uint8Array()
  let list: Uint8Array = new Uint8Array()
  for (const { name, data = "", method = 8, flags = 0, time: [date, clock] = [0x5a21, 0x6000] } of files) {
    const packed = method === 8 ? await pack(data, "deflate-raw") : bytesOf(data)
    const sizes = large ? u32(-1) : u32(packed.length)
    const common = joined(u16(20), u16(flags), u16(method), u16(clock), u16(date), u32(0))
    const named = bytesOf(name)
    const extra = large ? joined(u16(1), u16(24), u64(bytesOf(data).length), u64(packed.length), u64(body.length)) : new Uint8Array()
    const ends = joined(u16(named.length), u16(extra.length), u16(0), u16(0), u16(0), u32(0))
    const unpackedSize = large ? u32(-1) : u32(bytesOf(data).length)
    list = joined(list, bytesOf("PK\x01\x02"), u16(20), common, sizes, unpackedSize, ends, large ? u32(-1) : u32(body.length), named, extra)
    body = joined(body, bytesOf("PK\x03\x04"), common, u32(packed.length), u32(bytesOf(data).length), u16(named.length), u16(0), named, packed)
  }
  const listed = size < 0 ? list.length : size
  const end64 = joined(
    bytesOf("PK\x06\x06"), u64(44), u16(45), u16(45), u32(0), u32(0), u64(count), u64(count), u64(listed), u64(body.length),
    bytesOf("PK\x06\x07"), u32(0), u64(body.length + list.length), u32(1),
  ) // prettier-ignore
  const end = large ? joined(u16(-1), u16(-1), u32(-1), u32(-1)) : joined(u16(count), u16(count), u32(listed), u32(body.length))
  const text = bytesOf(comment)
  const tail = joined(bytesOf("PK\x05\x06"), u32(0), end, u16(text.length), text)
  return joined(bytesOf(before), body, list, large ? end64 : new Uint8Array(), tail)
}

describe("an archive", () => {
  const files: Made[] = [{ name: "a/b.txt", data: "packed ".repeat(100) }, { name: "c.txt", data: "stored", method: 0 }]

  test.each([{}, { large: true }, { comment: "PK\x05\x06 of the author" }, { before: "#!/bin/sh\n" }, { large: true, before: "x" }])(
    "lists its entries, and each can be read: %j",
    async (how) => {
      const archive = made(await zip(files, how))
      const found = (await readDirectory(archive))!
      expect(found).toMatchObject({ count: 2, cut: false, damaged: false })
      expect(found.entries.map(({ name, size, time }) => [name, size, time])).toEqual([
        ["a/b.txt", 700, "2025-01-01 12:00:00"],
        ["c.txt", 6, "2025-01-01 12:00:00"],
      ])
      const texts = await Promise.all(found.entries.map(async (entry) => decodeText(await openEntry(archive, entry).read(0, 1_000)).text))
      expect(texts).toEqual(files.map(({ data }) => data))
      expect((await openEntry(archive, found.entries[1]!).read(2, 3)).bytes).toEqual(bytesOf("ore"))
    },
  )

  test("of more entries than are listed is cut, and little of it is read", async () => {
    const list = await zip(Array.from({ length: 1_200 }, (_, n) => ({ name: `${n}`, method: 0 })))
    const archive = made(list)
    const found = (await readDirectory(archive))!
    expect([found.entries.length, found.count, found.cut, found.damaged]).toEqual([1_000, 1_200, true, false])
    expect(archive.asked).toBeLessThan(70_000 + 1_200 * 60)
  })

  test.each([
    [{ count: 60_000 }, 2],
    [{ count: 1 }, 2],
    [{ size: 3 }, 0],
    [{ size: 50 }, 0],
    [{ size: 0xfffffff0 }, 0],
    [{ size: 2 ** 60, large: true, count: 2 ** 60 }, 0],
  ])("that lies about itself is listed as it is: %j", async (how, listed) => {
    const found = (await readDirectory(made(await zip(files, how))))!
    expect([found.entries.length, found.damaged]).toEqual([listed, true])
  })

  test("has names that are texts, and times that may be none", async () => {
    const names = ["../../etc/passwd", "/a", "a\u202egnp.exe", "a\0\n<b>", "", "C:\\x"]
    const found = (await readDirectory(made(await zip(names.map((name) => ({ name, time: [0, 0xffff] }))))))!
    expect(found.entries.map(({ name, time }) => [name, time])).toEqual(names.map((name) => [name, ""]))
  })

  test("whose entries lie elsewhere, or upon one another, says so or gives what is there", async () => {
    const archive = made(await zip(files))
    const [one, other] = (await readDirectory(archive))!.entries
    for (const at of [-5, 3, 1e15, 2 ** 63, archive.size - 10]) {
      await expect(openEntry(archive, { ...other!, at }).read(0, 10)).rejects.toThrow("not where the archive says")
    }
    expect((await openEntry(archive, { ...other!, at: one!.at, packed: 2 ** 50 }).read(0, 1_000)).bytes.length).toBeLessThan(archive.size)
    expect(await openEntry(archive, { ...other!, method: 8 }).read(0, 10)).toMatchObject({ damaged: true })
  })

  test("that is cut, or of any bytes whatever, ends", async () => {
    const whole = await zip(files, { large: true })
    for (let start = 0; start < whole.length; start += 3) {
      await readDirectory(made(whole.subarray(start)))
      expect(await readDirectory(made(whole.subarray(0, whole.length - 1 - start)))).toBeNull()
    }
    const end = (await zip([])).subarray(0, 10)
    for (const bytes of random(200, 300)) {
      const found = await readDirectory(made(joined(whole.subarray(0, 200), bytes, end, bytes.subarray(0, 10), u16(0))))
      for (const entry of found!.entries) await openEntry(made(bytes), entry).read(0, 100).catch(() => null)
      expect(await readDirectory(made(bytes))).toBeNull()
    }
    expect(await readDirectory(made(bytesOf("PK")))).toBeNull()
  })
})

/** An array as NumPy writes one. */
function npy(descr: string, shape: number[], data: Uint8Array, { fortran = false, version = 1 } = {}): Uint8Array {
  const sides = `(${shape.join(", ")}${shape.length === 1 ? "," : ""})`
  const head = bytesOf(`{'descr': ${descr}, 'fortran_order': ${fortran ? "True" : "False"}, 'shape': ${sides}, }\n`)
  const magic = Uint8Array.from([0x93, ...bytesOf("NUMPY"), version, 0])
  return joined(magic, version === 1 ? u16(head.length) : u32(head.length), head, data)
}

const raw = (values: ArrayBufferView) => new Uint8Array(values.buffer as ArrayBuffer, values.byteOffset, values.byteLength)
const table = async (bytes: Uint8Array) => {
  const rows = rowsOf(readNpy(bytes)!)!
  return [rows.columns, await rows.read(0, rows.known)]
}

describe("an array", () => {
  test("is a table of its first index, in either order", async () => {
    const shown = [["0", "1", "2"], [["1", "2", "3"], ["4", "5", "6"]]] // prettier-ignore
    expect(await table(npy("'<f8'", [2, 3], raw(Float64Array.of(1, 2, 3, 4, 5, 6))))).toEqual(shown)
    expect(await table(npy("'<i2'", [2, 3], raw(Int16Array.of(1, 4, 2, 5, 3, 6)), { fortran: true, version: 2 }))).toEqual(shown)
    expect(await table(npy("'|u1'", [2, 1, 2], Uint8Array.of(1, 2, 3, 4)))).toEqual([["0, 0", "0, 1"], [["1", "2"], ["3", "4"]]]) // prettier-ignore
    expect(await table(npy("'<f4'", [], raw(Float32Array.of(0.1))))).toEqual([["Value"], [["0.1"]]])
    expect(await table(npy("'<f4'", [0, 3], new Uint8Array()))).toEqual([["0", "1", "2"], []])
  })

  test.each([
    ["<f2", [0x00, 0x3c, 0x01, 0x00, 0x00, 0xfc, 0x00, 0x7e], ["1", "5.96e-8", "-Infinity", "NaN"]],
    [">f4", [0x3f, 0x80, 0, 0], ["1"]],
    [">i4", [0xff, 0xff, 0xff, 0xfe], ["-2"]],
    ["<i8", [255, 255, 255, 255, 255, 255, 255, 127], ["9223372036854775807"]],
    ["<u8", [255, 255, 255, 255, 255, 255, 255, 255], ["18446744073709551615"]],
    ["|b1", [0, 1], ["False", "True"]],
    ["<c8", [0, 0, 0x80, 0x3f, 0, 0, 0x80, 0xbf], ["1-1j"]],
    ["|S3", [97, 98, 0, 60, 98, 62], ["ab", "<b>"]],
    ["<U2", [97, 0, 0, 0, 0, 0, 0, 0, 255, 255, 255, 255, 98, 0, 0, 0], ["a", "\ufffdb"]],
    ["<M8[D]", [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 128], ["1970-01-02T00:00:00.000Z", "-9223372036854775808"]],
    ["<m8[ns]", [5, 0, 0, 0, 0, 0, 0, 0], ["5"]],
  ])("of %s has its elements as texts", async (type, data, texts) => {
    expect(await table(npy(`'${type}'`, [texts.length], Uint8Array.from(data)))).toEqual([["Value"], texts.map((text) => [text])])
  })

  test("is summed up by its finite numbers", () => {
    const { elements } = readNpy(npy("'<f8'", [5], raw(Float64Array.of(1, NaN, -3, Infinity, 5))))!
    expect(sumUp(elements!)).toEqual({ min: -3, max: 5, mean: 1, others: 2 })
  })

  test("of objects, records or types that are not known is told, and never read", () => {
    for (const type of ["'|O'", "[('a', '<f8')]", "'|V8'", "'<f16'", "'|S0'"]) {
      const array = readNpy(npy(type, [2], new Uint8Array(64)))!
      expect([array.shape, array.elements, rowsOf(array)]).toEqual([[2], null, null])
    }
  })

  test("that is cut has the rows that are there; of columns none", async () => {
    const data = raw(Float64Array.of(1, 2, 3))
    const rows = rowsOf(readNpy(npy("'<f8'", [1_000_000, 2], data))!)!
    expect([rows.known, rows.count, await rows.read(0, 1)]).toEqual([1, undefined, [["1", "2"]]])
    const wide = rowsOf(readNpy(npy("'<f8'", [2, 1e9], data))!)!
    expect([wide.known, wide.columns.length, (await wide.read(0, 1))[0]!.slice(0, 4)]).toEqual([1, 200, ["1", "2", "3", null]])
    expect(rowsOf(readNpy(npy("'<f8'", [9, 2], data, { fortran: true }))!)).toBeNull()
  })

  test("whose shape lies, or of any bytes whatever, is none or ends", async () => {
    const shapes = [[1e21], [2 ** 40, 2 ** 40], Array<number>(65).fill(1)]
    for (const shape of shapes) expect(readNpy(npy("'<f8'", shape, new Uint8Array(8)))).toBeNull()
    const whole = npy("'<f8'", [2, 2], new Uint8Array(32))
    const head = whole.length - 32
    for (let end = 0; end < head; end++) expect(readNpy(whole.subarray(0, end))).toBeNull()
    for (const bytes of random(200, 100)) {
      expect(readNpy(bytes)).toBeNull()
      const array = readNpy(joined(whole.subarray(0, head - 30), bytes))
      if (array) await rowsOf(array)?.read(0, 1)
    }
  })
})
