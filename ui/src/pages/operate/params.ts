/** Params as people write them: one a line, name=value. */
import { ApiError } from "../../api/client"

/** Throws ApiError for a line that is none. */
export function readParams(text: string): Record<string, string> {
  const params: Record<string, string> = Object.create(null) // where no name is special
  for (const line of text.split("\n").filter((one) => one.trim() !== "")) {
    const at = line.indexOf("=")
    const name = line.slice(0, at).trim()
    if (at < 0 || name === "") throw new ApiError(0, "", `“${line.trim()}” is no param`, "write name=value, one a line")
    if (Object.hasOwn(params, name)) throw new ApiError(0, "", `“${name}” is given twice`, "give each param once")
    params[name] = line.slice(at + 1).trim()
  }
  return params
}
