/** One file, as what it is. */
import { useEffect, useState } from "preact/hooks"
import type { FileEntry } from "../api/types"
import { Failure, Skeleton } from "../components/basics"
import { lazy } from "../components/lazy"
import { count } from "../format"
import { useLoad } from "../state/load"
import { Content } from "./content"
import { kindOf } from "./kinds"
import { TablePreview } from "./table"
import { openParquet } from "./tables"
import { fileUrl, nameOf, previewUrl, readPart, sourceOf } from "./transfer"

const Onnx = lazy(() => import("./onnx"))
const Archive = lazy(() => import("./archive"))

interface PreviewProps {
  file: FileEntry
  /** Images of the same folder, this one among them, in their order. */
  images: FileEntry[]
  onChoose: (path: string) => void
}

export function Preview({ file, images, onChoose }: PreviewProps) {
  const { path } = file
  const name = nameOf(path)
  if (file.size_bytes === 0) return <p class="soft">This file is empty.</p>
  switch (kindOf(name)) {
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
    case "parquet":
      return <TablePreview id={path} open={(signal) => openParquet(path, file.size_bytes ?? 0, signal)} />
    case "onnx":
      return <Onnx file={file} />
    case "archive":
      return <Archive file={file} />
    default:
      return <Content source={sourceOf(file)} />
  }
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
