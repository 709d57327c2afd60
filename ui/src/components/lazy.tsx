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
    if (failed) return <Unloaded />
    return <Skeleton rows={4} />
  }
}

/** Said where a part of the page cannot be fetched: the server has been renewed since the page was loaded, or is away. */
export function Unloaded() {
  return <Failure error={new ApiError(0, "", "This could not be loaded", "reload the page")} />
}
