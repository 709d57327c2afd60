/** Told by the server when something changes, so that pages follow without asking again and again. */
import { useEffect, useRef } from "preact/hooks"

export interface Interest {
  experiments?: string[]
}

/** Call `changed` when something that is shown may have changed. */
export function useLive(interest: Interest, changed: () => void): void {
  const latest = useRef(changed)
  latest.current = changed
  const key = JSON.stringify(interest)
  useEffect(() => {
    const seen = () => document.visibilityState === "visible" && latest.current()
    document.addEventListener("visibilitychange", seen)
    return () => document.removeEventListener("visibilitychange", seen)
  }, [key])
}
