/** What is shown from its bytes alone, whether they are a file or are packed in one: texts, tables of text, arrays. */
import type { ComponentChildren } from "preact"
import { Failure, Skeleton } from "../components/basics"
import { Highlighted, languageOf } from "../components/highlight"
import { lazy } from "../components/lazy"
import { Markdown } from "../components/markdown"
import { bytes } from "../format"
import { useLoad } from "../state/load"
import { isContent, kindOf, type Kind } from "./kinds"
import { GeoPreview } from "./map"
import { TablePreview } from "./table"
import { openSeparated, readJsonTable } from "./tables"
import { decodeText, type Source } from "./transfer"
import { unpacked } from "./unpack"
import { ModelSummary, Notebook } from "./views"

const TEXT_BYTES = 1_000_000
const GEO_BYTES = 10_000_000
const ArrayPreview = lazy(() => import("./array"))

export function Content({ source }: { source: Source }) {
  const { name } = source
  const kind = kindOf(name)
  if (!isContent(name)) return <NoPreview size={source.size} />
  switch (kind) {
    case "gzip":
      return <Content source={unpacked(source, name.slice(0, -3), "gzip")} />
    case "separated":
      return <TablePreview id={source.key} open={(signal) => openSeparated(source, /\.tsv$/i.test(name) ? "\t" : ",", signal)} />
    case "array":
      return <ArrayPreview source={source} />
    case "other":
      return <Unknown source={source} />
    default:
      return <TextPreview source={source} kind={kind} />
  }
}

function TextPreview({ source, kind }: { source: Source; kind: Kind }) {
  const most = kind === "geo" ? GEO_BYTES : TEXT_BYTES
  const { data, error, reload } = useLoad(source.key, async (signal) => {
    const part = await source.read(0, most, signal)
    return { ...decodeText(part), damaged: part.damaged }
  })
  if (error) return <Failure error={error} retry={reload} />
  if (!data) return <Skeleton rows={8} />
  if (!data.text) return <p class="soft">This file is empty.</p>
  return (
    <div class="stack">
      {data.cut && (
        <p class="soft small" role="status">
          {data.damaged
            ? "What could be unpacked is shown: the file is damaged, or has several parts"
            : `The first ${bytes(most)} ${data.size < Infinity ? `of ${bytes(data.size)} ` : ""}are shown`}
          ; download the file for all.
        </p>
      )}
      {shown(source, kind, data.text, data.cut)}
    </div>
  )
}

function shown({ key, name }: Source, kind: Kind, text: string, cut: boolean): ComponentChildren {
  if (kind === "markdown") return <Markdown text={text} />
  if (kind === "notebook" && !cut) return <Notebook text={text} />
  if (kind === "json" && !cut) {
    const rows = readJsonTable(text)
    if (rows) return <TablePreview id={key} open={() => Promise.resolve(rows)} />
    return <Highlighted text={indented(text)} language="json" />
  }
  if (kind === "geo" && !cut) return <GeoPreview text={text} />
  if (kind === "model")
    return (
      <>
        <ModelSummary text={text} />
        <Highlighted text={text} language="data" />
      </>
    )
  return <Highlighted text={text} language={languageOf(name)} />
}

function indented(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2)
  } catch {
    return text
  }
}

/** What may be text after all is shown as text; anything else by its size. */
function Unknown({ source }: { source: Source }) {
  const { data, error } = useLoad(source.key, (signal) => source.read(0, 4_096, signal))
  if (error) return <Failure error={error} />
  if (!data) return <Skeleton rows={3} />
  if (data.bytes.length && !data.bytes.includes(0)) {
    try {
      new TextDecoder("utf-8", { fatal: true }).decode(data.bytes, { stream: true })
      return <TextPreview source={source} kind="text" />
    } catch {
      // It is no text.
    }
  }
  return <NoPreview size={source.size} />
}

function NoPreview({ size }: { size: number }) {
  return <p class="soft">There is no preview of this kind of file{size < Infinity && ` (${bytes(size)})`}. Download it to open it.</p>
}
