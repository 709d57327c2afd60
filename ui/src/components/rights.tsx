/** What the visitor may not do, and who can change that. */
import { send } from "../api/client"
import type { Identity, WorkspaceList } from "../api/types"
import { useLoad } from "../state/load"
import { lost, may, me } from "../state/me"
import { base, pagesOf } from "../state/workspace"
import { Button, Empty } from "./basics"

/** Whom to ask, by name where names are told. */
const sayWhom = (names: string[]) => names.join(" or ") || "an administrator of the workspace"

interface CreateButtonProps {
  needs: Identity["permissions"][number]
  onClick: () => void
}

/** The button that makes what a page lists; for who may not, whom to ask instead. */
export function CreateButton({ needs, onClick }: CreateButtonProps) {
  if (!may(needs)) return me.value ? <MayNot needs={needs} /> : null
  return (
    <Button kind="primary" icon="add" onClick={onClick}>
      Create
    </Button>
  )
}

/** That the visitor lacks a permission on the workspace, and who can give it. */
export function MayNot({ needs }: { needs: Identity["permissions"][number] }) {
  const who = needs === "admin" ? "Only administrators change anything here" : "You may look, not create"
  return (
    <span class="soft small" style={{ textWrap: "balance" }}>
      {who}: ask {sayWhom(me.value?.administrators ?? [])} for a role.
    </span>
  )
}

/** In the place of each page of a workspace that the visitor has no role in, or that is not there for them. */
export function Outside({ title }: { title: string }) {
  const here = me.value
  const { data } = useLoad("mine", async (signal) => {
    // Everybody who has signed in may ask in this one.
    const answer = await send("/w/default/api/v1/workspaces", { signal, headers: { accept: "application/json" } })
    return (await answer.json()) as WorkspaceList
  })
  const others = data?.workspaces.map(({ name }) => name).filter((name) => name !== here?.workspace)
  return (
    <main class="page" id="main">
      <h1>{title}</h1>
      <Empty title={here ? `You have no role in the workspace “${here.workspace}” yet` : lost.value!.message}>
        {here ? (
          <p>
            You are signed in as <strong>{here.name}</strong>. To see what is here, ask {sayWhom(here.administrators)} for a role.
          </p>
        ) : (
          <p>{base ? "It may have another name now, or you may have no role in it: ask who works there." : `What to do: ${lost.value!.hint}`}</p>
        )}
        {here && others?.length === 0 && <p>You are not a member of any other workspace.</p>}
        {others && others.length > 0 && (
          <>
            <p>{here ? "You are a member of:" : "You may go to:"}</p>
            <div class="row wrap">
              {others.map((name) => (
                <Button key={name} onClick={() => location.assign(pagesOf(name))}>
                  {name}
                </Button>
              ))}
            </div>
          </>
        )}
        {here && <a href="/account">My account</a>}
      </Empty>
    </main>
  )
}
