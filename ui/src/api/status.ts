import type { Run } from "./types"

export type RunStatus = Run["status"]
