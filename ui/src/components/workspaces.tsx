/** The workspace that one is in, where there are several to be in. */
import { useEffect, useState } from "preact/hooks"
import { call } from "../api/client"
import { pagesOf } from "../state/workspace"
import { Menu } from "./menu"

export function Workspaces() {
  const [names, setNames] = useState<string[]>([])
  const [here, setHere] = useState("")
  useEffect(() => {
    const asked = Promise.all([call("workspaces.list", {}), call("users.current", {})])
    asked.then(
      ([found, me]) => {
        setNames(found.workspaces.map(({ name }) => name))
        setHere(me.workspace)
      },
      () => undefined, // the page itself tells what is wrong
    )
  }, [])
  if (names.length < 2) return null
  const acts = names.map((name) => ({ text: name, act: () => location.assign(pagesOf(name)) }))
  return <Menu kind="bare" label={`Workspace: ${here}`} text={here} acts={acts} />
}
