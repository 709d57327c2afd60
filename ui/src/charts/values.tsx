/** Metrics of one value a run, which have no curve: bars from zero on. */
import type { Run } from "../api/types"
import { LAST } from "../api/summary"
import { number } from "../format"
import { pick } from "./colours"

export interface Group {
  label: string
  runs: string[]
}

interface ValuesProps {
  metric: string
  runs: Run[]
  groups: Group[] | null
  colour: (runId: string) => string
  height: number
}

interface Bar {
  id: string
  label: string
  href?: string
  colour: string
  value: number
}

export function Values({ metric, runs, groups, colour, height }: ValuesProps) {
  const read = (run: Run) => run.metrics[metric]![LAST]
  const bars: Bar[] = groups
    ? groups.flatMap(({ label, runs: members }, n) => {
        const values = runs.filter((run) => members.includes(run.run_id)).map(read).filter(Number.isFinite)
        if (values.length === 0) return []
        return [{ id: label, label, colour: pick(n), value: values.reduce((sum, one) => sum + one, 0) / values.length }]
      })
    : runs.map((run) => ({
        id: run.run_id,
        label: run.name,
        href: `/runs/${encodeURIComponent(run.run_id)}`,
        colour: colour(run.run_id),
        value: read(run),
      }))
  const finite = bars.map((bar) => bar.value).filter(Number.isFinite)
  const [least, most] = [Math.min(0, ...finite), Math.max(0, ...finite)]
  const share = (value: number) => `${((value / (most - least || 1)) * 100).toFixed(2)}%`
  return (
    <ul class="values" aria-label={metric} style={{ height: `${height}px` }} tabIndex={0}>
      {bars.map(({ id, label, href, colour, value }) => (
        <li key={id}>
          {href ? (
            <a class="cut" dir="auto" href={href} title={label}>
              {label}
            </a>
          ) : (
            <span class="cut" dir="auto" title={label}>
              {label}
            </span>
          )}
          <span class="values-track">
            {Number.isFinite(value) && (
              <span style={{ background: colour, left: share(Math.min(0, value) - least), width: share(Math.abs(value)) }} />
            )}
          </span>
          <span class="number">{number(value)}</span>
        </li>
      ))}
    </ul>
  )
}
