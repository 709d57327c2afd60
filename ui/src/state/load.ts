/** What a page has asked the server for: the answer, the error, and whether more is on its way. */
import { useCallback, useEffect, useRef, useState } from "preact/hooks"
import { ApiError } from "../api/client"

export interface Loaded<T> {
  data: T | undefined
  error: ApiError | undefined
  loading: boolean
  reload: () => void
}

/**
 * Load what `key` stands for, again when it changes; the old answer is shown until the new one is there.
 *
 * key: everything that the answer depends on, as text; null for nothing to load
 */
export function useLoad<T>(key: string | null, load: (signal: AbortSignal) => Promise<T>): Loaded<T> {
  const [state, setState] = useState<Omit<Loaded<T>, "reload">>({ data: undefined, error: undefined, loading: true })
  const [turn, setTurn] = useState(0)
  const latest = useRef(load)
  latest.current = load
  useEffect(() => {
    if (key === null) return
    const control = new AbortController()
    setState((before) => ({ ...before, loading: true }))
    latest.current(control.signal).then(
      (data) => {
        if (!control.signal.aborted) setState({ data, error: undefined, loading: false })
      },
      (error: unknown) => {
        if (control.signal.aborted) return
        const told = error instanceof ApiError ? error : new ApiError(0, "", String(error))
        setState((before) => ({ ...before, error: told, loading: false }))
      },
    )
    return () => control.abort()
  }, [key, turn])
  return { ...state, reload: useCallback(() => setTurn((n) => n + 1), []) }
}
