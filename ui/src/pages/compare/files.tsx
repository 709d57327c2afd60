/** Files of two runs: which are the same, which differ and how. */
import { call } from "../../api/client"
import type { FileEntry, Run } from "../../api/types"
import { Empty, Failure, Skeleton } from "../../components/basics"
import { TextDifference } from "../../components/difference"
import { Section } from "../../components/facts"
import { isImage, isText } from "../../files/kinds"
import { fileUrl, folderOf, readText } from "../../files/transfer"
import { bytes, count } from "../../format"
import { useLoad } from "../../state/load"
import { place, setQuery } from "../../state/router"

const MOST_FILES = 5_000
const TEXT_BYTES = 500_000

interface Pair {
  path: string
  before: FileEntry | undefined
  after: FileEntry | undefined
}

type State = "same" | "changed" | "gone" | "new"

function stateOf({ before, after }: Pair): State {
  if (!before) return "new"
  if (!after) return "gone"
  return before.sha256 === after.sha256 ? "same" : "changed"
}

const STATES: Record<State, [text: string, kind: string]> = {
  same: ["the same", ""],
  changed: ["differs", "warn"],
  gone: ["in the first only", ""],
  new: ["in the second only", "busy"],
}

export function FileDifference({ runs }: { runs: Run[] }) {
  const { query } = place.value
  const first = runs.find((run) => run.run_id === query.get("first")) ?? runs[0]!
  const second = runs.find((run) => run.run_id === query.get("second")) ?? runs.find((run) => run !== first)!
  const all = query.get("all") === "1"
  const { data, error } = useLoad(`${first.run_id} ${second.run_id}`, (signal) => loadPairs(first, second, signal))
  const chosen = data?.find((pair) => pair.path === query.get("path"))
  const shown = data?.filter((pair) => all || stateOf(pair) !== "same")
  return (
    <>
      <div class="row wrap">
        <Choice label="First" runs={runs} chosen={first} onChoose={(run) => setQuery({ first: run.run_id })} />
        <Choice label="Second" runs={runs} chosen={second} onChoose={(run) => setQuery({ second: run.run_id })} />
        <label class="check">
          <input type="checkbox" checked={!all} onChange={() => setQuery({ all: all ? null : "1" })} />
          Differences only
        </label>
      </div>
      {error && <Failure error={error} />}
      {!data && !error && <Skeleton rows={8} />}
      {shown && shown.length === 0 && <Empty title={data!.length ? "All their files are the same" : "Neither has files"} />}
      {shown && shown.length > 0 && (
        <Section title="Files" note={count(shown.length)}>
          <div class="scroll files-pairs" tabIndex={0} role="region" aria-label="Files of both">
            <table class="table fixed">
              <thead>
                <tr>
                  <th>Path</th>
                  <th>State</th>
                  <th class="number">First</th>
                  <th class="number">Second</th>
                </tr>
              </thead>
              <tbody>
                {shown.slice(0, 500).map((pair) => (
                  <tr key={pair.path}>
                    <td class="cut" title={pair.path}>
                      <a href={hrefOf(pair.path)} aria-current={pair === chosen ? "true" : undefined}>
                        {pair.path}
                      </a>
                    </td>
                    <td>
                      <span class={`badge ${STATES[stateOf(pair)][1]}`}>{STATES[stateOf(pair)][0]}</span>
                    </td>
                    <td class="number">{pair.before ? bytes(pair.before.size_bytes ?? 0) : ""}</td>
                    <td class="number">{pair.after ? bytes(pair.after.size_bytes ?? 0) : ""}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        </Section>
      )}
      {chosen && <PairView pair={chosen} />}
    </>
  )
}

function hrefOf(path: string): string {
  const query = new URLSearchParams(place.value.query)
  query.set("path", path)
  return `${place.value.path}?${query}`
}

async function loadPairs(first: Run, second: Run, signal: AbortSignal): Promise<Pair[]> {
  const [before, after] = await Promise.all([first, second].map((run) => listFiles(run, signal)))
  const paths = [...new Set([...before!.keys(), ...after!.keys()])].sort()
  return paths.map((path) => ({ path, before: before!.get(path), after: after!.get(path) }))
}

async function listFiles(run: Run, signal: AbortSignal): Promise<Map<string, FileEntry>> {
  const folder = folderOf(run.artifact_uri)
  if (folder === null) return new Map()
  const { files } = await call("artifacts.list", { folder, recursive: true, limit: MOST_FILES }, signal)
  return new Map(files.map((file) => [file.path.slice(folder.length + 1), file]))
}

interface ChoiceProps {
  label: string
  runs: Run[]
  chosen: Run
  onChoose: (run: Run) => void
}

function Choice({ label, runs, chosen, onChoose }: ChoiceProps) {
  return (
    <label class="row choice">
      <span class="soft small">{label}</span>
      <select
        class="select"
        value={chosen.run_id}
        onChange={(event) => onChoose(runs.find((run) => run.run_id === event.currentTarget.value)!)}
      >
        {runs.map((run) => (
          <option key={run.run_id} value={run.run_id}>
            {run.name}
          </option>
        ))}
      </select>
    </label>
  )
}

function PairView({ pair }: { pair: Pair }) {
  const { path, before, after } = pair
  const sides: [string, FileEntry | undefined][] = [
    ["First", before],
    ["Second", after],
  ]
  if (isImage(path)) {
    return (
      <div class="halves">
        {sides.map(([title, file]) => (
          <Section key={title} title={title}>
            <div class="section-body">
              {file ? <img class="pair-image" src={fileUrl(file.path)} alt={`${path} of the run`} /> : <p class="soft">Not there.</p>}
            </div>
          </Section>
        ))}
      </div>
    )
  }
  if (!isText(path)) {
    return (
      <Section title={path}>
        <p class="soft section-none">Files of this kind are compared by their bytes only: {STATES[stateOf(pair)][0]}.</p>
      </Section>
    )
  }
  return <TextPair pair={pair} />
}

function TextPair({ pair: { path, before, after } }: { pair: Pair }) {
  const { data, error } = useLoad(`${before?.sha256} ${after?.sha256}`, (signal) =>
    Promise.all(
      [before, after].map(async (file) => (file ? await readText(file.path, TEXT_BYTES, signal) : { text: "", cut: false })),
    ),
  )
  return (
    <Section title={path} note={data?.some((side) => side.cut) ? `the first ${bytes(TEXT_BYTES)} of each` : undefined}>
      <div class="section-body">
        {error && <Failure error={error} />}
        {data && <TextDifference before={data[0]!.text} after={data[1]!.text} />}
      </div>
    </Section>
  )
}
