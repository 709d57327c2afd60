/** Code with its comments, texts, numbers and words of the language marked; a scanner of lines, no parser. */
import type { ComponentChildren } from "preact"

const WORDS: Record<string, string> = {
  python:
    "and as assert async await break class continue def del elif else except finally for from global if import in is " +
    "lambda None nonlocal not or pass raise return try while with yield True False match case self",
  script:
    "const let var function return if else for while class extends new import export from async await true false null " +
    "undefined typeof instanceof throw try catch finally switch case break default interface type",
  shell: "if then else fi for do done while case esac in function export local return echo cd set",
  sql: "select from where group by order having join left right on as and or not insert into values update set delete create",
  data: "true false null yes no none True False None",
}
const LANGUAGES: Record<string, string> = {
  py: "python", py3: "python", python: "python", js: "script", ts: "script", jsx: "script", tsx: "script", java: "script",
  r: "script", c: "script", cpp: "script", go: "script", rs: "script", sh: "shell", bash: "shell", sql: "sql", json: "data",
  jsonl: "data", yaml: "data", yml: "data", toml: "data", ini: "data", cfg: "data", conf: "data", diff: "diff",
  patch: "diff", MLmodel: "data", MLproject: "data", geojson: "data", properties: "data",
} // prettier-ignore
const TOKEN =
  /("""[\s\S]*?(?:"""|$)|'''[\s\S]*?(?:'''|$)|"(?:\\.|[^"\\\n])*"?|'(?:\\.|[^'\\\n])*'?)|((?:#|\/\/|--(?=\s)).*)|\b(\d[\d_]*(?:\.\d+)?(?:[eE][+-]?\d+)?)\b|([A-Za-z_]\w*)/g
/** Longer texts are shown as they are: marking them would hold up the page. */
const LONGEST = 200_000

export function languageOf(name: string): string {
  return LANGUAGES[name.includes(".") ? name.slice(name.lastIndexOf(".") + 1).toLowerCase() : name] ?? ""
}

export function Highlighted({ text, language }: { text: string; language: string }) {
  const known = LANGUAGES[language] ?? language
  return (
    <pre class="source" tabIndex={0}>
      <code>{known && text.length <= LONGEST ? (known === "diff" ? markDiff(text) : marked(text, known)) : text}</code>
    </pre>
  )
}

/** A diff as git writes it: what came and what went, by colour and by the sign that stands there. */
function markDiff(text: string): ComponentChildren[] {
  return text.split("\n").map((line) => {
    const kind = /^(\+\+\+|---|diff |index )/.test(line)
      ? "t-file"
      : line.startsWith("+")
        ? "t-added"
        : line.startsWith("-")
          ? "t-gone"
          : line.startsWith("@@")
            ? "t-place"
            : ""
    return <span class={kind}>{`${line}\n`}</span>
  })
}

function marked(text: string, language: string): ComponentChildren[] {
  const words = new Set((WORDS[language] ?? "").split(" "))
  const made: ComponentChildren[] = []
  let at = 0
  for (const found of text.matchAll(TOKEN)) {
    const [all, quoted, comment, digits, word] = found
    const kind = quoted
      ? "t-text"
      : comment
        ? isComment(comment, language)
          ? "t-comment"
          : ""
        : digits
          ? "t-number"
          : word && words.has(word)
            ? "t-word"
            : ""
    if (!kind) continue
    if (found.index > at) made.push(text.slice(at, found.index))
    made.push(<span class={kind}>{all}</span>)
    at = found.index + all.length
  }
  made.push(text.slice(at))
  return made
}

function isComment(text: string, language: string): boolean {
  if (text.startsWith("#")) return language === "python" || language === "shell" || language === "data"
  return text.startsWith("//") ? language === "script" : language === "sql"
}
