/** Versions of a model side by side: what they are, what they take, and how the runs that made them differ. */
import { call } from "../../api/client"
import type { ModelVersion, Run } from "../../api/types"
import { Empty, Failure, Skeleton } from "../../components/basics"
import { sideBySide, Values } from "../../components/difference"
import { Section } from "../../components/facts"
import { readModelFile, type Field } from "../../files/mlmodel"
import { readText } from "../../files/transfer"
import { moment, number } from "../../format"
import { useLoad } from "../../state/load"
import { place, setQuery } from "../../state/router"
import type { PageProps } from "../pages"
import { LAST } from "../../api/summary"
import { modelHref, versionHref } from "./badges"
import { folderOfVersion } from "./version"

const MOST = 20

interface Side {
  version: ModelVersion
  run: Run | undefined
  signature: Record<string, string>
}

export default function CompareVersions({ fields }: PageProps) {
  const name = fields["name"]!
  const { query } = place.value
  const all = query.get("all") === "1"
  const numbers = (query.get("versions") ?? "").split(",").map(Number).filter(Boolean).slice(0, MOST)
  const { data, error, reload } = useLoad(numbers.length > 1 ? `${name} ${numbers}` : null, (signal) =>
    Promise.all(numbers.map((version) => load(name, version, signal))),
  )
  const things = numbers.map((version) => ({
    id: String(version),
    head: <a href={versionHref(name, version)}>Version {version}</a>,
  }))
  const of = (records: Record<string, string>[], title: string, numeric = false) => (
    <Section title={title}>
      <Values label={title} things={things} values={sideBySide(records)} onlyDifferent={!all} numbers={numeric} />
    </Section>
  )
  return (
    <main class="page" id="main">
      <div class="head">
        <h1>
          <a class="crumb" href={modelHref(name)}>
            {name}
          </a>
          Compare versions
        </h1>
        <label class="check">
          <input type="checkbox" checked={!all} onChange={() => setQuery({ all: all ? null : "1" })} />
          Differences only
        </label>
      </div>
      {numbers.length < 2 && (
        <Empty title="Choose two versions or more">
          <a class="button primary" href={modelHref(name)}>
            All versions
          </a>
        </Empty>
      )}
      {error && <Failure error={error} retry={reload} />}
      {!data && !error && numbers.length > 1 && <Skeleton rows={10} />}
      {data && (
        <>
          {of(data.map(({ version }) => describe(version)), "Versions")}
          {of(data.map(({ signature }) => signature), "Signature")}
          {of(data.map(({ run }) => run?.params ?? {}), "Params of their runs")}
          {of(data.map(({ run }) => lastMetrics(run)), "Metrics of their runs", true)}
        </>
      )}
    </main>
  )
}

async function load(name: string, number: number, signal: AbortSignal): Promise<Side> {
  const version = await call("model_versions.get", { name, version: number }, signal)
  const [runs, signature] = await Promise.all([
    version.run_id ? call("runs.get_many", { run_ids: [version.run_id] }, signal) : undefined,
    readSignature(version, signal).catch(() => ({})), // a model without files here has none to show
  ])
  return { version, run: runs?.runs[0], signature }
}

async function readSignature(version: ModelVersion, signal: AbortSignal): Promise<Record<string, string>> {
  const folder = await folderOfVersion(version)
  if (folder === null) return {}
  const model = readModelFile((await readText(`${folder}/MLmodel`, 200_000, signal)).text)
  const write = (part: string, fields: Field[]) =>
    fields.map((field): [string, string] => [`${part} ${field.name}`, field.type + (field.required ? "" : " (optional)")])
  return Object.fromEntries([
    ...write("input", model.inputs),
    ...write("output", model.outputs),
    ...write("param", model.params),
    ["flavors", model.flavors.join(", ")],
  ])
}

function describe(version: ModelVersion): Record<string, string> {
  return {
    Stage: version.stage,
    Aliases: version.aliases.join(", "),
    State: version.status,
    Made: moment(version.created_ms),
    By: version.user,
    Run: version.run_id,
    Source: version.source,
    Digest: version.digest,
    "Signed with": version.signed_by.join(", "),
    "Evaluated by": version.evaluated_by,
    Description: version.description,
    ...Object.fromEntries(Object.entries(version.tags).map(([key, value]) => [`tag ${key}`, value])),
  }
}

function lastMetrics(run: Run | undefined): Record<string, string> {
  return Object.fromEntries(Object.entries(run?.metrics ?? {}).map(([key, summary]) => [key, number(summary[LAST])]))
}
