/** A run's colour: always the same, in the table as in charts, and readable on both themes. */
import { dark } from "../state/theme"

/** Twelve hues that differ for most eyes, each in two lightnesses. */
const HUES = [262, 25, 150, 330, 85, 200, 300, 50, 180, 0, 120, 235]

export function runColour(id: string): string {
  let hash = 2166136261
  for (let n = 0; n < id.length; n++) hash = Math.imul(hash ^ id.charCodeAt(n), 16777619)
  return pick(hash >>> 0)
}

/** The colour of a number, for series that are counted. */
export function pick(number: number): string {
  const hue = HUES[number % HUES.length]!
  const second = Math.floor(number / HUES.length) % 2 === 1
  const light = dark.value ? (second ? 0.82 : 0.7) : second ? 0.45 : 0.58
  return `oklch(${light} 0.15 ${hue})`
}
