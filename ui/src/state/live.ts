/** Told by the server when something changes, so that pages follow without asking again and again. */
import { useEffect, useRef } from "preact/hooks"
import { base } from "./workspace"

interface Interest {
  experiments?: string[]
  models?: string[]
}

/** What changed: ids, or anything. */
export interface Change {
  runs: string[]
  experiments: string[]
  models: string[]
  all: boolean
}

const ANYTHING: Change = { runs: [], experiments: [], models: [], all: true }
/** At most so many topics go into one stream; a page of more hears of everything. */
const TOPICS = 100
/** Changes that come in one another's wake are told together, so often at most. */
const GATHER_MS = 1_000
/** A stream that was refused, as there are too many, is asked for again after so long. */
const AGAIN_MS = 30_000

/**
 * Call `changed` when something that is shown may have changed.
 *
 * The stream is open while the page can be seen: a browser has few connections to one server for all its tabs.
 *
 * pause: least time between two calls, in ms: longer where to look anew is dear
 */
export function useLive(interest: Interest | null, changed: (change: Change) => void, pause = GATHER_MS): void {
  const latest = useRef(changed)
  latest.current = changed
  const key = interest && JSON.stringify(interest)
  useEffect(() => {
    if (key === null) return
    const { experiments = [], models = [] } = JSON.parse(key) as Interest
    const query = new URLSearchParams()
    if (experiments.length + models.length <= TOPICS) {
      for (const id of experiments) query.append("experiment", id)
      for (const name of models) query.append("model", name)
    }
    const href = `${base}/api/v1/events${query.size ? `?${query}` : ""}`
    let source: EventSource | undefined
    let gathered: Change | undefined
    let timer = 0
    let again = 0
    let missed = false
    const tell = (change: Change) => {
      gathered = gathered ? join(gathered, change) : change
      timer ||= window.setTimeout(() => {
        const found = gathered!
        gathered = undefined
        timer = 0
        latest.current(found)
      }, pause)
    }
    const refused = () => {
      if (source?.readyState !== EventSource.CLOSED) return // it opens itself again
      source = undefined
      missed = true
      again = window.setTimeout(look, AGAIN_MS)
    }
    const look = () => {
      if (document.visibilityState === "visible" && !source) {
        source = new EventSource(href)
        source.addEventListener("change", (event) => tell(JSON.parse(event.data) as Change))
        source.addEventListener("reset", () => tell(ANYTHING))
        source.addEventListener("error", refused)
        if (missed) tell(ANYTHING)
      } else if (document.visibilityState !== "visible" && source) {
        source.close()
        source = undefined
        missed = true
      }
    }
    look()
    document.addEventListener("visibilitychange", look)
    return () => {
      document.removeEventListener("visibilitychange", look)
      window.clearTimeout(timer)
      window.clearTimeout(again)
      source?.close()
    }
  }, [key])
}

export function join(one: Change, other: Change): Change {
  return {
    runs: [...new Set([...one.runs, ...other.runs])],
    experiments: [...new Set([...one.experiments, ...other.experiments])],
    models: [...new Set([...one.models, ...other.models])],
    all: one.all || other.all,
  }
}
