/** Runs of one, several or all experiments: the table, and charts beside it. */
import type { ComponentChildren } from "preact"
import { useEffect, useMemo, useRef, useState } from "preact/hooks"
import { call } from "../../api/client"
import type { Experiment, Run, RunFields } from "../../api/types"
import { Button, Code, Empty, Failure, PageFailure, Skeleton } from "../../components/basics"
import { Icon, type IconName } from "../../components/icon"
import { Menu } from "../../components/menu"
import { lazy } from "../../components/lazy"
import { MayNot } from "../../components/rights"
import { attempt } from "../../components/toasts"
import { save } from "../../files/save"
import { count, field } from "../../format"
import { useLive, type Change } from "../../state/live"
import { useLoad } from "../../state/load"
import { useMay } from "../../state/me"
import { place, setQuery } from "../../state/router"
import { address } from "../../state/workspace"
import type { PageProps } from "../pages"
import { BulkBar } from "./bulk"
import type { ChartsProps } from "./charts"
import { ColumnChooser } from "./chooser"
import { findColumn, suggestColumns, type RunColumn } from "./columns"
import { fetchRuns, findAll, packRuns, writeCsv } from "./download"
import { FilterBar } from "./filter"
import { Grouping } from "./grouping"
import { Lines, MOST_GROUPS } from "./lines"
import type { RunQuery } from "./source"
import { RunTable } from "./table"
import { readView, writeView, type Mode, type View } from "./view"
import { findHome, reach } from "./named"
import { ViewsMenu } from "./views"
import "./runs.css"

const Charts = lazy<ChartsProps>(() => import("./charts"))

export default function Runs({ fields }: PageProps) {
  const { query } = place.value
  const view = useMemo(() => readView(query, fields.experiment_id), [query, fields.experiment_id])
  const key = JSON.stringify(view.experiments)
  const experiments = useLoad(key, (signal) => loadExperiments(view.experiments, signal))
  const names = useLoad(key, (signal) => call("runs.list_fields", { experiment_ids: view.experiments }, signal))
  const { lines, version } = useLines(view, names.data, names.loading)
  const [chosen, setChosen] = useState<Set<string>>(new Set())
  useEffect(() => setChosen(new Set()), [lines])
  const [told, setTold] = useState<Change>()
  const { runs: top, reload: reloadTop } = useTop(view.top)
  const unseen = experiments.loading ? 0 : (view.experiments?.length ?? 0) - (experiments.data?.length ?? 0)
  const seen = experiments.data && unseen > 0 ? experiments.data.map((one) => one.experiment_id) : view.experiments
  useLive({ experiments: seen ?? [] }, (change) => {
    void lines.follow(change.runs, change.all)
    if (change.all || change.runs.some((id) => view.top.includes(id))) reloadTop()
    setTold(change)
  })
  const change = (part: Partial<View>, replace = false) => setQuery(writeView(part), replace)
  const hidden = useMemo(() => new Set(view.hidden), [view])

  const begun = useRef<{ lines: Lines; columns: string[] }>()
  if (begun.current?.lines !== lines || !begun.current.columns.some((id) => /^(metrics|params)\./.test(id))) {
    const same = begun.current && lines.loading // what was suggested stays until the next runs are there
    if (!same) begun.current = { lines, columns: suggestColumns(view.tree ? [] : lines.loaded(100), names.data, view.experiments?.length !== 1) }
  }
  const ids = view.columns ?? begun.current!.columns
  const columns = useMemo(
    () => ids.map((id) => findColumn(id)).filter((column) => column !== undefined),
    [JSON.stringify(ids)],
  )
  const done = () => {
    setChosen(new Set())
    void lines.refresh()
    reloadTop()
  }
  if (experiments.error && !experiments.data) {
    const { error, reload } = experiments
    return <PageFailure title="These runs cannot be shown" error={error} retry={reload} on={["/experiments", "All experiments"]} />
  }
  const wrong = lines.error?.details.position !== undefined
  const empty = !lines.loading && !lines.error && lines.count === 0
  const shown = !lines.loading && lines.count > 0
  const only = view.experiments?.length === 1 ? experiments.data?.[0] : undefined
  return (
    <main class="page full" id="main">
      <Head view={view} experiments={experiments.data} onMode={(mode) => change({ mode })}>
        {only && (
          <a class="button" href={`/experiments/${encodeURIComponent(only.experiment_id)}/about`} aria-label="About">
            <Icon name="info" />
            <span class="only-wide">About</span>
          </a>
        )}
        <ViewsMenu experiments={view.experiments} kept={experiments.data ?? []} onChanged={experiments.reload} />
      </Head>
      <div class="row wrap runs-tools">
        <FilterBar
          view={view}
          names={names.data}
          error={wrong ? lines.error : undefined}
          onFilter={(filter) => change({ filter })}
        />
        <Grouping view={view} fields={names.data} onView={change} />
        <ColumnChooser
          fields={names.data}
          shown={ids}
          pinned={view.pinned}
          onChange={(next) => change({ columns: next }, true)}
          onPin={(pinned) => change({ pinned }, true)}
          onReset={() => change({ columns: null, pinned: [], widths: {} })}
        />
        <Download lines={lines} chosen={chosen} query={queryOf(view)} columns={columns} />
        <Button
          icon="trash"
          label="Trash"
          aria-pressed={view.trash}
          onClick={() => change({ trash: !view.trash })}
        />
      </div>
      <div class="row runs-bar">
        {chosen.size > 0 ? (
          <BulkBar runIds={[...chosen]} trash={view.trash} onDone={done} onClear={() => setChosen(new Set())} />
        ) : (
          <span class="soft small" role="status">
            {describe(lines, view)}
            {experiments.data && unseen > 0 && ` of ${experiments.data.length} of ${count(unseen + experiments.data.length, "experiment")}: the others are gone, or not yours to see`}
          </span>
        )}
      </div>
      {lines.error && !wrong && <Failure error={lines.error} retry={() => void lines.refresh()} />}
      {lines.loading && <Skeleton rows={10} />}
      {empty && <Nothing view={view} />}
      {wrong && lines.count === 0 && (
        <Empty title="The filter cannot be read">
          <p>What is wrong with it is marked above. Names and values are offered while one types.</p>
        </Empty>
      )}
      {shown && (
        <div class={`runs-split ${view.mode}`}>
          {view.mode !== "charts" && (
            <RunTable
              lines={lines}
              top={top}
              version={version}
              columns={columns}
              view={view}
              chosen={chosen}
              hidden={hidden}
              onChosen={setChosen}
              onHide={(id) =>
                change({ hidden: hidden.has(id) ? view.hidden.filter((one) => one !== id) : [...view.hidden, id] }, true)
              }
              onView={change}
            />
          )}
          {view.mode !== "table" && (
            <Charts
              lines={lines}
              top={top}
              version={version}
              view={view}
              query={queryOf(view)}
              chosen={chosen}
              names={names.data}
              change={told}
            />
          )}
        </div>
      )}
    </main>
  )
}

function describe(lines: Lines, view: View): string {
  if (lines.loading) return "Searching…"
  if (lines.error) return ""
  const total = lines.total
  const found = view.filter ? " found" : ""
  if (lines.groups !== null) {
    const left = lines.groups - MOST_GROUPS
    return `${count(lines.groups, "group")} of ${count(total ?? 0, "run")}${found}${left > 0 ? `; the ${count(left)} smallest are left out` : ""}`
  }
  if (total === null) return `More than ${count(lines.count - 1)} runs${found}`
  return `${count(total, view.tree && !view.filter ? "run at the top" : "run")}${found}`
}

function queryOf(view: View): RunQuery {
  return {
    experiments: view.experiments,
    filter: view.filter,
    order_by: view.order ? [`${view.order.field} ${view.order.descending ? "DESC" : "ASC"}`] : [],
    view: view.trash ? "deleted" : "active",
  }
}

/** The lines of a view, and a number that grows when something of them has come in; `waiting`: names are on their way. */
function useLines(view: View, names: RunFields | undefined, waiting: boolean): { lines: Lines; version: number } {
  const [version, setVersion] = useState(0)
  const query = queryOf(view)
  // Groups have the metrics that are shown: those of the columns, or the first ones that there are.
  const metrics = view.columns
    ? view.columns.map((id) => (id.includes("metrics.") ? findColumn(id)?.order : undefined))
    : (names?.metrics ?? []).slice(0, 8).map((key) => field("metrics", key))
  const shape = {
    tree: view.tree,
    group: view.group,
    aggregate: view.aggregate,
    metrics: view.group.length === 0 ? [] : names || view.columns || !waiting ? metrics.filter((one) => one !== undefined) : null,
  }
  const key = JSON.stringify([query, shape])
  const held = useRef<{ key: string; lines: Lines }>()
  if (held.current?.key !== key) {
    const before = held.current?.lines
    before?.stop()
    held.current = { key, lines: new Lines(query, shape, () => setVersion((n) => n + 1), before) }
  }
  useEffect(() => () => held.current?.lines.stop(), [])
  return { lines: held.current.lines, version }
}

interface DownloadProps {
  lines: Lines
  chosen: Set<string>
  query: RunQuery
  columns: RunColumn[]
}

/** The runs that stay at the top, as they are now. */
function useTop(ids: string[]): { runs: Run[]; reload: () => void } {
  const { data, reload } = useLoad(ids.length > 0 ? ids.join() : null, (signal) =>
    call("runs.get_many", { run_ids: ids }, signal),
  )
  const runs = useMemo(() => data?.runs.filter((run) => ids.includes(run.run_id)) ?? [], [data, ids])
  return { runs, reload }
}

function Download({ lines, chosen, query, columns }: DownloadProps) {
  const [busy, setBusy] = useState("")
  const download = async (write: (runs: Run[]) => void) => {
    setBusy("…")
    await attempt(async () => {
      const ids = chosen.size > 0 ? [...chosen] : await findAll(query)
      write(await fetchRuns(ids, (done, all) => setBusy(`${Math.round((done / all) * 100)}%`)))
    })
    setBusy("")
  }
  const csv = (runs: Run[]) => save("runs.csv", "text/csv", [writeCsv(runs, columns)])
  const parquet = (runs: Run[]) =>
    save("runs.parquet", "application/vnd.apache.parquet", [packRuns(runs, columns)])
  const none = busy !== "" || lines.count === 0
  const what = chosen.size > 0 ? `The ${count(chosen.size, "chosen run")}` : "All found runs"
  return (
    <Menu
      icon="download"
      label="Download"
      text={busy || undefined}
      acts={[
        { text: `${what} as CSV`, icon: "download", disabled: none, act: () => void download(csv) },
        { text: `${what} as Parquet`, icon: "download", disabled: none, act: () => void download(parquet) },
      ]}
    />
  )
}

/** The experiments that are shown, as far as the visitor sees them; of all of them the one that keeps their views. */
async function loadExperiments(ids: string[] | null, signal: AbortSignal): Promise<Experiment[]> {
  if (ids === null) return findHome(signal)
  const found = await reach(ids, (experiment_id) => call("experiments.get", { experiment_id }, signal))
  return found.map(([, experiment]) => experiment)
}

interface HeadProps {
  view: View
  experiments: Experiment[] | undefined
  onMode: (mode: Mode) => void
  children: ComponentChildren
}

const MODES: [Mode, IconName, string][] = [
  ["table", "list", "Table"],
  ["split", "split", "Table and charts"],
  ["charts", "chart", "Charts"],
]

function Head({ view, experiments, onMode, children }: HeadProps) {
  const names = experiments?.map((experiment) => experiment.name)
  const title =
    view.experiments === null
      ? "All runs"
      : names === undefined
        ? "Runs"
        : names.length === 1
          ? names[0]!
          : `${names.slice(0, 3).join(", ")}${names.length > 3 ? ` and ${names.length - 3} more` : ""}`
  useEffect(() => {
    document.title = `${title} · Trackway`
  }, [title])
  return (
    <div class="head">
      <h1 class="cut" dir="auto" title={title}>
        {view.experiments !== null && (
          <a class="crumb" href="/experiments">
            Experiments
          </a>
        )}
        {title}
      </h1>
      {children}
      <span class="group" role="group" aria-label="What is shown">
        {MODES.map(([mode, icon, label]) => (
          <Button key={mode} icon={icon} label={label} aria-pressed={view.mode === mode} onClick={() => onMode(mode)} />
        ))}
      </span>
    </div>
  )
}

function Nothing({ view }: { view: View }) {
  const logs = useMay("runs.create", view.experiments?.[0] ?? "")
  if (view.filter) {
    return (
      <Empty title="No run satisfies the filter">
        <Button onClick={() => setQuery({ filter: null })}>Clear the filter</Button>
      </Empty>
    )
  }
  if (view.trash) return <Empty title="No runs in the trash" />
  if (!logs) {
    return (
      <Empty title="No runs yet">{logs === false && <MayNot needs="create" />}</Empty>
    )
  }
  return (
    <Empty title="No runs yet">
      <p>Log a run to this experiment, and it appears here by itself:</p>
      <Code
        text={`import trackway as tw

tw.set_tracking_uri("${address()}")
with tw.start_run(${view.experiments ? `experiment_id="${view.experiments[0]}"` : ""}):
    tw.log_param("alpha", 0.5)
    for step in range(100):
        tw.log_metric("loss", 1 / (step + 1), step=step)`}
      />
    </Empty>
  )
}
