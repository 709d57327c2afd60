/** One file, as what it is: by its name, since what a sender says of it is not believed. */
import type { ComponentChildren } from "preact"
import { useEffect, useState } from "preact/hooks"
import type { FileEntry } from "../api/types"
import { Failure, Skeleton } from "../components/basics"
import { Highlighted, languageOf } from "../components/highlight"
import { lazy } from "../components/lazy"
import { Markdown } from "../components/markdown"
import { bytes, count } from "../format"
import { useLoad } from "../state/load"
import { GeoPreview } from "./map"
import { TablePreview } from "./table"
import { openParquet, openSeparated, readJsonTable } from "./tables"
import { fileUrl, nameOf, previewUrl, readPart, readText } from "./transfer"
import { ModelSummary, Notebook } from "./views"

type Kind = "image" | "geo" | "onnx" | "audio" | "video" | "pdf" | "html" | "separated" | "parquet" | "notebook" | "model" | "markdown" | "json" | "text" | "other"

const ENDS: [Kind, string][] = [
  ["image", "png jpg jpeg gif webp bmp svg avif ico"],
  ["audio", "mp3 wav ogg opus m4a aac flac weba"],
  ["video", "mp4 webm mov m4v ogv mkv"],
  ["pdf", "pdf"],
  ["html", "html htm"],
  ["separated", "csv tsv"],
  ["parquet", "parquet"],
  ["notebook", "ipynb"],
  ["markdown", "md markdown"],
  ["json", "json"],
  ["geo", "geojson"],
  ["onnx", "onnx"],
  [
    "text",
    "txt log out err py py3 js ts jsx tsx java r c h cpp go rs sh bash sql yaml yml toml ini cfg conf cnf hocon prop " +
      "properties xml rst jsonl jsonnet diff patch env lock gitignore dockerfile pbtxt tex",
  ],
]
const KINDS = new Map(ENDS.flatMap(([kind, ends]) => ends.split(" ").map((end): [string, Kind] => [end, kind])))
const PLAIN = /^(MLproject|Dockerfile|Makefile|README|LICENSE|requirements|conda|python_env|stdout|stderr)$/
const TEXT_BYTES = 1_000_000
const GEO_BYTES = 10_000_000
const Onnx = lazy(() => import("./onnx"))

export function kindOf(name: string): Kind {
  if (name === "MLmodel") return "model"
  if (PLAIN.test(name)) return "text"
  return KINDS.get(name.slice(name.lastIndexOf(".") + 1).toLowerCase()) ?? "other"
}

/** Whether two of them can be told apart line by line. */
export const isText = (name: string) => /^(text|json|geo|model|markdown|notebook|separated|html)$/.test(kindOf(nameOf(name)))
export const isImage = (name: string) => kindOf(name) === "image"

interface PreviewProps {
  file: FileEntry
  /** Images of the same folder, this one among them, in their order. */
  images: FileEntry[]
  onChoose: (path: string) => void
}

export function Preview({ file, images, onChoose }: PreviewProps) {
  const { path } = file
  const name = nameOf(path)
  const kind = kindOf(name)
  if (file.size_bytes === 0) return <p class="soft">This file is empty.</p>
  switch (kind) {
    case "image":
      return <Images file={file} images={images} onChoose={onChoose} />
    case "audio":
      return <audio class="media" controls preload="metadata" src={fileUrl(path)} aria-label={name} />
    case "video":
      return <video class="media" controls preload="metadata" src={fileUrl(path)} aria-label={name} />
    case "html":
      return <iframe class="document" sandbox="allow-scripts" src={previewUrl(path)} title={`Preview of ${name}`} />
    case "pdf":
      return <Pdf file={file} />
    case "separated":
      return <TablePreview path={path} open={(signal) => openSeparated(path, /\.tsv$/i.test(name) ? "\t" : ",", signal)} />
    case "parquet":
      return <TablePreview path={path} open={(signal) => openParquet(path, file.size_bytes ?? 0, signal)} />
    case "onnx":
      return <Onnx file={file} />
    case "other":
      return <Unknown file={file} />
    default:
      return <TextPreview file={file} kind={kind} />
  }
}

function TextPreview({ file, kind }: { file: FileEntry; kind: Kind }) {
  const most = kind === "geo" ? GEO_BYTES : TEXT_BYTES
  const { data, error, reload } = useLoad(`${file.path} ${file.sha256}`, (signal) => readText(file.path, most, signal))
  if (error) return <Failure error={error} retry={reload} />
  if (!data) return <Skeleton rows={8} />
  return (
    <div class="stack">
      {data.cut && (
        <p class="soft small" role="status">
          The first {bytes(most)} of {bytes(data.size)} are shown; download the file for all.
        </p>
      )}
      {shown(file, kind, data.text, data.cut)}
    </div>
  )
}

function shown(file: FileEntry, kind: Kind, text: string, cut: boolean): ComponentChildren {
  const name = nameOf(file.path)
  if (kind === "markdown") return <Markdown text={text} />
  if (kind === "notebook" && !cut) return <Notebook text={text} />
  if (kind === "json" && !cut) {
    const rows = readJsonTable(text)
    if (rows) return <TablePreview path={file.path} open={() => Promise.resolve(rows)} />
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
function Unknown({ file }: { file: FileEntry }) {
  const { data, error } = useLoad(file.path, (signal) => readPart(file.path, 0, 4_096, signal))
  if (error) return <Failure error={error} />
  if (!data) return <Skeleton rows={3} />
  if (data.bytes.length && !data.bytes.includes(0)) {
    try {
      new TextDecoder("utf-8", { fatal: true }).decode(data.bytes, { stream: true })
      return <TextPreview file={file} kind="text" />
    } catch {
      // It is no text.
    }
  }
  return <p class="soft">There is no preview of this kind of file ({bytes(file.size_bytes ?? 0)}). Download it to open it.</p>
}

const PDF_BYTES = 50_000_000

function Pdf({ file }: { file: FileEntry }) {
  const { data, error } = useLoad(file.path, async (signal) => (await readPart(file.path, 0, PDF_BYTES, signal)).bytes)
  const [url, setUrl] = useState("")
  useEffect(() => {
    if (!data) return
    // Its type is ours to say: whatever the bytes are, they are read as PDF and never as a page.
    const made = URL.createObjectURL(new Blob([data as BlobPart], { type: "application/pdf" }))
    setUrl(made)
    return () => URL.revokeObjectURL(made)
  }, [data])
  if (error) return <Failure error={error} />
  if (!url) return <Skeleton rows={8} />
  return <iframe class="document" src={url} title={`Preview of ${nameOf(file.path)}`} />
}

/** Narrower images, such as digits of 28 pixels, are shown larger, and each of their pixels as it is. */
const SMALL_PX = 160

function Images({ file, images, onChoose }: PreviewProps) {
  const at = images.findIndex((one) => one.path === file.path)
  return (
    <div class="stack">
      {images.length > 1 && (
        <label class="row">
          <span class="soft small">
            {count(at + 1)} of {count(images.length)}
          </span>
          <input
            class="grow"
            type="range"
            aria-label="Image"
            min={0}
            max={images.length - 1}
            value={at}
            onInput={(event) => onChoose(images[Number(event.currentTarget.value)]!.path)}
          />
        </label>
      )}
      <a class="image" href={fileUrl(file.path)} download={nameOf(file.path)}>
        <img
          src={fileUrl(file.path)}
          alt={nameOf(file.path)}
          onLoad={({ currentTarget: image }) => image.classList.toggle("enlarged", image.naturalWidth < SMALL_PX)}
        />
      </a>
      {images.length > 1 && (
        <div class="gallery">
          {images.slice(0, 60).map((one) => (
            <button
              type="button"
              key={one.path}
              aria-pressed={one.path === file.path}
              aria-label={nameOf(one.path)}
              title={nameOf(one.path)}
              onClick={() => onChoose(one.path)}
            >
              <img src={fileUrl(one.path)} alt="" loading="lazy" />
            </button>
          ))}
        </div>
      )}
    </div>
  )
}
