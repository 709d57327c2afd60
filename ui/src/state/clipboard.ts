/** Copying, also where the server is reached by plain HTTP: browsers have their clipboard's API only behind TLS and on this machine. */

export async function copy(text: string): Promise<void> {
  if (navigator.clipboard) return navigator.clipboard.writeText(text)
  const area = document.createElement("textarea")
  area.value = text
  area.readOnly = true
  area.style.cssText = "position:fixed;opacity:0"
  const before = document.activeElement as HTMLElement | null
  // In a modal dialog nothing outside of it can be chosen.
  const place = before?.closest("dialog") ?? document.body
  place.append(area)
  area.select()
  const done = document.execCommand("copy")
  area.remove()
  before?.focus()
  if (!done) throw new Error("This browser does not let the page copy; select the text and copy it yourself")
}
