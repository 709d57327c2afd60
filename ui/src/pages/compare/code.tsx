/** Code and environment of runs: commits, changes to them, packages, machines. */
import { call } from "../../api/client"
import type { Environment, Run } from "../../api/types"
import { Failure, Skeleton } from "../../components/basics"
import { sideBySide, TextDifference, Values } from "../../components/difference"
import { Section } from "../../components/facts"
import { useLoad } from "../../state/load"
import { place, setQuery } from "../../state/router"
import { headsOf } from "./compare"

export function CodeDifference({ runs }: { runs: Run[] }) {
  const all = place.value.query.get("all") === "1"
  const key = runs.map((run) => `${run.run_id} ${run.environment_digest}`).join()
  const { data, error } = useLoad(key, (signal) =>
    Promise.all(runs.map(({ run_id }) => call("runs.get_environment", { run_id }, signal))),
  )
  if (error) return <Failure error={error} />
  if (!data) return <Skeleton rows={10} />
  const found = data.map((one) => one.environment)
  const things = headsOf(runs)
  const [first, second] = [found[0]?.git?.diff ?? "", found[1]?.git?.diff ?? ""]
  const parts: [string, Record<string, string>[]][] = [
    ["Code", runs.map((run, n) => describeCode(run, found[n] ?? null))],
    ["Packages", found.map((one) => one?.packages ?? {})],
    ["Machine", found.map((one) => (one ? describeMachine(one) : {}))],
  ]
  return (
    <>
      <label class="check">
        <input type="checkbox" checked={!all} onChange={() => setQuery({ all: all ? null : "1" })} />
        Differences only
      </label>
      {parts.map(([title, records]) => (
        <Section key={title} title={title}>
          <Values label={title} things={things} values={sideBySide(records)} onlyDifferent={!all} />
        </Section>
      ))}
      {(first || second) && (
        <Section title="Changes to the commit" note="of the first run and of the second">
          <div class="section-body">
            <TextDifference before={first} after={second} />
          </div>
        </Section>
      )}
    </>
  )
}

function describeCode(run: Run, environment: Environment | null): Record<string, string> {
  const git = environment?.git
  return {
    Source: run.tags["mlflow.source.name"] ?? "",
    Commit: run.tags["mlflow.source.git.commit"] ?? git?.commit ?? "",
    Branch: run.tags["mlflow.source.git.branch"] ?? git?.branch ?? "",
    Repository: run.tags["mlflow.source.git.repoURL"] ?? git?.remote ?? "",
    "Uncommitted changes": git ? (git.dirty ? "yes" : "no") : "",
    Command: environment?.command.join(" ") ?? "",
  }
}

function describeMachine(environment: Environment): Record<string, string> {
  return {
    Python: `${environment.implementation} ${environment.python}`,
    Platform: environment.platform,
    Host: environment.host,
    Folder: environment.working_dir,
    ...environment.hardware,
    ...environment.variables,
  }
}
