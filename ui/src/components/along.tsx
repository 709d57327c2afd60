/** What curves are drawn along, and whether their values are on a logarithmic scale; both are part of the address. */
import { place, setQuery } from "../state/router"
import { Button } from "./basics"
import type { Along } from "./plot"

const ALONG: [Along, string][] = [
  ["step", "Step"],
  ["time", "Time"],
  ["relative", "Seconds"],
]

export function readAlong(preset: Along): { along: Along; log: boolean } {
  const { query } = place.value
  const asked = ALONG.find(([id]) => id === query.get("x"))
  return { along: asked?.[0] ?? preset, log: query.get("log") === "1" }
}

export function AlongBar({ along, log }: { along: Along; log: boolean }) {
  return (
    <>
      <span class="group" role="group" aria-label="Along">
        {ALONG.map(([id, title]) => (
          <Button key={id} aria-pressed={along === id} onClick={() => setQuery({ x: id })}>
            {title}
          </Button>
        ))}
      </span>
      <Button aria-pressed={log} onClick={() => setQuery({ log: log ? null : "1" })}>
        Log
      </Button>
    </>
  )
}
