/** How numbers, times and sizes are written. */

const whole = new Intl.NumberFormat("en-US")

/** A count with separators. */
export function count(value: number, noun?: string): string {
  const text = whole.format(value)
  return noun === undefined ? text : `${text} ${noun}${value === 1 ? "" : "s"}`
}

/** A metric's value in at most six digits; NaN and the infinities are named. */
export function number(value: number | null | undefined): string {
  if (value === null || value === undefined) return ""
  if (Number.isNaN(value)) return "NaN"
  if (value === Infinity) return "+Inf"
  if (value === -Infinity) return "−Inf"
  if (Object.is(value, -0)) return "−0"
  const size = Math.abs(value)
  if (size !== 0 && (size < 1e-4 || size >= 1e9)) {
    const [digits = "", power = ""] = value.toExponential(3).split("e")
    return `${minus(String(Number(digits)))}e${minus(power.replace("+", ""))}`
  }
  if (Number.isInteger(value)) return minus(size >= 10_000 ? whole.format(value) : String(value))
  return minus(String(Number(value.toPrecision(5))))
}

function minus(text: string): string {
  return text.replace("-", "−")
}

/** How long something took. */
export function duration(ms: number): string {
  if (ms < 0) return ""
  if (ms < 1_000) return `${Math.round(ms)} ms`
  const s = ms / 1_000
  if (s < 60) return `${s < 10 ? s.toFixed(1) : Math.round(s)} s`
  const minutes = Math.floor(s / 60)
  if (minutes < 60) return `${minutes} min ${Math.floor(s % 60)} s`
  const hours = Math.floor(minutes / 60)
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} d ${hours % 24} h`
}

/** How long ago a moment was, in the largest unit. */
export function ago(ms: number, now = Date.now()): string {
  const s = Math.round((now - ms) / 1_000)
  if (s < 0) return moment(ms)
  if (s < 45) return "just now"
  const units: [number, string][] = [
    [60, "min"],
    [3_600, "h"],
    [86_400, "d"],
  ]
  if (s < 3_600) return `${Math.max(1, Math.round(s / units[0]![0]))} min ago`
  if (s < 86_400) return `${Math.round(s / units[1]![0])} h ago`
  if (s < 30 * 86_400) return `${Math.round(s / units[2]![0])} d ago`
  return day(ms)
}

/** The local date and time, and how long ago that was unless the date itself says it as well. */
export function dated(ms: number, now = Date.now()): string {
  const s = (now - ms) / 1_000
  return s < 0 || s >= 30 * 86_400 ? moment(ms) : `${moment(ms)} (${ago(ms, now)})`
}

/** The local date and time, to the second. */
export function moment(ms: number): string {
  const date = new Date(ms)
  if (Number.isNaN(date.getTime())) return String(ms) // a year that calendars do not have
  return `${day(ms)} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`
}

export function day(ms: number): string {
  const date = new Date(ms)
  if (Number.isNaN(date.getTime())) return String(ms)
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`
}

function two(value: number): string {
  return String(value).padStart(2, "0")
}

/** A size in bytes, by powers of 1,000. */
export function bytes(size: number): string {
  if (size < 1_000) return `${size} B`
  for (const [n, unit] of ["kB", "MB", "GB"].entries()) {
    const scaled = size / 1_000 ** (n + 1)
    if (scaled < 1_000) return `${scaled < 10 ? scaled.toFixed(1) : Math.round(scaled)} ${unit}`
  }
  return `${(size / 1e12).toFixed(1)} TB`
}

/** A name in which control characters are seen, and those that turn others: they could make a program look like a picture. */
export function plain(name: string): string {
  return name.replaceAll(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, "\ufffd")
}

/** A text in the search language's quotes. */
export function quote(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}

/** A field of the search language; its key is quoted when it must be. */
export function field(entity: "attributes" | "metrics" | "params" | "tags", key: string): string {
  return `${entity}.${/^[A-Za-z_]\w*$/.test(key) ? key : `\`${key.replaceAll("`", "``")}\``}`
}

const BROWSERS: [RegExp, string][] = [
  [/Edg\//, "Edge"],
  [/OPR\//, "Opera"],
  [/Firefox\//, "Firefox"],
  [/Chrom(e|ium)\//, "Chrome"],
  [/Safari\//, "Safari"],
]
const SYSTEMS = ["Windows", "Android", "iPhone", "iPad", "Mac OS X", "Linux"]

/** What a client calls itself, in few words where it is a browser that one knows. */
export function browser(agent: string): string {
  const name = BROWSERS.find(([sign]) => sign.test(agent))?.[1]
  const system = SYSTEMS.find((one) => agent.includes(one))?.replace(" OS X", "")
  return name && system ? `${name} on ${system}` : agent || "Unknown"
}
