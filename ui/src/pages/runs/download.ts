/** Runs as a file: every run of the search or those that are chosen, and the columns that are shown. */
import { call } from "../../api/client"
import type { Run } from "../../api/types"
import type { RunColumn } from "./columns"
import { writeParquet, type Column } from "./parquet"
import type { RunQuery } from "./source"

const AT_ONCE = 1_000

/** The ids of all found runs. */
export async function findAll(query: RunQuery): Promise<string[]> {
  const { experiments, ...rest } = query
  const index = await call("runs.index", { experiment_ids: experiments, ...rest })
  return index.run_ids === "" ? [] : index.run_ids.split("\n")
}

/** Fetch runs, a thousand at a time; `told` is called with how many are here of how many. */
export async function fetchRuns(ids: string[], told: (done: number, all: number) => void): Promise<Run[]> {
  const runs: Run[] = []
  for (let at = 0; at < ids.length; at += AT_ONCE) {
    const found = await call("runs.get_many", { run_ids: ids.slice(at, at + AT_ONCE) })
    runs.push(...found.runs)
    told(Math.min(ids.length, at + AT_ONCE), ids.length)
  }
  return runs
}

/** Runs as CSV with a line of names; RFC 4180, and no cell of text that a spreadsheet would compute. */
export function writeCsv(runs: Run[], columns: RunColumn[]): string {
  const lines = [["run_id", "name", ...columns.map((column) => column.id)].map(cell).join(",")]
  for (const run of runs)
    lines.push([cell(run.run_id), cell(run.name), ...columns.map((one) => (one.value ? one.text(run) : cell(one.text(run))))].join(","))
  return `${lines.join("\r\n")}\r\n`
}

/** Runs as Parquet: metrics are numbers, all else is text; what a run does not have is null. */
export function packRuns(runs: Run[], columns: RunColumn[]): Uint8Array<ArrayBuffer> {
  const text = (name: string, read: (run: Run) => string): Column => ({
    name,
    kind: "text",
    values: runs.map((run) => read(run) || null),
  })
  return writeParquet([
    text("run_id", (run) => run.run_id),
    text("name", (run) => run.name),
    ...columns.map(
      (one): Column =>
        one.value
          ? { name: one.id, kind: "number", values: runs.map((run) => one.value!(run) ?? null) }
          : text(one.id, one.text),
    ),
  ])
}

function cell(text: string): string {
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}
