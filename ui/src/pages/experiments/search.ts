/** What people type to find experiments. */
import { quote } from "../../format"

/** What is typed as a filter: that itself when it begins as one does, and otherwise a part of the name. */
export function readSearch(text: string): string {
  const typed = text.trim()
  if (!typed || /^(tags?|attributes?)\.\S+\s|^(NOT|EXISTS)\b|^\(/.test(typed)) return typed
  return `name ILIKE ${quote(`%${typed}%`)}`
}
