/** Curves of one run, a card a metric; those that come into sight are fetched. */
import { useMemo, useState } from "preact/hooks"
import { call } from "../../api/client"
import type { Run } from "../../api/types"
import { AlongBar, readAlong } from "../../components/along"
import { Button, Code, Empty, Failure, SearchBox, Skeleton } from "../../components/basics"
import { useSeen } from "../../components/facts"
import { abscissa, Plot, readSeries, type Along } from "../../components/plot"
import { count, number } from "../../format"
import { useLoad } from "../../state/load"
import { place, setQuery } from "../../state/router"
import { runColour } from "../runs/colours"
import { LAST } from "../runs/columns"

const COUNT = 7
const POINTS = 1_000
const CARDS = 24
export function Metrics({ run, keys, system }: { run: Run; keys: string[]; system?: boolean }) {
  const [shown, setShown] = useState(CARDS)
  const { query } = place.value
  const text = query.get("q") ?? ""
  const { along, log } = readAlong(system ? "relative" : "step")
  if (!keys.length) return <Nothing {...(system ? { system } : {})} />
  const found = keys.filter((key) => key.toLowerCase().includes(text.toLowerCase())).sort()
  return (
    <>
      <div class="row wrap">
        <SearchBox value={text} label="Search metrics" onInput={(q) => setQuery({ q }, true)} />
        <AlongBar along={along} log={log} />
      </div>
      <div class="cards">
        {found.slice(0, shown).map((key) => (
          <Card key={key} run={run} name={key} along={along} log={log} />
        ))}
      </div>
      {found.length === 0 && <p class="soft">No metric has this in its name.</p>}
      {found.length > shown && (
        <div>
          <Button onClick={() => setShown(shown + CARDS)}>Show more of {found.length}</Button>
        </div>
      )}
    </>
  )
}

interface CardProps {
  run: Run
  name: string
  along: Along
  log: boolean
}

function Card({ run, name, along, log }: CardProps) {
  const { element, seen } = useSeen<HTMLElement>()
  const summary = run.metrics[name]!
  const { data, error } = useLoad(seen ? `${name} ${summary[COUNT]}` : null, (signal) =>
    call("metrics.curves", { run_ids: [run.run_id], key: name, points: POINTS }, signal),
  )
  const curve = data?.curves[0]
  const points = useMemo(() => (curve ? readSeries(curve.series) : undefined), [curve])
  const lines = useMemo(
    () => (points ? [{ label: name, colour: runColour(run.run_id), x: abscissa(points, along), y: points.values }] : []),
    [points, along, name],
  )
  return (
    <section class="panel section" ref={element} aria-label={name}>
      <div class="section-head">
        <h3 class="cut" title={name}>
          {name}
        </h3>
        <span class="grow" />
        <strong>{number(summary[LAST])}</strong>
      </div>
      <div class="section-body">
        {error && <Failure error={error} />}
        {!points && !error && <Skeleton rows={4} />}
        {points && (
          <>
            <Plot lines={lines} time={along === "time"} log={log} height={200} label={`Curve of ${name}`} />
            <p class="soft small">
              {curve!.shown < curve!.count
                ? `${count(curve!.shown)} of ${count(curve!.count)} points`
                : count(curve!.count, "point")}
              {points.odd > 0 && `, ${count(points.odd)} that are NaN or infinite left out`}
            </p>
          </>
        )}
      </div>
    </section>
  )
}

function Nothing({ system }: { system?: boolean }) {
  if (system) {
    return (
      <Empty title="No system metrics">
        <p>Processor, memory, disk, network and graphics cards are measured while a run goes on, once that is switched on:</p>
        <Code text={"import trackway as tw\n\ntw.enable_system_metrics_logging()"} />
      </Empty>
    )
  }
  return (
    <Empty title="No metrics yet">
      <Code text={'tw.log_metric("loss", 0.42, step=1)'} />
    </Empty>
  )
}
