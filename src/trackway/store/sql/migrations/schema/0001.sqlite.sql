-- Written from schema.py by `make schema`.
CREATE TABLE access_versions (
  name TEXT NOT NULL,
  version INTEGER NOT NULL,
  PRIMARY KEY (name)
);

CREATE TABLE arrivals (
  pk INTEGER NOT NULL,
  run_pk INTEGER NOT NULL,
  series TEXT NOT NULL,
  data BLOB NOT NULL,
  PRIMARY KEY (pk)
);

CREATE INDEX ix_arrivals_run ON arrivals (run_pk);

CREATE TABLE audit (
  workspace TEXT NOT NULL,
  number INTEGER NOT NULL,
  time_ms INTEGER NOT NULL,
  actor TEXT NOT NULL,
  operation TEXT NOT NULL,
  object TEXT NOT NULL,
  request_id TEXT NOT NULL,
  detail TEXT NOT NULL,
  address TEXT NOT NULL,
  before_digest TEXT NOT NULL,
  after_digest TEXT NOT NULL,
  salt TEXT NOT NULL,
  sealed TEXT NOT NULL,
  hash TEXT NOT NULL,
  PRIMARY KEY (workspace, number)
)
 WITHOUT ROWID;

CREATE INDEX ix_audit_actor ON audit (workspace, actor, number);

CREATE INDEX ix_audit_object ON audit (workspace, object, number);

CREATE TABLE audit_heads (
  workspace TEXT NOT NULL,
  number INTEGER NOT NULL,
  hash TEXT NOT NULL,
  trimmed INTEGER NOT NULL,
  trimmed_hash TEXT NOT NULL,
  PRIMARY KEY (workspace)
);

CREATE TABLE chunks (
  series_pk INTEGER NOT NULL,
  first INTEGER NOT NULL,
  data BLOB NOT NULL,
  PRIMARY KEY (series_pk, first)
)
 WITHOUT ROWID;

CREATE TABLE credentials (
  digest TEXT NOT NULL,
  kind TEXT NOT NULL,
  public_id TEXT NOT NULL,
  user_pk INTEGER NOT NULL,
  name TEXT NOT NULL,
  role TEXT NOT NULL,
  workspace TEXT NOT NULL,
  created_ms INTEGER NOT NULL,
  expires_ms INTEGER NOT NULL,
  client TEXT NOT NULL,
  address TEXT NOT NULL,
  used_ms INTEGER NOT NULL,
  PRIMARY KEY (digest)
)
 WITHOUT ROWID;

CREATE INDEX ix_credentials_expiry ON credentials (expires_ms);

CREATE INDEX ix_credentials_user ON credentials (user_pk, kind);

CREATE TABLE datasets (
  pk INTEGER NOT NULL,
  experiment_pk INTEGER NOT NULL,
  name TEXT NOT NULL,
  digest TEXT NOT NULL,
  source_type TEXT NOT NULL,
  source TEXT NOT NULL,
  schema TEXT,
  profile TEXT,
  PRIMARY KEY (pk),
  CONSTRAINT uq_datasets_digest UNIQUE (experiment_pk, name, digest)
);

CREATE INDEX ix_datasets_name ON datasets (name, digest);

CREATE TABLE endpoint_servers (
  pk INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
  endpoint_pk INTEGER NOT NULL,
  server_id TEXT NOT NULL,
  model_pk INTEGER NOT NULL,
  version INTEGER NOT NULL,
  follows TEXT NOT NULL,
  address TEXT NOT NULL,
  announced_by TEXT NOT NULL,
  since_ms INTEGER NOT NULL,
  version_since_ms INTEGER NOT NULL,
  lease_until_ms INTEGER NOT NULL,
  ended_ms INTEGER,
  CONSTRAINT uq_endpoint_servers_id UNIQUE (endpoint_pk, server_id)
);

CREATE INDEX ix_endpoint_servers_version ON endpoint_servers (model_pk, version);

CREATE TABLE endpoints (
  pk INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
  workspace TEXT NOT NULL,
  name TEXT NOT NULL,
  created_by TEXT NOT NULL,
  created_ms INTEGER NOT NULL,
  CONSTRAINT uq_endpoints_name UNIQUE (workspace, name)
);

CREATE TABLE environments (
  digest TEXT NOT NULL,
  data BLOB NOT NULL,
  PRIMARY KEY (digest)
);

CREATE TABLE experiment_tags (
  experiment_pk INTEGER NOT NULL,
  "key" TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (experiment_pk, "key")
)
 WITHOUT ROWID;

CREATE TABLE experiments (
  pk INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
  workspace TEXT NOT NULL,
  name TEXT NOT NULL,
  artifact_location TEXT NOT NULL,
  created_ms INTEGER NOT NULL,
  updated_ms INTEGER NOT NULL,
  deleted_ms INTEGER
);

CREATE INDEX ix_experiments_created ON experiments (workspace, created_ms, pk);

CREATE UNIQUE INDEX ix_experiments_live_name ON experiments (workspace, name) WHERE deleted_ms IS NULL;

CREATE TABLE files (
  pk INTEGER NOT NULL,
  workspace TEXT NOT NULL,
  path TEXT NOT NULL,
  size_bytes INTEGER NOT NULL,
  sha256 TEXT NOT NULL,
  modified_ms INTEGER NOT NULL,
  blob_key TEXT,
  data BLOB,
  PRIMARY KEY (pk),
  CONSTRAINT uq_files_path UNIQUE (workspace, path)
);

CREATE INDEX ix_files_blob ON files (blob_key) WHERE blob_key IS NOT NULL;

CREATE TABLE gather_queue (
  run_pk INTEGER NOT NULL,
  ended INTEGER NOT NULL,
  PRIMARY KEY (run_pk)
);

CREATE TABLE grants (
  pk INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
  workspace TEXT NOT NULL,
  subject_kind TEXT NOT NULL,
  subject_pk INTEGER NOT NULL,
  target_kind TEXT NOT NULL,
  target TEXT NOT NULL,
  role TEXT NOT NULL,
  created_ms INTEGER NOT NULL,
  created_by TEXT NOT NULL,
  CONSTRAINT uq_grants_subject UNIQUE (workspace, subject_kind, subject_pk, target_kind, target)
);

CREATE INDEX ix_grants_target ON grants (workspace, target_kind, target);

CREATE TABLE holds (
  pk INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
  workspace TEXT NOT NULL,
  target_kind TEXT NOT NULL,
  target TEXT NOT NULL,
  reason TEXT NOT NULL,
  created_ms INTEGER NOT NULL,
  created_by TEXT NOT NULL
);

CREATE INDEX ix_holds_target ON holds (workspace, target_kind, target);

CREATE TABLE idempotency_keys (
  digest TEXT NOT NULL,
  workspace TEXT NOT NULL,
  request TEXT NOT NULL,
  answer TEXT NOT NULL,
  created_ms INTEGER NOT NULL,
  PRIMARY KEY (digest)
);

CREATE INDEX ix_idempotency_keys_created ON idempotency_keys (created_ms);

CREATE TABLE identities (
  issuer TEXT NOT NULL,
  subject TEXT NOT NULL,
  user_pk INTEGER NOT NULL,
  PRIMARY KEY (issuer, subject)
)
 WITHOUT ROWID;

CREATE INDEX ix_identities_user ON identities (user_pk);

CREATE TABLE jobs (
  name TEXT NOT NULL,
  interval_ms INTEGER NOT NULL,
  began_ms INTEGER NOT NULL,
  ended_ms INTEGER NOT NULL,
  times INTEGER NOT NULL,
  failures INTEGER NOT NULL,
  error TEXT NOT NULL,
  error_ms INTEGER,
  PRIMARY KEY (name)
);

CREATE TABLE leases (
  name TEXT NOT NULL,
  holder TEXT NOT NULL,
  until_ms INTEGER NOT NULL,
  PRIMARY KEY (name)
);

CREATE TABLE logged_model_metrics (
  pk INTEGER NOT NULL,
  model_pk INTEGER NOT NULL,
  "key" TEXT NOT NULL,
  value DOUBLE,
  time_ms INTEGER NOT NULL,
  step INTEGER NOT NULL,
  run_id TEXT NOT NULL,
  dataset_name TEXT,
  dataset_digest TEXT,
  PRIMARY KEY (pk)
);

CREATE INDEX ix_logged_model_metrics_key ON logged_model_metrics (model_pk, "key");

CREATE TABLE logged_model_params (
  model_pk INTEGER NOT NULL,
  "key" TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (model_pk, "key")
)
 WITHOUT ROWID;

CREATE TABLE logged_model_tags (
  model_pk INTEGER NOT NULL,
  "key" TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (model_pk, "key")
)
 WITHOUT ROWID;

CREATE TABLE logged_models (
  pk INTEGER NOT NULL,
  workspace TEXT NOT NULL,
  model_id TEXT NOT NULL,
  experiment_pk INTEGER NOT NULL,
  name TEXT NOT NULL,
  model_type TEXT NOT NULL,
  source_run_id TEXT NOT NULL,
  artifact_uri TEXT NOT NULL,
  status TEXT NOT NULL,
  status_message TEXT,
  created_ms INTEGER NOT NULL,
  updated_ms INTEGER NOT NULL,
  deleted_ms INTEGER,
  PRIMARY KEY (pk),
  CONSTRAINT uq_logged_models_id UNIQUE (workspace, model_id)
);

CREATE INDEX ix_logged_models_created ON logged_models (experiment_pk, created_ms, model_id);

CREATE INDEX ix_logged_models_run ON logged_models (workspace, source_run_id);

CREATE INDEX ix_logged_models_trash ON logged_models (deleted_ms) WHERE deleted_ms IS NOT NULL;

CREATE TABLE model_aliases (
  model_pk INTEGER NOT NULL,
  alias TEXT NOT NULL,
  version_pk INTEGER NOT NULL,
  set_ms INTEGER NOT NULL,
  set_by TEXT NOT NULL,
  PRIMARY KEY (model_pk, alias)
)
 WITHOUT ROWID;

CREATE INDEX ix_model_aliases_version ON model_aliases (version_pk);

CREATE TABLE model_comments (
  pk INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
  model_pk INTEGER NOT NULL,
  version INTEGER,
  author TEXT NOT NULL,
  created_ms INTEGER NOT NULL,
  updated_ms INTEGER NOT NULL,
  text TEXT NOT NULL
);

CREATE INDEX ix_model_comments_model ON model_comments (model_pk, pk);

CREATE TABLE model_events (
  pk INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
  workspace TEXT NOT NULL,
  model_pk INTEGER NOT NULL,
  version INTEGER,
  time_ms INTEGER NOT NULL,
  actor TEXT NOT NULL,
  action TEXT NOT NULL,
  detail TEXT NOT NULL
);

CREATE INDEX ix_model_events_model ON model_events (model_pk, pk);

CREATE INDEX ix_model_events_version ON model_events (model_pk, version, pk);

CREATE TABLE model_requests (
  pk INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
  model_pk INTEGER NOT NULL,
  version INTEGER NOT NULL,
  stage TEXT,
  alias TEXT NOT NULL,
  archive_existing INTEGER NOT NULL,
  author TEXT NOT NULL,
  comment TEXT NOT NULL,
  created_ms INTEGER NOT NULL,
  state TEXT NOT NULL,
  decided_by TEXT NOT NULL,
  decided_ms INTEGER,
  reason TEXT NOT NULL
);

CREATE INDEX ix_model_requests_model ON model_requests (model_pk, pk);

CREATE INDEX ix_model_requests_state ON model_requests (model_pk, state, pk);

CREATE TABLE model_version_tags (
  version_pk INTEGER NOT NULL,
  "key" TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (version_pk, "key")
)
 WITHOUT ROWID;

CREATE TABLE model_versions (
  pk INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
  workspace TEXT NOT NULL,
  model_pk INTEGER NOT NULL,
  version INTEGER NOT NULL,
  status TEXT NOT NULL,
  status_message TEXT NOT NULL,
  stage TEXT NOT NULL,
  source TEXT NOT NULL,
  location TEXT NOT NULL,
  run_id TEXT NOT NULL,
  model_id TEXT NOT NULL,
  run_link TEXT NOT NULL,
  description TEXT NOT NULL,
  user_name TEXT NOT NULL,
  created_ms INTEGER NOT NULL,
  updated_ms INTEGER NOT NULL,
  staged_ms INTEGER,
  staged_by TEXT NOT NULL,
  evaluated_by TEXT NOT NULL,
  origin_pk INTEGER,
  content_path TEXT,
  digest TEXT NOT NULL,
  external_key TEXT,
  CONSTRAINT uq_model_versions_number UNIQUE (model_pk, version)
);

CREATE INDEX ix_model_versions_content ON model_versions (workspace, content_path) WHERE content_path IS NOT NULL;

CREATE UNIQUE INDEX ix_model_versions_external_key ON model_versions (model_pk, external_key) WHERE external_key IS NOT NULL;

CREATE INDEX ix_model_versions_model_id ON model_versions (workspace, model_id);

CREATE INDEX ix_model_versions_origin ON model_versions (origin_pk) WHERE origin_pk IS NOT NULL;

CREATE INDEX ix_model_versions_run_id ON model_versions (workspace, run_id);

CREATE INDEX ix_model_versions_stage ON model_versions (model_pk, stage, version);

CREATE INDEX ix_model_versions_updated ON model_versions (workspace, updated_ms);

CREATE TABLE param_history (
  pk INTEGER NOT NULL,
  run_pk INTEGER NOT NULL,
  "key" TEXT NOT NULL,
  value TEXT NOT NULL,
  replaced_ms INTEGER NOT NULL,
  actor TEXT NOT NULL,
  reason TEXT NOT NULL,
  PRIMARY KEY (pk)
);

CREATE INDEX ix_param_history_run ON param_history (run_pk, pk);

CREATE TABLE params (
  run_pk INTEGER NOT NULL,
  "key" TEXT NOT NULL,
  experiment_pk INTEGER NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (run_pk, "key")
)
 WITHOUT ROWID;

CREATE INDEX ix_params_value ON params (experiment_pk, "key", value, run_pk) WHERE length(value) <= 100;

CREATE TABLE pending_blobs (
  blob_key TEXT NOT NULL,
  since_ms INTEGER NOT NULL,
  PRIMARY KEY (blob_key)
);

CREATE TABLE quotas (
  workspace TEXT NOT NULL,
  runs INTEGER,
  points INTEGER,
  size_bytes INTEGER,
  requests_per_minute INTEGER,
  exceeded TEXT NOT NULL,
  PRIMARY KEY (workspace)
)
 WITHOUT ROWID;

CREATE TABLE registered_model_tags (
  model_pk INTEGER NOT NULL,
  "key" TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (model_pk, "key")
)
 WITHOUT ROWID;

CREATE TABLE registered_models (
  pk INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
  workspace TEXT NOT NULL,
  name TEXT NOT NULL,
  description TEXT NOT NULL,
  owner TEXT NOT NULL,
  created_ms INTEGER NOT NULL,
  updated_ms INTEGER NOT NULL,
  last_version INTEGER NOT NULL,
  policy TEXT NOT NULL,
  CONSTRAINT uq_registered_models_name UNIQUE (workspace, name)
);

CREATE TABLE roles (
  workspace TEXT NOT NULL,
  name TEXT NOT NULL,
  permissions TEXT NOT NULL,
  PRIMARY KEY (workspace, name)
)
 WITHOUT ROWID;

CREATE TABLE run_datasets (
  run_pk INTEGER NOT NULL,
  dataset_pk INTEGER NOT NULL,
  context TEXT,
  tags TEXT NOT NULL,
  PRIMARY KEY (run_pk, dataset_pk)
)
 WITHOUT ROWID;

CREATE INDEX ix_run_datasets_dataset ON run_datasets (dataset_pk);

CREATE TABLE run_links (
  run_pk INTEGER NOT NULL,
  kind TEXT NOT NULL,
  earlier_pk INTEGER NOT NULL,
  PRIMARY KEY (run_pk, kind, earlier_pk)
)
 WITHOUT ROWID;

CREATE INDEX ix_run_links_earlier ON run_links (earlier_pk);

CREATE TABLE run_models (
  run_pk INTEGER NOT NULL,
  direction TEXT NOT NULL,
  model_id TEXT NOT NULL,
  step INTEGER NOT NULL,
  PRIMARY KEY (run_pk, direction, model_id)
)
 WITHOUT ROWID;

CREATE INDEX ix_run_models_model ON run_models (model_id);

CREATE TABLE run_sessions (
  run_pk INTEGER NOT NULL,
  session_id TEXT NOT NULL,
  sequence INTEGER NOT NULL,
  PRIMARY KEY (run_pk, session_id)
)
 WITHOUT ROWID;

CREATE TABLE runs (
  pk INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
  workspace TEXT NOT NULL,
  run_id TEXT NOT NULL,
  experiment_pk INTEGER NOT NULL,
  name TEXT NOT NULL,
  status TEXT NOT NULL,
  user_name TEXT NOT NULL,
  start_ms INTEGER NOT NULL,
  end_ms INTEGER,
  deleted_ms INTEGER,
  artifact_uri TEXT NOT NULL,
  version INTEGER NOT NULL,
  parent_run_id TEXT,
  external_key TEXT,
  lease_ms INTEGER,
  lease_until_ms INTEGER,
  environment_digest TEXT,
  arrived INTEGER NOT NULL,
  CONSTRAINT uq_runs_id UNIQUE (workspace, run_id)
);

CREATE INDEX ix_runs_all ON runs (workspace, start_ms DESC, run_id);

CREATE INDEX ix_runs_environment ON runs (environment_digest) WHERE environment_digest IS NOT NULL;

CREATE UNIQUE INDEX ix_runs_external_key ON runs (workspace, external_key) WHERE external_key IS NOT NULL;

CREATE INDEX ix_runs_lease ON runs (lease_until_ms) WHERE lease_until_ms IS NOT NULL;

CREATE INDEX ix_runs_live ON runs (experiment_pk, start_ms DESC, run_id) WHERE deleted_ms IS NULL;

CREATE INDEX ix_runs_parent ON runs (workspace, parent_run_id) WHERE parent_run_id IS NOT NULL;

CREATE INDEX ix_runs_trash ON runs (experiment_pk, deleted_ms) WHERE deleted_ms IS NOT NULL;

CREATE TABLE schedule_ticks (
  pk INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
  schedule_pk INTEGER NOT NULL,
  tick_id TEXT NOT NULL,
  due_ms INTEGER NOT NULL,
  manual INTEGER NOT NULL,
  state TEXT NOT NULL,
  holder TEXT NOT NULL,
  worker TEXT NOT NULL,
  lease_until_ms INTEGER,
  run_id TEXT NOT NULL,
  error TEXT NOT NULL,
  cancel INTEGER NOT NULL,
  created_ms INTEGER NOT NULL,
  started_ms INTEGER,
  ended_ms INTEGER,
  CONSTRAINT uq_schedule_ticks_id UNIQUE (tick_id)
);

CREATE INDEX ix_schedule_ticks_ended ON schedule_ticks (created_ms) WHERE ended_ms IS NOT NULL;

CREATE UNIQUE INDEX ix_schedule_ticks_once ON schedule_ticks (schedule_pk, due_ms) WHERE manual = 0;

CREATE INDEX ix_schedule_ticks_open ON schedule_ticks (schedule_pk, due_ms) WHERE ended_ms IS NULL;

CREATE INDEX ix_schedule_ticks_schedule ON schedule_ticks (schedule_pk, pk);

CREATE TABLE schedules (
  pk INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
  workspace TEXT NOT NULL,
  schedule_id TEXT NOT NULL,
  name TEXT NOT NULL,
  cron TEXT NOT NULL,
  time_zone TEXT NOT NULL,
  catch_up TEXT NOT NULL,
  catch_up_limit INTEGER NOT NULL,
  overlap TEXT NOT NULL,
  launch TEXT NOT NULL,
  paused INTEGER NOT NULL,
  created_by TEXT NOT NULL,
  created_ms INTEGER NOT NULL,
  updated_ms INTEGER NOT NULL,
  next_ms INTEGER,
  turn INTEGER NOT NULL,
  CONSTRAINT uq_schedules_name UNIQUE (workspace, name)
);

CREATE INDEX ix_schedules_next ON schedules (next_ms) WHERE next_ms IS NOT NULL;

CREATE TABLE seal_queue (
  series_pk INTEGER NOT NULL,
  PRIMARY KEY (series_pk)
);

CREATE TABLE sealed_chunks (
  series_pk INTEGER NOT NULL,
  first INTEGER NOT NULL,
  min_step INTEGER NOT NULL,
  max_step INTEGER NOT NULL,
  head BLOB NOT NULL,
  data BLOB NOT NULL,
  PRIMARY KEY (series_pk, first)
);

CREATE TABLE series (
  pk INTEGER NOT NULL,
  run_pk INTEGER NOT NULL,
  "key" TEXT NOT NULL,
  experiment_pk INTEGER NOT NULL,
  count INTEGER NOT NULL,
  nan_count INTEGER NOT NULL,
  last_step INTEGER NOT NULL,
  last_time_ms INTEGER NOT NULL,
  last_value DOUBLE,
  min_value DOUBLE,
  min_step INTEGER,
  max_value DOUBLE,
  max_step INTEGER,
  gathered INTEGER NOT NULL,
  open_chunks INTEGER NOT NULL,
  PRIMARY KEY (pk),
  CONSTRAINT uq_series_key UNIQUE (run_pk, "key")
);

CREATE INDEX ix_series_value ON series (experiment_pk, "key", last_value, run_pk);

CREATE TABLE signing_keys (
  workspace TEXT NOT NULL,
  name TEXT NOT NULL,
  kind TEXT NOT NULL,
  pem TEXT NOT NULL,
  created_by TEXT NOT NULL,
  created_ms INTEGER NOT NULL,
  PRIMARY KEY (workspace, name)
)
 WITHOUT ROWID;

CREATE TABLE tags (
  run_pk INTEGER NOT NULL,
  "key" TEXT NOT NULL,
  experiment_pk INTEGER NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (run_pk, "key")
)
 WITHOUT ROWID;

CREATE INDEX ix_tags_value ON tags (experiment_pk, "key", value, run_pk) WHERE length(value) <= 100;

CREATE TABLE team_members (
  team_pk INTEGER NOT NULL,
  user_pk INTEGER NOT NULL,
  PRIMARY KEY (team_pk, user_pk)
)
 WITHOUT ROWID;

CREATE INDEX ix_team_members_user ON team_members (user_pk);

CREATE TABLE teams (
  pk INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
  workspace TEXT NOT NULL,
  name TEXT NOT NULL,
  description TEXT NOT NULL,
  external_id TEXT NOT NULL,
  CONSTRAINT uq_teams_name UNIQUE (workspace, name)
);

CREATE TABLE trash (
  pk INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
  workspace TEXT NOT NULL,
  kind TEXT NOT NULL,
  name TEXT NOT NULL,
  object_pk INTEGER NOT NULL,
  model_pk INTEGER NOT NULL,
  target_kind TEXT NOT NULL,
  target TEXT NOT NULL,
  deleted_ms INTEGER NOT NULL,
  deleted_by TEXT NOT NULL
);

CREATE INDEX ix_trash_deleted ON trash (workspace, deleted_ms);

CREATE INDEX ix_trash_model ON trash (model_pk);

CREATE INDEX ix_trash_workspace ON trash (workspace, pk);

CREATE TABLE trash_folders (
  workspace TEXT NOT NULL,
  path TEXT NOT NULL,
  trash_pk INTEGER NOT NULL,
  PRIMARY KEY (workspace, path)
);

CREATE INDEX ix_trash_folders_entry ON trash_folders (trash_pk);

CREATE TABLE trash_rows (
  trash_pk INTEGER NOT NULL,
  number INTEGER NOT NULL,
  source TEXT NOT NULL,
  data BLOB NOT NULL,
  PRIMARY KEY (trash_pk, number)
);

CREATE TABLE uploads (
  upload_id TEXT NOT NULL,
  workspace TEXT NOT NULL,
  actor TEXT NOT NULL,
  path TEXT NOT NULL,
  blob_key TEXT NOT NULL,
  store_upload_id TEXT NOT NULL,
  created_ms INTEGER NOT NULL,
  PRIMARY KEY (upload_id)
);

CREATE TABLE users (
  pk INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL,
  folded TEXT NOT NULL,
  kind TEXT NOT NULL,
  password TEXT NOT NULL,
  is_admin INTEGER NOT NULL,
  disabled INTEGER NOT NULL,
  home TEXT NOT NULL,
  created_ms INTEGER NOT NULL,
  created_by TEXT NOT NULL,
  external_id TEXT NOT NULL,
  CONSTRAINT uq_users_folded UNIQUE (folded)
);

CREATE TABLE version_signatures (
  version_pk INTEGER NOT NULL,
  key_name TEXT NOT NULL,
  signer TEXT NOT NULL,
  bundle TEXT NOT NULL,
  added_by TEXT NOT NULL,
  added_ms INTEGER NOT NULL,
  PRIMARY KEY (version_pk, key_name)
);

CREATE TABLE webhook_deliveries (
  pk INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
  webhook_pk INTEGER NOT NULL,
  event_id TEXT NOT NULL,
  event TEXT NOT NULL,
  body TEXT NOT NULL,
  state TEXT NOT NULL,
  is_test INTEGER NOT NULL,
  created_ms INTEGER NOT NULL,
  next_ms INTEGER,
  tries INTEGER NOT NULL,
  attempts TEXT NOT NULL
);

CREATE INDEX ix_webhook_deliveries_done ON webhook_deliveries (created_ms) WHERE next_ms IS NULL;

CREATE INDEX ix_webhook_deliveries_due ON webhook_deliveries (webhook_pk, next_ms) WHERE next_ms IS NOT NULL;

CREATE INDEX ix_webhook_deliveries_webhook ON webhook_deliveries (webhook_pk, pk);

CREATE TABLE webhook_events (
  workspace TEXT NOT NULL,
  kind TEXT NOT NULL,
  webhook_pk INTEGER NOT NULL,
  PRIMARY KEY (workspace, kind, webhook_pk)
)
 WITHOUT ROWID;

CREATE TABLE webhooks (
  pk INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
  workspace TEXT NOT NULL,
  webhook_id TEXT NOT NULL,
  name TEXT NOT NULL,
  description TEXT NOT NULL,
  url TEXT NOT NULL,
  events TEXT NOT NULL,
  secret TEXT NOT NULL,
  enabled INTEGER NOT NULL,
  created_by TEXT NOT NULL,
  created_ms INTEGER NOT NULL,
  updated_ms INTEGER NOT NULL,
  busy_until_ms INTEGER NOT NULL,
  CONSTRAINT uq_webhooks_id UNIQUE (workspace, webhook_id)
);

CREATE TABLE workspaces (
  "key" TEXT NOT NULL,
  name TEXT NOT NULL,
  description TEXT NOT NULL,
  created_by TEXT NOT NULL,
  created_ms INTEGER NOT NULL,
  archived_ms INTEGER,
  trash_ms INTEGER,
  PRIMARY KEY ("key"),
  CONSTRAINT uq_workspaces_name UNIQUE (name)
);

INSERT INTO workspaces (key, name, description, created_by, created_ms) VALUES
  ('default', 'default', '', '', CAST(round((julianday('now') - 2440587.5) * 86400000) AS INTEGER));

INSERT INTO experiments (pk, workspace, name, artifact_location, created_ms, updated_ms) VALUES
  (0, 'default', 'Default', 'mlflow-artifacts:/0', CAST(round((julianday('now') - 2440587.5) * 86400000) AS INTEGER), CAST(round((julianday('now') - 2440587.5) * 86400000) AS INTEGER));
