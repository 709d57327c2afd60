/** Curves of one run, and the images that it logged over steps. */
import type { Run } from "../../api/types"
import { Board } from "../../charts/board"
import { Code, Empty } from "../../components/basics"
import type { Change } from "../../state/live"

interface MetricsProps {
  run: Run
  keys: string[]
  system: boolean
  change: Change | undefined
}

export default function Metrics({ run, keys, system, change }: MetricsProps) {
  return (
    <Board
      runs={[run]}
      metrics={keys}
      change={change}
      compared={null}
      usual={{ kind: system ? "relative" : "step" }}
      empty={<Nothing system={system} />}
    />
  )
}

function Nothing({ system }: { system: boolean }) {
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
