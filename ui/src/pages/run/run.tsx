/** One run: what it is, what it logged, how it went, and its files. */
import { useEffect, useState } from "preact/hooks"
import { call } from "../../api/client"
import type { Run } from "../../api/types"
import { Button, Code, PageFailure, Skeleton, Status } from "../../components/basics"
import { Dialog, FormDialog } from "../../components/dialog"
import { lazy } from "../../components/lazy"
import { Menu } from "../../components/menu"
import { pageCommands } from "../../components/palette"
import { Tabs } from "../../components/tabs"
import { attempt, say } from "../../components/toasts"
import { Browser } from "../../files/browser"
import { folderOf } from "../../files/transfer"
import { useLive, type Change } from "../../state/live"
import { useLoad } from "../../state/load"
import { go, place, setQuery } from "../../state/router"
import { address } from "../../state/workspace"
import type { PageProps } from "../pages"
import { Logs } from "./logs"
import { LoggedModels } from "./models"
import { Overview } from "./overview"
import { RegisterButton } from "./register"

const TABS: [string, string][] = [
  ["overview", "Overview"],
  ["metrics", "Metrics"],
  ["system", "System"],
  ["logs", "Logs"],
  ["models", "Models"],
  ["artifacts", "Artifacts"],
]
export const SYSTEM = "system/"
const Metrics = lazy(() => import("./metrics"))

export default function RunPage({ fields }: PageProps) {
  const run_id = fields["run_id"]!
  const tab = place.value.query.get("tab") ?? "overview"
  const { data: run, error, reload } = useLoad(run_id, (signal) => call("runs.get", { run_id }, signal))
  const [told, setTold] = useState<Change>()
  useLive(run ? { experiments: [run.experiment_id] } : null, (change) => {
    if (!change.all && !change.runs.includes(run_id)) return
    reload()
    setTold(change)
  })
  useEffect(() => {
    if (run) document.title = `${run.name} · Trackway`
  }, [run?.name])
  if (error && !run) {
    return <PageFailure title="This run cannot be shown" error={error} retry={reload} on={["/runs", "All runs"]} />
  }
  if (!run) {
    return (
      <main class="page" id="main">
        <Skeleton rows={10} />
      </main>
    )
  }
  return (
    <main class="page" id="main">
      <Head run={run} reload={reload} />
      <Tabs label="Parts of the run" tabs={TABS} chosen={tab} />
      {tab === "overview" && <Overview run={run} reload={reload} />}
      {(tab === "metrics" || tab === "system") && (
        <Metrics
          key={tab}
          run={run}
          keys={Object.keys(run.metrics).filter((key) => key.startsWith(SYSTEM) === (tab === "system"))}
          system={tab === "system"}
          change={told}
        />
      )}
      {tab === "logs" && <Logs run={run} />}
      {tab === "models" && <LoggedModels run={run} />}
      {tab === "artifacts" && <Artifacts run={run} />}
    </main>
  )
}

function Artifacts({ run }: { run: Run }) {
  const root = folderOf(run.artifact_uri)
  if (root === null) {
    return (
      <div class="notice">
        The files of this run are at <span class="mono">{run.artifact_uri}</span>, which this server does not read.
      </div>
    )
  }
  return (
    <Browser
      root={root}
      path={place.value.query.get("path") ?? ""}
      onPath={(path) => setQuery({ path })}
      writable={run.lifecycle === "active"}
      modelActs={(folder) => <RegisterButton run={run} source={`runs:/${run.run_id}/${folder}`} />}
    />
  )
}

function Head({ run, reload }: { run: Run; reload: () => void }) {
  const [renaming, setRenaming] = useState(false)
  const [repeating, setRepeating] = useState(false)
  const { run_id } = run
  const experiment = useLoad(run.experiment_id, (signal) =>
    call("experiments.get", { experiment_id: run.experiment_id }, signal),
  )
  const active = run.lifecycle === "active"
  const restore = async () => {
    await call("runs.restore", { run_id })
    reload()
  }
  const remove = async () => {
    if (!(await attempt(() => call("runs.delete", { run_id })))) return
    reload()
    say(`“${run.name}” is in the trash`, restore)
  }
  useEffect(() => {
    pageCommands.value = [
      { text: "Rename this run", icon: "edit", act: () => setRenaming(true) },
      { text: "Run this again", icon: "refresh", act: () => setRepeating(true) },
      ...TABS.map(([tab, text]) => ({
        text: `Show: ${text}`,
        icon: "arrow" as const,
        act: () => setQuery({ tab: tab === "overview" ? null : tab, path: null }),
      })),
    ]
  }, [])
  return (
    <div class="head">
      <h1 dir="auto">
        <a class="crumb" href={`/experiments/${encodeURIComponent(run.experiment_id)}`}>
          {experiment.data?.name ?? "Experiment"}
        </a>
        {run.name}
      </h1>
      <Status status={run.status} />
      {!active && <span class="badge warn">In the trash</span>}
      {run.parent_run_id !== null && (
        <Button icon="up" onClick={() => go(`/runs/${encodeURIComponent(run.parent_run_id!)}`)}>
          Parent
        </Button>
      )}
      <Menu
        icon="more"
        label="Acts on this run"
        acts={
          active
            ? [
                { text: "Rename", icon: "edit", act: () => setRenaming(true) },
                { text: "Run it again", icon: "refresh", act: () => setRepeating(true) },
                { text: "Move to the trash", icon: "trash", danger: true, act: () => void remove() },
              ]
            : [{ text: "Restore", icon: "restore", act: () => void attempt(restore) }]
        }
      />
      {repeating && <Again run={run} onClose={() => setRepeating(false)} />}
      {renaming && <Rename run={run} onClose={() => setRenaming(false)} reload={reload} />}
    </div>
  )
}

/** How to run it again, which a page can't do: it needs the code and a machine. */
function Again({ run, onClose }: { run: Run; onClose: () => void }) {
  return (
    <Dialog title="Run it again" onClose={onClose}>
      <p>
        The code of its commit is fetched, with its changes, command, params and packages; the new run is then compared with this
        one.
      </p>
      <Code text={`export TRACKWAY_TRACKING_URI=${address()}\ntrackway reproduce ${run.run_id}`} />
    </Dialog>
  )
}

function Rename({ run, onClose, reload }: { run: Run; onClose: () => void; reload: () => void }) {
  const [name, setName] = useState(run.name)
  const submit = async () => {
    await call("runs.update", { run_id: run.run_id, name: name.trim() })
    reload()
  }
  return (
    <FormDialog
      title="Rename the run"
      action="Rename"
      ready={name.trim() !== "" && name.trim() !== run.name}
      onClose={onClose}
      onSubmit={submit}
    >
      <label class="field">
        <span>Name</span>
        <input class="input" value={name} onInput={(event) => setName(event.currentTarget.value)} autoFocus />
      </label>
    </FormDialog>
  )
}
