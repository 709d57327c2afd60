/** One's own account: who one is to the server, one's tokens, sessions and password, and what the workspace uses. */
import { useState } from "preact/hooks"
import { call } from "../../api/client"
import { Button, Failure, Skeleton } from "../../components/basics"
import { FormDialog } from "../../components/dialog"
import { Facts, Section } from "../../components/facts"
import { attempt } from "../../components/toasts"
import { useLoad } from "../../state/load"
import { signOut } from "../../state/me"
import type { PageProps } from "../pages"
import { WorkspaceUsage } from "./quota"
import { Sessions, SignIns } from "./sessions"
import { Tokens } from "./tokens"

const MEANS: Record<string, string> = {
  session: "a session of this browser",
  token: "a token",
  password: "a password",
  directory: "a password of the directory",
  certificate: "a certificate of this client",
  proxy: "the proxy in front of this server",
}

export default function Account(_: PageProps) {
  const { data, error, reload } = useLoad("me", (signal) => call("users.current", {}, signal))
  const [changing, setChanging] = useState(false)
  return (
    <main class="page" id="main">
      <div class="head">
        <h1>My account</h1>
        {data?.means === "session" && <Button onClick={() => void attempt(signOut)}>Sign out</Button>}
      </div>
      {error && <Failure error={error} retry={reload} />}
      {!data && !error && <Skeleton rows={4} />}
      {data?.means === "none" && (
        <Section title="Who I am">
          <p class="section-body">
            Nobody signs in to this server: whoever reaches it may do everything. <code>trackway server --auth</code> changes that.
          </p>
        </Section>
      )}
      {data && data.means !== "none" && (
        <>
          <Section title="Who I am" acts={<Button onClick={() => setChanging(true)}>Change password</Button>}>
            <Facts
              facts={[
                ["Name", data.name],
                ["Signed in by", MEANS[data.means] ?? data.means],
                ["Administrator", data.is_admin && "of the installation"],
                ["In the whole workspace", data.permissions.join(", ") || "nothing: only on what was given to me alone"],
              ]}
            />
          </Section>
          <Section title="My tokens">
            <Tokens user="" />
          </Section>
          <Section title="Where I am signed in">
            <Sessions user="" />
          </Section>
          <Section title="My sign-ins">
            <SignIns user="" />
          </Section>
        </>
      )}
      {data && <WorkspaceUsage mayLimit={data.is_admin || data.means === "none"} />}
      {changing && <PasswordForm onClose={() => setChanging(false)} />}
    </main>
  )
}

function PasswordForm({ onClose }: { onClose: () => void }) {
  const [current, setCurrent] = useState("")
  const [password, setPassword] = useState("")
  const submit = async () => {
    await call("users.change_password", { current, password })
    location.assign("/sign-in")
  }
  return (
    <FormDialog title="Change my password" action="Change" ready={current !== "" && password !== ""} onClose={onClose} onSubmit={submit}>
      <label class="field">
        <span>The one that I have</span>
        <input
          class="input"
          type="password"
          autocomplete="current-password"
          value={current}
          onInput={(event) => setCurrent(event.currentTarget.value)}
          autoFocus
        />
      </label>
      <label class="field">
        <span>The new one, 12 characters or more</span>
        <input
          class="input"
          type="password"
          autocomplete="new-password"
          value={password}
          onInput={(event) => setPassword(event.currentTarget.value)}
        />
      </label>
      <p class="soft small">All my sessions end, this one too. My tokens go on.</p>
    </FormDialog>
  )
}
