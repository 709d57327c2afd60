/** GeoJSON (RFC 7946) as shapes on a plane: no map of the world, and nobody is asked for one. */

type Ring = [x: number, y: number][]

export interface Shape {
  kind: "point" | "line" | "area"
  rings: Ring[]
  /** What its feature says of it. */
  title: string
}

export interface Drawing {
  shapes: Shape[]
  /** West, south, east, north, in degrees. */
  box: [number, number, number, number]
  /** Features that there are, more than are drawn perhaps. */
  features: number
  /** Whether there were more positions than are drawn. */
  cut: boolean
}

const MOST_POSITIONS = 200_000
const MOST_TITLE = 300
/** Where the projection ends. */
const MOST_LATITUDE = 85

interface Json {
  type?: unknown
  geometry?: unknown
  geometries?: unknown
  features?: unknown
  coordinates?: unknown
  properties?: unknown
}

/** What a text draws; null when it is no GeoJSON, or holds no place. */
export function readGeo(text: string): Drawing | null {
  let root: Json
  try {
    root = JSON.parse(text) as Json
  } catch {
    return null
  }
  if (root === null || typeof root !== "object") return null
  const features = root.type === "FeatureCollection" && Array.isArray(root.features) ? (root.features as Json[]) : [root]
  const reader = new Reader()
  for (const feature of features) reader.read(feature, "", 0)
  const { shapes, box, left } = reader
  return shapes.length > 0 ? { shapes, box, features: features.length, cut: left <= 0 } : null
}

class Reader {
  readonly shapes: Shape[] = []
  readonly box: [number, number, number, number] = [Infinity, Infinity, -Infinity, -Infinity]
  left = MOST_POSITIONS

  /** Take what is well formed of a feature or geometry; collections lie in one another a few times only. */
  read(one: Json, title: string, depth: number): void {
    if (one === null || typeof one !== "object" || depth > 4 || this.left <= 0) return
    const { type, coordinates } = one
    if (type === "Feature") return this.read(one.geometry as Json, describe(one.properties), depth + 1)
    if (type === "GeometryCollection" && Array.isArray(one.geometries)) {
      for (const inner of one.geometries as Json[]) this.read(inner, title, depth + 1)
      return
    }
    if (!Array.isArray(coordinates)) return
    if (type === "Point") this.add("point", [[coordinates]], title)
    else if (type === "MultiPoint") for (const point of coordinates) this.add("point", [[point]], title)
    else if (type === "LineString") this.add("line", [coordinates], title)
    else if (type === "MultiLineString") for (const line of coordinates) this.add("line", [line], title)
    else if (type === "Polygon") this.add("area", coordinates, title)
    else if (type === "MultiPolygon") for (const area of coordinates) this.add("area", area, title)
  }

  private add(kind: Shape["kind"], parts: unknown, title: string): void {
    if (!Array.isArray(parts)) return
    const rings = parts.map((part) => this.readRing(part)).filter((ring) => ring.length >= (kind === "point" ? 1 : 2))
    if (rings.length > 0) this.shapes.push({ kind, rings, title })
  }

  private readRing(part: unknown): Ring {
    if (!Array.isArray(part)) return []
    const ring: Ring = []
    for (const position of part as unknown[]) {
      if (!Array.isArray(position) || this.left-- <= 0) continue
      const [longitude, latitude] = position as unknown[]
      if (typeof longitude !== "number" || typeof latitude !== "number") continue
      if (!Number.isFinite(longitude) || !Number.isFinite(latitude)) continue
      const held = Math.max(-MOST_LATITUDE, Math.min(MOST_LATITUDE, latitude))
      this.box[0] = Math.min(this.box[0], longitude)
      this.box[1] = Math.min(this.box[1], held)
      this.box[2] = Math.max(this.box[2], longitude)
      this.box[3] = Math.max(this.box[3], held)
      ring.push([longitude, held])
    }
    return ring
  }
}

function describe(properties: unknown): string {
  if (properties === null || typeof properties !== "object") return ""
  const told = Object.entries(properties).map(([key, value]) => `${key}: ${typeof value === "object" ? JSON.stringify(value) : String(value)}`)
  return told.join("\n").slice(0, MOST_TITLE)
}

/** Degrees as a plane keeps shapes: by the Mercator projection, x to the east and y to the south. */
export function project([longitude, latitude]: [number, number]): [number, number] {
  const radians = (latitude * Math.PI) / 180
  return [longitude, (-180 / Math.PI) * Math.log(Math.tan(Math.PI / 4 + radians / 2))]
}

interface Framed {
  /** Of all shapes, in order: an SVG path, or the place of a point. */
  paths: string[]
  points: ([number, number] | null)[]
  width: number
  height: number
}

/** Fit shapes into a frame of a width. */
export function fit({ shapes, box: [west, south, east, north] }: Drawing, width: number): Framed {
  const [left, bottom] = project([west, south])
  const [right, top] = project([east, north])
  const [wide, high] = [right - left || 0.01, bottom - top || 0.01]
  const margin = 16
  const inner = width - 2 * margin
  const scale = Math.min(inner / wide, (width * 0.75) / high)
  const height = Math.max(120, high * scale + 2 * margin)
  const beside = (width - wide * scale) / 2
  const above = (height - high * scale) / 2
  const place = (at: [number, number]): [number, number] => {
    const [x, y] = project(at)
    return [Number((beside + (x - left) * scale).toFixed(1)), Number((above + (y - top) * scale).toFixed(1))]
  }
  const path = ({ kind, rings }: Shape) =>
    kind === "point"
      ? ""
      : rings.map((ring) => `M${ring.map((at) => place(at).join(" ")).join("L")}${kind === "area" ? "Z" : ""}`).join("")
  return {
    paths: shapes.map(path),
    points: shapes.map(({ kind, rings }) => (kind === "point" ? place(rings[0]![0]!) : null)),
    width,
    height,
  }
}
