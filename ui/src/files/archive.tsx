/** The entries of an archive, and one of them opened. */
import { useMemo, useState } from "preact/hooks"
import type { FileEntry } from "../api/types"
import { Button, Failure, Skeleton } from "../components/basics"
import { bytes, count, plain } from "../format"
import { useLoad } from "../state/load"
import { Content } from "./content"
import { isContent } from "./kinds"
import { sourceOf } from "./transfer"
import { isReadable, openEntry, readDirectory, type Directory, type Entry } from "./zip"

export default function Archive({ file }: { file: FileEntry }) {
  const archive = useMemo(() => sourceOf(file), [file.path, file.sha256])
  const { data, error, reload } = useLoad(archive.key, async (signal) => ({ directory: await readDirectory(archive, signal) }))
  const [opened, setOpened] = useState<Entry>()
  if (error) return <Failure error={error} retry={reload} />
  if (!data) return <Skeleton rows={8} />
  if (!data.directory) return <p class="soft">This is no archive, or its end is missing. Download it to look at it.</p>
  if (!opened) return <Entries directory={data.directory} onOpen={setOpened} />
  return (
    <div class="stack">
      <div class="row wrap">
        <Button icon="left" onClick={() => setOpened(undefined)}>
          All entries
        </Button>
        <h3 class="cut">{plain(opened.name)}</h3>
      </div>
      <Content source={openEntry(archive, opened)} />
    </div>
  )
}

function Entries({ directory, onOpen }: { directory: Directory; onOpen: (entry: Entry) => void }) {
  const { entries } = directory
  return (
    <div class="stack">
      <p class="soft small" role="status">
        {directory.cut
          ? `The first ${count(entries.length)} of ${count(Math.max(directory.count, entries.length + 1))} entries are listed`
          : entries.length === 1
            ? "1 entry"
            : `${count(entries.length)} entries`}
        {directory.damaged && ". The list is damaged: there may be more, or less, in the archive than is listed"}
      </p>
      <div class="panel scroll" tabIndex={0} role="region" aria-label="Entries">
        <table class="table fixed">
          <thead>
            <tr>
              <th>Name</th>
              <th class="number">Size</th>
              <th class="number">Packed</th>
              <th>Changed</th>
            </tr>
          </thead>
          <tbody>
            {entries.map((entry, n) => {
              const name = plain(entry.name)
              const opens = entry.size > 0 && isContent(entry.name) && isReadable(entry)
              return (
                <tr key={n}>
                  <td class="cut" title={name}>
                    {opens ? (
                      <button type="button" class="entry" onClick={() => onOpen(entry)}>
                        {name}
                      </button>
                    ) : (
                      name
                    )}
                    {entry.encrypted && <span class="soft"> (encrypted)</span>}
                  </td>
                  <td class="number">{bytes(entry.size)}</td>
                  <td class="number">{bytes(entry.packed)}</td>
                  <td class="soft">{entry.time}</td>
                </tr>
              )
            })}
          </tbody>
        </table>
      </div>
    </div>
  )
}
