/** Tabs of a page: which one is shown is part of the address. */
import { place } from "../state/router"

interface TabsProps {
  label: string
  tabs: [id: string, text: string][]
  chosen: string
}

export function Tabs({ label, tabs, chosen }: TabsProps) {
  return (
    <nav class="tabs" aria-label={label}>
      {tabs.map(([id, text]) => {
        const query = new URLSearchParams(place.value.query)
        for (const name of ["tab", "path", "model"]) query.delete(name)
        if (id !== tabs[0]![0]) query.set("tab", id)
        const tail = query.size ? `?${query}` : ""
        return (
          <a key={id} href={place.value.path + tail} aria-current={id === chosen ? "page" : undefined}>
            {text}
          </a>
        )
      })}
    </nav>
  )
}
