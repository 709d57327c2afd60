/** The workspace that one is in, where there are several to be in. */
import { useEffect, useState } from "preact/hooks"
import { call } from "../api/client"
import { me } from "../state/me"
import { pagesOf } from "../state/workspace"
import { Menu } from "./menu"

export function Workspaces() {
  const [names, setNames] = useState<string[]>([])
  const here = me.value?.workspace ?? ""
  useEffect(() => {
    call("workspaces.list", {}).then(
      ({ workspaces }) => setNames(workspaces.map(({ name }) => name)),
      () => undefined, // the page itself tells what is wrong
    )
  }, [])
  if (names.length < 2 || !here) return null
  const acts = names.map((name) => ({ text: name, act: () => location.assign(pagesOf(name)) }))
  return <Menu kind="bare" label={`Workspace: ${here}`} text={here} acts={acts} />
}
