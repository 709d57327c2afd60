/** What an experiment is for: its description, tags and owner, and where its files are. */
import { useEffect } from "preact/hooks"
import { call } from "../../api/client"
import { PageFailure, Skeleton } from "../../components/basics"
import { Copied, Facts, Section } from "../../components/facts"
import { Note } from "../../components/note"
import { Tags } from "../../components/tags"
import { count, dated } from "../../format"
import { useLoad } from "../../state/load"
import type { PageProps } from "../pages"
import { ownerOf } from "./experiments"

const NOTE = "mlflow.note.content"

export default function About({ fields }: PageProps) {
  const experiment_id = fields["experiment_id"]!
  const { data, error, reload } = useLoad(experiment_id, (signal) => call("experiments.get", { experiment_id }, signal))
  const summary = useLoad(experiment_id, (signal) => call("experiments.summarize", { experiment_ids: [experiment_id] }, signal))
  useEffect(() => {
    if (data) document.title = `About ${data.name} · Trackway`
  }, [data?.name])
  if (error && !data) {
    return <PageFailure title="This experiment cannot be shown" error={error} retry={reload} on={["/experiments", "All experiments"]} />
  }
  if (!data) {
    return (
      <main class="page" id="main">
        <Skeleton rows={8} />
      </main>
    )
  }
  const set = (key: string, value: string) => call("experiments.set_tags", { experiment_id, tags: { [key]: value } })
  const [counted] = summary.data?.summaries ?? []
  return (
    <main class="page" id="main">
      <div class="head">
        <h1 dir="auto">
          <a class="crumb" href="/experiments">
            Experiments
          </a>
          {data.name}
        </h1>
        {data.lifecycle === "deleted" && <span class="badge warn">In the trash</span>}
        <a class="button" href={`/experiments/${encodeURIComponent(experiment_id)}`}>
          {counted ? count(counted.runs, "run") : "Runs"}
        </a>
      </div>
      <Note
        title="Description"
        text={data.tags[NOTE] ?? ""}
        empty="What is tried here, on which data, and what counts as better?"
        onSave={async (text) => {
          await set(NOTE, text)
          reload()
        }}
      />
      <Section title="Experiment">
        <Facts
          facts={[
            ["Id", <Copied text={experiment_id} />],
            ["Owner", ownerOf(data)],
            ["Created", dated(data.created_ms)],
            ["Changed", dated(data.updated_ms)],
            ["Last activity", counted?.last_activity_ms != null && dated(counted.last_activity_ms)],
            ["Artifacts", <Copied text={data.artifact_location} />],
          ]}
        />
      </Section>
      <Tags
        tags={data.tags}
        reload={reload}
        onSet={set}
        onDelete={(key) => call("experiments.delete_tag", { experiment_id, key })}
      />
    </main>
  )
}
