/**
 * Markdown as people write it in notes, as elements: markup in it is text, and links lead to the web or to this server.
 *
 * Headings, paragraphs, lists, quotes, fences, tables and rules; in lines: code, strong, emphasis, strikes, links. An image
 * is shown as the link that it is, because nothing of another origin is fetched.
 */
import type { ComponentChildren } from "preact"
import { Highlighted } from "./highlight"

const BLOCK = /^(#{1,6} |>|```|~~~|\s*[-*+] |\s*\d+[.)] |\|)/
const INLINE =
  /(`+)([^`]+?)\1|\*\*([^*]+?)\*\*|__([^_]+?)__|\*([^*\s][^*]*?)\*|(?<!\w)_([^_\s][^_]*?)_(?!\w)|~~([^~]+?)~~|(!?)\[([^\]]*)\]\(([^()\s]+)(?:\s+"[^"]*")?\)|(https?:\/\/[^\s<>()]+[^\s<>().,;:!?])/

/** Where a link may lead: the web, a mail, or a page of this server. */
export function safeHref(href: string): string | null {
  if (/^(https?:\/\/|mailto:)/i.test(href)) return href
  return /^(\/(?![/\\])|#|\?)/.test(href) ? href : null
}

/** The beginning of a text for a cell of a table, without its marks. */
export function firstWords(text: string): string {
  const plain = text.slice(0, 300).replace(/\[([^\]]*)\]\([^)]*\)/g, "$1").replace(/[#*`>|]+/g, "")
  return plain.replace(/\s+/g, " ").trim().slice(0, 200)
}

export function Markdown({ text }: { text: string }) {
  return <div class="markdown" dir="auto">{blocks(text.slice(0, 200_000).split(/\r?\n/))}</div>
}

function blocks(lines: string[]): ComponentChildren[] {
  const made: ComponentChildren[] = []
  let at = 0
  const take = (belongs: (line: string) => boolean) => {
    const taken: string[] = []
    while (at < lines.length && belongs(lines[at]!)) taken.push(lines[at++]!)
    return taken
  }
  while (at < lines.length) {
    const line = lines[at]!
    const fence = /^(```+|~~~+)\s*(\S*)/.exec(line)
    const heading = /^(#{1,6}) (.*?)\s*#*$/.exec(line)
    if (!line.trim()) at++
    else if (fence) {
      at++
      const code = take((one) => !one.startsWith(fence[1]!))
      at++
      made.push(<Highlighted text={code.join("\n")} language={fence[2] ?? ""} />)
    } else if (heading) {
      at++
      const Level = `h${Math.min(6, heading[1]!.length + 2)}` as "h3"
      made.push(<Level>{inline(heading[2]!)}</Level>)
    } else if (/^\s*([-*_])(\s*\1){2,}\s*$/.test(line)) {
      at++
      made.push(<hr />)
    } else if (line.startsWith(">")) {
      made.push(<blockquote>{blocks(take((one) => one.startsWith(">")).map((one) => one.replace(/^> ?/, "")))}</blockquote>)
    } else if (line.startsWith("|") && /^\|?[\s:|-]+$/.test(lines[at + 1] ?? "")) {
      made.push(table(take((one) => one.startsWith("|"))))
    } else if (/^\s*([-*+]|\d+[.)]) /.test(line)) {
      made.push(list(take((one) => /^\s*([-*+]|\d+[.)]) /.test(one) || /^\s{2,}\S/.test(one))))
    } else {
      const first = lines[at++]!
      const rest = take((one) => one.trim() !== "" && !BLOCK.test(one))
      made.push(<p>{inline([first, ...rest].join("\n"))}</p>)
    }
  }
  return made
}

function list(lines: string[]): ComponentChildren {
  const ordered = /^\s*\d/.test(lines[0]!)
  const indent = /^\s*/.exec(lines[0]!)![0].length
  const items: string[][] = []
  for (const line of lines) {
    const mark = /^(\s*)(?:[-*+]|\d+[.)]) (.*)$/.exec(line)
    if (mark && mark[1]!.length <= indent) items.push([mark[2]!])
    else items.at(-1)!.push(line.slice(Math.min(indent + 2, /^\s*/.exec(line)![0].length)))
  }
  const made = items.map(([first = "", ...rest]) => (
    <li>
      {inline(first)}
      {rest.length > 0 && blocks(rest)}
    </li>
  ))
  return ordered ? <ol>{made}</ol> : <ul>{made}</ul>
}

function table(lines: string[]): ComponentChildren {
  const cells = (line: string) => line.replace(/^\||\|\s*$/g, "").split("|").map((cell) => cell.trim())
  const [head = "", , ...body] = lines
  return (
    <div class="scroll" tabIndex={0}>
      <table class="table">
        <thead>
          <tr>
            {cells(head).map((cell) => (
              <th>{inline(cell)}</th>
            ))}
          </tr>
        </thead>
        <tbody>
          {body.map((line) => (
            <tr>
              {cells(line).map((cell) => (
                <td>{inline(cell)}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

function inline(text: string): ComponentChildren[] {
  const made: ComponentChildren[] = []
  let left = text
  for (let found = INLINE.exec(left); found; found = INLINE.exec(left)) {
    if (found.index) made.push(left.slice(0, found.index))
    made.push(mark(found))
    left = left.slice(found.index + found[0].length)
  }
  if (left) made.push(left)
  return made
}

function mark(found: RegExpExecArray): ComponentChildren {
  const [all, , code, strong, strong2, emphasis, emphasis2, struck, , label, href, bare] = found
  if (code !== undefined) return <code>{code}</code>
  if (strong ?? strong2) return <strong>{inline((strong ?? strong2)!)}</strong>
  if (emphasis ?? emphasis2) return <em>{inline((emphasis ?? emphasis2)!)}</em>
  if (struck) return <s>{struck}</s>
  const to = safeHref(bare ?? href ?? "")
  if (to === null) return all
  return (
    <a href={to} rel="noreferrer noopener" {...(to.startsWith("http") ? { target: "_blank" } : {})}>
      {bare ?? (label || to)}
    </a>
  )
}
