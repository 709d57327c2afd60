/** What a version came from and what came of it, drawn from left to right. */
import { call } from "../../api/client"
import type { Lineage as Graph, LineageNode } from "../../api/types"
import { Failure, Skeleton } from "../../components/basics"
import { Section } from "../../components/facts"
import { useLoad } from "../../state/load"
import { versionHref } from "./badges"

const [WIDTH, HEIGHT, ACROSS, DOWN] = [190, 46, 70, 14]
const KINDS: Record<LineageNode["kind"], string> = {
  dataset: "Data set",
  endpoint: "Endpoint",
  model: "Model",
  run: "Run",
  version: "Version",
}

export interface Placed {
  node: LineageNode
  left: number
  top: number
}

/** Each node is one column behind the furthest of what it came from; a ring, which should not be, ends by itself. */
export function layOut({ nodes, edges }: Pick<Graph, "nodes" | "edges">): Placed[] {
  const depth = nodes.map(() => 0)
  for (let turn = 0; turn < nodes.length; turn++) {
    let moved = false
    for (const { source, target } of edges) {
      const wanted = Math.min(depth[source]! + 1, nodes.length)
      if (depth[target]! >= wanted || source === target) continue
      depth[target] = wanted
      moved = true
    }
    if (!moved) break
  }
  const used: number[] = []
  return nodes.map((node, n) => {
    const column = depth[n]!
    const row = used[column] ?? 0
    used[column] = row + 1
    return { node, left: column * (WIDTH + ACROSS), top: row * (HEIGHT + DOWN) }
  })
}

function hrefOf(node: LineageNode, { nodes, edges }: Graph): string | null {
  if (node.kind === "run") return `/runs/${encodeURIComponent(node.id)}`
  if (node.kind === "model") {
    const maker = edges.find(({ source, target }) => nodes[target] === node && nodes[source]!.kind === "run")
    return maker ? `/runs/${encodeURIComponent(nodes[maker.source]!.id)}?tab=models&model=${encodeURIComponent(node.id)}` : null
  }
  if (node.kind !== "version") return null
  const at = node.id.lastIndexOf("/")
  return versionHref(node.id.slice(0, at), node.id.slice(at + 1))
}

export function Lineage({ name, version }: { name: string; version: number }) {
  const id = `${name}/${version}`
  const { data, error } = useLoad(id, (signal) => call("lineage.get", { kind: "version", id, direction: "both" }, signal))
  return (
    <Section title="Lineage" note={data?.truncated ? "a part of it" : undefined}>
      <div class="section-body">
        {error && <Failure error={error} />}
        {!data && !error && <Skeleton rows={3} />}
        {data && data.nodes.length < 2 && <p class="soft">Neither a run nor data are known of it.</p>}
        {data && data.nodes.length >= 2 && <Drawing graph={data} own={id} />}
      </div>
    </Section>
  )
}

function Drawing({ graph, own }: { graph: Graph; own: string }) {
  const placed = layOut(graph)
  const ids = graph.nodes.filter((node) => node.kind === "run").map((node) => node.id)
  const { data } = useLoad(ids.length > 0 ? ids.join() : null, (signal) => call("runs.get_many", { run_ids: ids.slice(0, 500) }, signal))
  const names = new Map(data?.runs.map((run) => [run.run_id, run.name]))
  const width = Math.max(...placed.map((one) => one.left)) + WIDTH
  const height = Math.max(...placed.map((one) => one.top)) + HEIGHT
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label="Lineage">
      <div class="lineage" style={{ width: `${width}px`, height: `${height}px` }}>
        <svg width={width} height={height} aria-hidden="true">
          {graph.edges.map(({ source, target }, n) => {
            const [from, to] = [placed[source]!, placed[target]!]
            const [x, y, X, Y] = [from.left + WIDTH, from.top + HEIGHT / 2, to.left, to.top + HEIGHT / 2]
            return <path key={n} d={`M${x} ${y}C${x + ACROSS / 2} ${y} ${X - ACROSS / 2} ${Y} ${X} ${Y}`} />
          })}
        </svg>
        <ul>
          {placed.map(({ node, left, top }) => {
            const href = hrefOf(node, graph)
            const shown = node.kind === "run" ? (names.get(node.id) ?? node.id.slice(0, 12)) : node.id
            return (
              <li
                key={`${node.kind} ${node.id} ${node.digest}`}
                class={node.kind === "version" && node.id === own ? "own" : ""}
                style={{ left: `${left}px`, top: `${top}px`, width: `${WIDTH}px`, height: `${HEIGHT}px` }}
                title={`${node.id} ${node.digest}`}
              >
                <span class="soft small">{KINDS[node.kind]}</span>
                {href ? (
                  <a class="cut" href={href}>
                    {shown}
                  </a>
                ) : (
                  <span class="cut">{shown}</span>
                )}
              </li>
            )
          })}
        </ul>
      </div>
    </div>
  )
}
