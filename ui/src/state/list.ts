/** Lists in one field of an address. */

/** Items divided by commas; commas and percent signs of the items themselves are escaped. */
export function readList(text: string | null): string[] {
  if (!text) return []
  return text.split(",").map((item) => item.replaceAll("%2C", ",").replaceAll("%25", "%"))
}

export function writeList(items: string[]): string {
  return items.map((item) => item.replaceAll("%", "%25").replaceAll(",", "%2C")).join(",")
}
