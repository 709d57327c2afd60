/** Runs side by side: what differs between them, their curves, their files, their code and environment. */
import { useState } from "preact/hooks"
import { call } from "../../api/client"
import { LAST } from "../../api/summary"
import type { Run } from "../../api/types"
import { Board } from "../../charts/board"
import { pick, runColour } from "../../charts/colours"
import { Button, Empty, Failure, SearchBox, Skeleton } from "../../components/basics"
import { sideBySide, Values, type Thing } from "../../components/difference"
import { Section } from "../../components/facts"
import { Tabs } from "../../components/tabs"
import { OWN_TAGS } from "../../components/tags"
import { count, moment, number } from "../../format"
import { useLive, type Change } from "../../state/live"
import { useLoad } from "../../state/load"
import { place, setQuery } from "../../state/router"
import type { PageProps } from "../pages"
import { took } from "../runs/columns"
import { CodeDifference } from "./code"
import { FileDifference } from "./files"

const TABS: [string, string][] = [
  ["values", "Values"],
  ["charts", "Charts"],
  ["files", "Files"],
  ["code", "Code and environment"],
]
const MOST_RUNS = 100

export default function Compare(_: PageProps) {
  const { query } = place.value
  const ids = [...new Set((query.get("runs") ?? "").split(",").filter(Boolean))].slice(0, MOST_RUNS)
  const tab = query.get("tab") ?? "values"
  const key = ids.join(",")
  const { data, error, reload } = useLoad(key || null, (signal) => call("runs.get_many", { run_ids: ids }, signal))
  const runs = data?.runs
  const [told, setTold] = useState<Change>()
  useLive(runs ? { experiments: [...new Set(runs.map((run) => run.experiment_id))].sort() } : null, (change) => {
    if (!change.all && !change.runs.some((id) => ids.includes(id))) return
    reload()
    setTold(change)
  })
  if (error && !runs) {
    return (
      <main class="page" id="main">
        <Failure error={error} retry={reload} />
      </main>
    )
  }
  if (ids.length < 2 || (runs && runs.length < 2)) {
    return (
      <main class="page" id="main">
        <Empty title="Choose two runs or more">
          <p>Choose runs in the table of an experiment, then Compare. The address names them: it can be sent to others.</p>
          <a class="button primary" href="/runs">
            All runs
          </a>
        </Empty>
      </main>
    )
  }
  return (
    <main class="page" id="main">
      <div class="head">
        <h1>Compare {count(ids.length, "run")}</h1>
      </div>
      <Tabs label="Ways to compare" tabs={TABS} chosen={tab} />
      {!runs && <Skeleton rows={10} />}
      {runs && tab === "values" && <RunValues runs={runs} />}
      {runs && tab === "charts" && <Charts runs={runs} change={told} />}
      {runs && tab === "files" && <FileDifference runs={runs} />}
      {runs && tab === "code" && <CodeDifference runs={runs} />}
    </main>
  )
}

/** Colours by place while there are few, so that no two are alike. */
function colourOf(runs: Run[], n: number): string {
  return runs.length <= 24 ? pick(n) : runColour(runs[n]!.run_id)
}

export function headsOf(runs: Run[]): Thing[] {
  return runs.map((run, n) => ({
    id: run.run_id,
    head: (
      <span class="row run-head">
        <span class="swatch" style={{ background: colourOf(runs, n) }} aria-hidden="true" />
        <a class="cut" href={`/runs/${encodeURIComponent(run.run_id)}`} title={run.name}>
          {run.name}
        </a>
        {runs.length > 2 && (
          <Button
            kind="bare"
            tiny
            icon="close"
            label={`Leave out ${run.name}`}
            onClick={() => setQuery({ runs: runs.filter((one) => one !== run).map((one) => one.run_id).join(",") })}
          />
        )}
      </span>
    ),
  }))
}

function RunValues({ runs }: { runs: Run[] }) {
  const { query } = place.value
  const all = query.get("all") === "1"
  const text = (query.get("q") ?? "").toLowerCase()
  const things = headsOf(runs)
  const narrow = (values: [string, (string | null)[]][]) => values.filter(([name]) => name.toLowerCase().includes(text))
  const experiments = [...new Set(runs.map((run) => run.experiment_id))]
  const { data } = useLoad(experiments.join(), (signal) =>
    Promise.all(experiments.slice(0, 20).map((experiment_id) => call("experiments.get", { experiment_id }, signal))),
  )
  const names = new Map(data?.map((one) => [one.experiment_id, one.name]))
  const metrics = runs.map((run) =>
    Object.fromEntries(Object.entries(run.metrics).map(([key, summary]) => [key, number(summary[LAST])])),
  )
  const tags = runs.map((run) => Object.fromEntries(Object.entries(run.tags).filter(([key]) => !OWN_TAGS.test(key))))
  const attributes = runs.map((run) => ({
    Status: run.status.charAt(0) + run.status.slice(1).toLowerCase(),
    Started: moment(run.start_ms),
    Duration: took(run),
    User: run.user,
    Source: run.tags["mlflow.source.name"] ?? "",
    Experiment: names.get(run.experiment_id) ?? run.experiment_id,
    "Data sets": run.inputs.map((input) => `${input.dataset.name} (${input.dataset.digest})`).join(", "),
    "Run id": run.run_id,
  }))
  const parts: [string, Record<string, string>[], boolean][] = [
    ["Params", runs.map((run) => run.params), false],
    ["Metrics", metrics, true],
    ["Tags", tags, false],
    ["Runs", attributes, false],
  ]
  return (
    <>
      <div class="row wrap">
        <SearchBox value={query.get("q") ?? ""} label="Search names" onInput={(q) => setQuery({ q }, true)} />
        <label class="check">
          <input type="checkbox" checked={!all} onChange={() => setQuery({ all: all ? null : "1" })} />
          Differences only
        </label>
      </div>
      {parts.map(([title, records, numbers]) => (
        <Section key={title} title={title}>
          <Values
            label={title}
            things={things}
            values={narrow(sideBySide(records))}
            onlyDifferent={!all}
            numbers={numbers}
          />
        </Section>
      ))}
    </>
  )
}

function Charts({ runs, change }: { runs: Run[]; change: Change | undefined }) {
  const places = new Map(runs.map((run, n) => [run.run_id, n]))
  return (
    <>
      <div class="legend" role="list" aria-label="Runs">
        {runs.map((run, n) => (
          <span class="row" role="listitem" key={run.run_id}>
            <span class="swatch" style={{ background: colourOf(runs, n) }} aria-hidden="true" />
            <a href={`/runs/${encodeURIComponent(run.run_id)}`}>{run.name}</a>
          </span>
        ))}
      </div>
      <Board
        runs={runs}
        colour={(id) => colourOf(runs, places.get(id)!)}
        metrics={[...new Set(runs.flatMap((run) => Object.keys(run.metrics)))].sort()}
        change={change}
        compared={runs}
        empty={<Empty title="These runs have no metrics" />}
      />
    </>
  )
}
