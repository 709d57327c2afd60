/** The kinds of events that webhooks are told of. */
import type { Webhook } from "../../api/types"

export type EventKind = Webhook["events"][number]

export const EVENTS = [
  "run.created",
  "run.deleted",
  "run.renamed",
  "run.restored",
  "run.status_changed",
  "run_tag.deleted",
  "run_tag.set",
  "registered_model.created",
  "registered_model.deleted",
  "registered_model.restored",
  "registered_model.updated",
  "registered_model_tag.deleted",
  "registered_model_tag.set",
  "model_version.attested",
  "model_version.created",
  "model_version.deleted",
  "model_version.restored",
  "model_version.signed",
  "model_version.stage_changed",
  "model_version.updated",
  "model_version_tag.deleted",
  "model_version_tag.set",
  "model_version_alias.created",
  "model_version_alias.deleted",
  "transition_request.approved",
  "transition_request.opened",
  "transition_request.rejected",
  "transition_request.withdrawn",
  "comment.created",
  "comment.deleted",
  "comment.restored",
  "comment.updated",
  "prompt.created",
  "prompt_version.created",
  "prompt_tag.deleted",
  "prompt_tag.set",
  "prompt_version_tag.deleted",
  "prompt_version_tag.set",
  "prompt_alias.created",
  "prompt_alias.deleted",
] as const satisfies EventKind[]

/** Fails to compile when a kind is missing above. */
export const COMPLETE: Exclude<EventKind, (typeof EVENTS)[number]> extends never ? true : never = true
