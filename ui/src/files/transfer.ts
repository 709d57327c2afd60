/** Bytes of artifacts: where they are fetched, how a part of one is read, and how one is sent. */
import { send } from "../api/client"
import { base } from "../state/workspace"

const SERVED = "mlflow-artifacts:/"

/** The folder in the file tree that a location stands for; null for files that this server does not keep. */
export function folderOf(uri: string): string | null {
  return uri.startsWith(SERVED) && !uri.startsWith(`${SERVED}/`) ? uri.slice(SERVED.length).replace(/^\/+|\/+$/g, "") : null
}

function encoded(path: string): string {
  return path.split("/").map(encodeURIComponent).join("/")
}

export const fileUrl = (path: string) => `${base}/api/v1/files/${encoded(path)}`
export const archiveUrl = (folder: string) => `${base}/api/v1/archives/${encoded(folder)}`
/** The same bytes as a document in a sandbox, which a frame shows. */
export const previewUrl = (path: string) => `${base}/api/v1/previews/${encoded(path)}`

export const nameOf = (path: string) => path.slice(path.lastIndexOf("/") + 1)

export interface Part {
  bytes: Uint8Array
  /** Of the whole file. */
  size: number
}

/** Read at most `limit` bytes of a file from `start` on. */
export async function readPart(path: string, start: number, limit: number, signal?: AbortSignal): Promise<Part> {
  const init: RequestInit = { headers: { range: `bytes=${start}-${start + limit - 1}` }, ...(signal ? { signal } : {}) }
  let response: Response
  try {
    response = await send(fileUrl(path), init)
  } catch (error) {
    if ((error as { status?: number }).status === 416) return { bytes: new Uint8Array(), size: start }
    throw error
  }
  const bytes = new Uint8Array(await response.arrayBuffer())
  const total = /\/(\d+)$/.exec(response.headers.get("content-range") ?? "")
  return { bytes, size: total ? Number(total[1]) : bytes.length }
}

export interface Text {
  text: string
  size: number
  /** Whether there is more of it. */
  cut: boolean
}

/** What text is in: UTF-8, unless its first bytes say UTF-16, as Excel and PowerShell write. */
export function encodingOf(bytes: Uint8Array): string {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return "utf-16le"
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return "utf-16be"
  return "utf-8"
}

/** Read the beginning of a file as text; what is none shows as replacement characters. */
export async function readText(path: string, limit: number, signal?: AbortSignal): Promise<Text> {
  const { bytes, size } = await readPart(path, 0, limit, signal)
  const cut = size > bytes.length
  return { text: new TextDecoder(encodingOf(bytes)).decode(bytes, { stream: cut }), size, cut }
}

export async function upload(folder: string, file: File): Promise<void> {
  await send(fileUrl(`${folder}/${file.name}`), { method: "PUT", body: file })
}
