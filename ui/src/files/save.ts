/** What the page has made, as a file for the person who looks at it. */
export function save(name: string, type: string, parts: BlobPart[]): void {
  const href = URL.createObjectURL(new Blob(parts, { type }))
  const link = document.createElement("a")
  link.href = href
  link.download = name
  link.click()
  setTimeout(() => URL.revokeObjectURL(href), 10_000)
}
