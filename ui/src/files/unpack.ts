/** Unpacks gzip and deflate by the browser's own means, and no more of them than is asked for. */
import { ApiError } from "../api/client"
import type { Source } from "./transfer"

/** What is unpacked at once: it becomes a thousand times as much at most, so that a bomb is left off soon. */
const PIECE_BYTES = 4_096
/** Packed, what cannot be made smaller takes some more. */
const SLACK_BYTES = 10_000

interface Unpacked {
  bytes: Uint8Array
  end: "whole" | "cut" | "damaged"
}

/**
 * Unpack at most `limit` bytes.
 *
 * whole: whether `packed` is all that there is; else it is cut, and not damaged, where it ends
 */
export async function unpack(packed: Uint8Array, format: CompressionFormat, limit: number, whole: boolean): Promise<Unpacked> {
  let at = 0
  const pieces = new ReadableStream<BufferSource>(
    {
      pull(control) {
        // The last piece is empty: it waits until all before it was taken, which an error at the end would throw away.
        control.enqueue(packed.slice(at, at + PIECE_BYTES))
        if (at >= packed.length) control.close()
        at += PIECE_BYTES
      },
    },
    { highWaterMark: 0 },
  )
  const reader = pieces.pipeThrough(new DecompressionStream(format)).getReader()
  const found: Uint8Array[] = []
  let length = 0
  let end: Unpacked["end"] = "cut"
  try {
    while (length <= limit) {
      const { done, value } = await reader.read()
      if (done) {
        end = "whole"
        break
      }
      found.push(value)
      length += value.length
    }
  } catch {
    if (whole) end = "damaged"
  }
  reader.cancel().catch(() => {}) // one that failed has nothing to be left off
  const bytes = new Uint8Array(Math.min(length, limit))
  let to = 0
  for (const piece of found) {
    const part = piece.subarray(0, bytes.length - to)
    bytes.set(part, to)
    to += part.length
  }
  return { bytes, end }
}

/** What is packed in a source, under a name of its own. */
export function unpacked(packed: Source, name: string, format: CompressionFormat): Source {
  return {
    name,
    key: `${packed.key} ${name}`,
    size: Infinity,
    read: async (start, limit, signal) => {
      const end = start + limit
      const part = await packed.read(0, end + SLACK_BYTES, signal)
      const found = await unpack(part.bytes, format, end, part.bytes.length >= part.size)
      if (found.end === "damaged" && !found.bytes.length)
        throw new ApiError(0, "", "This could not be unpacked: it is damaged, or packed in another way", "download it to look at it")
      const bytes = found.bytes.subarray(start)
      return { bytes, size: found.end === "whole" ? found.bytes.length : Infinity, damaged: found.end === "damaged" }
    },
  }
}
