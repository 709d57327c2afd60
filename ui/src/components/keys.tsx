/** Which keys do what, in one place: the palette opens it. */
import { signal } from "@preact/signals"
import { Dialog } from "./dialog"

export const keysShown = signal(false)

const KEYS: [where: string, keys: [pressed: string, does: string][]][] = [
  [
    "Everywhere",
    [
      ["Ctrl K, ⌘ K", "go to a page, an experiment, a model or a run; do what the page offers"],
      ["Esc", "close what is open"],
    ],
  ],
  [
    "Tables of runs",
    [
      ["↑ ↓ Page Up Page Down Home End", "move"],
      ["Space", "choose the run"],
      ["Enter", "open it"],
      ["Shift ← →", "at a column's title: make it narrower or wider"],
    ],
  ],
  [
    "The filter",
    [
      ["↓ ↑, then Enter or Tab", "take what is offered"],
      ["Enter", "search"],
    ],
  ],
  [
    "Charts",
    [
      ["← → ↑ ↓", "at the dots of a card: move it; at its corner: size it"],
    ],
  ],
]

export function Keys() {
  if (!keysShown.value) return null
  return (
    <Dialog title="Keys" onClose={() => (keysShown.value = false)}>
      {KEYS.map(([where, keys]) => (
        <section key={where} aria-label={where}>
          <h3>{where}</h3>
          <dl class="keys">
            {keys.map(([pressed, does]) => (
              <div key={pressed}>
                <dt>
                  <kbd>{pressed}</kbd>
                </dt>
                <dd>{does}</dd>
              </div>
            ))}
          </dl>
        </section>
      ))}
    </Dialog>
  )
}
