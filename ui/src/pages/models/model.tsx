/** One registered model: its versions, what is said of it, what is asked of it, what was done to it. */
import { useEffect, useState } from "preact/hooks"
import { call } from "../../api/client"
import type { ModelVersion, RegisteredModel } from "../../api/types"
import { Button, Empty, PageFailure, Skeleton } from "../../components/basics"
import { FormDialog } from "../../components/dialog"
import { Facts, Section } from "../../components/facts"
import { firstWords } from "../../components/markdown"
import { Menu } from "../../components/menu"
import { Note } from "../../components/note"
import { Table } from "../../components/table"
import { Tags } from "../../components/tags"
import { say } from "../../components/toasts"
import { ago, count, dated, moment, quote } from "../../format"
import { useLive } from "../../state/live"
import { useLoad } from "../../state/load"
import { go } from "../../state/router"
import type { PageProps } from "../pages"
import { AliasBadge, modelHref, StageBadge, versionHref } from "./badges"
import { Endpoints } from "./endpoints"
import { Policy } from "./policy"
import { Comments, History, Requests } from "./talk"

const MOST = 1_000

export default function Model({ fields }: PageProps) {
  const name = fields["name"]!
  const [turn, setTurn] = useState(0)
  const reload = () => setTurn((before) => before + 1)
  const { data, error } = useLoad(`${name} ${turn}`, (signal) => load(name, signal))
  useLive({ models: [name] }, reload)
  useEffect(() => {
    document.title = `${name} · Trackway`
  }, [name])
  if (error && !data) {
    return <PageFailure title="This model cannot be shown" error={error} retry={reload} on={["/models", "All models"]} />
  }
  if (!data) {
    return (
      <main class="page" id="main">
        <Skeleton rows={10} />
      </main>
    )
  }
  const { model, versions, policy } = data
  return (
    <main class="page" id="main">
      <Head model={model} />
      <Section title="Model">
        <Facts
          facts={[
            ["Owner", model.owner],
            ["Versions", count(model.last_version)],
            ["Made", dated(model.created_ms)],
            ["Changed", dated(model.updated_ms)],
          ]}
        />
      </Section>
      <Versions name={name} versions={versions} />
      <Endpoints name={name} turn={turn} />
      <Note
        title="Description"
        text={model.description}
        empty="What does the model predict, for whom, and when should it not be used?"
        onSave={async (description) => {
          await call("registered_models.update", { name, description })
          reload()
        }}
      />
      <Tags
        tags={model.tags}
        reload={reload}
        onSet={(key, value) => call("registered_models.set_tags", { name, tags: { [key]: value } })}
        onDelete={(key) => call("registered_models.delete_tag", { name, key })}
      />
      <Policy name={name} policy={policy} reload={reload} />
      <Requests name={name} turn={turn} reload={reload} />
      <div class="halves">
        <Comments name={name} />
        <History name={name} />
      </div>
    </main>
  )
}

async function load(name: string, signal: AbortSignal) {
  const filter = `name = ${quote(name)}`
  const [model, found, policy] = await Promise.all([
    call("registered_models.get", { name }, signal),
    call("model_versions.search", { filter, order_by: ["version_number DESC"], limit: MOST }, signal),
    call("registered_models.get_policy", { name }, signal),
  ])
  return { model, versions: found.versions, policy }
}

function Head({ model }: { model: RegisteredModel }) {
  const [asked, setAsked] = useState<"rename" | "delete">()
  const [text, setText] = useState("")
  const { name } = model
  const submit = async () => {
    if (asked === "rename") {
      await call("registered_models.rename", { name, new_name: text.trim() })
      go(modelHref(text.trim()), true)
    } else {
      const { trash_id } = await call("registered_models.delete", { name })
      go("/models")
      say(`“${name}” is in the trash`, async () => {
        await call("trash.restore", { trash_id })
        go(modelHref(name))
      })
    }
  }
  const ask = (what: "rename" | "delete") => {
    setText(name)
    setAsked(what)
  }
  return (
    <div class="head">
      <h1>
        <a class="crumb" href="/models">
          Models
        </a>
        {name}
      </h1>
      <Menu
        icon="more"
        label="Acts on this model"
        acts={[
          { text: "Rename", icon: "edit", act: () => ask("rename") },
          { text: "Delete", icon: "trash", danger: true, act: () => ask("delete") },
        ]}
      />
      {asked && (
        <FormDialog
          title={asked === "rename" ? "Rename the model" : `Delete “${name}”`}
          action={asked === "rename" ? "Rename" : "Delete"}
          danger={asked === "delete"}
          ready={asked === "delete" || (text.trim() !== "" && text.trim() !== name)}
          onClose={() => setAsked(undefined)}
          onSubmit={submit}
        >
          {asked === "delete" && (
            <p>
              Nothing finds it and its {count(model.last_version, "version")} any more, from now on. It goes to the trash, and comes back from
              there as it was.
            </p>
          )}
          {asked === "rename" && (
            <label class="field">
              <span>Name</span>
              <input class="input" value={text} onInput={(event) => setText(event.currentTarget.value)} autoFocus />
            </label>
          )}
        </FormDialog>
      )}
    </div>
  )
}

function Versions({ name, versions }: { name: string; versions: ModelVersion[] }) {
  const [chosen, setChosen] = useState<Set<number>>(new Set())
  const toggle = (version: number) => {
    const next = new Set(chosen)
    if (!next.delete(version)) next.add(version)
    setChosen(next)
  }
  const compare = () => go(`${modelHref(name)}/compare?versions=${[...chosen].sort((a, b) => a - b)}`)
  return (
    <Section
      title="Versions"
      note={count(versions.length)}
      acts={
        <Button icon="split" disabled={chosen.size < 2} onClick={compare}>
          Compare
        </Button>
      }
    >
      {versions.length === 0 && (
        <Empty title="No versions yet">
          <p>Open a run's model folder and register it, or name the model when it is logged.</p>
        </Empty>
      )}
      {versions.length > 0 && (
        <Table label="Versions" heads={[["Choose", "unseen"], "Version", "In use", "State", "Made", ["By", "only-wide"], ["Checks", "only-wide"], ["Description", "only-wide"]]} inside>
          {versions.map((one) => (
            <tr key={one.version}>
              <td>
                <input
                  type="checkbox"
                  checked={chosen.has(one.version)}
                  onChange={() => toggle(one.version)}
                  aria-label={`Choose version ${one.version}`}
                />
              </td>
              <td>
                <a href={versionHref(name, one.version)}>Version {one.version}</a>
              </td>
              <td>
                <span class="row badges">
                  <StageBadge stage={one.stage} />
                  {one.aliases.map((alias) => (
                    <AliasBadge key={alias} alias={alias} />
                  ))}
                </span>
              </td>
              <td>{one.status === "READY" ? "Ready" : one.status === "PENDING" ? "Pending" : "Failed"}</td>
              <td title={moment(one.created_ms)}>{ago(one.created_ms)}</td>
              <td class="only-wide">{one.user}</td>
              <td class="only-wide">
                {[one.signed_by.length > 0 && "signed", one.evaluated_by && "evaluated"].filter(Boolean).join(", ")}
              </td>
              <td class="cut only-wide" style={{ maxWidth: "20rem" }}>
                {firstWords(one.description)}
              </td>
            </tr>
          ))}
        </Table>
      )}
    </Section>
  )
}
