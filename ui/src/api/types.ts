// Generated from the table of operations by `make docs`; not to be edited.

/** Name an alias of a registered model; ``latest`` always stands for the newest version. */
export interface Alias {
  name: string
  alias: string
}

/** Say that a server serves a version; again, with the same ``server_id``, when it serves another. */
export interface AnnounceServer {
  name: string
  server_id: string
  model: string
  version: number
  follows?: string
  address?: string
  lease_ms?: number
}

/** Vouch that a version's evaluation passed, or take that back. */
export interface AttestVersion {
  name: string
  version: number
  what?: "evaluation"
  passed?: boolean
  note?: string
}

/** One change, or one call that was refused: who did what to which object, when, by which request, from where. */
export interface AuditEntry {
  time_ms: number
  actor: string
  operation: string
  object: string
  request_id: string
  detail: string
  address: string
  before: string
  after: string
  salt: string
  sealed: string
  number: number
  hash: string
}

/** One page; an empty token means that it is the last. */
export interface AuditPage {
  entries: AuditEntry[]
  next_page_token: string
}

/** What came of it. */
export interface AuditVerdict {
  intact: boolean
  fault: string
  first: number
  last: number
  hash: string
  erased: number
}

/** Have a time of a schedule not run, or its run ended. */
export interface CancelTick {
  name: string
  tick_id: string
}

/** Change one's own password: it ends all of one's sessions. */
export interface ChangePassword {
  current: string
  password: string
}

/** Take the time that has waited longest, to run it. */
export interface ClaimTick {
  holder: string
  worker: string
  lease_ms?: number
}

/** What was taken: nothing when ``tick`` is None. */
export interface ClaimedTick {
  schedule: string
  tick: Tick | null
  launch: Launch | null
}

/** A remark on a registered model, or on one of its versions. */
export interface Comment {
  comment_id: string
  version: number | null
  author: string
  created_ms: number
  updated_ms: number
  text: string
}

/** One page; an empty token means that it is the last. */
export interface CommentPage {
  comments: Comment[]
  next_page_token: string
}

/** Register a copy of a version under another name, or again under its own. */
export interface CopyModelVersion {
  name: string
  version: number
  to: string
  external_key?: string
}

/** Give a param a new value; the old one stays visible with who, when and why. */
export interface CorrectParam {
  run_id: string
  key: string
  value: string
  reason?: string
  actor?: string
  replaced_ms?: number | null
}

/** Comment on a registered model, or on one of its versions. */
export interface CreateComment {
  name: string
  text: string
  version?: number | null
}

/** Create an experiment. */
export interface CreateExperiment {
  name: string
  artifact_location?: string
  tags?: Record<string, string>
  if_exists?: "error" | "return"
  unique_among?: "all" | "live"
  experiment_id?: string
  created_ms?: number | null
  updated_ms?: number | null
}

/** Give a role; in place of the one that the same subject has on the same target. See ``Grant``. */
export interface CreateGrant {
  subject_kind: "everyone" | "team" | "user"
  subject?: string
  target_kind: "endpoint" | "experiment" | "registered_model" | "schedule" | "workspace"
  target?: string
  role: string
}

/** Hold something; several holds on the same are released one by one. */
export interface CreateHold {
  target_kind: "experiment" | "registered_model" | "workspace"
  target?: string
  reason: string
}

/** Create the record of a model; ``model_id`` only to keep an id (imports, retries), ``created_ms`` for imports. */
export interface CreateLoggedModel {
  experiment_id: string
  name?: string
  model_type?: string
  source_run_id?: string
  params?: Record<string, string>
  tags?: Record<string, string>
  model_id?: string
  created_ms?: number | null
}

/** Register a model under a name, as its next version. */
export interface CreateModelVersion {
  name: string
  source: string
  run_id?: string
  model_id?: string
  run_link?: string
  description?: string
  tags?: Record<string, string>
  status?: "FAILED" | "PENDING" | "READY"
  external_key?: string
  version?: number | null
  created_ms?: number | null
}

/** Create a registered model; ``owner`` is the caller unless given, ``created_ms`` is for imports. */
export interface CreateRegisteredModel {
  name: string
  description?: string
  tags?: Record<string, string>
  owner?: string
  if_exists?: "error" | "return"
  created_ms?: number | null
}

/** Start a run. */
export interface CreateRun {
  experiment_id?: string
  experiment_name?: string
  run_id?: string
  external_key?: string
  name?: string
  user?: string
  start_ms?: number | null
  status?: "FAILED" | "FINISHED" | "KILLED" | "LOST" | "RUNNING" | "SCHEDULED"
  parent_run_id?: string
  tags?: Record<string, string>
  if_exists?: "error" | "return"
  lease_ms?: number | null
}

/** Run a project by the clock. */
export interface CreateSchedule {
  name: string
  cron: string
  launch: Launch
  time_zone?: string
  catch_up?: "all" | "last" | "none"
  catch_up_limit?: number
  overlap?: "allow" | "cancel_previous" | "queue" | "skip"
  paused?: boolean
}

/** Create a team without members. */
export interface CreateTeam {
  team: string
  description?: string
}

/** Make a token of one's own, or, as an administrator, of a service account. */
export interface CreateToken {
  name: string
  user?: string
  role?: string
  workspace?: string
  expires_ms?: number | null
}

/** Create a user. Without a password, a person gets an invitation: a link that sets one, valid for a week. */
export interface CreateUser {
  name: string
  kind?: "service" | "user"
  is_admin?: boolean
  password?: string
}

/** Have an address told of what happens. */
export interface CreateWebhook {
  name: string
  url: string
  events: ("comment.created" | "comment.deleted" | "comment.restored" | "comment.updated" | "model_version.attested" | "model_version.created" | "model_version.deleted" | "model_version.restored" | "model_version.signed" | "model_version.stage_changed" | "model_version.updated" | "model_version_alias.created" | "model_version_alias.deleted" | "model_version_tag.deleted" | "model_version_tag.set" | "prompt.created" | "prompt_alias.created" | "prompt_alias.deleted" | "prompt_tag.deleted" | "prompt_tag.set" | "prompt_version.created" | "prompt_version_tag.deleted" | "prompt_version_tag.set" | "registered_model.created" | "registered_model.deleted" | "registered_model.restored" | "registered_model.updated" | "registered_model_tag.deleted" | "registered_model_tag.set" | "run.created" | "run.deleted" | "run.renamed" | "run.restored" | "run.status_changed" | "run_tag.deleted" | "run_tag.set" | "transition_request.approved" | "transition_request.opened" | "transition_request.rejected" | "transition_request.withdrawn")[]
  description?: string
  secret?: string
  enabled?: boolean
}

/** Create a workspace, with users who have the role ``admin`` in it from the start. */
export interface CreateWorkspace {
  name: string
  description?: string
  admins?: string[]
}

/** The token; ``secret`` is what is sent, shown this once. */
export interface CreatedToken {
  token: Token
  secret: string
}

/** The user; ``invitation`` is the secret of the link ``/join#<invitation>``, shown this once. */
export interface CreatedUser {
  user: User
  invitation: string
}

/** A thinned series in step order: ``shown`` of ``count`` points. */
export interface Curve {
  run_id: string
  series: Series
  shown: number
  count: number
}

/** One curve for each run that has the metric, in the order asked. */
export interface Curves {
  curves: Curve[]
}

/** A data set by name and digest; schema and profile are JSON texts. */
export interface Dataset {
  name: string
  digest: string
  source_type: string
  source: string
  schema: string | null
  profile: string | null
}

/** A data set as a run used it; the tag ``mlflow.data.context`` says for what (training, validation, ...). */
export interface DatasetInput {
  dataset: Dataset
  tags: Record<string, string>
}

/** Data sets by name, digest and context. */
export interface DatasetList {
  datasets: DatasetSummary[]
}

/** A data set by name, and by digest when given. */
export interface DatasetRef {
  name: string
  digest?: string | null
}

/** A data set of an experiment in one context of use. */
export interface DatasetSummary {
  experiment_id: string
  name: string
  digest: string
  context: string | null
}

/** Approve an open request, which carries it out; reject it; or withdraw one's own. */
export interface DecideRequest {
  name: string
  request_id: string
  decision: "approve" | "reject" | "withdraw"
  reason?: string
}

/** Delete a comment of one's own. */
export interface DeleteComment {
  name: string
  comment_id: string
}

/** Move an experiment and its live runs to the trash; ``deleted_ms`` only for imports, when that was. */
export interface DeleteExperiment {
  experiment_id: string
  deleted_ms?: number | null
}

/** Delete one tag of a live experiment. */
export interface DeleteExperimentTag {
  experiment_id: string
  key: string
}

/** Delete a file, or a folder with all below it; what is not there is no error. ``dry_run`` only counts. */
export interface DeleteFiles {
  path: string
  dry_run?: boolean
}

/** Move a model's record to the trash; ``deleted_ms`` only for imports, when that was. */
export interface DeleteLoggedModel {
  model_id: string
  deleted_ms?: number | null
}

/** Delete one tag of a model. */
export interface DeleteLoggedModelTag {
  model_id: string
  key: string
}

/** End all sessions but the one that asks; ``user`` as in the list. */
export interface DeleteOtherSessions {
  user?: string
}

/** Delete one tag of a registered model. */
export interface DeleteRegisteredModelTag {
  name: string
  key: string
}

/** Move a run to the trash; ``deleted_ms`` only for imports, when that was. */
export interface DeleteRun {
  run_id: string
  deleted_ms?: number | null
}

/** Delete one tag of a live run. */
export interface DeleteRunTag {
  run_id: string
  key: string
}

/** Delete one tag of a version. */
export interface DeleteVersionTag {
  name: string
  version: number
  key: string
}

/** How much a delete removed, or would. */
export interface DeletedFiles {
  files: number
  size_bytes: number
}

/** One event on its way to one webhook. */
export interface Delivery {
  delivery_id: string
  webhook_id: string
  event: string
  body: string
  state: "dead" | "delivered" | "pending"
  is_test: boolean
  created_ms: number
  next_ms: number | null
  attempts: DeliveryAttempt[]
}

/** One try: the status that came back, or (0) why none did. What the receiver answered beside that is not read. */
export interface DeliveryAttempt {
  time_ms: number
  status: number
  error: string
  took_ms: number
}

/** Name one delivery. */
export interface DeliveryName {
  webhook_id: string
  delivery_id: string
}

/** One page; an empty token means that it is the last. */
export interface DeliveryPage {
  deliveries: Delivery[]
  next_page_token: string
}

/** Nothing to say but that it is done. */
export interface Empty {
}

/** Say that a server stops. */
export interface EndServer {
  name: string
  server_id: string
}

/** How many sessions ended. */
export interface EndedSessions {
  ended: number
}

/** An endpoint; its servers are those that serve now, and who did last, the oldest first. */
export interface Endpoint {
  name: string
  created_by: string
  created_ms: number
  servers: EndpointServer[]
}

/** Name an endpoint. */
export interface EndpointName {
  name: string
}

/** One page; an empty token means that it is the last. */
export interface EndpointPage {
  endpoints: Endpoint[]
  next_page_token: string
}

/** A server of an endpoint, as it told of itself. */
export interface EndpointServer {
  server_id: string
  state: "ended" | "lost" | "serving"
  model: string
  version: number
  follows: string
  address: string
  announced_by: string
  since_ms: number
  version_since_ms: number
  lease_until_ms: number
  ended_ms: number | null
}

/** What a run was executed with, as data. */
export interface Environment {
  python: string
  implementation: string
  platform: string
  host: string
  command: string[]
  working_dir: string
  packages: Record<string, string>
  variables: Record<string, string>
  hardware: Record<string, string>
  git: GitState | null
}

/** Delete a user, and put a pseudonym where the name is; ``dry_run`` only counts. */
export interface EraseUser {
  name: string
  dry_run?: boolean
}

/** Remove an archived workspace with all that it has, a part at a time; ``dry_run`` only counts. */
export interface EraseWorkspace {
  name: string
  dry_run?: boolean
}

/** What came of it. */
export interface ErasedUser {
  pseudonym: string
  changed: Record<string, number>
  dry_run: boolean
}

/** What one call removed, or all that there is to remove. */
export interface ErasedWorkspace {
  experiments: number
  runs: number
  logged_models: number
  registered_models: number
  files: number
  file_bytes: number
  webhooks: number
  schedules: number
  endpoints: number
  audit_entries: number
  audit_hash: string
  complete: boolean
  dry_run: boolean
}

/** A named group of runs. ``experiment_id`` is a decimal number as text; times are ms since 1970 UTC. */
export interface Experiment {
  experiment_id: string
  name: string
  artifact_location: string
  lifecycle: "active" | "deleted"
  created_ms: number
  updated_ms: number
  deleted_ms: number | null
  tags: Record<string, string>
  workspace: string
}

/** One page; an empty token means that it is the last. */
export interface ExperimentPage {
  experiments: Experiment[]
  next_page_token: string
}

/** Summaries, by experiment number. */
export interface ExperimentSummaries {
  summaries: ExperimentSummary[]
}

/** What goes on in an experiment. */
export interface ExperimentSummary {
  experiment_id: string
  runs: number
  running: number
  last_activity_ms: number | null
}

/** Ask whether a user may do something to an object, and why. */
export interface Explain {
  user: string
  operation: string
  target?: string
}

/** The answer: what is needed, and each way in which the user has it. */
export interface Explanation {
  allowed: boolean
  permission: "admin" | "create" | "delete" | "manage" | "read" | "write"
  reasons: string[]
}

/** Begin to take a copy of all that the caller's workspace has; only who may read all of it may. */
export interface ExportWorkspace {
}

/** A file or folder; a folder has neither size nor digest. */
export interface FileEntry {
  path: string
  is_dir: boolean
  size_bytes: number | null
  sha256: string | null
  modified_ms: number | null
}

/** One page of a folder. */
export interface FileList {
  files: FileEntry[]
  next_page_token: string
}

/** Get one metric of several runs, thinned for drawing, or what a formula of metrics comes to at each step. */
export interface GetCurves {
  run_ids: string[]
  key?: string
  formula?: string
  points?: number
  start_step?: number | null
  end_step?: number | null
}

/** Get an experiment by id, in the trash or not. */
export interface GetExperiment {
  experiment_id: string
}

/** Get the experiment of exactly this name; a live one first, then (``view="all"``) the newest in the trash. */
export interface GetExperimentByName {
  name: string
  view?: "active" | "all" | "deleted"
}

/** Get the points of one metric ordered by (time, step, value), equal points once; ``limit`` None for all. */
export interface GetHistory {
  run_id: string
  key: string
  limit?: number | null
  page_token?: string
}

/** Get the newest version of each of some stages, or (none given) of every stage. */
export interface GetLatestVersions {
  name: string
  stages?: ("Archived" | "None" | "Production" | "Staging")[]
}

/** Ask for the limits that are in force. */
export interface GetLimits {
}

/** Follow what something came from and what came of it; ``digest`` narrows a data set down. */
export interface GetLineage {
  kind: "dataset" | "endpoint" | "model" | "run" | "version"
  id: string
  digest?: string
  direction?: "both" | "downstream" | "upstream"
}

/** Get what up to 100 runs say of earlier ones; runs that are not there or not seen say nothing. */
export interface GetLinks {
  run_ids: string[]
}

/** Get a model's record; one in the trash only on request. */
export interface GetLoggedModel {
  model_id: string
  allow_deleted?: boolean
}

/** Get what was done to a registered model and its versions, or to one version, newest first. */
export interface GetModelHistory {
  name: string
  version?: number | null
  limit?: number
  page_token?: string
}

/** Get the versions that have a stage, or (``alias``) that an alias stands for, ordered by name and number. */
export interface GetPortfolio {
  stage?: "Archived" | "None" | "Production" | "Staging"
  alias?: string
  limit?: number
  page_token?: string
}

/** Get the policy of the caller's workspace. */
export interface GetRetention {
}

/** Ask what a policy takes and when, what is kept from it, and what was removed lately. */
export interface GetRetentionReport {
  trash_ms?: number | null
  since_ms?: number | null
}

/** Get a run by id or by its external key, in the trash or not. */
export interface GetRun {
  run_id?: string
  external_key?: string
}

/** Search runs and return all of them, up to ``limit``, as columns. */
export interface GetRunTable {
  experiment_ids?: string[] | null
  filter?: string
  order_by?: string[]
  view?: "active" | "all" | "deleted"
  limit?: number
}

/** Get the descendants of a run to a depth, or (``root=True``) of its topmost ancestor. */
export interface GetRunTree {
  run_id: string
  depth?: number
  root?: boolean
}

/** Get up to 1,000 runs by their ids, in the trash or not; one that is not there is left out. */
export interface GetRuns {
  run_ids: string[]
}

/** Count what the caller's workspace holds. */
export interface GetUsage {
}

/** The source's git state; ``diff`` is a patch to the commit, cut at 1 MiB of known files (``diff_truncated``). */
export interface GitState {
  commit: string
  branch: string
  remote: string
  dirty: boolean
  diff: string
  diff_truncated: boolean
  root: string
  left_out: LeftOutFile[]
  left_out_truncated: boolean
}

/** A role that somebody has on something. */
export interface Grant {
  grant_id: string
  subject_kind: "everyone" | "team" | "user"
  subject: string
  subject_number: number
  target_kind: "endpoint" | "experiment" | "registered_model" | "schedule" | "workspace"
  target: string
  role: string
  created_ms: number
  created_by: string
}

/** Name a grant. */
export interface GrantId {
  grant_id: string
}

/** Grants, oldest first. */
export interface GrantList {
  grants: Grant[]
}

/** A metric of a group's runs; NaN is left out of ``mean``, ``min`` and ``max``, which are None without numbers. */
export type GroupMetric = [runs: number, mean: number | null, min: number | null, max: number | null]

/** Put found runs into groups that are equal in some fields. */
export interface GroupRuns {
  experiment_ids?: string[] | null
  filter?: string
  view?: "active" | "all" | "deleted"
  by: string[]
  metrics?: string[]
  limit?: number
}

/** One page of a series as columns. */
export interface History {
  series: Series
  count: number
  next_page_token: string
}

/** A hold, who placed it and why; ``target`` is an experiment's id or a model's name, "" for the whole workspace. */
export interface Hold {
  hold_id: string
  target_kind: "experiment" | "registered_model" | "workspace"
  target: string
  reason: string
  created_ms: number
  created_by: string
}

/** Holds, oldest first. */
export interface HoldList {
  holds: Hold[]
}

/** Who calls, by which means, and what the caller may do in the whole workspace. ``number`` 0 for no user. */
export interface Identity {
  number: number
  name: string
  kind: string
  is_admin: boolean
  means: string
  workspace: string
  permissions: ("admin" | "create" | "delete" | "manage" | "read" | "write")[]
  has_role: boolean
  administrators: string[]
}

/** Bring over a registered model, or what is new of it since it was brought over from the same origin. */
export interface ImportRegisteredModel {
  origin: string
  model: PastRegistered
}

/** What was new: whether the model itself, which versions, how much beside them; ``left_out`` says why. */
export interface ImportedModel {
  name: string
  is_new: boolean
  versions: number[]
  comments: number
  events: number
  requests: number
  left_out: Record<string, string>
}

/** Search runs and return nothing but their ids in order: all of them, or ``limit`` from the place ``first`` on. */
export interface IndexRuns {
  experiment_ids?: string[] | null
  filter?: string
  order_by?: string[]
  view?: "active" | "all" | "deleted"
  first?: number
  limit?: number
}

/** Log to one run: all of it or nothing, in one transaction. An empty one renews the run's lease. */
export interface Ingest {
  run_id: string
  session_id?: string
  first?: number
  last?: number
  lease_ms?: number | null
  series?: Series[]
  params?: Record<string, string>
  tags?: Record<string, string>
  datasets?: DatasetInput[]
  model_inputs?: string[]
  model_outputs?: ModelOutput[]
  model_metrics?: ModelMetric[]
}

/** Whether the request was applied now, and the greatest sequence number known of its session. */
export interface Ingested {
  applied: boolean
  acknowledged: number
}

/** Look at the database itself. */
export interface InspectStore {
}

/** A task that one of all replicas carries out again and again, and how it went. */
export interface Job {
  name: string
  purpose: string
  interval_ms: number
  began_ms: number
  ended_ms: number
  times: number
  failures: number
  error: string
  error_ms: number | null
}

/** All that have been carried out on this store, by name; none where no server has done them yet. */
export interface JobList {
  jobs: Job[]
}

/** What to run: a project, as ``trackway run`` takes it. What is empty is left to that command. */
export interface Launch {
  uri: string
  version: string
  entry_point: string
  params: Record<string, string>
  experiment: string
  backend: string
  backend_config: string
  env_manager: string
}

/** A file of a work tree that neither the commit nor ``GitState.diff`` holds; ``reason`` says why not. */
export interface LeftOutFile {
  path: string
  size_bytes: number
  modified_ns: number
  reason: string
}

/** Limits by name: those of the limits page, and what the answering server was set to. */
export interface Limits {
  limits: Record<string, number>
}

/** What was found, the start first; ``truncated`` when there is more than the limit. */
export interface Lineage {
  nodes: LineageNode[]
  edges: LineageEdge[]
  truncated: boolean
}

/** One step: what was used, and what came of it, by their places in the list of nodes; ``link`` between runs. */
export interface LineageEdge {
  source: number
  target: number
  link: "made_by" | "reproduces" | "retry_of" | "uses" | null
}

/** A data set or an endpoint (``id`` is its name), a run, a logged model, or a version (``name/number``). */
export interface LineageNode {
  kind: "dataset" | "endpoint" | "model" | "run" | "version"
  id: string
  digest: string
}

/** What a run says of an earlier one. */
export interface Link {
  run_id: string
  kind: "made_by" | "reproduces" | "retry_of" | "uses"
  earlier_run_id: string
}

/** Links of several runs, those of one together, to the newest runs first. */
export interface LinkList {
  links: Link[]
}

/** Name a link: what a run says of an earlier one, of any experiment of the workspace. */
export interface LinkName {
  run_id: string
  kind: "made_by" | "reproduces" | "retry_of" | "uses"
  earlier_run_id: string
}

/** List the comments on a registered model and its versions, or on one version, newest first. */
export interface ListComments {
  name: string
  version?: number | null
  limit?: number
  page_token?: string
}

/** List what was, is, or could not be delivered to a webhook, newest first. */
export interface ListDeliveries {
  webhook_id: string
  state?: "dead" | "delivered" | "pending" | null
  limit?: number
  page_token?: string
}

/** List endpoints by name: all of them, or those that serve a model (or one version of it) now. */
export interface ListEndpoints {
  model?: string
  version?: number | null
  limit?: number
  page_token?: string
}

/** List a folder of the workspace's file tree, or (``recursive``) every file below it, in path order. */
export interface ListFiles {
  folder: string
  recursive?: boolean
  limit?: number
  page_token?: string
}

/** List grants of the workspace, perhaps of one subject or on one kind of target. */
export interface ListGrants {
  subject_kind?: "everyone" | "team" | "user" | null
  subject?: string
  target_kind?: "endpoint" | "experiment" | "registered_model" | "schedule" | "workspace" | null
  target?: string
}

/** List the holds of the workspace. */
export interface ListHolds {
}

/** List the server's own background work. */
export interface ListJobs {
}

/** Ask what one was given in the workspace. */
export interface ListOwnGrants {
}

/** List requests about a registered model, or about one version, newest first. */
export interface ListRequests {
  name: string
  version?: number | null
  state?: "approved" | "open" | "rejected" | "withdrawn" | null
  limit?: number
  page_token?: string
}

/** List the roles of the workspace. */
export interface ListRoles {
}

/** List the names of what runs of some experiments (None: of the newest 100) have. */
export interface ListRunFields {
  experiment_ids?: string[] | null
}

/** List what a run says of earlier ones, and later ones of it; at most ``limit`` of each. */
export interface ListRunLinks {
  run_id: string
  limit?: number
}

/** List different values of a param or tag, or of an attribute of text, that begin with a prefix. */
export interface ListRunValues {
  experiment_ids?: string[] | null
  entity: "attribute" | "param" | "tag"
  key: string
  prefix?: string
  limit?: number
}

/** List schedules by name. */
export interface ListSchedules {
  limit?: number
  page_token?: string
}

/** List one's own sessions, or, as an administrator, those of another user. */
export interface ListSessions {
  user?: string
}

/** List one's own sign-ins, good and refused, or, as an administrator, those of another user. */
export interface ListSignIns {
  user?: string
  limit?: number
}

/** List the trusted keys. */
export interface ListSigningKeys {
}

/** List the teams of the workspace. */
export interface ListTeams {
}

/** List the times of a schedule and what became of them, newest first. */
export interface ListTicks {
  name: string
  state?: "cancelled" | "claimed" | "failed" | "finished" | "lost" | "missed" | "queued" | "running" | "skipped" | null
  limit?: number
  page_token?: string
}

/** List one's own tokens, or, as an administrator, those of another user. */
export interface ListTokens {
  user?: string
}

/** List users by name. */
export interface ListUsers {
  limit?: number
  page_token?: string
}

/** List webhooks, oldest first. */
export interface ListWebhooks {
  limit?: number
  page_token?: string
}

/** List the workspaces in which the caller has any role; all of them for an administrator of the installation. */
export interface ListWorkspaces {
}

/** Record a run's environment; equal ones are stored once. */
export interface LogEnvironment {
  run_id: string
  environment: Environment
}

/** Add params to a model; a key that is there already is refused. */
export interface LogModelParams {
  model_id: string
  params: Record<string, string>
}

/** A metric point of a logged model, and the run that logged it. */
export interface LoggedMetric {
  model_id: string
  key: string
  value: number
  time_ms: number
  step?: number
  dataset_name?: string | null
  dataset_digest?: string | null
  run_id?: string
}

/** A model that was logged, ready or not. */
export interface LoggedModel {
  model_id: string
  experiment_id: string
  name: string
  model_type: string
  source_run_id: string
  artifact_uri: string
  status: "PENDING" | "READY" | "UNSPECIFIED" | "UPLOAD_FAILED"
  status_message: string | null
  created_ms: number
  updated_ms: number
  lifecycle: "active" | "deleted"
  params: Record<string, string>
  tags: Record<string, string>
  metrics: LoggedMetric[]
}

/** One page; an empty token means that it is the last. */
export interface LoggedModelPage {
  models: LoggedModel[]
  next_page_token: string
}

/** What is known of one series without reading its points. */
export type MetricSummary = [last_step: number, last_time_ms: number, last_value: number, min_value: number | null, min_step: number | null, max_value: number | null, max_step: number | null, count: number, nan_count: number]

/** One change of a registered model (``version`` None) or of a version: who did what, when, with which detail. */
export interface ModelEvent {
  time_ms: number
  actor: string
  action: string
  version: number | null
  detail: Record<string, string>
}

/** One page; an empty token means that it is the last. */
export interface ModelHistory {
  events: ModelEvent[]
  next_page_token: string
}

/** A point that belongs to a logged model also, perhaps as measured on a data set. */
export interface ModelMetric {
  model_id: string
  key: string
  value: number
  time_ms: number
  step?: number
  dataset_name?: string | null
  dataset_digest?: string | null
}

/** One term of an order; a metric may be tied to a data set. */
export interface ModelOrder {
  field: string
  ascending?: boolean
  dataset?: DatasetRef | null
}

/** A model that a run made, at a step. */
export interface ModelOutput {
  model_id: string
  step: number
}

/** What is asked of the versions of a registered model. */
export interface ModelPolicy {
  rules: PolicyRule[]
}

/** One numbered, immutable model under a name. */
export interface ModelVersion {
  name: string
  version: number
  status: "FAILED" | "PENDING" | "READY"
  status_message: string
  stage: "Archived" | "None" | "Production" | "Staging"
  source: string
  location: string
  run_id: string
  model_id: string
  run_link: string
  description: string
  user: string
  created_ms: number
  updated_ms: number
  staged_ms: number | null
  staged_by: string
  signed_by: string[]
  evaluated_by: string
  copied_from: string
  digest: string
  content_location: string
  tags: Record<string, string>
  aliases: string[]
  endpoints: string[]
}

/** One page; an empty token means that it is the last. */
export interface ModelVersionPage {
  versions: ModelVersion[]
  next_page_token: string
}

/** Move runs, with their descendants, to another live experiment. */
export interface MoveRuns {
  run_ids: string[]
  experiment_id: string
}

/** Where somebody is signed in with a browser. What the browser sends is not told. */
export interface OpenSession {
  session_id: string
  user: string
  client: string
  address: string
  created_ms: number
  used_ms: number
  expires_ms: number
  current: boolean
}

/** A role that one has on something, by name, as a member of a team, or with everyone. See ``Grant``. */
export interface OwnGrant {
  subject_kind: "everyone" | "team" | "user"
  team: string
  team_number: number
  target_kind: "endpoint" | "experiment" | "registered_model" | "schedule" | "workspace"
  target: string
  role: string
}

/** What one was given; an administrator of the installation needs none of it. */
export interface OwnGrantList {
  grants: OwnGrant[]
}

/** All corrections of a run's params, oldest first. */
export interface ParamHistory {
  revisions: ParamRevision[]
}

/** A value that a param had until it was corrected. */
export interface ParamRevision {
  key: string
  value: string
  replaced_ms: number
  actor: string
  reason: string
}

/** A comment of somebody's; events name it by its id, which it has another of where it arrives. */
export interface PastComment {
  text: string
  comment_id: string
  version: number | null
  author: string
  created_ms: number
  updated_ms: number
}

/** A registered model with its versions, in their order, and its history, oldest first. */
export interface PastRegistered {
  name: string
  description: string
  owner: string
  created_ms: number
  updated_ms: number
  tags: Record<string, string>
  aliases: Record<string, number>
  policy: PolicyRule[]
  last_version: number
  versions: PastVersion[]
  comments: PastComment[]
  requests: PastRequest[]
  events: ModelEvent[]
}

/** A wish that a version gets a stage or an alias, and what became of it: its state is told, not carried out. */
export interface PastRequest {
  version: number
  request_id: string
  stage: "Archived" | "None" | "Production" | "Staging" | null
  alias: string
  archive_existing: boolean
  author: string
  comment: string
  created_ms: number
  state: "approved" | "open" | "rejected" | "withdrawn"
  decided_by: string
  decided_ms: number | null
  reason: string
}

/** A version with what became of it. A time that is not known is 0, or None. */
export interface PastVersion {
  version: number
  source: string
  run_id: string
  model_id: string
  run_link: string
  description: string
  user: string
  status: "FAILED" | "PENDING" | "READY"
  status_message: string
  stage: "Archived" | "None" | "Production" | "Staging"
  staged_ms: number | null
  staged_by: string
  evaluated_by: string
  created_ms: number
  updated_ms: number
  digest: string
  content: string
  copied_from: string
  tags: Record<string, string>
  signatures: string[]
}

/** What a version needs before it may have a stage, or before an alias may stand for it: one of the two is named. */
export interface PolicyRule {
  stage: "Archived" | "None" | "Production" | "Staging" | null
  alias: string
  signature: boolean
  keys: string[]
  evaluation: boolean
  approval: boolean
}

/** One page; an empty token means that it is the last. */
export interface Portfolio {
  entries: PortfolioEntry[]
  next_page_token: string
}

/** A data set that the run of a version used. */
export interface PortfolioData {
  name: string
  digest: string
  context: string | null
}

/** A version in use: since when, by whom, what it was made from, and the names of endpoints that serve it now. */
export interface PortfolioEntry {
  name: string
  version: number
  owner: string
  since_ms: number | null
  by: string
  run_id: string
  run_name: string
  experiment_id: string
  datasets: PortfolioData[]
  endpoints: string[]
}

/** Remove things of the trash for good, with the files of versions; ``dry_run`` only counts. */
export interface PurgeEntries {
  trash_ids: string[]
  dry_run?: boolean
}

/** Remove experiments of the trash for good, with runs, points and files; ``dry_run`` only counts. */
export interface PurgeExperiments {
  experiment_ids: string[]
  dry_run?: boolean
}

/** What a purge removed, or would remove; ``held`` is what a legal hold kept from it. */
export interface PurgeReport {
  experiments: number
  runs: number
  models: number
  objects: number
  points: number
  files: number
  file_bytes: number
  held: number
  dry_run: boolean
}

/** Remove runs of the trash for good, with points and files; ``dry_run`` only counts. */
export interface PurgeRuns {
  run_ids: string[]
  dry_run?: boolean
}

/** Purge what went to the trash more than ``older_than_ms`` ago; ``dry_run`` only counts. */
export interface PurgeTrash {
  older_than_ms?: number
  dry_run?: boolean
}

/** A name under which versions are registered; ``latest_versions`` has the newest of each stage, oldest first. */
export interface RegisteredModel {
  name: string
  description: string
  owner: string
  created_ms: number
  updated_ms: number
  last_version: number
  tags: Record<string, string>
  aliases: Record<string, number>
  latest_versions: ModelVersion[]
}

/** Name one registered model. */
export interface RegisteredModelName {
  name: string
}

/** One page; an empty token means that it is the last. */
export interface RegisteredModelPage {
  models: RegisteredModel[]
  next_page_token: string
}

/** Release a hold, and say why. */
export interface ReleaseHold {
  hold_id: string
  reason: string
}

/** Give a registered model another name; its versions, aliases and history go with it. */
export interface RenameRegisteredModel {
  name: string
  new_name: string
}

/** Say that a server still serves. */
export interface RenewServer {
  name: string
  server_id: string
  lease_ms?: number
}

/** Say how a time that one has taken is going: running (again and again, which keeps it), or how it ended. */
export interface ReportTick {
  tick_id: string
  holder: string
  state: "cancelled" | "failed" | "finished" | "running"
  run_id?: string
  error?: string
  lease_ms?: number
}

/** One page; an empty token means that it is the last. */
export interface RequestPage {
  requests: TransitionRequest[]
  next_page_token: string
}

/** Ask that a version gets a stage, or an alias: one of the two is named. */
export interface RequestTransition {
  name: string
  version: number
  stage?: "Archived" | "None" | "Production" | "Staging" | null
  alias?: string
  archive_existing?: boolean
  comment?: string
}

/** Bring an experiment back, with the runs that went to the trash with it (``all_runs``: every one). */
export interface RestoreExperiment {
  experiment_id: string
  all_runs?: boolean
}

/** The policy, what is in the trash now, and how many legal holds keep things from being purged. */
export interface Retention {
  trash_ms: number | null
  trashed_experiments: number
  trashed_runs: number
  trashed_objects: number
  holds: number
}

/** The trash by experiment, the oldest first, and the sums, with what is of no experiment. */
export interface RetentionReport {
  trash_ms: number | null
  contents: PurgeReport
  due: PurgeReport
  held: PurgeReport
  needed: number
  experiments: Trash[]
  removals: AuditEntry[]
  complete: boolean
}

/** What a role permits; ``built_in`` ones are the same everywhere. */
export interface Role {
  role: string
  permissions: ("admin" | "create" | "delete" | "manage" | "read" | "write")[]
  built_in: boolean
}

/** Roles, the built-in ones first. */
export interface RoleList {
  roles: Role[]
}

/** Name a role. */
export interface RoleName {
  role: string
}

/** One execution and all that is known of it but its points and files. */
export interface Run {
  run_id: string
  experiment_id: string
  name: string
  status: "FAILED" | "FINISHED" | "KILLED" | "LOST" | "RUNNING" | "SCHEDULED"
  user: string
  start_ms: number
  end_ms: number | null
  lifecycle: "active" | "deleted"
  artifact_uri: string
  version: number
  parent_run_id: string | null
  external_key: string | null
  deleted_ms: number | null
  lease_until_ms: number | null
  environment_digest: string | null
  params: Record<string, string>
  metrics: Record<string, MetricSummary>
  tags: Record<string, string>
  inputs: DatasetInput[]
  model_inputs: string[]
  model_outputs: ModelOutput[]
}

/** A run's environment, or None when it was not recorded. */
export interface RunEnvironment {
  digest: string | null
  environment: Environment | null
}

/** Names in order, up to 5,000 of each kind; a param or tag with long values only may be missing of old runs. */
export interface RunFields {
  metrics: string[]
  params: string[]
  tags: string[]
  truncated: boolean
}

/** Runs that are equal in the fields of ``by``. */
export interface RunGroup {
  values: (string | number | null)[]
  runs: number
  newest_start_ms: number
  statuses: Record<string, number>
  metrics: GroupMetric[]
}

/** Groups by number of runs; ``runs`` and ``total`` count all runs and groups, those left out too. */
export interface RunGroups {
  groups: RunGroup[]
  runs: number
  total: number
}

/** Name one run. */
export interface RunId {
  run_id: string
}

/** The ids of found runs in order, one a line. */
export interface RunIndex {
  run_ids: string
  count: number
  total: number
  truncated: boolean
}

/** The run at the other end of a link, without its data. */
export interface RunLink {
  kind: "made_by" | "reproduces" | "retry_of" | "uses"
  run_id: string
  name: string
  status: "FAILED" | "FINISHED" | "KILLED" | "LOST" | "RUNNING" | "SCHEDULED"
  lifecycle: "active" | "deleted"
}

/** Links to ``earlier`` runs, which the run says, and those that ``later`` ones say of it, newest first. */
export interface RunLinks {
  earlier: RunLink[]
  later: RunLink[]
  truncated: boolean
}

/** Runs in the order in which they were asked for. */
export interface RunList {
  runs: Run[]
}

/** One page; an empty token means that it is the last. */
export interface RunPage {
  runs: Run[]
  next_page_token: string
}

/** Found runs as an Arrow IPC stream: one row a run, one column an attribute, metric, param or tag. */
export interface RunTable {
  arrow: Uint8Array
  rows: number
}

/** A run and its descendants, parents before children; ``truncated`` when there are more than the limit. */
export interface RunTree {
  nodes: TreeNode[]
  truncated: boolean
}

/** Values in order, those of up to 100 characters. */
export interface RunValues {
  values: string[]
}

/** A project that runs by the clock. */
export interface Schedule {
  schedule_id: string
  name: string
  cron: string
  time_zone: string
  catch_up: "all" | "last" | "none"
  catch_up_limit: number
  overlap: "allow" | "cancel_previous" | "queue" | "skip"
  launch: Launch
  paused: boolean
  created_by: string
  created_ms: number
  updated_ms: number
  next_ms: number | null
}

/** Name one schedule. */
export interface ScheduleName {
  name: string
}

/** One page; an empty token means that it is the last. */
export interface SchedulePage {
  schedules: Schedule[]
  next_page_token: string
}

/** Read entries, newest first, perhaps of one operation, object or actor, or of a time. */
export interface SearchAudit {
  operation?: string
  object?: string
  actor?: string
  since_ms?: number | null
  until_ms?: number | null
  limit?: number
  page_token?: string
}

/** List the data sets that runs of some experiments used. */
export interface SearchDatasets {
  experiment_ids: string[]
  limit?: number
}

/** Search experiments; ``limit`` 1 to 50,000, default order newest first. */
export interface SearchExperiments {
  filter?: string
  order_by?: string[]
  view?: "active" | "all" | "deleted"
  limit?: number
  page_token?: string
  grammar?: "mlflow" | "trackway"
}

/** Search models of experiments, the live ones unless ``view`` says otherwise. */
export interface SearchLoggedModels {
  experiment_ids: string[]
  filter?: string
  datasets?: DatasetRef[]
  order_by?: ModelOrder[]
  limit?: number
  page_token?: string
  grammar?: "mlflow" | "trackway"
  view?: "active" | "all" | "deleted"
}

/** Search the versions of all registered models; default order latest change first. */
export interface SearchModelVersions {
  filter?: string
  order_by?: string[]
  limit?: number
  page_token?: string
  grammar?: "mlflow" | "trackway"
}

/** Search registered models; default order by name. */
export interface SearchRegisteredModels {
  filter?: string
  order_by?: string[]
  limit?: number
  page_token?: string
  grammar?: "mlflow" | "trackway"
}

/** Search runs of some experiments, or of all (``experiment_ids=None``); default order newest start first. */
export interface SearchRuns {
  experiment_ids?: string[] | null
  filter?: string
  order_by?: string[]
  view?: "active" | "all" | "deleted"
  limit?: number
  page_token?: string
  grammar?: "mlflow" | "trackway"
}

/** List what is in the trash, what was deleted last first. */
export interface SearchTrash {
  kind?: "comment" | "endpoint" | "grant" | "model_version" | "registered_model" | "role" | "schedule" | "signing_key" | "team" | "webhook" | null
  name?: string
  limit?: number
  page_token?: string
}

/** Points of one metric as columns of little-endian numbers: int64 steps, int64 ms, float64 values, all (n,). */
export type Series = [key: string, steps: Uint8Array, times_ms: Uint8Array, values: Uint8Array]

/** Name a session; ``user`` as in the list. */
export interface SessionId {
  session_id: string
  user?: string
}

/** Sessions, the one that was used last first. */
export interface SessionList {
  sessions: OpenSession[]
}

/** Make an alias stand for a version, also when it stood for another before. */
export interface SetAlias {
  name: string
  alias: string
  version: number
}

/** Set or replace tags of a live experiment. */
export interface SetExperimentTags {
  experiment_id: string
  tags: Record<string, string>
}

/** Set or replace tags of a model. */
export interface SetLoggedModelTags {
  model_id: string
  tags: Record<string, string>
}

/** Replace the policy of a registered model. */
export interface SetModelPolicy {
  name: string
  rules: PolicyRule[]
}

/** Set another user's password, as an administrator does: it ends all of that user's sessions. */
export interface SetPassword {
  name: string
  password: string
}

/** Limit what the caller's workspace may hold, and how much it may ask; None for no limit. */
export interface SetQuota {
  runs?: number | null
  points?: number | null
  size_bytes?: number | null
  requests_per_minute?: number | null
}

/** Set or replace tags of a registered model. */
export interface SetRegisteredModelTags {
  name: string
  tags: Record<string, string>
}

/** Set after how many ms in the trash the server purges by itself; None for never. */
export interface SetRetention {
  trash_ms: number | null
}

/** Create a role of one's own, or change what it permits. */
export interface SetRole {
  role: string
  permissions: ("admin" | "create" | "delete" | "manage" | "read" | "write")[]
}

/** Set or replace tags of a version. */
export interface SetVersionTags {
  name: string
  version: number
  tags: Record<string, string>
}

/** A sign-in: a session was opened, an invitation used, or a password refused. */
export interface SignIn {
  time_ms: number
  outcome: "joined" | "opened" | "refused"
  address: string
  means: string
}

/** Sign-ins, newest first, as far back as the audit log goes. */
export interface SignInList {
  sign_ins: SignIn[]
}

/** Keep a signature of a version's files, if a trusted key made it. */
export interface SignVersion {
  name: string
  version: number
  bundle: string
}

/** Signatures of a version, by the names of their keys. */
export interface SignatureList {
  signatures: VersionSignature[]
}

/** A public key, or a certificate whose holder says who signs, that signatures of versions are verified with. */
export interface SigningKey {
  name: string
  kind: "certificate" | "key"
  pem: string
  created_by: string
  created_ms: number
}

/** Trusted keys by their names. */
export interface SigningKeyList {
  keys: SigningKey[]
}

/** Name one trusted key. */
export interface SigningKeyName {
  name: string
}

/** The state of the database. */
export interface StoreReport {
  revision: string
  missing_indexes: string[]
  size_bytes: number
  log_bytes: number
  journal_mode: string
}

/** Count the runs of some experiments; one that is not there is left out. */
export interface SummarizeExperiments {
  experiment_ids: string[]
}

/** A team and its members' names. */
export interface Team {
  team: string
  members: string[]
  number: number
  member_numbers: number[]
  description: string
}

/** Teams by name. */
export interface TeamList {
  teams: Team[]
}

/** Name a member of a team. */
export interface TeamMember {
  team: string
  user: string
}

/** Name a team. */
export interface TeamName {
  team: string
}

/** Send an example of an event, of the webhook's first kind unless one is named; it is tried once. */
export interface TestWebhook {
  webhook_id: string
  event?: "comment.created" | "comment.deleted" | "comment.restored" | "comment.updated" | "model_version.attested" | "model_version.created" | "model_version.deleted" | "model_version.restored" | "model_version.signed" | "model_version.stage_changed" | "model_version.updated" | "model_version_alias.created" | "model_version_alias.deleted" | "model_version_tag.deleted" | "model_version_tag.set" | "prompt.created" | "prompt_alias.created" | "prompt_alias.deleted" | "prompt_tag.deleted" | "prompt_tag.set" | "prompt_version.created" | "prompt_version_tag.deleted" | "prompt_version_tag.set" | "registered_model.created" | "registered_model.deleted" | "registered_model.restored" | "registered_model.updated" | "registered_model_tag.deleted" | "registered_model_tag.set" | "run.created" | "run.deleted" | "run.renamed" | "run.restored" | "run.status_changed" | "run_tag.deleted" | "run_tag.set" | "transition_request.approved" | "transition_request.opened" | "transition_request.rejected" | "transition_request.withdrawn" | null
}

/** One time of a schedule, and what became of it. */
export interface Tick {
  tick_id: string
  due_ms: number
  manual: boolean
  state: "cancelled" | "claimed" | "failed" | "finished" | "lost" | "missed" | "queued" | "running" | "skipped"
  worker: string
  run_id: string
  error: string
  cancel: boolean
  created_ms: number
  started_ms: number | null
  ended_ms: number | null
}

/** One page; an empty token means that it is the last. */
export interface TickPage {
  ticks: Tick[]
  next_page_token: string
}

/** A token without its secret; ``expires_ms`` 0 for never, ``workspace`` "" for all of its user's. */
export interface Token {
  token_id: string
  name: string
  user: string
  role: string
  created_ms: number
  expires_ms: number
  workspace: string
}

/** Name a token; ``user`` as in the list. */
export interface TokenId {
  token_id: string
  user?: string
}

/** Tokens, oldest first. */
export interface TokenList {
  tokens: Token[]
}

/** Somebody's wish that a version gets a stage or an alias, and what became of it. */
export interface TransitionRequest {
  request_id: string
  name: string
  version: number
  stage: "Archived" | "None" | "Production" | "Staging" | null
  alias: string
  archive_existing: boolean
  author: string
  comment: string
  created_ms: number
  state: "approved" | "open" | "rejected" | "withdrawn"
  decided_by: string
  decided_ms: number | null
  reason: string
}

/** Give a version a stage; ``archive_existing`` archives the others of that stage (Staging or Production). */
export interface TransitionVersion {
  name: string
  version: number
  stage: "Archived" | "None" | "Production" | "Staging"
  archive_existing?: boolean
}

/** What of one experiment is in the trash: all of it when ``is_whole``, else runs and models. */
export interface Trash {
  experiment_id: string
  name: string
  is_whole: boolean
  oldest_ms: number
  next_ms: number | null
  contents: PurgeReport
  due: PurgeReport
  held: PurgeReport
  needed: number
}

/** One thing in the trash. */
export interface TrashEntry {
  trash_id: string
  kind: "comment" | "endpoint" | "grant" | "model_version" | "registered_model" | "role" | "schedule" | "signing_key" | "team" | "webhook"
  name: string
  deleted_ms: number
  deleted_by: string
}

/** Name one thing in the trash. */
export interface TrashId {
  trash_id: string
}

/** One page; an empty token means that it is the last. */
export interface TrashPage {
  entries: TrashEntry[]
  next_page_token: string
}

/** Something is in the trash now; ``trash_id`` brings it back. */
export interface Trashed {
  trash_id: string
}

/** A run in a tree, without its data. */
export interface TreeNode {
  run_id: string
  parent_run_id: string | null
  depth: number
  name: string
  status: "FAILED" | "FINISHED" | "KILLED" | "LOST" | "RUNNING" | "SCHEDULED"
  start_ms: number
  lifecycle: "active" | "deleted"
}

/** Remove entries older than a time; the chain goes on from where it was cut. */
export interface TrimAudit {
  before_ms: number
}

/** How many entries were removed. */
export interface TrimmedAudit {
  entries: number
}

/** Trust a public key, or those to whom a certificate leads, to sign versions under a name of yours. */
export interface TrustSigningKey {
  name: string
  pem: string
}

/** Change the text of a comment of one's own. */
export interface UpdateComment {
  name: string
  comment_id: string
  text: string
}

/** Rename a live experiment. */
export interface UpdateExperiment {
  experiment_id: string
  name: string
}

/** Set a model's status; ``updated_ms`` only for imports, when that was. */
export interface UpdateLoggedModel {
  model_id: string
  status: "PENDING" | "READY" | "UNSPECIFIED" | "UPLOAD_FAILED"
  status_message?: string | null
  updated_ms?: number | null
}

/** Change a version's description, or say how far its registration is; what is None stays. */
export interface UpdateModelVersion {
  name: string
  version: number
  description?: string | null
  status?: "FAILED" | "PENDING" | "READY" | null
  status_message?: string | null
}

/** Change a registered model's description or owner; what is None stays. */
export interface UpdateRegisteredModel {
  name: string
  description?: string | null
  owner?: string | null
}

/** Change status, end time, name or lease of a live run; what is None stays. ``lease_ms=0`` ends the lease. */
export interface UpdateRun {
  run_id: string
  status?: "FAILED" | "FINISHED" | "KILLED" | "LOST" | "RUNNING" | "SCHEDULED" | null
  end_ms?: number | null
  name?: string | null
  lease_ms?: number | null
}

/** Change a schedule; what is None stays. Times that passed while it was paused are not caught up with. */
export interface UpdateSchedule {
  name: string
  cron?: string | null
  time_zone?: string | null
  catch_up?: "all" | "last" | "none" | null
  catch_up_limit?: number | null
  overlap?: "allow" | "cancel_previous" | "queue" | "skip" | null
  launch?: Launch | null
  paused?: boolean | null
}

/** Rename or describe a team; None leaves a field as it is. Grants and members stay with it. */
export interface UpdateTeam {
  team: string
  name?: string | null
  description?: string | null
}

/** Change a user; None leaves a field as it is. Who is disabled is signed out at once. */
export interface UpdateUser {
  name: string
  is_admin?: boolean | null
  disabled?: boolean | null
}

/** Change a webhook; what is None stays. An empty secret takes it away. */
export interface UpdateWebhook {
  webhook_id: string
  name?: string | null
  description?: string | null
  url?: string | null
  events?: ("comment.created" | "comment.deleted" | "comment.restored" | "comment.updated" | "model_version.attested" | "model_version.created" | "model_version.deleted" | "model_version.restored" | "model_version.signed" | "model_version.stage_changed" | "model_version.updated" | "model_version_alias.created" | "model_version_alias.deleted" | "model_version_tag.deleted" | "model_version_tag.set" | "prompt.created" | "prompt_alias.created" | "prompt_alias.deleted" | "prompt_tag.deleted" | "prompt_tag.set" | "prompt_version.created" | "prompt_version_tag.deleted" | "prompt_version_tag.set" | "registered_model.created" | "registered_model.deleted" | "registered_model.restored" | "registered_model.updated" | "registered_model_tag.deleted" | "registered_model_tag.set" | "run.created" | "run.deleted" | "run.renamed" | "run.restored" | "run.status_changed" | "run_tag.deleted" | "run_tag.set" | "transition_request.approved" | "transition_request.opened" | "transition_request.rejected" | "transition_request.withdrawn")[] | null
  secret?: string | null
  enabled?: boolean | null
}

/** Change a workspace; None leaves a field as it is. */
export interface UpdateWorkspace {
  name: string
  new_name?: string | null
  description?: string | null
  archived?: boolean | null
}

/** What a workspace holds, the trash with it, and its quota. */
export interface Usage {
  runs: number
  points: number
  size_bytes: number
  runs_quota: number | null
  points_quota: number | null
  bytes_quota: number | null
  requests_last_minute: number
  requests_per_minute_quota: number | null
  exceeded: ("bytes" | "points" | "runs")[]
}

/** A person, or a service account, which has tokens and no password. */
export interface User {
  number: number
  name: string
  kind: "service" | "user"
  is_admin: boolean
  disabled: boolean
  has_password: boolean
  created_ms: number
  created_by: string
  workspace: string
}

/** Name a user. */
export interface UserName {
  name: string
}

/** One page; an empty token means that it is the last. */
export interface UserPage {
  users: User[]
  next_page_token: string
}

/** Go through the whole chain, and compare it with a hash that was noted elsewhere, when one is given. */
export interface VerifyAudit {
  number?: number
  hash?: string
}

/** Versions, oldest first. */
export interface VersionList {
  versions: ModelVersion[]
}

/** Name one version. */
export interface VersionName {
  name: string
  version: number
}

/** A signature as it was verified: by which key, and who brought it; ``signer`` is a certificate's subject. */
export interface VersionSignature {
  key: string
  signer: string
  bundle: string
  added_by: string
  added_ms: number
}

/** An address that is told of some kinds of events. Whether it has a secret is said, the secret never. */
export interface Webhook {
  webhook_id: string
  name: string
  description: string
  url: string
  events: ("comment.created" | "comment.deleted" | "comment.restored" | "comment.updated" | "model_version.attested" | "model_version.created" | "model_version.deleted" | "model_version.restored" | "model_version.signed" | "model_version.stage_changed" | "model_version.updated" | "model_version_alias.created" | "model_version_alias.deleted" | "model_version_tag.deleted" | "model_version_tag.set" | "prompt.created" | "prompt_alias.created" | "prompt_alias.deleted" | "prompt_tag.deleted" | "prompt_tag.set" | "prompt_version.created" | "prompt_version_tag.deleted" | "prompt_version_tag.set" | "registered_model.created" | "registered_model.deleted" | "registered_model.restored" | "registered_model.updated" | "registered_model_tag.deleted" | "registered_model_tag.set" | "run.created" | "run.deleted" | "run.renamed" | "run.restored" | "run.status_changed" | "run_tag.deleted" | "run_tag.set" | "transition_request.approved" | "transition_request.opened" | "transition_request.rejected" | "transition_request.withdrawn")[]
  enabled: boolean
  signed: boolean
  created_by: string
  created_ms: number
  updated_ms: number
}

/** Name one webhook. */
export interface WebhookId {
  webhook_id: string
}

/** One page; an empty token means that it is the last. */
export interface WebhookPage {
  webhooks: Webhook[]
  next_page_token: string
}

/** Ask who one is to the server. */
export interface WhoAmI {
}

/** A tenant of the installation; in an archived one nothing is changed any more. */
export interface Workspace {
  name: string
  description: string
  created_ms: number
  created_by: string
  archived: boolean
}

/** What there is to copy, the trash with it. */
export interface WorkspaceContent {
  workspace: Workspace
  key: string
  experiments: number
  runs: number
  logged_models: number
  registered_models: number
  files: number
  file_bytes: number
  audit_entries: number
  audit_hash: string
  audit_trimmed: number
  audit_trimmed_hash: string
}

/** Workspaces by name. */
export interface WorkspaceList {
  workspaces: Workspace[]
}

/** Name a workspace. */
export interface WorkspaceName {
  name: string
}

/** Request and response of each operation. */
export interface Operations {
  "experiments.create": { request: CreateExperiment; response: Experiment }
  "experiments.get": { request: GetExperiment; response: Experiment }
  "experiments.get_by_name": { request: GetExperimentByName; response: Experiment }
  "experiments.search": { request: SearchExperiments; response: ExperimentPage }
  "experiments.update": { request: UpdateExperiment; response: Experiment }
  "experiments.set_tags": { request: SetExperimentTags; response: Empty }
  "experiments.delete_tag": { request: DeleteExperimentTag; response: Empty }
  "experiments.delete": { request: DeleteExperiment; response: Empty }
  "experiments.restore": { request: RestoreExperiment; response: Experiment }
  "experiments.purge": { request: PurgeExperiments; response: PurgeReport }
  "experiments.summarize": { request: SummarizeExperiments; response: ExperimentSummaries }
  "runs.create": { request: CreateRun; response: Run }
  "runs.get": { request: GetRun; response: Run }
  "runs.get_many": { request: GetRuns; response: RunList }
  "runs.find": { request: GetRun; response: Run }
  "runs.search": { request: SearchRuns; response: RunPage }
  "runs.table": { request: GetRunTable; response: RunTable }
  "runs.index": { request: IndexRuns; response: RunIndex }
  "runs.group": { request: GroupRuns; response: RunGroups }
  "runs.list_fields": { request: ListRunFields; response: RunFields }
  "runs.list_values": { request: ListRunValues; response: RunValues }
  "runs.update": { request: UpdateRun; response: Run }
  "runs.delete": { request: DeleteRun; response: Empty }
  "runs.restore": { request: RunId; response: Empty }
  "runs.purge": { request: PurgeRuns; response: PurgeReport }
  "runs.move": { request: MoveRuns; response: Empty }
  "runs.tree": { request: GetRunTree; response: RunTree }
  "runs.ingest": { request: Ingest; response: Ingested }
  "runs.delete_tag": { request: DeleteRunTag; response: Empty }
  "runs.link": { request: LinkName; response: Empty }
  "runs.unlink": { request: LinkName; response: Empty }
  "runs.list_links": { request: ListRunLinks; response: RunLinks }
  "runs.get_links": { request: GetLinks; response: LinkList }
  "runs.correct_param": { request: CorrectParam; response: Empty }
  "runs.param_history": { request: RunId; response: ParamHistory }
  "runs.log_environment": { request: LogEnvironment; response: Empty }
  "runs.get_environment": { request: RunId; response: RunEnvironment }
  "datasets.search": { request: SearchDatasets; response: DatasetList }
  "metrics.history": { request: GetHistory; response: History }
  "metrics.curves": { request: GetCurves; response: Curves }
  "artifacts.list": { request: ListFiles; response: FileList }
  "artifacts.delete": { request: DeleteFiles; response: DeletedFiles }
  "logged_models.create": { request: CreateLoggedModel; response: LoggedModel }
  "logged_models.get": { request: GetLoggedModel; response: LoggedModel }
  "logged_models.update": { request: UpdateLoggedModel; response: LoggedModel }
  "logged_models.delete": { request: DeleteLoggedModel; response: Empty }
  "logged_models.search": { request: SearchLoggedModels; response: LoggedModelPage }
  "logged_models.set_tags": { request: SetLoggedModelTags; response: Empty }
  "logged_models.delete_tag": { request: DeleteLoggedModelTag; response: Empty }
  "logged_models.log_params": { request: LogModelParams; response: Empty }
  "registered_models.create": { request: CreateRegisteredModel; response: RegisteredModel }
  "registered_models.get": { request: RegisteredModelName; response: RegisteredModel }
  "registered_models.search": { request: SearchRegisteredModels; response: RegisteredModelPage }
  "registered_models.update": { request: UpdateRegisteredModel; response: RegisteredModel }
  "registered_models.rename": { request: RenameRegisteredModel; response: RegisteredModel }
  "registered_models.delete": { request: RegisteredModelName; response: Trashed }
  "registered_models.set_tags": { request: SetRegisteredModelTags; response: Empty }
  "registered_models.delete_tag": { request: DeleteRegisteredModelTag; response: Empty }
  "registered_models.set_alias": { request: SetAlias; response: Empty }
  "registered_models.delete_alias": { request: Alias; response: Empty }
  "registered_models.latest_versions": { request: GetLatestVersions; response: VersionList }
  "registered_models.get_policy": { request: RegisteredModelName; response: ModelPolicy }
  "registered_models.set_policy": { request: SetModelPolicy; response: ModelPolicy }
  "registered_models.history": { request: GetModelHistory; response: ModelHistory }
  "registered_models.import": { request: ImportRegisteredModel; response: ImportedModel }
  "registered_models.portfolio": { request: GetPortfolio; response: Portfolio }
  "registered_models.create_comment": { request: CreateComment; response: Comment }
  "registered_models.update_comment": { request: UpdateComment; response: Comment }
  "registered_models.delete_comment": { request: DeleteComment; response: Trashed }
  "registered_models.list_comments": { request: ListComments; response: CommentPage }
  "registered_models.request_transition": { request: RequestTransition; response: TransitionRequest }
  "registered_models.decide_request": { request: DecideRequest; response: TransitionRequest }
  "registered_models.list_requests": { request: ListRequests; response: RequestPage }
  "model_versions.create": { request: CreateModelVersion; response: ModelVersion }
  "model_versions.get": { request: VersionName; response: ModelVersion }
  "model_versions.get_by_alias": { request: Alias; response: ModelVersion }
  "model_versions.search": { request: SearchModelVersions; response: ModelVersionPage }
  "model_versions.update": { request: UpdateModelVersion; response: ModelVersion }
  "model_versions.delete": { request: VersionName; response: Trashed }
  "model_versions.copy": { request: CopyModelVersion; response: ModelVersion }
  "model_versions.set_tags": { request: SetVersionTags; response: Empty }
  "model_versions.delete_tag": { request: DeleteVersionTag; response: Empty }
  "model_versions.transition": { request: TransitionVersion; response: ModelVersion }
  "model_versions.attest": { request: AttestVersion; response: ModelVersion }
  "model_versions.sign": { request: SignVersion; response: ModelVersion }
  "model_versions.list_signatures": { request: VersionName; response: SignatureList }
  "signing_keys.create": { request: TrustSigningKey; response: SigningKey }
  "signing_keys.list": { request: ListSigningKeys; response: SigningKeyList }
  "signing_keys.delete": { request: SigningKeyName; response: Trashed }
  "lineage.get": { request: GetLineage; response: Lineage }
  "endpoints.announce": { request: AnnounceServer; response: Endpoint }
  "endpoints.renew": { request: RenewServer; response: Empty }
  "endpoints.end": { request: EndServer; response: Endpoint }
  "endpoints.get": { request: EndpointName; response: Endpoint }
  "endpoints.list": { request: ListEndpoints; response: EndpointPage }
  "endpoints.delete": { request: EndpointName; response: Trashed }
  "webhooks.create": { request: CreateWebhook; response: Webhook }
  "webhooks.get": { request: WebhookId; response: Webhook }
  "webhooks.list": { request: ListWebhooks; response: WebhookPage }
  "webhooks.update": { request: UpdateWebhook; response: Webhook }
  "webhooks.delete": { request: WebhookId; response: Trashed }
  "webhooks.test": { request: TestWebhook; response: Delivery }
  "webhooks.list_deliveries": { request: ListDeliveries; response: DeliveryPage }
  "webhooks.get_delivery": { request: DeliveryName; response: Delivery }
  "webhooks.replay_delivery": { request: DeliveryName; response: Delivery }
  "schedules.create": { request: CreateSchedule; response: Schedule }
  "schedules.get": { request: ScheduleName; response: Schedule }
  "schedules.list": { request: ListSchedules; response: SchedulePage }
  "schedules.update": { request: UpdateSchedule; response: Schedule }
  "schedules.delete": { request: ScheduleName; response: Trashed }
  "schedules.run_now": { request: ScheduleName; response: Tick }
  "schedules.history": { request: ListTicks; response: TickPage }
  "schedules.cancel": { request: CancelTick; response: Tick }
  "schedules.claim": { request: ClaimTick; response: ClaimedTick }
  "schedules.report": { request: ReportTick; response: Tick }
  "usage.get": { request: GetUsage; response: Usage }
  "quotas.set": { request: SetQuota; response: Usage }
  "limits.get": { request: GetLimits; response: Limits }
  "retention.get": { request: GetRetention; response: Retention }
  "retention.set": { request: SetRetention; response: Retention }
  "retention.purge": { request: PurgeTrash; response: PurgeReport }
  "retention.report": { request: GetRetentionReport; response: RetentionReport }
  "trash.search": { request: SearchTrash; response: TrashPage }
  "trash.restore": { request: TrashId; response: TrashEntry }
  "trash.purge": { request: PurgeEntries; response: PurgeReport }
  "audit.search": { request: SearchAudit; response: AuditPage }
  "audit.verify": { request: VerifyAudit; response: AuditVerdict }
  "audit.trim": { request: TrimAudit; response: TrimmedAudit }
  "holds.create": { request: CreateHold; response: Hold }
  "holds.list": { request: ListHolds; response: HoldList }
  "holds.release": { request: ReleaseHold; response: Hold }
  "store.inspect": { request: InspectStore; response: StoreReport }
  "jobs.list": { request: ListJobs; response: JobList }
  "users.create": { request: CreateUser; response: CreatedUser }
  "users.list": { request: ListUsers; response: UserPage }
  "users.get": { request: UserName; response: User }
  "users.update": { request: UpdateUser; response: User }
  "users.delete": { request: UserName; response: Empty }
  "users.erase": { request: EraseUser; response: ErasedUser }
  "users.invite": { request: UserName; response: CreatedUser }
  "users.set_password": { request: SetPassword; response: Empty }
  "users.change_password": { request: ChangePassword; response: Empty }
  "users.current": { request: WhoAmI; response: Identity }
  "tokens.create": { request: CreateToken; response: CreatedToken }
  "tokens.list": { request: ListTokens; response: TokenList }
  "tokens.delete": { request: TokenId; response: Empty }
  "sessions.list": { request: ListSessions; response: SessionList }
  "sessions.delete": { request: SessionId; response: Empty }
  "sessions.delete_others": { request: DeleteOtherSessions; response: EndedSessions }
  "sign_ins.list": { request: ListSignIns; response: SignInList }
  "workspaces.create": { request: CreateWorkspace; response: Workspace }
  "workspaces.list": { request: ListWorkspaces; response: WorkspaceList }
  "workspaces.get": { request: WorkspaceName; response: Workspace }
  "workspaces.update": { request: UpdateWorkspace; response: Workspace }
  "workspaces.delete": { request: WorkspaceName; response: Empty }
  "workspaces.erase": { request: EraseWorkspace; response: ErasedWorkspace }
  "workspaces.export": { request: ExportWorkspace; response: WorkspaceContent }
  "workspaces.choose": { request: WorkspaceName; response: Workspace }
  "teams.create": { request: CreateTeam; response: Team }
  "teams.list": { request: ListTeams; response: TeamList }
  "teams.update": { request: UpdateTeam; response: Team }
  "teams.delete": { request: TeamName; response: Trashed }
  "teams.add_member": { request: TeamMember; response: Team }
  "teams.remove_member": { request: TeamMember; response: Team }
  "roles.set": { request: SetRole; response: Role }
  "roles.list": { request: ListRoles; response: RoleList }
  "roles.delete": { request: RoleName; response: Trashed }
  "grants.create": { request: CreateGrant; response: Grant }
  "grants.list": { request: ListGrants; response: GrantList }
  "grants.delete": { request: GrantId; response: Trashed }
  "grants.list_own": { request: ListOwnGrants; response: OwnGrantList }
  "access.explain": { request: Explain; response: Explanation }
}

/** Method and path of each operation. */
export const ROUTES = {
  "experiments.create": ["POST", "/experiments"],
  "experiments.get": ["GET", "/experiments/{experiment_id}"],
  "experiments.get_by_name": ["GET", "/experiments-by-name"],
  "experiments.search": ["POST", "/experiments/search"],
  "experiments.update": ["PATCH", "/experiments/{experiment_id}"],
  "experiments.set_tags": ["POST", "/experiments/{experiment_id}/tags"],
  "experiments.delete_tag": ["DELETE", "/experiments/{experiment_id}/tags"],
  "experiments.delete": ["DELETE", "/experiments/{experiment_id}"],
  "experiments.restore": ["POST", "/experiments/{experiment_id}/restore"],
  "experiments.purge": ["POST", "/experiments/purge"],
  "experiments.summarize": ["POST", "/experiments/summaries"],
  "runs.create": ["POST", "/runs"],
  "runs.get": ["GET", "/runs/{run_id}"],
  "runs.get_many": ["POST", "/runs/get"],
  "runs.find": ["GET", "/runs-by-key"],
  "runs.search": ["POST", "/runs/search"],
  "runs.table": ["POST", "/runs/table"],
  "runs.index": ["POST", "/runs/index"],
  "runs.group": ["POST", "/runs/groups"],
  "runs.list_fields": ["POST", "/runs/fields"],
  "runs.list_values": ["POST", "/runs/values"],
  "runs.update": ["PATCH", "/runs/{run_id}"],
  "runs.delete": ["DELETE", "/runs/{run_id}"],
  "runs.restore": ["POST", "/runs/{run_id}/restore"],
  "runs.purge": ["POST", "/runs/purge"],
  "runs.move": ["POST", "/runs/move"],
  "runs.tree": ["GET", "/runs/{run_id}/tree"],
  "runs.ingest": ["POST", "/runs/{run_id}/ingest"],
  "runs.delete_tag": ["DELETE", "/runs/{run_id}/tags"],
  "runs.link": ["PUT", "/runs/{run_id}/links/{kind}/{earlier_run_id}"],
  "runs.unlink": ["DELETE", "/runs/{run_id}/links/{kind}/{earlier_run_id}"],
  "runs.list_links": ["GET", "/runs/{run_id}/links"],
  "runs.get_links": ["POST", "/runs/links"],
  "runs.correct_param": ["POST", "/runs/{run_id}/params/correct"],
  "runs.param_history": ["GET", "/runs/{run_id}/params/history"],
  "runs.log_environment": ["PUT", "/runs/{run_id}/environment"],
  "runs.get_environment": ["GET", "/runs/{run_id}/environment"],
  "datasets.search": ["POST", "/datasets/search"],
  "metrics.history": ["POST", "/metrics/history"],
  "metrics.curves": ["POST", "/metrics/curves"],
  "artifacts.list": ["POST", "/artifacts/list"],
  "artifacts.delete": ["POST", "/artifacts/delete"],
  "logged_models.create": ["POST", "/logged-models"],
  "logged_models.get": ["GET", "/logged-models/{model_id}"],
  "logged_models.update": ["PATCH", "/logged-models/{model_id}"],
  "logged_models.delete": ["DELETE", "/logged-models/{model_id}"],
  "logged_models.search": ["POST", "/logged-models/search"],
  "logged_models.set_tags": ["POST", "/logged-models/{model_id}/tags"],
  "logged_models.delete_tag": ["DELETE", "/logged-models/{model_id}/tags"],
  "logged_models.log_params": ["POST", "/logged-models/{model_id}/params"],
  "registered_models.create": ["POST", "/registered-models"],
  "registered_models.get": ["GET", "/registered-models/{name}"],
  "registered_models.search": ["POST", "/registered-models/search"],
  "registered_models.update": ["PATCH", "/registered-models/{name}"],
  "registered_models.rename": ["POST", "/registered-models/{name}/rename"],
  "registered_models.delete": ["DELETE", "/registered-models/{name}"],
  "registered_models.set_tags": ["POST", "/registered-models/{name}/tags"],
  "registered_models.delete_tag": ["DELETE", "/registered-models/{name}/tags"],
  "registered_models.set_alias": ["PUT", "/registered-models/{name}/aliases/{alias}"],
  "registered_models.delete_alias": ["DELETE", "/registered-models/{name}/aliases/{alias}"],
  "registered_models.latest_versions": ["POST", "/registered-models/{name}/latest"],
  "registered_models.get_policy": ["GET", "/registered-models/{name}/policy"],
  "registered_models.set_policy": ["PUT", "/registered-models/{name}/policy"],
  "registered_models.history": ["POST", "/registered-models/{name}/history"],
  "registered_models.import": ["POST", "/registered-models/import"],
  "registered_models.portfolio": ["POST", "/registered-models/portfolio"],
  "registered_models.create_comment": ["POST", "/registered-models/{name}/comments"],
  "registered_models.update_comment": ["PATCH", "/registered-models/{name}/comments/{comment_id}"],
  "registered_models.delete_comment": ["DELETE", "/registered-models/{name}/comments/{comment_id}"],
  "registered_models.list_comments": ["GET", "/registered-models/{name}/comments"],
  "registered_models.request_transition": ["POST", "/registered-models/{name}/requests"],
  "registered_models.decide_request": ["POST", "/registered-models/{name}/requests/{request_id}/decision"],
  "registered_models.list_requests": ["GET", "/registered-models/{name}/requests"],
  "model_versions.create": ["POST", "/registered-models/{name}/versions"],
  "model_versions.get": ["GET", "/registered-models/{name}/versions/{version}"],
  "model_versions.get_by_alias": ["GET", "/registered-models/{name}/aliases/{alias}"],
  "model_versions.search": ["POST", "/model-versions/search"],
  "model_versions.update": ["PATCH", "/registered-models/{name}/versions/{version}"],
  "model_versions.delete": ["DELETE", "/registered-models/{name}/versions/{version}"],
  "model_versions.copy": ["POST", "/registered-models/{name}/versions/{version}/copy"],
  "model_versions.set_tags": ["POST", "/registered-models/{name}/versions/{version}/tags"],
  "model_versions.delete_tag": ["DELETE", "/registered-models/{name}/versions/{version}/tags"],
  "model_versions.transition": ["POST", "/registered-models/{name}/versions/{version}/transition"],
  "model_versions.attest": ["POST", "/registered-models/{name}/versions/{version}/attest"],
  "model_versions.sign": ["POST", "/registered-models/{name}/versions/{version}/signatures"],
  "model_versions.list_signatures": ["GET", "/registered-models/{name}/versions/{version}/signatures"],
  "signing_keys.create": ["POST", "/signing-keys"],
  "signing_keys.list": ["GET", "/signing-keys"],
  "signing_keys.delete": ["DELETE", "/signing-keys/{name}"],
  "lineage.get": ["POST", "/lineage"],
  "endpoints.announce": ["POST", "/endpoints/{name}/servers"],
  "endpoints.renew": ["POST", "/endpoints/{name}/servers/{server_id}/renew"],
  "endpoints.end": ["POST", "/endpoints/{name}/servers/{server_id}/end"],
  "endpoints.get": ["GET", "/endpoints/{name}"],
  "endpoints.list": ["GET", "/endpoints"],
  "endpoints.delete": ["DELETE", "/endpoints/{name}"],
  "webhooks.create": ["POST", "/webhooks"],
  "webhooks.get": ["GET", "/webhooks/{webhook_id}"],
  "webhooks.list": ["GET", "/webhooks"],
  "webhooks.update": ["PATCH", "/webhooks/{webhook_id}"],
  "webhooks.delete": ["DELETE", "/webhooks/{webhook_id}"],
  "webhooks.test": ["POST", "/webhooks/{webhook_id}/test"],
  "webhooks.list_deliveries": ["GET", "/webhooks/{webhook_id}/deliveries"],
  "webhooks.get_delivery": ["GET", "/webhooks/{webhook_id}/deliveries/{delivery_id}"],
  "webhooks.replay_delivery": ["POST", "/webhooks/{webhook_id}/deliveries/{delivery_id}/replay"],
  "schedules.create": ["POST", "/schedules"],
  "schedules.get": ["GET", "/schedules/{name}"],
  "schedules.list": ["GET", "/schedules"],
  "schedules.update": ["PATCH", "/schedules/{name}"],
  "schedules.delete": ["DELETE", "/schedules/{name}"],
  "schedules.run_now": ["POST", "/schedules/{name}/ticks"],
  "schedules.history": ["GET", "/schedules/{name}/ticks"],
  "schedules.cancel": ["POST", "/schedules/{name}/ticks/{tick_id}/cancel"],
  "schedules.claim": ["POST", "/schedule-ticks/claim"],
  "schedules.report": ["POST", "/schedule-ticks/{tick_id}/report"],
  "usage.get": ["GET", "/usage"],
  "quotas.set": ["PUT", "/quota"],
  "limits.get": ["GET", "/limits"],
  "retention.get": ["GET", "/retention"],
  "retention.set": ["PUT", "/retention"],
  "retention.purge": ["POST", "/retention/purge"],
  "retention.report": ["GET", "/retention/report"],
  "trash.search": ["POST", "/trash/search"],
  "trash.restore": ["POST", "/trash/{trash_id}/restore"],
  "trash.purge": ["POST", "/trash/purge"],
  "audit.search": ["POST", "/audit/search"],
  "audit.verify": ["POST", "/audit/verify"],
  "audit.trim": ["POST", "/audit/trim"],
  "holds.create": ["POST", "/holds"],
  "holds.list": ["GET", "/holds"],
  "holds.release": ["POST", "/holds/{hold_id}/release"],
  "store.inspect": ["GET", "/store"],
  "jobs.list": ["GET", "/jobs"],
  "users.create": ["POST", "/users"],
  "users.list": ["GET", "/users"],
  "users.get": ["GET", "/users/{name}"],
  "users.update": ["PATCH", "/users/{name}"],
  "users.delete": ["DELETE", "/users/{name}"],
  "users.erase": ["POST", "/users/{name}/erase"],
  "users.invite": ["POST", "/users/{name}/invitation"],
  "users.set_password": ["PUT", "/users/{name}/password"],
  "users.change_password": ["POST", "/me/password"],
  "users.current": ["GET", "/me"],
  "tokens.create": ["POST", "/tokens"],
  "tokens.list": ["GET", "/tokens"],
  "tokens.delete": ["DELETE", "/tokens/{token_id}"],
  "sessions.list": ["GET", "/sessions"],
  "sessions.delete": ["DELETE", "/sessions/{session_id}"],
  "sessions.delete_others": ["POST", "/sessions/delete-others"],
  "sign_ins.list": ["GET", "/sign-ins"],
  "workspaces.create": ["POST", "/workspaces"],
  "workspaces.list": ["GET", "/workspaces"],
  "workspaces.get": ["GET", "/workspaces/{name}"],
  "workspaces.update": ["PATCH", "/workspaces/{name}"],
  "workspaces.delete": ["DELETE", "/workspaces/{name}"],
  "workspaces.erase": ["POST", "/workspaces/{name}/erase"],
  "workspaces.export": ["POST", "/workspace/export"],
  "workspaces.choose": ["PUT", "/me/workspace"],
  "teams.create": ["POST", "/teams"],
  "teams.list": ["GET", "/teams"],
  "teams.update": ["PATCH", "/teams/{team}"],
  "teams.delete": ["DELETE", "/teams/{team}"],
  "teams.add_member": ["PUT", "/teams/{team}/members/{user}"],
  "teams.remove_member": ["DELETE", "/teams/{team}/members/{user}"],
  "roles.set": ["PUT", "/roles/{role}"],
  "roles.list": ["GET", "/roles"],
  "roles.delete": ["DELETE", "/roles/{role}"],
  "grants.create": ["POST", "/grants"],
  "grants.list": ["POST", "/grants/search"],
  "grants.delete": ["DELETE", "/grants/{grant_id}"],
  "grants.list_own": ["GET", "/me/grants"],
  "access.explain": ["POST", "/access/explain"],
} as const satisfies Record<keyof Operations, readonly [string, string]>
