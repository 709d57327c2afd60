/** Runs of one, several or all experiments: the table, and charts beside it. */
import { useEffect, useMemo, useRef, useState } from "preact/hooks"
import { call } from "../../api/client"
import type { Experiment } from "../../api/types"
import { Button, Code, Empty, Failure, Skeleton } from "../../components/basics"
import { count } from "../../format"
import { useLive } from "../../state/live"
import { useLoad } from "../../state/load"
import { place, setQuery } from "../../state/router"
import type { PageProps } from "../pages"
import { BulkBar } from "./bulk"
import { ColumnChooser } from "./chooser"
import { FilterBar } from "./filter"
import { RunSource } from "./source"
import { RunTable } from "./table"
import { findColumn, suggestColumns } from "./columns"
import { readView, writeView, type View } from "./view"
import "./runs.css"

export default function Runs({ fields }: PageProps) {
  const view = readView(place.value.query, fields.experiment_id)
  const key = JSON.stringify(view.experiments)
  const experiments = useLoad(key, (signal) => loadExperiments(view.experiments, signal))
  const names = useLoad(key, (signal) => call("runs.list_fields", { experiment_ids: view.experiments }, signal))
  const { source, version } = useSource(view)
  const [chosen, setChosen] = useState<Set<string>>(new Set())
  useEffect(() => setChosen(new Set()), [source])
  useLive({ experiments: view.experiments ?? [] }, ({ runs, all }) => void source.follow(runs, all))
  const change = (part: Partial<View>, replace = false) => setQuery(writeView(part), replace)

  const suggested = useMemo(() => suggestColumns(source.loaded(100)), [source, source.count > 0])
  const columns = view.columns ?? suggested
  const done = () => {
    setChosen(new Set())
    void source.refresh()
  }
  if (experiments.error && !experiments.data) {
    return (
      <main class="page" id="main">
        <Failure error={experiments.error} retry={experiments.reload} />
        <a href="/experiments">All experiments</a>
      </main>
    )
  }
  const empty = !source.loading && !source.error && source.count === 0
  return (
    <main class="page full" id="main">
      <Head view={view} experiments={experiments.data} />
      <div class="row wrap">
        <FilterBar
          view={view}
          names={names.data}
          error={source.error?.details.position !== undefined ? source.error : undefined}
          onFilter={(filter) => change({ filter })}
        />
        <Button icon="trash" label="Trash" aria-pressed={view.trash} onClick={() => change({ trash: !view.trash })}>
          <span class="only-wide">Trash</span>
        </Button>
        <ColumnChooser
          fields={names.data}
          shown={columns}
          onChange={(next) => change({ columns: next }, true)}
          onReset={() => change({ columns: null, pinned: [], widths: {} })}
        />
      </div>
      <div class="row runs-bar">
        {chosen.size > 0 ? (
          <BulkBar
            runIds={[...chosen]}
            source={source}
            trash={view.trash}
            onDone={done}
            onClear={() => setChosen(new Set())}
          />
        ) : (
          <span class="soft small" role="status">
            {source.loading
              ? "Searching…"
              : source.counted
                ? count(source.count, "run")
                : `More than ${count(source.count - 1)} runs`}
            {view.filter && " found"}
          </span>
        )}
      </div>
      {source.error && source.error.details.position === undefined && (
        <Failure error={source.error} retry={() => void source.refresh()} />
      )}
      {source.loading && <Skeleton rows={10} />}
      {empty && <Nothing view={view} />}
      {!source.loading && source.count > 0 && (
        <RunTable
          source={source}
          version={version}
          columns={columns.map((id) => findColumn(id)).filter((column) => column !== undefined)}
          view={view}
          chosen={chosen}
          onChosen={setChosen}
          onView={change}
        />
      )}
    </main>
  )
}

/** The runs that a view finds, and a number that grows when something of them has come in. */
function useSource(view: View): { source: RunSource; version: number } {
  const [version, setVersion] = useState(0)
  const order = view.order ? [`${view.order.field} ${view.order.descending ? "DESC" : "ASC"}`] : []
  const query = {
    experiments: view.experiments,
    filter: view.filter,
    order_by: order,
    view: view.trash ? ("deleted" as const) : ("active" as const),
  }
  const key = JSON.stringify(query)
  const held = useRef<{ key: string; source: RunSource }>()
  if (held.current?.key !== key) {
    held.current?.source.stop()
    held.current = { key, source: new RunSource(query, () => setVersion((n) => n + 1)) }
  }
  useEffect(() => () => held.current?.source.stop(), [])
  return { source: held.current.source, version }
}

async function loadExperiments(ids: string[] | null, signal: AbortSignal): Promise<Experiment[]> {
  if (ids === null) return []
  return Promise.all(ids.map((experiment_id) => call("experiments.get", { experiment_id }, signal)))
}

function Head({ view, experiments }: { view: View; experiments: Experiment[] | undefined }) {
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
      <h1 class="cut" title={title}>
        {view.experiments !== null && (
          <a class="crumb" href="/experiments">
            Experiments
          </a>
        )}
        {title}
      </h1>
    </div>
  )
}

function Nothing({ view }: { view: View }) {
  if (view.filter) {
    return (
      <Empty title="No run satisfies the filter">
        <Button onClick={() => setQuery({ filter: null })}>Clear the filter</Button>
      </Empty>
    )
  }
  if (view.trash) return <Empty title="No runs in the trash" />
  return (
    <Empty title="No runs yet">
      <p>Log a run to this experiment, and it appears here by itself:</p>
      <Code
        text={`import trackway as tw

tw.set_tracking_uri("${location.origin}")
with tw.start_run(${view.experiments ? `experiment_id="${view.experiments[0]}"` : ""}):
    tw.log_param("alpha", 0.5)
    for step in range(100):
        tw.log_metric("loss", 1 / (step + 1), step=step)`}
      />
    </Empty>
  )
}
