/** Tabs of a page: which one is shown is part of the address. */
import { useEffect, useRef } from "preact/hooks"
import { place } from "../state/router"

interface TabsProps {
  label: string
  tabs: [id: string, text: string][]
  chosen: string
}

export function Tabs({ label, tabs, chosen }: TabsProps) {
  const row = useRef<HTMLElement>(null)
  useEffect(() => {
    const { current } = row
    const here = current?.querySelector<HTMLElement>("[aria-current]")
    if (here) current!.scrollLeft = here.offsetLeft - (current!.clientWidth - here.offsetWidth) / 2
  }, [chosen])
  return (
    <nav class="tabs" aria-label={label} ref={row}>
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
