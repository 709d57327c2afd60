/** Images that runs logged over steps, found by the names of their files. */
import type { FileEntry } from "../api/types"

export interface StepImage {
  step: number
  time_ms: number
  path: string
  /** A small copy of it, if there is one. */
  small: string
}

/** `images/<key>+step+<step>+timestamp+<ms>+<id>.<end>`; older clients divide by percent signs, and `~` stands for `/`. */
const NAME = /^(.+)([+%])step\2(-?\d+)\2timestamp\2(-?\d+)\2([\w-]+?)(\2compressed)?\.(\w+)$/

/** The series among the files of a folder, by key; each in order of its steps, of several at one step the last. */
export function findSeries(files: FileEntry[]): Map<string, StepImage[]> {
  const found = new Map<string, Map<string, StepImage>>()
  for (const { path } of files) {
    const parts = NAME.exec(path.slice(path.lastIndexOf("/") + 1))
    if (!parts) continue
    const [, key, , step, time, id, compressed] = parts
    const series = found.get(key!.replaceAll("~", "/")) ?? new Map<string, StepImage>()
    found.set(key!.replaceAll("~", "/"), series)
    const image = series.get(id!) ?? { step: Number(step), time_ms: Number(time), path: "", small: "" }
    series.set(id!, compressed ? { ...image, small: path } : { ...image, path })
  }
  const ordered = new Map<string, StepImage[]>()
  for (const [key, series] of [...found].sort(([one], [other]) => (one < other ? -1 : 1))) {
    const byStep = new Map<number, StepImage>()
    for (const image of [...series.values()].sort((a, b) => a.time_ms - b.time_ms))
      byStep.set(image.step, { ...image, path: image.path || image.small })
    ordered.set(key, [...byStep.values()].sort((a, b) => a.step - b.step))
  }
  return ordered
}

/** The image that was there at a step: the last one up to it. */
export function imageAt(series: StepImage[], step: number): StepImage | undefined {
  return series.findLast((image) => image.step <= step)
}
