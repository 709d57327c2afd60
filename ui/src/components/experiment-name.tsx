/** The name of an experiment by its id, as runs know no more than the id. */
import { signal } from "@preact/signals"
import { useEffect } from "preact/hooks"
import { call } from "../api/client"

const names = signal<Record<string, string>>({})
/** When each was asked for. */
const asked = new Map<string, number>()
/** A name is good for so long: somebody may rename the experiment. */
const GOOD_MS = 30_000

/** The name, as far as it is here, and otherwise the id. */
export function nameOf(experiment_id: string): string {
  return names.value[experiment_id] ?? experiment_id
}

export function ExperimentName({ id }: { id: string }) {
  useEffect(() => {
    if (Date.now() - (asked.get(id) ?? 0) < GOOD_MS) return
    asked.set(id, Date.now())
    call("experiments.get", { experiment_id: id }).then(
      ({ name }) => (names.value = { ...names.value, [id]: name }),
      () => asked.delete(id),
    )
  }, [id])
  return (
    <a class="cut" href={`/experiments/${encodeURIComponent(id)}`} title={nameOf(id)}>
      {nameOf(id)}
    </a>
  )
}
