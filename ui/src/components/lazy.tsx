/** A part of a page that is fetched when it is first shown. */
import type { ComponentType } from "preact"
import { useEffect, useState } from "preact/hooks"
import { ApiError } from "../api/client"
import { Failure, Skeleton } from "./basics"

export function lazy<P extends object>(load: () => Promise<{ default: ComponentType<P> }>): ComponentType<P> {
  let loaded: ComponentType<P> | undefined
  return function Lazy(props: P) {
    const [, setTurn] = useState(0)
    const [failed, setFailed] = useState(false)
    useEffect(() => {
      if (loaded) return
      load().then(
        (module) => {
          loaded = module.default
          setTurn((n) => n + 1)
        },
        () => setFailed(true),
      )
    }, [])
    const Loaded = loaded
    if (Loaded) return <Loaded {...props} />
    if (failed) return <Failure error={new ApiError(0, "", "This could not be loaded", "reload the page")} />
    return <Skeleton rows={4} />
  }
}
