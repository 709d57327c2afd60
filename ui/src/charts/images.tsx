/** Images that runs logged over steps: one slider for all series, so that runs are seen at the same moment. */
import { useEffect } from "preact/hooks"
import { call } from "../api/client"
import type { Run } from "../api/types"
import { Failure } from "../components/basics"
import { fileUrl, folderOf } from "../files/transfer"
import { count } from "../format"
import type { Change } from "../state/live"
import { useLoad } from "../state/load"
import { place, setQuery } from "../state/router"
import { findSeries, imageAt, type StepImage } from "./series"

/** Its clients say of a run that it has images. */
const LOGGED = "mlflow.loggedImages"
const MOST_RUNS = 12

interface ImagesProps {
  runs: Run[]
  colour: (runId: string) => string
  change: Change | undefined
}

export function Images({ runs, colour, change }: ImagesProps) {
  const having = runs.filter((run) => LOGGED in run.tags && folderOf(run.artifact_uri) !== null).slice(0, MOST_RUNS)
  const ids = having.map((run) => run.run_id)
  const { data, error, reload } = useLoad(ids.join(" ") || null, (signal) => Promise.all(having.map((run) => loadSeries(run, signal))))
  useEffect(() => {
    if (change && (change.all || change.runs.some((id) => ids.includes(id)))) reload()
  }, [change])
  if (error) return <Failure error={error} retry={reload} />
  const keys = [...new Set(data?.flatMap((one) => [...one.series.keys()]))].sort()
  if (!data || keys.length === 0) return null
  const steps = [...new Set(data.flatMap(({ series }) => [...series.values()].flat().map((image) => image.step)))].sort(
    (a, b) => a - b,
  )
  const last = steps.length - 1
  const asked = place.value.query.get("step")
  const wanted = asked === null ? last : steps.findLastIndex((step) => step <= Number(asked))
  const at = Math.max(0, wanted)
  return (
    <details open class="section">
      <summary>
        Images <span class="soft">{keys.length}</span>
      </summary>
      {last > 0 && (
        <label class="row image-step">
          <span class="small">Step {count(steps[at]!)}</span>
          <input
            class="grow"
            type="range"
            aria-label="Step of the images"
            aria-valuetext={`step ${steps[at]}`}
            min={0}
            max={last}
            value={at}
            onInput={({ currentTarget: { value } }) =>
              setQuery({ step: Number(value) === last ? null : String(steps[Number(value)]) }, true)
            }
          />
          <span class="soft small">
            {count(at + 1)} of {count(last + 1)}
          </span>
        </label>
      )}
      {keys.map((key) => (
        <section class="panel chart" aria-label={`Images of ${key}`} key={key}>
          <div class="row chart-head">
            <h3 class="cut grow" title={key}>
              {key}
            </h3>
          </div>
          <div class="image-row">
            {data.map(({ run, series }) => {
              const image = imageAt(series.get(key) ?? [], steps[at]!)
              return image && <Shown key={run.run_id} run={run} name={key} image={image} colour={colour(run.run_id)} />
            })}
          </div>
        </section>
      ))}
    </details>
  )
}

interface ShownProps {
  run: Run
  name: string
  image: StepImage
  colour: string
}

function Shown({ run, name, image, colour }: ShownProps) {
  const title = run.name || run.run_id
  const within = image.path.slice(folderOf(run.artifact_uri)!.length + 1)
  return (
    <figure>
      <a href={`/runs/${encodeURIComponent(run.run_id)}?tab=artifacts&path=${encodeURIComponent(within)}`}>
        <img src={fileUrl(image.small || image.path)} alt={`${name} of ${title} at step ${image.step}`} />
      </a>
      <figcaption class="row small">
        <span class="dot" style={{ color: colour }} aria-hidden="true" />
        <span class="cut" title={title}>
          {title}
        </span>
        <span class="soft">{count(image.step)}</span>
      </figcaption>
    </figure>
  )
}

interface RunSeries {
  run: Run
  series: Map<string, StepImage[]>
}

async function loadSeries(run: Run, signal: AbortSignal): Promise<RunSeries> {
  const { files } = await call("artifacts.list", { folder: `${folderOf(run.artifact_uri)}/images` }, signal)
  return { run, series: findSeries(files) }
}
