import { describe, expect, test } from "vitest"
import { fit, readGeo } from "../src/files/geo"
import { readOnnx } from "../src/files/onnx-file"

describe("GeoJSON", () => {
  const area = { type: "Polygon", coordinates: [[[2, 48], [3, 48], [3, 49], [2, 48]]] }

  test("of any form becomes shapes with what their features say", () => {
    const geo = {
      type: "FeatureCollection",
      features: [
        { type: "Feature", geometry: area, properties: { name: "<b>", size: { a: 1 } } },
        { type: "Feature", geometry: { type: "GeometryCollection", geometries: [{ type: "MultiPoint", coordinates: [[1, 2], [3, 4]] }] } },
      ],
    }
    const drawing = readGeo(JSON.stringify(geo))!
    expect(drawing.shapes.map(({ kind }) => kind)).toEqual(["area", "point", "point"])
    expect(drawing.shapes[0]!.title).toBe('name: <b>\nsize: {"a":1}')
    expect(drawing.box).toEqual([1, 2, 3, 49])
    const { paths, points, height } = fit(drawing, 900)
    expect(paths[0]).toMatch(/^M[\d. L]+Z$/)
    for (const [x, y] of points.filter((one) => one !== null)) expect(x >= 0 && x <= 900 && y >= 0 && y <= height).toBe(true)
  })

  test.each([
    "",
    "[]",
    "null",
    "{}",
    '{"type": "Point", "coordinates": ["a", null]}',
    '{"type": "Polygon", "coordinates": {"length": 5}}',
    '{"type": "FeatureCollection", "features": [null, 1, "x", {"type": "Feature"}]}',
    `{"type": "Point", "coordinates": ${"[".repeat(2_000)}1${"]".repeat(2_000)}}`,
  ])("that is none is nothing: %#", (text) => expect(readGeo(text)).toBeNull())

  test("a single place, and the poles, have a frame", () => {
    const { points, height } = fit(readGeo('{"type": "MultiPoint", "coordinates": [[0, 90]]}')!, 900)
    expect(points[0]!.every(Number.isFinite) && height > 0).toBe(true)
  })
})

/** Fields of a message: a number, a text, or a message. */
function message(...fields: [number, number | string | Uint8Array][]): Uint8Array {
  const bytes: number[] = []
  const varint = (value: number) => {
    let left = value
    while (left >= 128) {
      bytes.push((left % 128) | 128)
      left = Math.floor(left / 128)
    }
    bytes.push(left)
  }
  for (const [field, value] of fields) {
    varint(field * 8 + (typeof value === "number" ? 0 : 2))
    if (typeof value === "number") varint(value)
    else {
      const data = typeof value === "string" ? new TextEncoder().encode(value) : value
      varint(data.length)
      bytes.push(...data)
    }
  }
  return Uint8Array.from(bytes)
}

describe("an ONNX file", () => {
  const shape = message([1, message([2, "batch"])], [1, message([1, 4])])
  const type = message([1, message([1, 1], [2, shape])])
  const tensor = message([1, 4], [1, 300], [2, 1], [8, "w"], [9, new Uint8Array(4_800)])
  const graph = message(
    [1, message([4, "MatMul"])],
    [1, message([4, "MatMul"])],
    [1, message([4, "TreeEnsembleClassifier"], [7, "ai.onnx.ml"])],
    [2, "<img src=x>"],
    [5, tensor],
    [11, message([1, "x"], [2, type])],
    [11, message([1, "w"])],
    [12, message([1, "labels"], [2, message([5, message([1, 7], [2, type])])])],
  )
  const file = message([1, 10], [2, "skl2onnx"], [3, "1.19"], [7, graph], [8, message([1, "ai.onnx.ml"], [2, 3])], [14, message([1, "a"], [2, "b"])])

  test("says what it takes, gives and is made of", () => {
    expect(readOnnx(file)).toEqual({
      irVersion: 10,
      producer: "skl2onnx 1.19",
      domain: "",
      doc: "",
      opsets: [["ai.onnx.ml", 3]],
      metadata: [["a", "b"]],
      graph: "<img src=x>",
      inputs: [{ name: "x", type: "float32 (batch, 4)" }],
      outputs: [{ name: "labels", type: "map of int64 to float32 (batch, 4)" }],
      operators: [
        ["MatMul", 2],
        ["ai.onnx.ml.TreeEnsembleClassifier", 1],
      ],
      nodes: 3,
      tensors: 1,
      parameters: 1_200,
      cut: false,
    })
  })

  test("that is cut anywhere tells what came before, or nothing", () => {
    for (let end = 0; end < file.length; end += 7) {
      const found = readOnnx(file.subarray(0, end))
      if (found) expect(found.cut || found.metadata.length === 0).toBe(true)
    }
  })

  test("of any bytes whatever ends, and soon", () => {
    let seed = 1
    for (let turn = 0; turn < 300; turn++) {
      const bytes = Uint8Array.from({ length: 400 }, () => (seed = (seed * 16_807) % 2_147_483_647) & 255)
      readOnnx(turn % 2 ? bytes : Uint8Array.from([8, 10, 58, 200, 200, 2, ...bytes]))
    }
    expect(readOnnx(new Uint8Array(100).fill(255))).toBeNull()
  })
})
