/** Where a model, or one version of it, is served now. */
import { call } from "../../api/client"
import { Failure } from "../../components/basics"
import { Section } from "../../components/facts"
import { Table } from "../../components/table"
import { ago, moment } from "../../format"
import { useLoad } from "../../state/load"
import { versionHref } from "./badges"

interface EndpointsProps {
  name: string
  version?: number
  turn: number
}

export function Endpoints({ name, version, turn }: EndpointsProps) {
  const { data, error } = useLoad(`${name} ${version} ${turn}`, (signal) =>
    call("endpoints.list", { model: name, version, limit: 1_000 }, signal),
  )
  if (error) return <Failure error={error} />
  const serving = (data?.endpoints ?? []).flatMap((endpoint) =>
    endpoint.servers
      .filter((one) => one.state === "serving" && one.model === name && (version === undefined || one.version === version))
      .map((server) => ({ endpoint: endpoint.name, server })),
  )
  if (serving.length === 0) return null
  return (
    <Section title="Served now">
      <Table label="Served now" heads={["Endpoint", ["Version", "number"], "Follows", "Address", "Since", "By"]} inside>
        {serving.map(({ endpoint, server }) => (
          <tr key={`${endpoint} ${server.server_id}`}>
            <td>{endpoint}</td>
            <td class="number">
              <a href={versionHref(name, server.version)}>{server.version}</a>
            </td>
            <td>{server.follows}</td>
            <td>
              {/^https?:\/\//.test(server.address) && (
                <a href={server.address} rel="noreferrer noopener">
                  {server.address}
                </a>
              )}
            </td>
            <td title={moment(server.version_since_ms)}>{ago(server.version_since_ms)}</td>
            <td>{server.announced_by}</td>
          </tr>
        ))}
      </Table>
    </Section>
  )
}
