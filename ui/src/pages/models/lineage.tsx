/** What a version or a run came from and what came of it, drawn from left to right. */
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

/**
 * Each node is one column behind the furthest of what it came from; what came from nothing is right before the first of
 * what came of it. A ring ends by itself.
 */
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
  const behind = nodes.map(() => Infinity)
  for (const { source, target } of edges) behind[source] = Math.min(behind[source]!, depth[target]!)
  nodes.forEach((_, n) => {
    if (depth[n] === 0 && behind[n]! < Infinity) depth[n] = Math.max(behind[n]! - 1, 0)
  })
  const used: number[] = []
  return nodes.map((node, n) => {
    const column = depth[n]!
    const row = used[column] ?? 0
    used[column] = row + 1
    return { node, left: column * (WIDTH + ACROSS), top: row * (HEIGHT + DOWN) }
  })
}

export interface Line {
  path: string
  /** Where the middle of its beginning is. */
  x: number
  y: number
  bottom: number
}

/** Lines from column to column, below the nodes of those that they cross. */
export function drawLines(placed: Placed[], pairs: [Placed, Placed][]): Line[] {
  const bottoms = new Map<number, number>()
  for (const { left, top } of placed) bottoms.set(left, Math.max(bottoms.get(left) ?? 0, top + HEIGHT + DOWN))
  return pairs.map(([from, to]) => {
    let [x, y] = [from.left + WIDTH, from.top + HEIGHT / 2]
    const line = { path: `M${x} ${y}`, x: x + ACROSS / 2, y: 0, bottom: 0 }
    const goTo = (X: number, Y: number) => {
      line.path += `C${x + ACROSS / 2} ${y} ${X - ACROSS / 2} ${Y} ${X} ${Y}`
      line.y ||= (y + Y) / 2
    }
    for (let left = x + ACROSS; left < to.left; left += WIDTH + ACROSS) {
      const below = bottoms.get(left) ?? 0
      bottoms.set(left, below + DOWN)
      goTo(left, below)
      x = left + WIDTH
      y = below
      line.path += `H${x}`
      line.bottom = Math.max(line.bottom, y)
    }
    goTo(to.left, to.top + HEIGHT / 2)
    return line
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

/** What edges between the same two nodes are, by these nodes' places: `uses, retry of`. */
export function nameEdges(edges: Graph["edges"]): Map<string, string> {
  const named = new Map<string, string>()
  for (const { source, target, link } of edges) {
    const key = `${source} ${target}`
    const name = link?.replace("_", " ") ?? ""
    const known = named.get(key)
    named.set(key, known ? `${known}, ${name}` : name)
  }
  return named
}

interface LineageProps {
  kind: "run" | "version"
  id: string
  /** Changes when it is to be read again. */
  state?: string
  /** What is said of what stands alone; without it, nothing is shown. */
  alone?: string
}

export function Lineage({ kind, id, state, alone }: LineageProps) {
  const { data, error } = useLoad(`${id} ${state}`, (signal) => call("lineage.get", { kind, id }, signal))
  if (!alone && !error && !(data && data.nodes.length > 1)) return null
  return (
    <Section title="Lineage" note={data?.truncated ? "a part of it" : undefined}>
      <div class="section-body">
        {error && <Failure error={error} />}
        {!data && !error && <Skeleton rows={3} />}
        {data && data.nodes.length < 2 && <p class="soft">{alone}</p>}
        {data && data.nodes.length >= 2 && <Drawing graph={data} />}
      </div>
    </Section>
  )
}

function Drawing({ graph }: { graph: Graph }) {
  const placed = layOut(graph)
  const named = nameEdges(graph.edges)
  const ends = (key: string) => key.split(" ").map((place) => placed[Number(place)]!) as [Placed, Placed]
  const lines = drawLines(placed, [...named.keys()].map(ends))
  const ids = graph.nodes.filter((node) => node.kind === "run").map((node) => node.id)
  const { data } = useLoad(ids.length > 0 ? ids.join() : null, (signal) => call("runs.get_many", { run_ids: ids.slice(0, 500) }, signal))
  const names = new Map(data?.runs.map((run) => [run.run_id, run.name]))
  const showNode = ({ kind, id }: LineageNode) => (kind === "run" ? (names.get(id) ?? id.slice(0, 12)) : id)
  const linked = new Map<number, string[]>()
  for (const [key, name] of named) {
    const [source, target] = key.split(" ").map(Number) as [number, number]
    if (name) linked.set(target, [...(linked.get(target) ?? []), `${name} ${showNode(graph.nodes[source]!)}`])
  }
  const width = Math.max(...placed.map((one) => one.left)) + WIDTH
  const height = Math.max(...placed.map((one) => one.top + HEIGHT), ...lines.map((line) => line.bottom + DOWN))
  return (
    <div class="scroll lineage-frame" tabIndex={0} role="region" aria-label="Lineage">
      <div class="lineage" style={{ width: `${width}px`, height: `${height}px` }}>
        <svg width={width} height={height} aria-hidden="true">
          {[...named].map(([key, name], n) => {
            const { path, x, y } = lines[n]!
            return (
              <g key={key}>
                <path d={path} />
                {name && (
                  <text x={x} y={y - 5}>
                    {name}
                  </text>
                )}
              </g>
            )
          })}
        </svg>
        <ul>
          {placed.map(({ node, left, top }, n) => {
            const href = hrefOf(node, graph)
            const shown = showNode(node)
            const links = linked.get(n)
            return (
              <li
                key={`${node.kind} ${node.id} ${node.digest}`}
                class={node === graph.nodes[0] ? "own" : ""}
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
                {links && <span class="unseen">{links.join("; ")}</span>}
              </li>
            )
          })}
        </ul>
      </div>
    </div>
  )
}
