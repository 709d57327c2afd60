/** Views by name, kept as tags of the experiments whose runs they show, so that all who see these have them. */
import { ApiError, call } from "../../api/client"
import type { Experiment } from "../../api/types"
import { field, quote } from "../../format"
import { readList, writeList } from "../../state/list"

const PREFIX = "trackway.view."
/** Keeps the views of all experiments: every workspace has one of this name, or is given it by its first run. */
const HOME = "Default"

export interface NamedView {
  name: string
  /** What the tag holds: the query of the page, which begins with the experiments unless it is the page of one. */
  query: string
}

/** Of which experiments a view is; null for all, undefined for the one that it is kept with. */
export function experimentsOf(query: string): string[] | null | undefined {
  const named = new URLSearchParams(query).get("experiments")
  return named === null ? undefined : named ? readList(named) : null
}

/** Write what the page of some experiments shows as a view, whatever the order of its fields. */
export function writeQuery(experiments: string[] | null, search: string): string {
  const query = new URLSearchParams(search)
  query.delete("experiments")
  const which = experiments?.length === 1 ? {} : { experiments: writeList(experiments ?? []) }
  return new URLSearchParams([...Object.entries(which), ...query]).toString()
}

/** The address of a view; `experiments` are those of the page where it is found. */
export function hrefOf(query: string, experiments: string[] | null): string {
  const named = experimentsOf(query)
  const shown = named === undefined ? experiments : named
  const rest = new URLSearchParams(query)
  rest.delete("experiments")
  if (shown !== null && shown.length !== 1) return `/runs?${new URLSearchParams([["experiments", writeList(shown)], ...rest])}`
  const path = shown === null ? "/runs" : `/experiments/${encodeURIComponent(shown[0]!)}`
  return path + (rest.size ? `?${rest}` : "")
}

/** List the views that experiments keep: all of one, of several those that are of several. */
export function listViews(kept: Experiment[], experiments: string[] | null): NamedView[] {
  const found = new Map<string, NamedView>()
  for (const { tags } of kept) {
    for (const [key, query] of Object.entries(tags)) {
      if (!key.startsWith(PREFIX)) continue
      if (experiments?.length !== 1 && experimentsOf(query) === undefined) continue
      found.set(JSON.stringify([key, query]), { name: key.slice(PREFIX.length), query })
    }
  }
  return [...found.values()].sort((one, other) => one.name.localeCompare(other.name))
}

/** The experiment that keeps the views of all of them, if it is there and can be seen. */
export async function findHome(signal?: AbortSignal): Promise<Experiment[]> {
  return (await call("experiments.search", { filter: `name = ${quote(HOME)}`, limit: 1 }, signal)).experiments
}

/** Keep a view with its experiments, or with those of them that the visitor may change; tells how many, and of how many. */
export async function keepView({ name, query }: NamedView, experiments: string[] | null): Promise<[done: number, all: number]> {
  const ids = experiments ?? [await findOrMakeHome()]
  const done = await setView(name, query, ids)
  return [done.length, ids.length]
}

/** Take a view away from those that keep it; returns what brings it back. `here`: the one whose page it is on. */
export async function dropView({ name, query }: NamedView, here: string | undefined): Promise<() => Promise<unknown>> {
  const key = PREFIX + name
  const ids = experimentsOf(query) === undefined && here !== undefined ? [here] : await findKeepers(key, query)
  const done = await reach(ids, (experiment_id) => call("experiments.delete_tag", { experiment_id, key }))
  return () => setView(name, query, done.map(([id]) => id))
}

function setView(name: string, query: string, ids: string[]) {
  return reach(ids, (experiment_id) => call("experiments.set_tags", { experiment_id, tags: { [PREFIX + name]: query } }))
}

async function findKeepers(key: string, query: string): Promise<string[]> {
  const found = await call("experiments.search", { filter: `${field("tags", key)} = ${quote(query)}` })
  return found.experiments.map((one) => one.experiment_id)
}

async function findOrMakeHome(): Promise<string> {
  const [home] = await findHome()
  return (home ?? (await call("experiments.create", { name: HOME }))).experiment_id
}

/** Do something with each experiment; returns what came of it, without those that are not the visitor's, unless none is. */
export async function reach<T>(ids: string[], act: (experiment_id: string) => Promise<T>): Promise<[id: string, T][]> {
  const ends = await Promise.allSettled(ids.map(act))
  const failures = ends.flatMap((end) => (end.status === "rejected" ? [end.reason as unknown] : []))
  const worst = failures.find((failure) => !isWithheld(failure)) ?? (failures.length === ids.length ? failures[0] : undefined)
  if (worst !== undefined) throw worst
  return ends.flatMap((end, n): [string, T][] => (end.status === "fulfilled" ? [[ids[n]!, end.value]] : []))
}

/** Whether something failed because it is not the visitor's to see or to change. */
function isWithheld(failure: unknown): boolean {
  return failure instanceof ApiError && (failure.status === 403 || failure.status === 404)
}
