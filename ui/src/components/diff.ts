/** Two texts line by line: what stays, what goes and what comes, with as few changes as possible. */

interface DiffLine {
  kind: "same" | "gone" | "added"
  text: string
}

/** Beyond this many pairs of lines the middle is told as replaced, so that a page never waits. */
const MOST_PAIRS = 4_000_000

export function diffLines(before: string, after: string): DiffLine[] {
  const [a, b] = [before.split("\n"), after.split("\n")]
  let head = 0
  while (head < a.length && head < b.length && a[head] === b[head]) head++
  let tail = 0
  while (tail < a.length - head && tail < b.length - head && a.at(-1 - tail) === b.at(-1 - tail)) tail++
  const same = (lines: string[]): DiffLine[] => lines.map((text) => ({ kind: "same", text }))
  return [
    ...same(a.slice(0, head)),
    ...middle(a.slice(head, a.length - tail), b.slice(head, b.length - tail)),
    ...same(a.slice(a.length - tail)),
  ]
}

function middle(a: string[], b: string[]): DiffLine[] {
  const gone = (text: string): DiffLine => ({ kind: "gone", text })
  const added = (text: string): DiffLine => ({ kind: "added", text })
  if (!a.length || !b.length || a.length * b.length > MOST_PAIRS) return [...a.map(gone), ...b.map(added)]
  const width = b.length + 1
  const longest = new Uint32Array((a.length + 1) * width) // of what is common from (i, j) on
  for (let i = a.length - 1; i >= 0; i--)
    for (let j = b.length - 1; j >= 0; j--)
      longest[i * width + j] =
        a[i] === b[j]
          ? longest[(i + 1) * width + j + 1]! + 1
          : Math.max(longest[(i + 1) * width + j]!, longest[i * width + j + 1]!)
  const made: DiffLine[] = []
  let [i, j] = [0, 0]
  while (i < a.length && j < b.length) {
    if (a[i] === b[j]) {
      made.push({ kind: "same", text: a[i++]! })
      j++
    } else if (longest[(i + 1) * width + j]! >= longest[i * width + j + 1]!) made.push(gone(a[i++]!))
    else made.push(added(b[j++]!))
  }
  return [...made, ...a.slice(i).map(gone), ...b.slice(j).map(added)]
}

interface Hunk {
  lines: DiffLine[]
  /** Lines that are the same and left out before it. */
  skipped: number
}

/** The changes with three lines around each. */
export function hunks(lines: DiffLine[], around = 3): Hunk[] {
  const made: Hunk[] = []
  let last = -1
  let skipped = 0
  for (const [at, line] of lines.entries()) {
    const near = lines.slice(Math.max(0, at - around), at + around + 1).some((one) => one.kind !== "same")
    if (!near) {
      skipped++
      continue
    }
    if (last !== at - 1 || !made.length) {
      made.push({ lines: [], skipped })
      skipped = 0
    }
    made.at(-1)!.lines.push(line)
    last = at
  }
  return made
}
