/** Models that a run made or used: what they are, and their files. */
import { call } from "../../api/client"
import type { LoggedModel, Run } from "../../api/types"
import { Button, Code, Empty, Failure, Skeleton } from "../../components/basics"
import { Copied, Facts, Pairs, Section } from "../../components/facts"
import { Browser } from "../../files/browser"
import { folderOf } from "../../files/transfer"
import { count, dated, number } from "../../format"
import { useLoad } from "../../state/load"
import { place, setQuery } from "../../state/router"
import { RegisterButton } from "./register"

const MOST = 50

export function LoggedModels({ run }: { run: Run }) {
  const made = run.model_outputs.map((output) => output.model_id)
  const ids = [...new Set([...made, ...run.model_inputs])].slice(0, MOST)
  const { data, error, reload } = useLoad(ids.length ? ids.join() : null, (signal) =>
    Promise.all(ids.map((model_id) => call("logged_models.get", { model_id, allow_deleted: true }, signal))),
  )
  if (!ids.length) {
    return (
      <Empty title="No models">
        <p>A run that logs a model says here what it takes and gives, and its files can be looked at.</p>
        <Code text={'tw.sklearn.log_model(model, name="churn", input_example=rows.head(2))'} />
      </Empty>
    )
  }
  if (error) return <Failure error={error} retry={reload} />
  if (!data) return <Skeleton rows={8} />
  const chosen = data.find((one) => one.model_id === place.value.query.get("model")) ?? data[0]!
  return (
    <div class="stack">
      {data.length > 1 && (
        <div class="row wrap" role="group" aria-label="Models">
          {data.map((one) => (
            <Button
              key={one.model_id}
              aria-pressed={one === chosen}
              onClick={() => setQuery({ model: one.model_id, path: null })}
            >
              {one.name || one.model_id}
            </Button>
          ))}
        </div>
      )}
      <Model key={chosen.model_id} model={chosen} run={run} role={made.includes(chosen.model_id) ? "made by this run" : "used by this run"} />
    </div>
  )
}

function Model({ model, run, role }: { model: LoggedModel; run: Run; role: string }) {
  const root = folderOf(model.artifact_uri)
  const params = Object.keys(model.params).sort()
  // The last value that was logged of a metric, for each dataset and step.
  const metrics = new Map(
    model.metrics.map((one) => [
      `${one.key}${one.dataset_name ? ` on ${one.dataset_name}` : ""}${one.step ? ` at step ${one.step}` : ""}`,
      one,
    ]),
  )
  return (
    <>
      <Section
        title={model.name || model.model_id}
        note={role}
        acts={
          model.status === "READY" &&
          model.lifecycle === "active" && (
            <RegisterButton run={run} source={`models:/${model.model_id}`} modelId={model.model_id} />
          )
        }
      >
        <Facts
          facts={[
            ["Model id", <Copied text={model.model_id} />],
            ["State", `${model.status.toLowerCase().replace("_", " ")} ${model.status_message ?? ""}`],
            ["Kind", model.model_type],
            ["Made", dated(model.created_ms)],
            ["To load it", <Copied text={`tw.pyfunc.load_model("models:/${model.model_id}")`} />],
          ]}
        />
      </Section>
      {metrics.size > 0 && (
        <Section title="Metrics" note={count(metrics.size)}>
          <Pairs
            label="Metrics of the model"
            names={[...metrics.keys()]}
            heads={["Name", "Value", "Step"]}
            numbers
            cells={(name) => [number(metrics.get(name)!.value), metrics.get(name)!.step ?? 0]}
          />
        </Section>
      )}
      {params.length > 0 && (
        <Section title="Params" note={count(params.length)}>
          <Pairs label="Params of the model" names={params} heads={["Name", "Value"]} cells={(key) => [model.params[key]]} />
        </Section>
      )}
      {root !== null && (
        <Browser root={root} path={place.value.query.get("path") ?? "MLmodel"} onPath={(path) => setQuery({ path })} />
      )}
    </>
  )
}
