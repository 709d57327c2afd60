/** Where ECharts draws; it is fetched when there is something to draw. */
import { useEffect, useRef, useState } from "preact/hooks"
import type { Run } from "../api/types"
import { Skeleton } from "../components/basics"
import { Unloaded } from "../components/lazy"
import { go } from "../state/router"
import type { ECharts, EChartsCoreOption } from "./echarts"
import { GROUND, listShown } from "./relation-options"
import type { Axes, Kind } from "./relations"

interface CanvasProps {
  option: EChartsCoreOption
  label: string
  height?: number
  onOpen: (place: number) => void
}

export function Canvas({ option, label, height, onOpen }: CanvasProps) {
  const element = useRef<HTMLDivElement>(null)
  const chart = useRef<ECharts>()
  const [ready, setReady] = useState(false)
  const [failed, setFailed] = useState(false)
  const latest = useRef(onOpen)
  latest.current = onOpen
  useEffect(() => {
    let gone = false
    let sized: ResizeObserver | undefined
    import("./echarts").then(
      ({ init }) => {
        if (gone) return
        chart.current = init(element.current!)
        chart.current.on("click", (event) => event.seriesName !== GROUND && latest.current(event.dataIndex))
        sized = new ResizeObserver(() => chart.current?.resize())
        sized.observe(element.current!)
        setReady(true)
      },
      () => setFailed(true),
    )
    return () => {
      gone = true
      sized?.disconnect()
      chart.current?.dispose()
    }
  }, [])
  useEffect(() => {
    if (ready) chart.current!.setOption(option, true)
  }, [ready, option])
  return (
    <>
      {!ready && (failed ? <Unloaded /> : <Skeleton rows={4} />)}
      <div
        class="relation-canvas"
        ref={element}
        role="img"
        aria-label={label}
        {...(height === undefined ? {} : { style: { height: `${height}px` } })}
      />
    </>
  )
}

/** Go to the run that a mark stands for, where one does. */
export function openRun(kind: Kind, runs: Run[], axes: Axes, place: number): void {
  const run = listShown(kind, runs, axes)[place]
  if (run && kind !== "boxes" && kind !== "parallel" && kind !== "histogram") go(`/runs/${encodeURIComponent(run.run_id)}`)
}
