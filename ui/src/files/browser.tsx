/** The files of a run, a model or a version: a tree, and beside it the one that is chosen. */
import type { ComponentChildren } from "preact"
import { useEffect, useRef, useState } from "preact/hooks"
import { ApiError, call } from "../api/client"
import type { FileEntry } from "../api/types"
import { Button, CopyButton, Empty, Failure, Skeleton } from "../components/basics"
import { Icon } from "../components/icon"
import { attempt, say } from "../components/toasts"
import { bytes, count, moment, plain } from "../format"
import { useLoad } from "../state/load"
import { isImage } from "./kinds"
import { Preview } from "./preview"
import { archiveUrl, fileUrl, nameOf, upload } from "./transfer"
import "../components/detail.css"
import "./files.css"

interface BrowserProps {
  /** The folder in the file tree that is shown. */
  root: string
  /** What is chosen, from the root on; empty for nothing. */
  path: string
  onPath: (path: string) => void
  writable?: boolean
  /** What more can be done with a folder that holds a model. */
  modelActs?: (folder: string) => ComponentChildren
}

export function Browser({ root, path, onPath, writable, modelActs }: BrowserProps) {
  const [turn, setTurn] = useState(0)
  const parent = path.includes("/") ? path.slice(0, path.lastIndexOf("/")) : ""
  const folder = parent ? `${root}/${parent}` : root
  const top = useLoad(`${root} ${turn}`, (signal) => call("artifacts.list", { folder: root }, signal))
  const around = useLoad(path ? `${folder} ${turn}` : null, (signal) => call("artifacts.list", { folder }, signal))
  if (top.error) return <Failure error={top.error} retry={top.reload} />
  if (!top.data) return <Skeleton rows={8} />
  const file = path ? around.data?.files.find((one) => one.path === `${root}/${path}`) : undefined
  const choose = (full: string) => onPath(full.slice(root.length + 1))
  const acts = (
    <div class="row wrap files-acts">
      {writable && <Upload folder={file?.is_dir ? file.path : path && file ? folder : root} onDone={() => setTurn(turn + 1)} />}
      {top.data.files.length > 0 && (
        <a class="button" href={archiveUrl(root)} download>
          <Icon name="download" />
          All as zip
        </a>
      )}
    </div>
  )
  if (!top.data.files.length) {
    return (
      <Empty title="No files yet">
        <p>Files that a run logs with log_artifact, log_figure, log_table or log_model appear here.</p>
        {acts}
      </Empty>
    )
  }
  return (
    <div class="files">
      <div class="panel files-tree">
        {acts}
        <ul class="tree" aria-label="Files">
          <Level files={top.data.files} chosen={`${root}/${path}`} onChoose={choose} turn={turn} />
        </ul>
      </div>
      <div class="files-shown">
        {!path && <p class="soft">Choose a file to look at it.</p>}
        {path && around.data && !file && (
          <Empty title="There is no such file">
            <p class="mono">{path}</p>
          </Empty>
        )}
        {around.error && <Failure error={around.error} />}
        {file && (
          <Shown
            key={file.path}
            file={file}
            siblings={around.data!.files}
            onChoose={choose}
            {...(modelActs ? { modelActs: (full: string) => modelActs(full.slice(root.length + 1)) } : {})}
          />
        )}
      </div>
    </div>
  )
}

interface LevelProps {
  files: FileEntry[]
  chosen: string
  onChoose: (path: string) => void
  turn: number
}

function Level({ files, ...rest }: LevelProps) {
  return (
    <>
      {files.map((file) => (
        <Node key={file.path} file={file} {...rest} />
      ))}
    </>
  )
}

function Node({ file, chosen, onChoose, turn }: Omit<LevelProps, "files"> & { file: FileEntry }) {
  const [opened, setOpened] = useState<boolean>()
  const open = file.is_dir && (opened ?? `${chosen}/`.startsWith(`${file.path}/`))
  const { data } = useLoad(open ? `${file.path} ${turn}` : null, (signal) =>
    call("artifacts.list", { folder: file.path }, signal),
  )
  const name = plain(nameOf(file.path))
  const here = file.path === chosen
  const item = useRef<HTMLButtonElement>(null)
  useEffect(() => {
    if (here) showWithin(item.current!)
  }, [here])
  return (
    <li>
      <button
        type="button"
        class="tree-item"
        ref={item}
        aria-current={here ? "true" : undefined}
        {...(file.is_dir ? { "aria-expanded": open } : {})}
        title={name}
        onClick={() => {
          if (file.is_dir) setOpened(!(open && here))
          onChoose(file.path)
        }}
      >
        {file.is_dir ? <Icon name={open ? "down" : "right"} /> : <span class="tree-gap" />}
        <span class="cut grow">{name}</span>
        {file.size_bytes !== null && <span class="soft small">{bytes(file.size_bytes)}</span>}
      </button>
      {open && (
        <ul>
          {data ? <Level files={data.files} chosen={chosen} onChoose={onChoose} turn={turn} /> : <li class="soft small">…</li>}
        </ul>
      )}
    </li>
  )
}

/** Scroll the tree, and nothing around it, to an item that is out of sight: a link may lead to any. */
function showWithin(item: HTMLElement) {
  const tree = item.closest(".files-tree")!
  const [box, at] = [tree.getBoundingClientRect(), item.getBoundingClientRect()]
  if (at.top < box.top || at.bottom > box.bottom) tree.scrollTop += at.top - box.top - box.height / 2
}

interface ShownProps {
  file: FileEntry
  siblings: FileEntry[]
  onChoose: (path: string) => void
  modelActs?: (folder: string) => ComponentChildren
}

function Shown({ file, siblings, onChoose, modelActs }: ShownProps) {
  const name = plain(nameOf(file.path))
  return (
    <div class="stack">
      <div class="row wrap">
        <h2 class="cut" title={name}>
          {name}
        </h2>
        <CopyButton text={file.path} label={`Copy the path of ${name}`} />
        <span class="soft small">
          {file.size_bytes !== null && bytes(file.size_bytes)}
          {file.modified_ms !== null && `, ${moment(file.modified_ms)}`}
        </span>
        <span class="grow" />
        <a class="button" href={file.is_dir ? archiveUrl(file.path) : fileUrl(file.path)} download>
          <Icon name="download" />
          {file.is_dir ? "Download as zip" : "Download"}
        </a>
      </div>
      {file.is_dir ? (
        <Folder file={file} onChoose={onChoose} {...(modelActs ? { modelActs } : {})} />
      ) : (
        <Preview file={file} images={siblings.filter((one) => isImage(nameOf(one.path)))} onChoose={onChoose} />
      )}
    </div>
  )
}

function Folder({ file, onChoose, modelActs }: Omit<ShownProps, "siblings">) {
  const { data, error } = useLoad(file.path, (signal) => call("artifacts.list", { folder: file.path }, signal))
  if (error) return <Failure error={error} />
  if (!data) return <Skeleton rows={3} />
  const model = data.files.find((one) => nameOf(one.path) === "MLmodel")
  const images = data.files.filter((one) => !one.is_dir && isImage(nameOf(one.path)))
  const folders = data.files.filter((one) => one.is_dir).length
  const held = [count(data.files.length - folders, "file"), ...(folders ? [count(folders, "folder")] : [])]
  return (
    <>
      <p class="soft">{held.join(" and ")} in it.</p>
      {!model && images[0] && <Preview file={images[0]} images={images} onChoose={onChoose} />}
      {model && (
        <>
          <div class="row wrap">{modelActs?.(file.path)}</div>
          <Preview file={model} images={[]} onChoose={onChoose} />
        </>
      )}
    </>
  )
}

function Upload({ folder, onDone }: { folder: string; onDone: () => void }) {
  const input = useRef<HTMLInputElement>(null)
  const [busy, setBusy] = useState(false)
  const take = async (files: FileList | null) => {
    const list = [...(files ?? [])]
    if (!list.length) return
    setBusy(true)
    const done = await attempt(async () => {
      // A file that is there is what a run logged: it is not replaced by the way.
      const there = new Set((await call("artifacts.list", { folder })).files.map((one) => nameOf(one.path)))
      const twice = list.find((file) => there.has(file.name))
      if (twice) throw new ApiError(409, "conflict", `“${twice.name}” is there already`, "rename the file, and upload it again")
      for (const file of list) await upload(folder, file)
    })
    setBusy(false)
    if (done) say(`${count(list.length, "file")} uploaded`)
    onDone()
  }
  return (
    <>
      <Button icon="upload" disabled={busy} onClick={() => input.current!.click()}>
        {busy ? "Uploading…" : "Upload"}
      </Button>
      <input
        ref={input}
        type="file"
        multiple
        hidden
        aria-label="Files to upload"
        onChange={(event) => {
          const { currentTarget } = event
          void take(currentTarget.files).then(() => (currentTarget.value = "")) // the same may be chosen again
        }}
      />
    </>
  )
}
