/** What a run printed, as far as it is among its files; it is followed while the run goes on. */
import { useEffect, useRef, useState } from "preact/hooks"
import { ApiError, call } from "../../api/client"
import type { Run } from "../../api/types"
import { Button, Empty, Failure, Skeleton } from "../../components/basics"
import { bytes } from "../../format"
import { fileUrl, folderOf, nameOf, readPart } from "../../files/transfer"
import { useLoad } from "../../state/load"
import { place, setQuery } from "../../state/router"

const NAMES = /(^|\/)(stdout|stderr|output)(\.\w+)?$|\.(log|out|err)$/i
const TAIL_BYTES = 500_000
const EVERY_MS = 2_000

export function Logs({ run }: { run: Run }) {
  const root = folderOf(run.artifact_uri)
  const { data, error } = useLoad(root && `${root} ${run.version}`, (signal) =>
    call("artifacts.list", { folder: root!, recursive: true, limit: 5_000 }, signal),
  )
  if (error) return <Failure error={error} />
  if (!data && root !== null) return <Skeleton rows={10} />
  const logs = data?.files.filter((file) => NAMES.test(file.path)).map((file) => file.path) ?? []
  if (!logs.length || root === null) {
    return (
      <Empty title="No logs">
        <p>
          Files of a run that are named stdout, stderr or output, or end in .log, .out or .err, are shown here, and followed
          while the run goes on.
        </p>
      </Empty>
    )
  }
  const asked = place.value.query.get("path")
  const chosen = logs.find((path) => path === `${root}/${asked}`) ?? logs[0]!
  return (
    <div class="stack">
      <div class="row wrap" role="group" aria-label="Logs">
        {logs.slice(0, 12).map((path) => (
          <Button
            key={path}
            aria-pressed={path === chosen}
            onClick={() => setQuery({ path: path.slice(root.length + 1) }, true)}
          >
            {nameOf(path)}
          </Button>
        ))}
        <span class="grow" />
        <a class="button" href={fileUrl(chosen)} download>
          Download
        </a>
      </div>
      <Tail key={chosen} path={chosen} live={run.status === "RUNNING"} />
    </div>
  )
}

function Tail({ path, live }: { path: string; live: boolean }) {
  const [text, setText] = useState<string>()
  const [skipped, setSkipped] = useState(0)
  const [error, setError] = useState<ApiError>()
  const box = useRef<HTMLPreElement>(null)
  const [follow, setFollow] = useState(true)
  useEffect(() => {
    const control = new AbortController()
    const decoder = new TextDecoder()
    let at = -1
    let timer = 0
    const read = async () => {
      try {
        if (at < 0) {
          const { size } = await readPart(path, 0, 1, control.signal)
          at = Math.max(0, size - TAIL_BYTES)
          setSkipped(at)
          setText("")
        }
        // With a byte that is known: to ask for what lies beyond the end is an error, which the console shows.
        const known = Math.min(at, 1)
        const bytes = (await readPart(path, at - known, TAIL_BYTES, control.signal)).bytes.subarray(known)
        at += bytes.length
        const more = decoder.decode(bytes, { stream: true })
        if (more) setText((before) => ((before ?? "") + more).slice(-2 * TAIL_BYTES))
        setError(undefined)
      } catch (failure) {
        if (!control.signal.aborted) setError(failure instanceof ApiError ? failure : new ApiError(0, "", String(failure)))
      }
      if (live && !control.signal.aborted) timer = window.setTimeout(() => void read(), EVERY_MS)
    }
    void read()
    return () => {
      control.abort()
      clearTimeout(timer)
    }
  }, [path, live])
  useEffect(() => {
    if (follow && box.current) box.current.scrollTop = box.current.scrollHeight
  }, [text, follow])
  if (error && text === undefined) return <Failure error={error} />
  if (text === undefined) return <Skeleton rows={10} />
  return (
    <>
      <div class="row wrap">
        <span class="soft small" role="status">
          {live ? "Followed while the run goes on" : "The run has ended"}
          {skipped > 0 && `; the first ${bytes(skipped)} are left out`}
        </span>
        <span class="grow" />
        <label class="check">
          <input type="checkbox" checked={follow} onChange={(event) => setFollow(event.currentTarget.checked)} />
          Stay at the end
        </label>
      </div>
      <pre class="source tall" ref={box} tabIndex={0} aria-label={nameOf(path)}>
        {text || "Nothing has been printed yet."}
      </pre>
    </>
  )
}
