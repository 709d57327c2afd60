/** What a run is, was given, and came to. */
import { call } from "../../api/client"
import { COUNT, LAST, MAX, MIN, NAN_COUNT } from "../../api/summary"
import type { Environment, GitState, ModelVersion, Run } from "../../api/types"
import { unpack } from "../../charts/curves"
import { Status } from "../../components/basics"
import { Copied, Facts, Pairs, Section, useSeen, type Fact } from "../../components/facts"
import { Highlighted } from "../../components/highlight"
import { Note } from "../../components/note"
import { Spark } from "../../components/spark"
import { Tags } from "../../components/tags"
import { bytes, count, dated, moment, number, quote } from "../../format"
import { useLoad } from "../../state/load"
import { versionHref } from "../models/badges"
import { Lineage } from "../models/lineage"
import { took } from "../runs/columns"
import { DatasetDetail, readSource } from "./dataset"
import { SYSTEM } from "./run"

const NOTE = "mlflow.note.content"

interface PartProps {
  run: Run
  reload: () => void
}

export function Overview({ run, reload }: PartProps) {
  const { run_id } = run
  const set = (key: string, value: string) => call("runs.ingest", { run_id, tags: { [key]: value } })
  const environment = useLoad(`${run_id} ${run.environment_digest}`, (signal) =>
    call("runs.get_environment", { run_id }, signal),
  )
  const versions = useLoad(`${run_id} ${run.version}`, (signal) => findVersions(run_id, signal))
  const params = Object.keys(run.params).sort()
  const metrics = Object.keys(run.metrics).filter((key) => !key.startsWith(SYSTEM)).sort()
  return (
    <>
      <Section title="Run">
        <Facts facts={[...describe(run, environment.data?.environment ?? null), ["Registered as", versions.data && <Versions versions={versions.data} />]]} />
      </Section>
      <Note
        title="Notes"
        text={run.tags[NOTE] ?? ""}
        empty="What was tried, and what came of it? Notes are for whoever looks at this run later."
        onSave={async (text) => {
          await set(NOTE, text)
          reload()
        }}
      />
      <div class="halves">
        <Section title="Metrics" note={count(metrics.length)}>
          {metrics.length ? (
            <Pairs
              label="Metrics"
              names={metrics}
              heads={["Name", "Last", "Min", "Max", "Curve"]}
              numbers
              cells={(key) => {
                const summary = run.metrics[key]!
                return [
                  <Value summary={summary} />,
                  number(summary[MIN]),
                  number(summary[MAX]),
                  summary[COUNT] > 1 ? <Sparkline run={run} name={key} /> : "",
                ]
              }}
            />
          ) : (
            <p class="soft section-none">None were logged.</p>
          )}
        </Section>
        <Section title="Params" note={count(params.length)}>
          {params.length ? (
            <Pairs label="Params" names={params} heads={["Name", "Value"]} cells={(key) => [run.params[key]]} />
          ) : (
            <p class="soft section-none">None were logged.</p>
          )}
        </Section>
      </div>
      <Tags
        tags={run.tags}
        reload={reload}
        onSet={set}
        onDelete={(key) => call("runs.delete_tag", { run_id, key })}
      />
      <Inputs run={run} />
      <Family run={run} />
      <Lineage kind="run" id={run_id} state={`${run.status} ${run.inputs.length} ${run.model_inputs.length + run.model_outputs.length}`} />
      {environment.data?.environment && <EnvironmentPart environment={environment.data.environment} />}
    </>
  )
}

function Value({ summary }: { summary: Run["metrics"][string] }) {
  const odd = summary[NAN_COUNT]
  return (
    <span title={`step ${summary[0]}, ${count(summary[COUNT], "point")}`}>
      {number(summary[LAST])}
      {odd > 0 && <span class="soft small"> ({count(odd)} NaN)</span>}
    </span>
  )
}

function Sparkline({ run, name }: { run: Run; name: string }) {
  const { element, seen } = useSeen<HTMLSpanElement>()
  const points = run.metrics[name]?.[COUNT]
  const { data } = useLoad(seen ? `${run.run_id} ${name} ${points}` : null, (signal) =>
    call("metrics.curves", { run_ids: [run.run_id], key: name, points: 100 }, signal),
  )
  const curve = data?.curves[0]
  return <span ref={element}>{curve && <Spark values={unpack(curve).values} />}</span>
}

function describe(run: Run, environment: Environment | null): Fact[] {
  const { tags } = run
  const commit = tags["mlflow.source.git.commit"] ?? environment?.git?.commit ?? ""
  const git = environment?.git
  return [
    ["Status", <Status status={run.status} />],
    ["Started", dated(run.start_ms)],
    ["Ended", run.end_ms === null ? "" : moment(run.end_ms)],
    ["Duration", took(run)],
    ["User", run.user || tags["mlflow.user"]],
    ["Run id", <Copied text={run.run_id} />],
    ["Source", tags["mlflow.source.name"] ?? environment?.command.join(" ")],
    ["Commit", commit && <Copied text={commit} shown={commit.slice(0, 12)} />],
    ["Branch", tags["mlflow.source.git.branch"] ?? git?.branch],
    ["Repository", tags["mlflow.source.git.repoURL"] ?? git?.remote],
    ["Working tree", git && (git.dirty ? "had changes that were not committed" : "as committed")],
    ["Entry point", tags["mlflow.project.entryPoint"]],
    ["External key", run.external_key],
    ["Artifacts", <Copied text={run.artifact_uri} />],
  ]
}

/** Versions that were registered of a run; undefined where there is none. */
async function findVersions(run_id: string, signal: AbortSignal): Promise<ModelVersion[] | undefined> {
  const { versions } = await call("model_versions.search", { filter: `run_id = ${quote(run_id)}`, limit: 20 }, signal)
  return versions.length > 0 ? versions : undefined
}

function Versions({ versions }: { versions: ModelVersion[] }) {
  return (
    <span class="row wrap">
      {versions.map(({ name, version, stage }) => (
        <a key={`${name} ${version}`} href={versionHref(name, version)}>
          {name} {version}
          {stage !== "None" && ` (${stage})`}
        </a>
      ))}
    </span>
  )
}

function Inputs({ run }: { run: Run }) {
  const models = run.model_outputs
  return (
    <>
      {run.inputs.length > 0 && (
        <Section title="Data sets" note={count(run.inputs.length)}>
          <Pairs
            label="Data sets"
            names={run.inputs.map((input) => `${input.dataset.name} (${input.dataset.digest})`)}
            heads={["Name", "Used for", "Source", "What is in it"]}
            cells={(name) => {
              const input = run.inputs.find((one) => `${one.dataset.name} (${one.dataset.digest})` === name)!
              const { dataset } = input
              return [
                input.tags["mlflow.data.context"] ?? "",
                readSource(dataset),
                <DatasetDetail dataset={dataset} />,
              ]
            }}
          />
        </Section>
      )}
      {models.length + run.model_inputs.length > 0 && (
        <Section
          title="Models"
          note={count(models.length + run.model_inputs.length)}
          acts={<a href={`/runs/${encodeURIComponent(run.run_id)}?tab=models`}>Look at them</a>}
        >
          <Pairs
            label="Models"
            names={[...models.map((model) => model.model_id), ...run.model_inputs]}
            heads={["Model", "Role"]}
            cells={(id) => {
              const made = models.find((model) => model.model_id === id)
              const href = `/runs/${encodeURIComponent(run.run_id)}?tab=models&model=${encodeURIComponent(id)}`
              return [<a href={href}>{made ? `made at step ${made.step}` : "used"}</a>]
            }}
          />
        </Section>
      )}
    </>
  )
}

function Family({ run }: { run: Run }) {
  const { run_id } = run
  const { data } = useLoad(`${run_id} ${run.version}`, (signal) => call("runs.tree", { run_id, root: true, depth: 8 }, signal))
  if (!data || data.nodes.length < 2) return null
  return (
    <Section title="Parents and children" note={count(data.nodes.length, "run")}>
      <ul class="family" aria-label="Runs of this tree">
        {data.nodes.slice(0, 200).map((node) => (
          <li key={node.run_id} style={{ paddingLeft: `${Math.min(node.depth, 8) * 20}px` }}>
            {node.run_id === run_id ? (
              <strong class="cut">{node.name}</strong>
            ) : (
              <a class="cut" href={`/runs/${encodeURIComponent(node.run_id)}`}>
                {node.name}
              </a>
            )}
            <Status status={node.status} />
          </li>
        ))}
      </ul>
      {(data.truncated || data.nodes.length > 200) && <p class="soft section-none">There are more.</p>}
    </Section>
  )
}

/** What the work tree held beside the commit. */
function Changes({ git }: { git: GitState }) {
  const { diff, left_out } = git
  if (!diff && left_out.length === 0) return null
  const changed = diff.split("\n").filter((line) => /^[+-](?![+-])/.test(line)).length
  const of = new Map(left_out.map((file) => [file.path, file]))
  return (
    <Section title="Changes to the commit" note={git.diff_truncated ? "cut at 1 MiB" : undefined}>
      {diff && (
        <div class="section-body">
          <details>
            <summary>{count(changed, "line")} changed</summary>
            <Highlighted text={diff} language="diff" />
          </details>
        </div>
      )}
      {left_out.length > 0 && (
        <Pairs
          label="Files that were not kept"
          names={[...of.keys()]}
          heads={[git.left_out_truncated ? "Not kept, among others" : "Not kept", "Size", "Why"]}
          cells={(path) => [bytes(of.get(path)!.size_bytes), of.get(path)!.reason]}
        />
      )}
    </Section>
  )
}

/** `memory_bytes` 25276502016 as Memory 25 GB. */
function describeHardware(name: string, value: string): Fact {
  const words = name.replace(/_bytes$/, "").replaceAll("_", " ").replace(/\b(cpu|gpu)\b/g, (word) => word.toUpperCase())
  const sized = name.endsWith("_bytes") && Number(value) > 0
  return [words.charAt(0).toUpperCase() + words.slice(1), sized ? bytes(Number(value)) : value]
}

function EnvironmentPart({ environment }: { environment: Environment }) {
  const packages = Object.keys(environment.packages).sort()
  const variables = Object.keys(environment.variables).sort()
  return (
    <>
      {environment.git && <Changes git={environment.git} />}
      <div class="halves">
        <Section title="Environment">
          <Facts
            facts={[
              ["Python", `${environment.implementation} ${environment.python}`],
              ["Platform", environment.platform],
              ["Host", environment.host],
              ["Folder", environment.working_dir],
              ["Command", <Copied text={environment.command.join(" ")} />],
              ...Object.entries(environment.hardware).map(([name, value]): Fact => describeHardware(name, value)),
            ]}
          />
          {variables.length > 0 && (
            <Pairs
              label="Variables"
              names={variables}
              heads={["Variable", "Value"]}
              cells={(name) => [environment.variables[name]]}
            />
          )}
        </Section>
        <Section title="Packages" note={count(packages.length)}>
          <Pairs
            label="Packages"
            names={packages}
            heads={["Package", "Version"]}
            cells={(name) => [environment.packages[name]]}
          />
        </Section>
      </div>
    </>
  )
}
