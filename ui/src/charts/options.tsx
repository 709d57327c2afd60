/** How all curves of a page are drawn; part of its address. */
import { SearchBox } from "../components/basics"
import { place, setQuery } from "../state/router"
import { readAxis, writeAxis, type Axis } from "./curves"

export interface CurveOptions {
  axis: Axis
  smoothing: number
  log: { x: boolean; y: boolean }
  /** Leave the outermost values out of the range. */
  outliers: boolean
}

export function readOptions(query: URLSearchParams, usual: Axis): CurveOptions {
  const smoothing = Number(query.get("smooth"))
  return {
    axis: readAxis(query.get("x"), usual),
    smoothing: smoothing > 0 && smoothing < 1 ? smoothing : 0,
    log: { x: query.get("logx") === "1", y: query.get("logy") === "1" },
    outliers: query.get("outliers") === "0",
  }
}

interface OptionsProps {
  options: CurveOptions
  /** What curves are drawn along when nothing is chosen. */
  usual: Axis
  /** Metrics that curves can be drawn along. */
  metrics: string[]
}

export function Options({ options, usual, metrics }: OptionsProps) {
  const wanted = place.value.query.get("metric") ?? ""
  const set = (name: string, on: boolean, value = "1") => setQuery({ [name]: on ? value : null }, true)
  return (
    <div class="row wrap chart-options">
      <SearchBox value={wanted} label="Find a metric" onInput={(metric) => setQuery({ metric }, true)} />
      <label class="row">
        <span class="small">x</span>
        <select
          class="select"
          aria-label="x axis"
          value={writeAxis(options.axis)}
          onChange={({ currentTarget: { value } }) => setQuery({ x: value === writeAxis(usual) ? null : value })}
        >
          <option value="step">Step</option>
          <option value="time">Time</option>
          <option value="relative">Time since the first point</option>
          {metrics.map((key) => (
            <option key={key} value={`metrics.${key}`}>
              {key}
            </option>
          ))}
        </select>
      </label>
      <label class="row">
        <span class="small">Smooth</span>
        <input
          type="range"
          min="0"
          max="0.99"
          step="0.01"
          value={options.smoothing}
          onInput={({ currentTarget: { value } }) => set("smooth", value !== "0", value)}
        />
        <span class="small number" style={{ width: "2.4em" }}>
          {options.smoothing}
        </span>
      </label>
      <label class="check small">
        <input type="checkbox" checked={options.log.x} onChange={() => set("logx", !options.log.x)} />
        log x
      </label>
      <label class="check small">
        <input type="checkbox" checked={options.log.y} onChange={() => set("logy", !options.log.y)} />
        log y
      </label>
      <label class="check small">
        <input type="checkbox" checked={options.outliers} onChange={() => set("outliers", !options.outliers, "0")} />
        ignore outliers
      </label>
    </div>
  )
}
