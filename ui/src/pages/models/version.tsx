/** One version: where it came from, what it takes and gives, what vouches for it, where it is in use, how it is used. */
import { useEffect, useState } from "preact/hooks"
import { call } from "../../api/client"
import type { ModelVersion } from "../../api/types"
import { Empty, PageFailure, Skeleton } from "../../components/basics"
import { Copied, Facts, Section } from "../../components/facts"
import { Note } from "../../components/note"
import { Tabs } from "../../components/tabs"
import { Tags } from "../../components/tags"
import { Browser } from "../../files/browser"
import { readModelFile } from "../../files/mlmodel"
import { folderOf, readText } from "../../files/transfer"
import { Signature } from "../../files/views"
import { dated, moment } from "../../format"
import { useLive } from "../../state/live"
import { useLoad } from "../../state/load"
import { place, setQuery } from "../../state/router"
import type { PageProps } from "../pages"
import { AliasBadge, modelHref, StageBadge, versionHref } from "./badges"
import { Endpoints } from "./endpoints"
import { Lineage } from "./lineage"
import { Acts, Checks } from "./moves"
import { Comments, History, Requests } from "./talk"
import { Usage } from "./usage"

const TABS: [string, string][] = [
  ["overview", "Overview"],
  ["use", "Use"],
  ["files", "Files"],
  ["history", "History"],
]

export default function Version({ fields }: PageProps) {
  const name = fields["name"]!
  const version = Number(fields["version"])
  const tab = place.value.query.get("tab") ?? "overview"
  const [turn, setTurn] = useState(0)
  const reload = () => setTurn((before) => before + 1)
  const { data, error } = useLoad(`${name} ${version} ${turn}`, (signal) =>
    call("model_versions.get", { name, version }, signal),
  )
  const folder = useLoad(data ? data.location : null, () => folderOfVersion(data!))
  useLive({ models: [name] }, reload)
  useEffect(() => {
    document.title = `${name} ${version} · Trackway`
  }, [name, version])
  if (!data) {
    if (error) return <PageFailure title="This version cannot be shown" error={error} retry={reload} on={[modelHref(name), "All versions"]} />
    return (
      <main class="page" id="main">
        <Skeleton rows={10} />
      </main>
    )
  }
  return (
    <main class="page" id="main">
      <div class="head">
        <h1>
          <a class="crumb" href={modelHref(name)}>
            {name}
          </a>
          Version {version}
        </h1>
        <StageBadge stage={data.stage} />
        {data.aliases.map((alias) => (
          <AliasBadge key={alias} alias={alias} />
        ))}
        <Acts version={data} reload={reload} />
      </div>
      <Tabs label="Parts of the version" tabs={TABS} chosen={tab} />
      {tab === "overview" && <Overview version={data} folder={folder.data ?? null} turn={turn} reload={reload} />}
      {tab === "use" && <Usage version={data} />}
      {tab === "files" &&
        (folder.data ? (
          <Browser root={folder.data} path={place.value.query.get("path") ?? ""} onPath={(path) => setQuery({ path })} />
        ) : folder.loading ? (
          <Skeleton />
        ) : (
          <Empty title="Its files are not kept by this server">
            <p class="mono">{data.source}</p>
          </Empty>
        ))}
      {tab === "history" && <History name={name} version={version} />}
    </main>
  )
}

/** Where a version's files are in the file tree; null when this server does not keep them. */
export async function folderOfVersion({ location }: ModelVersion): Promise<string | null> {
  const named = /^(runs|models):\/+([^/]+)(?:\/(.*))?$/.exec(location)
  if (!named) return folderOf(location)
  const [, scheme, id = "", path = ""] = named
  const uri =
    scheme === "runs"
      ? (await call("runs.get", { run_id: id })).artifact_uri
      : id.startsWith("m-")
        ? (await call("logged_models.get", { model_id: id })).artifact_uri
        : ""
  const root = folderOf(uri)
  return root && (path ? `${root}/${path.replace(/\/+$/, "")}` : root)
}

interface PartProps {
  version: ModelVersion
  folder: string | null
  turn: number
  reload: () => void
}

function Overview({ version, folder, turn, reload }: PartProps) {
  const { name, version: number, tags } = version
  const model = useLoad(folder, async (signal) => readModelFile((await readText(`${folder}/MLmodel`, 200_000, signal)).text))
  const run = useLoad(version.run_id || null, (signal) => call("runs.get", { run_id: version.run_id }, signal))
  return (
    <>
      <Section title="Version">
        <Facts
          facts={[
            ["State", version.status === "READY" ? "Ready" : `${version.status.toLowerCase()} ${version.status_message}`],
            ["Made", dated(version.created_ms)],
            ["By", version.user],
            ["Run", version.run_id && <a href={`/runs/${encodeURIComponent(version.run_id)}`}>{run.data?.name ?? version.run_id}</a>],
            ["Source", <Copied text={version.source} />],
            ["Flavors", model.data?.flavors.join(", ")],
            ["Copied from", version.copied_from && <CopyOrigin origin={version.copied_from} />],
            ["In this stage since", version.staged_ms !== null && `${moment(version.staged_ms)} by ${version.staged_by}`],
            ["Digest", version.digest && <Copied text={version.digest} shown={version.digest.slice(0, 16)} />],
          ]}
        />
      </Section>
      <Endpoints name={name} version={number} turn={turn} />
      <Requests name={name} version={number} turn={turn} reload={reload} />
      <Note
        title="Description"
        text={version.description}
        empty="What is new in this version, and how good is it?"
        onSave={async (description) => {
          await call("model_versions.update", { name, version: number, description })
          reload()
        }}
      />
      {model.data && <Signature model={model.data} />}
      <Checks version={version} reload={reload} />
      <Lineage kind="version" id={`${name}/${number}`} alone="Neither a run nor data are known of it." />
      <Tags
        tags={tags}
        reload={reload}
        onSet={(key, value) => call("model_versions.set_tags", { name, version: number, tags: { [key]: value } })}
        onDelete={(key) => call("model_versions.delete_tag", { name, version: number, key })}
      />
      <Comments name={name} version={number} />
    </>
  )
}

/** A copy says where it came from as `name/number`. */
function CopyOrigin({ origin }: { origin: string }) {
  const [, name = "", number = ""] = /^(?:models:\/)?(.*)\/(\d+)$/.exec(origin) ?? []
  return name ? <a href={versionHref(name, number)}>{origin}</a> : <>{origin}</>
}
