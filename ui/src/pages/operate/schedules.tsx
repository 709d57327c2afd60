/** Projects that run by the clock: when next, how it went, and whether it goes on. */
import { useState } from "preact/hooks"
import { call } from "../../api/client"
import type { Schedule, Tick } from "../../api/types"
import { Button, Code, Empty, Failure, Skeleton } from "../../components/basics"
import { Facts, Section } from "../../components/facts"
import { Menu } from "../../components/menu"
import { CreateButton } from "../../components/rights"
import { Table } from "../../components/table"
import { attempt, say } from "../../components/toasts"
import { discard } from "../../components/trash"
import { ago, count, moment } from "../../format"
import { useLoad } from "../../state/load"
import { may } from "../../state/me"
import { place, setQuery } from "../../state/router"
import type { PageProps } from "../pages"
import { ScheduleForm } from "./schedule-form"
import "./operate.css"

export default function Schedules(_: PageProps) {
  const { data, error, reload } = useLoad("schedules", (signal) => call("schedules.list", { limit: 1_000 }, signal))
  const [adding, setAdding] = useState(false)
  const chosen = data?.schedules.find((one) => one.name === place.value.query.get("schedule"))
  return (
    <main class="page" id="main">
      <div class="head">
        <h1>Schedules</h1>
        <CreateButton needs="admin" onClick={() => setAdding(true)} />
      </div>
      {error && <Failure error={error} retry={reload} />}
      {!data && !error && <Skeleton rows={6} />}
      {data?.schedules.length === 0 && (
        <Empty title="No schedules yet">
          <p>A schedule runs a project by the clock, and keeps what became of each time{may("admin") ? ":" : "."}</p>
          {may("admin") && <Code text={'trackway schedules create nightly "30 2 * * mon-fri" ./churn --time-zone Europe/Paris'} />}
        </Empty>
      )}
      {data && data.schedules.length > 0 && (
        <Table label="Schedules" heads={["Name", "When", "Next", "Project", "State", ["Acts", "unseen"]]}>
          {data.schedules.map((one) => (
            <tr key={one.schedule_id}>
              <td class="cut wide">
                <a href={`/schedules?schedule=${encodeURIComponent(one.name)}`}>{one.name}</a>
              </td>
              <td>
                <span class="mono">{one.cron}</span> <span class="soft small">{one.time_zone}</span>
              </td>
              <td>{one.next_ms === null ? "" : moment(one.next_ms)}</td>
              <td class="cut wide" title={one.launch.uri}>
                {one.launch.uri} <span class="soft">{one.launch.entry_point}</span>
              </td>
              <td>
                <span class={`badge ${one.paused ? "warn" : "good"}`}>{one.paused ? "Paused" : "On"}</span>
              </td>
              <td class="number">
                <Acts schedule={one} reload={reload} />
              </td>
            </tr>
          ))}
        </Table>
      )}
      {chosen && <Chosen key={chosen.name} schedule={chosen} />}
      {adding && (
        <ScheduleForm
          onClose={() => setAdding(false)}
          onMade={(name) => {
            reload()
            say(`“${name}” is made`)
            setQuery({ schedule: name })
          }}
        />
      )}
    </main>
  )
}

function Acts({ schedule, reload }: { schedule: Schedule; reload: () => void }) {
  const { name, paused } = schedule
  const pause = async (next: boolean) => {
    await call("schedules.update", { name, paused: next })
    reload()
  }
  const runNow = async () => {
    if (!(await attempt(() => call("schedules.run_now", { name })))) return
    say(`“${name}” waits for a worker`)
    setQuery({ schedule: name })
  }
  return (
    <>
      <Menu
        kind="bare"
        tiny
        icon="more"
        label={`Acts on ${name}`}
        acts={[
          { text: "Run now", icon: "arrow", act: () => void runNow() },
          {
            text: paused ? "Resume" : "Pause",
            icon: "eye",
            act: () =>
              void attempt(() => pause(!paused)).then((done) => {
                if (done) say(paused ? `“${name}” goes on` : `“${name}” is paused`, () => pause(paused))
              }),
          },
          { text: "Delete", icon: "trash", danger: true, act: () => void discard(() => call("schedules.delete", { name }), `“${name}” is in the trash`, reload) },
        ]}
      />
    </>
  )
}

const STATES: Record<Tick["state"], string> = {
  cancelled: "warn",
  claimed: "busy",
  failed: "bad",
  finished: "good",
  lost: "warn",
  missed: "warn",
  queued: "",
  running: "busy",
  skipped: "",
}

function Chosen({ schedule }: { schedule: Schedule }) {
  const { name, launch } = schedule
  const { data, error, reload } = useLoad(name, (signal) => call("schedules.history", { name, limit: 100 }, signal))
  const cancel = async (tick: Tick) => {
    if (await attempt(() => call("schedules.cancel", { name, tick_id: tick.tick_id }))) reload()
  }
  return (
    <>
      <Section title={name}>
        <Facts
          facts={[
            ["Project", launch.uri],
            ["Version", launch.version],
            ["Entry point", launch.entry_point],
            ["Experiment", launch.experiment],
            ["Back end", launch.backend],
            ["Missed times", schedule.catch_up],
            ["While one goes on", schedule.overlap.replaceAll("_", " ")],
            ["Made", `${moment(schedule.created_ms)} by ${schedule.created_by}`],
            ...Object.entries(launch.params).map(([key, value]): [string, string] => [`-P ${key}`, value]),
          ]}
        />
      </Section>
      <Section title="Times" note={data && count(data.ticks.length)} acts={<Button icon="refresh" label="Look again" onClick={reload} />}>
        {error && <Failure error={error} />}
        {data?.ticks.length === 0 && <p class="soft section-none">It has not been its time yet.</p>}
        <ul class="entries">
          {data?.ticks.map((tick) => (
            <li key={tick.tick_id}>
              <span class={`badge ${STATES[tick.state]}`}>{tick.state}</span>
              <span class="grow">
                {moment(tick.due_ms)}
                {tick.manual && <span class="soft"> by hand</span>}
                {tick.run_id && (
                  <>
                    {" "}
                    <a href={`/runs/${encodeURIComponent(tick.run_id)}`}>run {tick.run_id.slice(0, 8)}</a>
                  </>
                )}
                {tick.error && <span class="soft small"> {tick.error}</span>}
              </span>
              <span class="soft small">{ago(tick.due_ms)}</span>
              {/^(queued|claimed|running)$/.test(tick.state) && (
                <Button tiny onClick={() => void cancel(tick)}>
                  Cancel
                </Button>
              )}
            </li>
          ))}
        </ul>
      </Section>
    </>
  )
}
