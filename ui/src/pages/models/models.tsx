/** Registered models: which there are, and which of their versions are in use. */
import { useState } from "preact/hooks"
import { call } from "../../api/client"
import type { RegisteredModel } from "../../api/types"
import { Button, Code, Empty, Failure, SearchBox, Skeleton } from "../../components/basics"
import { FormDialog } from "../../components/dialog"
import { Section } from "../../components/facts"
import { firstWords } from "../../components/markdown"
import { CreateButton } from "../../components/rights"
import { Table } from "../../components/table"
import { Tabs } from "../../components/tabs"
import { ago, count, moment, quote } from "../../format"
import { useLive } from "../../state/live"
import { useLoad } from "../../state/load"
import { may } from "../../state/me"
import { go, place, setQuery } from "../../state/router"
import type { PageProps } from "../pages"
import { AliasBadge, modelHref, StageBadge, STAGES, versionHref, type Stage } from "./badges"

const PAGE = 100

export default function Models(_: PageProps) {
  const [creating, setCreating] = useState(false)
  const tab = place.value.query.get("tab") ?? "models"
  return (
    <main class="page" id="main">
      <div class="head">
        <h1>Models</h1>
        <CreateButton needs="create" onClick={() => setCreating(true)} />
      </div>
      <Tabs
        label="Views of the registry"
        tabs={[
          ["models", "All models"],
          ["portfolio", "In use"],
        ]}
        chosen={tab}
      />
      {tab === "portfolio" ? <Portfolio /> : <List />}
      {creating && <Create onClose={() => setCreating(false)} />}
    </main>
  )
}

function List() {
  const { query } = place.value
  const text = query.get("q") ?? ""
  const pages = Math.max(1, Number(query.get("pages")) || 1)
  const { data, error, reload } = useLoad(`${text} ${pages}`, (signal) =>
    call(
      "registered_models.search",
      { filter: text.trim() ? `name ILIKE ${quote(`%${text.trim()}%`)}` : "", limit: pages * PAGE },
      signal,
    ),
  )
  useLive({}, reload)
  return (
    <>
      <div class="row">
        <SearchBox value={text} label="Search by name" onInput={(q) => setQuery({ q, pages: null }, true)} />
        <a href="/trash?kind=registered_model">Trash</a>
      </div>
      {error && <Failure error={error} retry={reload} />}
      {!data && !error && <Skeleton rows={8} />}
      {data?.models.length === 0 && (text ? <Empty title="No model has this in its name" /> : <Nothing />)}
      {data && data.models.length > 0 && (
        <Table label="Models" heads={["Name", ["Versions", "number"], "In use", ["Owner", "only-wide"], ["Description", "only-wide"], "Changed"]}>
          {data.models.map((model) => (
            <Row key={model.name} model={model} />
          ))}
        </Table>
      )}
      {data?.next_page_token && (
        <div>
          <Button onClick={() => setQuery({ pages: String(pages + 1) }, true)}>Show more</Button>
        </div>
      )}
    </>
  )
}

function Row({ model }: { model: RegisteredModel }) {
  const { name, aliases } = model
  return (
    <tr>
      <td class="cut wide" title={name}>
        <a href={modelHref(name)}>{name}</a>
      </td>
      <td class="number">{count(model.last_version)}</td>
      <td>
        <span class="row badges">
          {model.latest_versions.map((one) => (
            <StageBadge key={one.stage} stage={one.stage} version={one.version} />
          ))}
          {Object.entries(aliases)
            .slice(0, 4)
            .map(([alias, version]) => (
              <AliasBadge key={alias} alias={alias} version={version} />
            ))}
        </span>
      </td>
      <td class="cut only-wide" style={{ maxWidth: "10rem" }}>
        {model.owner}
      </td>
      <td class="cut only-wide" style={{ maxWidth: "20rem" }}>
        {firstWords(model.description)}
      </td>
      <td title={moment(model.updated_ms)}>{ago(model.updated_ms)}</td>
    </tr>
  )
}

function Portfolio() {
  const { query } = place.value
  const stage = (STAGES.find((one) => one === query.get("stage")) ?? "Production") as Stage
  const alias = query.get("alias") ?? ""
  const { data, error, reload } = useLoad(`${stage} ${alias}`, (signal) =>
    call("registered_models.portfolio", alias ? { alias, limit: 500 } : { stage, limit: 500 }, signal),
  )
  useLive({}, reload)
  return (
    <>
      <div class="row wrap">
        <span class="group" role="group" aria-label="Stage">
          {STAGES.filter((one) => one !== "None").map((one) => (
            <Button
              key={one}
              aria-pressed={!alias && stage === one}
              onClick={() => setQuery({ stage: one === "Production" ? null : one, alias: null })}
            >
              {one}
            </Button>
          ))}
        </span>
        <SearchBox value={alias} label="Or an alias, such as champion" onInput={(next) => setQuery({ alias: next }, true)} />
      </div>
      {error && <Failure error={error} retry={reload} />}
      {!data && !error && <Skeleton rows={6} />}
      {data?.entries.length === 0 && (
        <Empty title={alias ? `No version has the alias “${alias}”` : `No version is in ${stage}`}>
          <p>What each model serves with, since when, by whom, and from which run and data, is listed here.</p>
        </Empty>
      )}
      {data && data.entries.length > 0 && (
        <Table label="Versions in use" heads={["Model", ["Version", "number"], "Since", "By", "Owner", "Run", "Data sets", "Served at"]}>
          {data.entries.map((entry) => (
            <tr key={`${entry.name} ${entry.version}`}>
              <td class="cut wide">
                <a href={modelHref(entry.name)}>{entry.name}</a>
              </td>
              <td class="number">
                <a href={versionHref(entry.name, entry.version)}>{entry.version}</a>
              </td>
              <td>{entry.since_ms !== null && <span title={moment(entry.since_ms)}>{ago(entry.since_ms)}</span>}</td>
              <td>{entry.by}</td>
              <td>{entry.owner}</td>
              <td class="cut wide">
                {entry.run_id && <a href={`/runs/${encodeURIComponent(entry.run_id)}`}>{entry.run_name || entry.run_id}</a>}
              </td>
              <td class="cut wide">{entry.datasets.map((one) => `${one.name} (${one.digest})`).join(", ")}</td>
              <td class="cut wide">{entry.endpoints.join(", ")}</td>
            </tr>
          ))}
        </Table>
      )}
    </>
  )
}

function Create({ onClose }: { onClose: () => void }) {
  const [name, setName] = useState("")
  const [description, setDescription] = useState("")
  const submit = async () => {
    await call("registered_models.create", { name: name.trim(), description })
    go(modelHref(name.trim()))
  }
  return (
    <FormDialog title="Create a model" action="Create" ready={name.trim() !== ""} onClose={onClose} onSubmit={submit}>
      <label class="field">
        <span>Name</span>
        <input class="input" value={name} onInput={(event) => setName(event.currentTarget.value)} autoFocus />
      </label>
      <label class="field">
        <span>Description</span>
        <textarea
          class="area"
          rows={4}
          value={description}
          onInput={(event) => setDescription(event.currentTarget.value)}
        />
      </label>
    </FormDialog>
  )
}

function Nothing() {
  if (!may("create")) return <Empty title="No models yet" />
  return (
    <Section title="No models yet">
      <Empty title="Give a model a name">
        <p>A registered model has numbered versions that never change; stages and aliases say which one is in use.</p>
        <Code text={'tw.sklearn.log_model(model, name="churn", registered_model_name="churn")'} />
      </Empty>
    </Section>
  )
}
