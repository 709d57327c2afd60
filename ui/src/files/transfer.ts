/** Bytes of artifacts: where they are fetched, how a part of one is read, and how one is sent. */
import { send } from "../api/client"
import type { FileEntry } from "../api/types"
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
  /** Of the whole file; Infinity where that is not known, as there is more. */
  size: number
  /** Whether it could be read no further. */
  damaged?: boolean
}

/** Something that is read in parts: a file, or what is packed in one. */
export interface Source {
  name: string
  /** Stands for it and for what is in it. */
  key: string
  size: number
  read: (start: number, limit: number, signal?: AbortSignal) => Promise<Part>
}

export function sourceOf(file: FileEntry): Source {
  return {
    name: nameOf(file.path),
    key: `${file.path} ${file.sha256}`,
    size: file.size_bytes ?? 0,
    read: (start, limit, signal) => readPart(file.path, start, limit, signal),
  }
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

/** Read the beginning of a file as text. */
export async function readText(path: string, limit: number, signal?: AbortSignal): Promise<Text> {
  return decodeText(await readPart(path, 0, limit, signal))
}

/** The beginning of a file as text; what is none shows as replacement characters. */
export function decodeText({ bytes, size }: Part): Text {
  const cut = size > bytes.length
  return { text: new TextDecoder(encodingOf(bytes)).decode(bytes, { stream: cut }), size, cut }
}

export async function upload(folder: string, file: File): Promise<void> {
  await send(fileUrl(`${folder}/${file.name}`), { method: "PUT", body: file })
}
