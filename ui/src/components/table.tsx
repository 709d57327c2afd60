/** A table of things, which scrolls by itself where the page is narrow. */
import type { ComponentChildren } from "preact"

/** A head, or a head and what is said of its column: a number, only where there is room, or not seen but read out. */
type Head = string | [text: string, column: "number" | "only-wide" | "unseen"]

interface TableProps {
  label: string
  heads: Head[]
  fixed?: boolean
  /** Whether it stands in a panel already. */
  inside?: boolean
  children: ComponentChildren
}

export function Table({ label, heads, fixed, inside, children }: TableProps) {
  return (
    <div class={inside ? "scroll" : "panel scroll"} tabIndex={0} role="region" aria-label={label}>
      <table class={fixed ? "table fixed" : "table"}>
        <thead>
          <tr>
            {heads.map((head) => {
              const [text, column] = typeof head === "string" ? [head] : head
              return (
                <th key={text} class={column === "unseen" ? undefined : column}>
                  {column === "unseen" ? <span class="unseen">{text}</span> : text}
                </th>
              )
            })}
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </div>
  )
}
