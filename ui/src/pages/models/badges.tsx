/** Marks of versions: stage, aliases, state. */
import type { ModelVersion } from "../../api/types"

export type Stage = ModelVersion["stage"]
export const STAGES: Stage[] = ["None", "Staging", "Production", "Archived"]
const MEANING: Record<Stage, string> = { None: "", Staging: "warn", Production: "good", Archived: "" }

export function StageBadge({ stage, version }: { stage: Stage; version?: number }) {
  if (stage === "None") return null
  return (
    <span class={`badge ${MEANING[stage]}`}>
      {stage}
      {version !== undefined && ` ${version}`}
    </span>
  )
}

export function AliasBadge({ alias, version }: { alias: string; version?: number }) {
  return (
    <span class="badge busy cut" title={`@${alias}`}>
      @{alias}
      {version !== undefined && ` ${version}`}
    </span>
  )
}

export function modelHref(name: string): string {
  return `/models/${encodeURIComponent(name)}`
}

export function versionHref(name: string, version: number | string): string {
  return `${modelHref(name)}/versions/${version}`
}
