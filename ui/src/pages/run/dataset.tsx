/** What a data set holds, as far as the run recorded it: its size and its columns. */
import { useState } from "preact/hooks"
import type { Dataset } from "../../api/types"
import { Button } from "../../components/basics"
import { Dialog } from "../../components/dialog"
import { Copied, Facts, Pairs, type Fact } from "../../components/facts"
import { count } from "../../format"

export function DatasetDetail({ dataset }: { dataset: Dataset }) {
  const [open, setOpen] = useState(false)
  const columns = readColumns(dataset.schema)
  const profile = readProfile(dataset.profile)
  const rows = profile.find(([name]) => name === "num_rows")?.[1]
  const said = [rows && `${rows} rows`, columns.length > 0 && count(columns.length, "column")].filter(Boolean).join(", ")
  return (
    <>
      <Button tiny onClick={() => setOpen(true)}>
        {said || "Details"}
      </Button>
      {open && (
        <Dialog title={dataset.name} wide onClose={() => setOpen(false)}>
          <Facts
            facts={[
              ["Digest", <Copied text={dataset.digest} />],
              ["Kind of source", dataset.source_type],
              ["Source", <Copied text={dataset.source} />],
              ...profile,
            ]}
          />
          {columns.length > 0 ? (
            <Pairs
              label="Columns"
              names={columns.map(([name]) => name)}
              heads={["Column", "Type"]}
              cells={(name) => [columns.find(([one]) => one === name)![1]]}
            />
          ) : (
            dataset.schema && <pre class="source">{dataset.schema}</pre>
          )}
        </Dialog>
      )}
    </>
  )
}

/** Where it came from, in a word: of what clients write as JSON, the place or the script that it names. */
export function readSource({ source, source_type }: Dataset): string {
  const told = parse(source)
  const tags = told?.["tags"] as Record<string, unknown> | undefined
  const place = ["uri", "url", "path", "table_name", "location"].map((key) => told?.[key]).find(Boolean)
  const named = place ?? tags?.["mlflow.source.name"] ?? source
  return `${source_type} ${typeof named === "string" ? named : source}`
}

/** Columns of a schema as clients write it; none when it is of another kind. */
export function readColumns(schema: string | null): [name: string, type: string][] {
  const columns = parse(schema)?.["mlflow_colspec"]
  if (!Array.isArray(columns)) return []
  return (columns as { name?: unknown; type?: unknown; required?: unknown }[]).map((column, n) => [
    String(column?.name ?? n),
    `${String(column?.type ?? "")}${column?.required === false ? ", optional" : ""}`,
  ])
}

/** What is counted in a profile: names with numbers or texts. */
export function readProfile(profile: string | null): Fact[] {
  return Object.entries(parse(profile) ?? {}).flatMap(([name, value]): Fact[] =>
    typeof value === "number" ? [[name, count(value)]] : typeof value === "string" ? [[name, value]] : [],
  )
}

function parse(text: string | null): Record<string, unknown> | null {
  try {
    const read: unknown = JSON.parse(text ?? "")
    return typeof read === "object" ? (read as Record<string, unknown> | null) : null
  } catch {
    return null
  }
}
