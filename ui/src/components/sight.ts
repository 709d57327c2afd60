/** Which columns of a grid are in sight. */

export function sum(values: number[]): number {
  let total = 0
  for (const value of values) total += value
  return total
}

/** Which columns behind the pinned ones are in sight: from, to, and the width of those before. */
export function inSight(
  widths: number[],
  pinned: number,
  left: number,
  room: number,
): [from: number, to: number, before: number] {
  let from = pinned
  let before = 0
  while (from < widths.length - 1 && before + widths[from]! < left - 200) before += widths[from++]!
  let to = from
  let end = before
  while (to < widths.length && end < left + room + 200) end += widths[to++]!
  return [from, to, before]
}
