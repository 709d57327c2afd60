/** Where oneself, or somebody whom an administrator looks after, is signed in; and the sign-ins that led there or did not. */
import { call } from "../../api/client"
import { Button, Failure, Skeleton } from "../../components/basics"
import { attempt, say } from "../../components/toasts"
import { ago, browser, count, moment } from "../../format"
import { useLoad } from "../../state/load"

const OUTCOMES: Record<string, string> = {
  opened: "Signed in",
  joined: "Chose a password",
  refused: "Refused",
}

/** user: "" for oneself */
export function Sessions({ user }: { user: string }) {
  const { data, error, reload } = useLoad(`sessions ${user}`, (signal) => call("sessions.list", { user }, signal))
  const end = (session_id: string) =>
    attempt(async () => {
      await call("sessions.delete", { session_id, user })
      say("It is signed out")
      reload()
    })
  const endOthers = () =>
    attempt(async () => {
      const { ended } = await call("sessions.delete_others", { user })
      say(`Ended ${count(ended, "session")}`)
      reload()
    })
  const others = data?.sessions.filter((one) => !one.current) ?? []
  return (
    <>
      <div class="section-body row">
        <span class="grow soft small">Browsers that are signed in. What they call themselves may be anything.</span>
        {others.length > 0 && <Button onClick={() => void endOthers()}>{user ? "End all" : "End all others"}</Button>}
      </div>
      {error && <Failure error={error} retry={reload} />}
      {!data && !error && <Skeleton rows={2} />}
      {data?.sessions.length === 0 && <p class="soft section-none">There is none.</p>}
      <ul class="entries">
        {data?.sessions.map((one) => (
          <li key={one.session_id}>
            <strong title={one.client}>{browser(one.client)}</strong>
            {one.current && <span class="badge good">This one</span>}
            <span class="grow soft small" title={`ends ${moment(one.expires_ms)}`}>
              {one.address && `from ${one.address}, `}since {moment(one.created_ms)}, used {ago(one.used_ms)}
            </span>
            {!one.current && (
              <Button
                tiny
                kind="danger"
                label={`End the session of ${browser(one.client)} since ${moment(one.created_ms)}`}
                onClick={() => void end(one.session_id)}
              >
                End
              </Button>
            )}
          </li>
        ))}
      </ul>
    </>
  )
}

/** user: "" for oneself */
export function SignIns({ user }: { user: string }) {
  const { data, error, reload } = useLoad(`sign-ins ${user}`, (signal) => call("sign_ins.list", { user, limit: 20 }, signal))
  return (
    <>
      {error && <Failure error={error} retry={reload} />}
      {!data && !error && <Skeleton rows={2} />}
      {data?.sign_ins.length === 0 && <p class="soft section-none">There is none.</p>}
      <ul class="entries">
        {data?.sign_ins.map((one, index) => (
          <li key={index}>
            <span class={one.outcome === "refused" ? "badge bad" : "badge"}>{OUTCOMES[one.outcome] ?? one.outcome}</span>
            <span class="grow soft small" title={ago(one.time_ms)}>
              {moment(one.time_ms)}
              {one.address && `, from ${one.address}`}
              {one.means === "oidc" && ", by single sign-on"}
            </span>
          </li>
        ))}
      </ul>
    </>
  )
}
