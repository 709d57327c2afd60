-- Written from schema.py by `make schema`.
CREATE OR REPLACE FUNCTION trackway_number(value text) RETURNS double precision LANGUAGE plpgsql IMMUTABLE STRICT AS $$
BEGIN
  IF value !~* '^[+-]?(([0-9]+[.]?[0-9]*|[.][0-9]+)(e[+-]?[0-9]+)?|inf(inity)?)$' THEN RETURN NULL; END IF;
  RETURN value::double precision;
EXCEPTION WHEN numeric_value_out_of_range THEN
  RETURN CASE WHEN value ~ 'e-|E-' THEN 0.0 WHEN value LIKE '-%' THEN '-Infinity' ELSE 'Infinity' END::double precision;
END $$;

CREATE OR REPLACE FUNCTION trackway_compute(a double precision, op text, b double precision)
RETURNS double precision LANGUAGE plpgsql IMMUTABLE STRICT AS $$
BEGIN
  RETURN NULLIF(
    CASE op WHEN '+' THEN a + b WHEN '-' THEN a - b WHEN '*' THEN a * b ELSE a / NULLIF(b, 0) END, 'NaN');
EXCEPTION WHEN numeric_value_out_of_range THEN
  RETURN CASE
    WHEN op = '+' OR op = '-' THEN sign(a) * 'Infinity'
    WHEN ln(abs(a)) + CASE op WHEN '*' THEN 1 ELSE -1 END * ln(abs(b)) > 0 THEN sign(a) * sign(b) * 'Infinity'
    ELSE 0 END;
END $$;

CREATE TABLE access_versions (
  name TEXT COLLATE "C" NOT NULL,
  version BIGINT NOT NULL,
  PRIMARY KEY (name)
);

CREATE TABLE arrivals (
  pk BIGSERIAL NOT NULL,
  run_pk BIGINT NOT NULL,
  series TEXT COLLATE "C" NOT NULL,
  data BYTEA NOT NULL,
  PRIMARY KEY (pk)
);

CREATE INDEX ix_arrivals_run ON arrivals (run_pk);

ALTER TABLE arrivals ALTER COLUMN data SET STORAGE EXTERNAL, SET (toast_tuple_target = 8160);

CREATE TABLE audit (
  workspace TEXT COLLATE "C" NOT NULL,
  number BIGINT NOT NULL,
  time_ms BIGINT NOT NULL,
  actor TEXT COLLATE "C" NOT NULL,
  operation TEXT COLLATE "C" NOT NULL,
  object TEXT COLLATE "C" NOT NULL,
  request_id TEXT COLLATE "C" NOT NULL,
  detail TEXT COLLATE "C" NOT NULL,
  address TEXT COLLATE "C" NOT NULL,
  before_digest TEXT COLLATE "C" NOT NULL,
  after_digest TEXT COLLATE "C" NOT NULL,
  salt TEXT COLLATE "C" NOT NULL,
  sealed TEXT COLLATE "C" NOT NULL,
  hash TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (workspace, number)
);

CREATE INDEX ix_audit_actor ON audit (workspace, actor, number);

CREATE INDEX ix_audit_object ON audit (workspace, object, number);

CREATE TABLE audit_heads (
  workspace TEXT COLLATE "C" NOT NULL,
  number BIGINT NOT NULL,
  hash TEXT COLLATE "C" NOT NULL,
  trimmed BIGINT NOT NULL,
  trimmed_hash TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (workspace)
);

CREATE TABLE chunks (
  series_pk BIGINT NOT NULL,
  first BIGINT NOT NULL,
  data BYTEA NOT NULL,
  PRIMARY KEY (series_pk, first)
);

ALTER TABLE chunks ALTER COLUMN data SET STORAGE EXTERNAL, SET (toast_tuple_target = 8160);

CREATE TABLE credentials (
  digest TEXT COLLATE "C" NOT NULL,
  kind TEXT COLLATE "C" NOT NULL,
  public_id TEXT COLLATE "C" NOT NULL,
  user_pk BIGINT NOT NULL,
  name TEXT COLLATE "C" NOT NULL,
  role TEXT COLLATE "C" NOT NULL,
  workspace TEXT COLLATE "C" NOT NULL,
  created_ms BIGINT NOT NULL,
  expires_ms BIGINT NOT NULL,
  client TEXT COLLATE "C" NOT NULL,
  address TEXT COLLATE "C" NOT NULL,
  used_ms BIGINT NOT NULL,
  PRIMARY KEY (digest)
);

CREATE INDEX ix_credentials_expiry ON credentials (expires_ms);

CREATE INDEX ix_credentials_user ON credentials (user_pk, kind);

CREATE TABLE datasets (
  pk BIGSERIAL NOT NULL,
  experiment_pk BIGINT NOT NULL,
  name TEXT COLLATE "C" NOT NULL,
  digest TEXT COLLATE "C" NOT NULL,
  source_type TEXT COLLATE "C" NOT NULL,
  source TEXT COLLATE "C" NOT NULL,
  schema TEXT COLLATE "C",
  profile TEXT COLLATE "C",
  PRIMARY KEY (pk),
  CONSTRAINT uq_datasets_digest UNIQUE (experiment_pk, name, digest)
);

CREATE INDEX ix_datasets_name ON datasets (name, digest);

CREATE TABLE endpoint_servers (
  pk BIGSERIAL NOT NULL,
  endpoint_pk BIGINT NOT NULL,
  server_id TEXT COLLATE "C" NOT NULL,
  model_pk BIGINT NOT NULL,
  version BIGINT NOT NULL,
  follows TEXT COLLATE "C" NOT NULL,
  address TEXT COLLATE "C" NOT NULL,
  announced_by TEXT COLLATE "C" NOT NULL,
  since_ms BIGINT NOT NULL,
  version_since_ms BIGINT NOT NULL,
  lease_until_ms BIGINT NOT NULL,
  ended_ms BIGINT,
  PRIMARY KEY (pk),
  CONSTRAINT uq_endpoint_servers_id UNIQUE (endpoint_pk, server_id)
);

CREATE INDEX ix_endpoint_servers_version ON endpoint_servers (model_pk, version);

CREATE TABLE endpoints (
  pk BIGSERIAL NOT NULL,
  workspace TEXT COLLATE "C" NOT NULL,
  name TEXT COLLATE "C" NOT NULL,
  created_by TEXT COLLATE "C" NOT NULL,
  created_ms BIGINT NOT NULL,
  PRIMARY KEY (pk),
  CONSTRAINT uq_endpoints_name UNIQUE (workspace, name)
);

CREATE TABLE environments (
  digest TEXT COLLATE "C" NOT NULL,
  data BYTEA NOT NULL,
  PRIMARY KEY (digest)
);

CREATE TABLE experiment_tags (
  experiment_pk BIGINT NOT NULL,
  key TEXT COLLATE "C" NOT NULL,
  value TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (experiment_pk, key)
);

CREATE TABLE experiments (
  pk BIGSERIAL NOT NULL,
  workspace TEXT COLLATE "C" NOT NULL,
  name TEXT COLLATE "C" NOT NULL,
  artifact_location TEXT COLLATE "C" NOT NULL,
  created_ms BIGINT NOT NULL,
  updated_ms BIGINT NOT NULL,
  deleted_ms BIGINT,
  PRIMARY KEY (pk)
);

CREATE INDEX ix_experiments_created ON experiments (workspace, created_ms, pk);

CREATE UNIQUE INDEX ix_experiments_live_name ON experiments (workspace, name) WHERE deleted_ms IS NULL;

CREATE TABLE files (
  pk BIGSERIAL NOT NULL,
  workspace TEXT COLLATE "C" NOT NULL,
  path TEXT COLLATE "C" NOT NULL,
  size_bytes BIGINT NOT NULL,
  sha256 TEXT COLLATE "C" NOT NULL,
  modified_ms BIGINT NOT NULL,
  blob_key TEXT COLLATE "C",
  data BYTEA,
  PRIMARY KEY (pk),
  CONSTRAINT uq_files_path UNIQUE (workspace, path)
);

CREATE INDEX ix_files_blob ON files (blob_key) WHERE blob_key IS NOT NULL;

CREATE TABLE gather_queue (
  run_pk BIGINT NOT NULL,
  ended BIGINT NOT NULL,
  PRIMARY KEY (run_pk)
);

CREATE TABLE grants (
  pk BIGSERIAL NOT NULL,
  workspace TEXT COLLATE "C" NOT NULL,
  subject_kind TEXT COLLATE "C" NOT NULL,
  subject_pk BIGINT NOT NULL,
  target_kind TEXT COLLATE "C" NOT NULL,
  target TEXT COLLATE "C" NOT NULL,
  role TEXT COLLATE "C" NOT NULL,
  created_ms BIGINT NOT NULL,
  created_by TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (pk),
  CONSTRAINT uq_grants_subject UNIQUE (workspace, subject_kind, subject_pk, target_kind, target)
);

CREATE INDEX ix_grants_target ON grants (workspace, target_kind, target);

CREATE TABLE holds (
  pk BIGSERIAL NOT NULL,
  workspace TEXT COLLATE "C" NOT NULL,
  target_kind TEXT COLLATE "C" NOT NULL,
  target TEXT COLLATE "C" NOT NULL,
  reason TEXT COLLATE "C" NOT NULL,
  created_ms BIGINT NOT NULL,
  created_by TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (pk)
);

CREATE INDEX ix_holds_target ON holds (workspace, target_kind, target);

CREATE TABLE idempotency_keys (
  digest TEXT COLLATE "C" NOT NULL,
  workspace TEXT COLLATE "C" NOT NULL,
  request TEXT COLLATE "C" NOT NULL,
  answer TEXT COLLATE "C" NOT NULL,
  created_ms BIGINT NOT NULL,
  PRIMARY KEY (digest)
);

CREATE INDEX ix_idempotency_keys_created ON idempotency_keys (created_ms);

CREATE TABLE identities (
  issuer TEXT COLLATE "C" NOT NULL,
  subject TEXT COLLATE "C" NOT NULL,
  user_pk BIGINT NOT NULL,
  PRIMARY KEY (issuer, subject)
);

CREATE INDEX ix_identities_user ON identities (user_pk);

CREATE TABLE jobs (
  name TEXT COLLATE "C" NOT NULL,
  interval_ms BIGINT NOT NULL,
  began_ms BIGINT NOT NULL,
  ended_ms BIGINT NOT NULL,
  times BIGINT NOT NULL,
  failures BIGINT NOT NULL,
  error TEXT COLLATE "C" NOT NULL,
  error_ms BIGINT,
  PRIMARY KEY (name)
);

CREATE TABLE leases (
  name TEXT COLLATE "C" NOT NULL,
  holder TEXT COLLATE "C" NOT NULL,
  until_ms BIGINT NOT NULL,
  PRIMARY KEY (name)
);

CREATE TABLE logged_model_metrics (
  pk BIGSERIAL NOT NULL,
  model_pk BIGINT NOT NULL,
  key TEXT COLLATE "C" NOT NULL,
  value DOUBLE PRECISION,
  time_ms BIGINT NOT NULL,
  step BIGINT NOT NULL,
  run_id TEXT COLLATE "C" NOT NULL,
  dataset_name TEXT COLLATE "C",
  dataset_digest TEXT COLLATE "C",
  PRIMARY KEY (pk)
);

CREATE INDEX ix_logged_model_metrics_key ON logged_model_metrics (model_pk, key);

CREATE TABLE logged_model_params (
  model_pk BIGINT NOT NULL,
  key TEXT COLLATE "C" NOT NULL,
  value TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (model_pk, key)
);

CREATE TABLE logged_model_tags (
  model_pk BIGINT NOT NULL,
  key TEXT COLLATE "C" NOT NULL,
  value TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (model_pk, key)
);

CREATE TABLE logged_models (
  pk BIGSERIAL NOT NULL,
  workspace TEXT COLLATE "C" NOT NULL,
  model_id TEXT COLLATE "C" NOT NULL,
  experiment_pk BIGINT NOT NULL,
  name TEXT COLLATE "C" NOT NULL,
  model_type TEXT COLLATE "C" NOT NULL,
  source_run_id TEXT COLLATE "C" NOT NULL,
  artifact_uri TEXT COLLATE "C" NOT NULL,
  status TEXT COLLATE "C" NOT NULL,
  status_message TEXT COLLATE "C",
  created_ms BIGINT NOT NULL,
  updated_ms BIGINT NOT NULL,
  deleted_ms BIGINT,
  PRIMARY KEY (pk),
  CONSTRAINT uq_logged_models_id UNIQUE (workspace, model_id)
);

CREATE INDEX ix_logged_models_created ON logged_models (experiment_pk, created_ms, model_id);

CREATE INDEX ix_logged_models_run ON logged_models (workspace, source_run_id);

CREATE INDEX ix_logged_models_trash ON logged_models (deleted_ms) WHERE deleted_ms IS NOT NULL;

CREATE TABLE model_aliases (
  model_pk BIGINT NOT NULL,
  alias TEXT COLLATE "C" NOT NULL,
  version_pk BIGINT NOT NULL,
  set_ms BIGINT NOT NULL,
  set_by TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (model_pk, alias)
);

CREATE INDEX ix_model_aliases_version ON model_aliases (version_pk);

CREATE TABLE model_comments (
  pk BIGSERIAL NOT NULL,
  model_pk BIGINT NOT NULL,
  version BIGINT,
  author TEXT COLLATE "C" NOT NULL,
  created_ms BIGINT NOT NULL,
  updated_ms BIGINT NOT NULL,
  text TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (pk)
);

CREATE INDEX ix_model_comments_model ON model_comments (model_pk, pk);

CREATE TABLE model_events (
  pk BIGSERIAL NOT NULL,
  workspace TEXT COLLATE "C" NOT NULL,
  model_pk BIGINT NOT NULL,
  version BIGINT,
  time_ms BIGINT NOT NULL,
  actor TEXT COLLATE "C" NOT NULL,
  action TEXT COLLATE "C" NOT NULL,
  detail TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (pk)
);

CREATE INDEX ix_model_events_model ON model_events (model_pk, pk);

CREATE INDEX ix_model_events_version ON model_events (model_pk, version, pk);

CREATE TABLE model_requests (
  pk BIGSERIAL NOT NULL,
  model_pk BIGINT NOT NULL,
  version BIGINT NOT NULL,
  stage TEXT COLLATE "C",
  alias TEXT COLLATE "C" NOT NULL,
  archive_existing BIGINT NOT NULL,
  author TEXT COLLATE "C" NOT NULL,
  comment TEXT COLLATE "C" NOT NULL,
  created_ms BIGINT NOT NULL,
  state TEXT COLLATE "C" NOT NULL,
  decided_by TEXT COLLATE "C" NOT NULL,
  decided_ms BIGINT,
  reason TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (pk)
);

CREATE INDEX ix_model_requests_model ON model_requests (model_pk, pk);

CREATE INDEX ix_model_requests_state ON model_requests (model_pk, state, pk);

CREATE TABLE model_version_tags (
  version_pk BIGINT NOT NULL,
  key TEXT COLLATE "C" NOT NULL,
  value TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (version_pk, key)
);

CREATE TABLE model_versions (
  pk BIGSERIAL NOT NULL,
  workspace TEXT COLLATE "C" NOT NULL,
  model_pk BIGINT NOT NULL,
  version BIGINT NOT NULL,
  status TEXT COLLATE "C" NOT NULL,
  status_message TEXT COLLATE "C" NOT NULL,
  stage TEXT COLLATE "C" NOT NULL,
  source TEXT COLLATE "C" NOT NULL,
  location TEXT COLLATE "C" NOT NULL,
  run_id TEXT COLLATE "C" NOT NULL,
  model_id TEXT COLLATE "C" NOT NULL,
  run_link TEXT COLLATE "C" NOT NULL,
  description TEXT COLLATE "C" NOT NULL,
  user_name TEXT COLLATE "C" NOT NULL,
  created_ms BIGINT NOT NULL,
  updated_ms BIGINT NOT NULL,
  staged_ms BIGINT,
  staged_by TEXT COLLATE "C" NOT NULL,
  evaluated_by TEXT COLLATE "C" NOT NULL,
  origin_pk BIGINT,
  content_path TEXT COLLATE "C",
  digest TEXT COLLATE "C" NOT NULL,
  external_key TEXT COLLATE "C",
  PRIMARY KEY (pk),
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
  pk BIGSERIAL NOT NULL,
  run_pk BIGINT NOT NULL,
  key TEXT COLLATE "C" NOT NULL,
  value TEXT COLLATE "C" NOT NULL,
  replaced_ms BIGINT NOT NULL,
  actor TEXT COLLATE "C" NOT NULL,
  reason TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (pk)
);

CREATE INDEX ix_param_history_run ON param_history (run_pk, pk);

CREATE TABLE params (
  run_pk BIGINT NOT NULL,
  key TEXT COLLATE "C" NOT NULL,
  experiment_pk BIGINT NOT NULL,
  value TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (run_pk, key)
);

CREATE INDEX ix_params_value ON params (experiment_pk, key, value, run_pk) WHERE length(value) <= 100;

CREATE TABLE pending_blobs (
  blob_key TEXT COLLATE "C" NOT NULL,
  since_ms BIGINT NOT NULL,
  PRIMARY KEY (blob_key)
);

CREATE TABLE quotas (
  workspace TEXT COLLATE "C" NOT NULL,
  runs BIGINT,
  points BIGINT,
  size_bytes BIGINT,
  requests_per_minute BIGINT,
  exceeded TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (workspace)
);

CREATE TABLE registered_model_tags (
  model_pk BIGINT NOT NULL,
  key TEXT COLLATE "C" NOT NULL,
  value TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (model_pk, key)
);

CREATE TABLE registered_models (
  pk BIGSERIAL NOT NULL,
  workspace TEXT COLLATE "C" NOT NULL,
  name TEXT COLLATE "C" NOT NULL,
  description TEXT COLLATE "C" NOT NULL,
  owner TEXT COLLATE "C" NOT NULL,
  created_ms BIGINT NOT NULL,
  updated_ms BIGINT NOT NULL,
  last_version BIGINT NOT NULL,
  policy TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (pk),
  CONSTRAINT uq_registered_models_name UNIQUE (workspace, name)
);

CREATE TABLE roles (
  workspace TEXT COLLATE "C" NOT NULL,
  name TEXT COLLATE "C" NOT NULL,
  permissions TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (workspace, name)
);

CREATE TABLE run_datasets (
  run_pk BIGINT NOT NULL,
  dataset_pk BIGINT NOT NULL,
  context TEXT COLLATE "C",
  tags TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (run_pk, dataset_pk)
);

CREATE INDEX ix_run_datasets_dataset ON run_datasets (dataset_pk);

CREATE TABLE run_links (
  run_pk BIGINT NOT NULL,
  kind TEXT COLLATE "C" NOT NULL,
  earlier_pk BIGINT NOT NULL,
  PRIMARY KEY (run_pk, kind, earlier_pk)
);

CREATE INDEX ix_run_links_earlier ON run_links (earlier_pk);

CREATE TABLE run_models (
  run_pk BIGINT NOT NULL,
  direction TEXT COLLATE "C" NOT NULL,
  model_id TEXT COLLATE "C" NOT NULL,
  step BIGINT NOT NULL,
  PRIMARY KEY (run_pk, direction, model_id)
);

CREATE INDEX ix_run_models_model ON run_models (model_id);

CREATE TABLE run_sessions (
  run_pk BIGINT NOT NULL,
  session_id TEXT COLLATE "C" NOT NULL,
  sequence BIGINT NOT NULL,
  PRIMARY KEY (run_pk, session_id)
);

CREATE TABLE runs (
  pk BIGSERIAL NOT NULL,
  workspace TEXT COLLATE "C" NOT NULL,
  run_id TEXT COLLATE "C" NOT NULL,
  experiment_pk BIGINT NOT NULL,
  name TEXT COLLATE "C" NOT NULL,
  status TEXT COLLATE "C" NOT NULL,
  user_name TEXT COLLATE "C" NOT NULL,
  start_ms BIGINT NOT NULL,
  end_ms BIGINT,
  deleted_ms BIGINT,
  artifact_uri TEXT COLLATE "C" NOT NULL,
  version BIGINT NOT NULL,
  parent_run_id TEXT COLLATE "C",
  external_key TEXT COLLATE "C",
  lease_ms BIGINT,
  lease_until_ms BIGINT,
  environment_digest TEXT COLLATE "C",
  arrived BIGINT NOT NULL,
  PRIMARY KEY (pk),
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
  pk BIGSERIAL NOT NULL,
  schedule_pk BIGINT NOT NULL,
  tick_id TEXT COLLATE "C" NOT NULL,
  due_ms BIGINT NOT NULL,
  manual BIGINT NOT NULL,
  state TEXT COLLATE "C" NOT NULL,
  holder TEXT COLLATE "C" NOT NULL,
  worker TEXT COLLATE "C" NOT NULL,
  lease_until_ms BIGINT,
  run_id TEXT COLLATE "C" NOT NULL,
  error TEXT COLLATE "C" NOT NULL,
  cancel BIGINT NOT NULL,
  created_ms BIGINT NOT NULL,
  started_ms BIGINT,
  ended_ms BIGINT,
  PRIMARY KEY (pk),
  CONSTRAINT uq_schedule_ticks_id UNIQUE (tick_id)
);

CREATE INDEX ix_schedule_ticks_ended ON schedule_ticks (created_ms) WHERE ended_ms IS NOT NULL;

CREATE UNIQUE INDEX ix_schedule_ticks_once ON schedule_ticks (schedule_pk, due_ms) WHERE manual = 0;

CREATE INDEX ix_schedule_ticks_open ON schedule_ticks (schedule_pk, due_ms) WHERE ended_ms IS NULL;

CREATE INDEX ix_schedule_ticks_schedule ON schedule_ticks (schedule_pk, pk);

CREATE TABLE schedules (
  pk BIGSERIAL NOT NULL,
  workspace TEXT COLLATE "C" NOT NULL,
  schedule_id TEXT COLLATE "C" NOT NULL,
  name TEXT COLLATE "C" NOT NULL,
  cron TEXT COLLATE "C" NOT NULL,
  time_zone TEXT COLLATE "C" NOT NULL,
  catch_up TEXT COLLATE "C" NOT NULL,
  catch_up_limit BIGINT NOT NULL,
  overlap TEXT COLLATE "C" NOT NULL,
  launch TEXT COLLATE "C" NOT NULL,
  paused BIGINT NOT NULL,
  created_by TEXT COLLATE "C" NOT NULL,
  created_ms BIGINT NOT NULL,
  updated_ms BIGINT NOT NULL,
  next_ms BIGINT,
  turn BIGINT NOT NULL,
  PRIMARY KEY (pk),
  CONSTRAINT uq_schedules_name UNIQUE (workspace, name)
);

CREATE INDEX ix_schedules_next ON schedules (next_ms) WHERE next_ms IS NOT NULL;

CREATE TABLE seal_queue (
  series_pk BIGINT NOT NULL,
  PRIMARY KEY (series_pk)
);

CREATE TABLE sealed_chunks (
  series_pk BIGINT NOT NULL,
  first BIGINT NOT NULL,
  min_step BIGINT NOT NULL,
  max_step BIGINT NOT NULL,
  head BYTEA NOT NULL,
  data BYTEA NOT NULL,
  PRIMARY KEY (series_pk, first)
);

ALTER TABLE sealed_chunks ALTER COLUMN head SET STORAGE EXTERNAL, ALTER COLUMN data SET STORAGE EXTERNAL, SET (toast_tuple_target = 8160);

CREATE TABLE series (
  pk BIGSERIAL NOT NULL,
  run_pk BIGINT NOT NULL,
  key TEXT COLLATE "C" NOT NULL,
  experiment_pk BIGINT NOT NULL,
  count BIGINT NOT NULL,
  nan_count BIGINT NOT NULL,
  last_step BIGINT NOT NULL,
  last_time_ms BIGINT NOT NULL,
  last_value DOUBLE PRECISION,
  min_value DOUBLE PRECISION,
  min_step BIGINT,
  max_value DOUBLE PRECISION,
  max_step BIGINT,
  gathered BIGINT NOT NULL,
  open_chunks BIGINT NOT NULL,
  PRIMARY KEY (pk),
  CONSTRAINT uq_series_key UNIQUE (run_pk, key)
);

CREATE INDEX ix_series_value ON series (experiment_pk, key, last_value, run_pk);

CREATE TABLE signing_keys (
  workspace TEXT COLLATE "C" NOT NULL,
  name TEXT COLLATE "C" NOT NULL,
  kind TEXT COLLATE "C" NOT NULL,
  pem TEXT COLLATE "C" NOT NULL,
  created_by TEXT COLLATE "C" NOT NULL,
  created_ms BIGINT NOT NULL,
  PRIMARY KEY (workspace, name)
);

CREATE TABLE tags (
  run_pk BIGINT NOT NULL,
  key TEXT COLLATE "C" NOT NULL,
  experiment_pk BIGINT NOT NULL,
  value TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (run_pk, key)
);

CREATE INDEX ix_tags_value ON tags (experiment_pk, key, value, run_pk) WHERE length(value) <= 100;

CREATE TABLE team_members (
  team_pk BIGINT NOT NULL,
  user_pk BIGINT NOT NULL,
  PRIMARY KEY (team_pk, user_pk)
);

CREATE INDEX ix_team_members_user ON team_members (user_pk);

CREATE TABLE teams (
  pk BIGSERIAL NOT NULL,
  workspace TEXT COLLATE "C" NOT NULL,
  name TEXT COLLATE "C" NOT NULL,
  description TEXT COLLATE "C" NOT NULL,
  external_id TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (pk),
  CONSTRAINT uq_teams_name UNIQUE (workspace, name)
);

CREATE TABLE trash (
  pk BIGSERIAL NOT NULL,
  workspace TEXT COLLATE "C" NOT NULL,
  kind TEXT COLLATE "C" NOT NULL,
  name TEXT COLLATE "C" NOT NULL,
  object_pk BIGINT NOT NULL,
  model_pk BIGINT NOT NULL,
  target_kind TEXT COLLATE "C" NOT NULL,
  target TEXT COLLATE "C" NOT NULL,
  deleted_ms BIGINT NOT NULL,
  deleted_by TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (pk)
);

CREATE INDEX ix_trash_deleted ON trash (workspace, deleted_ms);

CREATE INDEX ix_trash_model ON trash (model_pk);

CREATE INDEX ix_trash_workspace ON trash (workspace, pk);

CREATE TABLE trash_folders (
  workspace TEXT COLLATE "C" NOT NULL,
  path TEXT COLLATE "C" NOT NULL,
  trash_pk BIGINT NOT NULL,
  PRIMARY KEY (workspace, path)
);

CREATE INDEX ix_trash_folders_entry ON trash_folders (trash_pk);

CREATE TABLE trash_rows (
  trash_pk BIGINT NOT NULL,
  number BIGINT NOT NULL,
  source TEXT COLLATE "C" NOT NULL,
  data BYTEA NOT NULL,
  PRIMARY KEY (trash_pk, number)
);

CREATE TABLE uploads (
  upload_id TEXT COLLATE "C" NOT NULL,
  workspace TEXT COLLATE "C" NOT NULL,
  actor TEXT COLLATE "C" NOT NULL,
  path TEXT COLLATE "C" NOT NULL,
  blob_key TEXT COLLATE "C" NOT NULL,
  store_upload_id TEXT COLLATE "C" NOT NULL,
  created_ms BIGINT NOT NULL,
  PRIMARY KEY (upload_id)
);

CREATE TABLE users (
  pk BIGSERIAL NOT NULL,
  name TEXT COLLATE "C" NOT NULL,
  folded TEXT COLLATE "C" NOT NULL,
  kind TEXT COLLATE "C" NOT NULL,
  password TEXT COLLATE "C" NOT NULL,
  is_admin BIGINT NOT NULL,
  disabled BIGINT NOT NULL,
  home TEXT COLLATE "C" NOT NULL,
  created_ms BIGINT NOT NULL,
  created_by TEXT COLLATE "C" NOT NULL,
  external_id TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (pk),
  CONSTRAINT uq_users_folded UNIQUE (folded)
);

CREATE TABLE version_signatures (
  version_pk BIGINT NOT NULL,
  key_name TEXT COLLATE "C" NOT NULL,
  signer TEXT COLLATE "C" NOT NULL,
  bundle TEXT COLLATE "C" NOT NULL,
  added_by TEXT COLLATE "C" NOT NULL,
  added_ms BIGINT NOT NULL,
  PRIMARY KEY (version_pk, key_name)
);

CREATE TABLE webhook_deliveries (
  pk BIGSERIAL NOT NULL,
  webhook_pk BIGINT NOT NULL,
  event_id TEXT COLLATE "C" NOT NULL,
  event TEXT COLLATE "C" NOT NULL,
  body TEXT COLLATE "C" NOT NULL,
  state TEXT COLLATE "C" NOT NULL,
  is_test BIGINT NOT NULL,
  created_ms BIGINT NOT NULL,
  next_ms BIGINT,
  tries BIGINT NOT NULL,
  attempts TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (pk)
);

CREATE INDEX ix_webhook_deliveries_done ON webhook_deliveries (created_ms) WHERE next_ms IS NULL;

CREATE INDEX ix_webhook_deliveries_due ON webhook_deliveries (webhook_pk, next_ms) WHERE next_ms IS NOT NULL;

CREATE INDEX ix_webhook_deliveries_webhook ON webhook_deliveries (webhook_pk, pk);

CREATE TABLE webhook_events (
  workspace TEXT COLLATE "C" NOT NULL,
  kind TEXT COLLATE "C" NOT NULL,
  webhook_pk BIGINT NOT NULL,
  PRIMARY KEY (workspace, kind, webhook_pk)
);

CREATE TABLE webhooks (
  pk BIGSERIAL NOT NULL,
  workspace TEXT COLLATE "C" NOT NULL,
  webhook_id TEXT COLLATE "C" NOT NULL,
  name TEXT COLLATE "C" NOT NULL,
  description TEXT COLLATE "C" NOT NULL,
  url TEXT COLLATE "C" NOT NULL,
  events TEXT COLLATE "C" NOT NULL,
  secret TEXT COLLATE "C" NOT NULL,
  enabled BIGINT NOT NULL,
  created_by TEXT COLLATE "C" NOT NULL,
  created_ms BIGINT NOT NULL,
  updated_ms BIGINT NOT NULL,
  busy_until_ms BIGINT NOT NULL,
  PRIMARY KEY (pk),
  CONSTRAINT uq_webhooks_id UNIQUE (workspace, webhook_id)
);

CREATE TABLE workspaces (
  key TEXT COLLATE "C" NOT NULL,
  name TEXT COLLATE "C" NOT NULL,
  description TEXT COLLATE "C" NOT NULL,
  created_by TEXT COLLATE "C" NOT NULL,
  created_ms BIGINT NOT NULL,
  archived_ms BIGINT,
  trash_ms BIGINT,
  PRIMARY KEY (key),
  CONSTRAINT uq_workspaces_name UNIQUE (name)
);

INSERT INTO workspaces (key, name, description, created_by, created_ms) VALUES
  ('default', 'default', '', '', CAST(extract(epoch FROM now()) * 1000 AS BIGINT));

INSERT INTO experiments (pk, workspace, name, artifact_location, created_ms, updated_ms) VALUES
  (0, 'default', 'Default', 'mlflow-artifacts:/0', CAST(extract(epoch FROM now()) * 1000 AS BIGINT), CAST(extract(epoch FROM now()) * 1000 AS BIGINT));
