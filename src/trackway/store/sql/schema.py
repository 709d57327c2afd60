"""The tables, for both databases. After a change here, `make schema` writes the SQL that makes them.

Rows of a run's data are keyed by the run's number (``run_pk``), so that they lie together, and carry the experiment's
number, so that a filter or an order on a key is a walk of one index. Times are ms since 1970 UTC. NaN is stored as
NULL in ``*_value`` columns of ``series``: a row without a number is a NaN, no row is a missing metric.
"""

from __future__ import annotations

from sqlalchemy import Column, Index, LargeBinary, UniqueConstraint, text

from trackway.store.sql import schema_access, schema_registry, schema_schedules, schema_trash
from trackway.store.sql.columns import STRING
from trackway.store.sql.columns import integer as _int
from trackway.store.sql.columns import make_table as _table
from trackway.store.sql.columns import metadata as metadata
from trackway.store.sql.columns import packed as _packed
from trackway.store.sql.columns import pk as _pk
from trackway.store.sql.columns import real as _real
from trackway.store.sql.columns import serial as _serial
from trackway.store.sql.columns import string as _str
from trackway.store.sql.filters import INDEXED_CHARS

REGISTRY = schema_registry.TABLES
"""The tables of the registry and of webhooks, in a file of their own."""
SCHEDULES = schema_schedules.TABLES
"""The tables of schedules, in a file of their own."""
ACCESS = schema_access.TABLES
"""The tables of access control, in a file of their own."""
TRASH = schema_trash.TABLES
"""The tables of the trash, in a file of their own."""

workspaces = _table(
    "workspaces",
    _pk("key", STRING),
    _str("name"),
    _str("description"),
    _str("created_by"),
    _int("created_ms"),
    _int("archived_ms", nullable=True),
    _int("trash_ms", nullable=True),
    UniqueConstraint("name", name="uq_workspaces_name"),
)
"""``key`` is what every other table calls a workspace, and never changes; ``name`` is what people call it."""

experiments = _table(
    "experiments",
    _serial(),
    _str("workspace"),
    _str("name"),
    _str("artifact_location"),
    _int("created_ms"),
    _int("updated_ms"),
    _int("deleted_ms", nullable=True),
    ids=True,
)
Index(
    "ix_experiments_live_name",
    experiments.c.workspace,
    experiments.c.name,
    unique=True,
    sqlite_where=text("deleted_ms IS NULL"),
    postgresql_where=text("deleted_ms IS NULL"),
)
Index("ix_experiments_created", experiments.c.workspace, experiments.c.created_ms, experiments.c.pk)

experiment_tags = _table("experiment_tags", _pk("experiment_pk"), _pk("key", STRING), _str("value"), clustered=True)

runs = _table(
    "runs",
    _serial(),
    _str("workspace"),
    _str("run_id"),
    _int("experiment_pk"),
    _str("name"),
    _str("status"),
    _str("user_name"),
    _int("start_ms"),
    _int("end_ms", nullable=True),
    _int("deleted_ms", nullable=True),
    _str("artifact_uri"),
    _int("version"),
    _str("parent_run_id", nullable=True),
    _str("external_key", nullable=True),
    _int("lease_ms", nullable=True),
    _int("lease_until_ms", nullable=True),
    _str("environment_digest", nullable=True),
    _int("arrived"),
    UniqueConstraint("workspace", "run_id", name="uq_runs_id"),
    ids=True,
)
Index(
    "ix_runs_live",
    runs.c.experiment_pk,
    runs.c.start_ms.desc(),
    runs.c.run_id,
    sqlite_where=text("deleted_ms IS NULL"),
    postgresql_where=text("deleted_ms IS NULL"),
)
Index(
    "ix_runs_trash",
    runs.c.experiment_pk,
    runs.c.deleted_ms,
    sqlite_where=text("deleted_ms IS NOT NULL"),
    postgresql_where=text("deleted_ms IS NOT NULL"),
)
Index("ix_runs_all", runs.c.workspace, runs.c.start_ms.desc(), runs.c.run_id)
Index(
    "ix_runs_parent",
    runs.c.workspace,
    runs.c.parent_run_id,
    sqlite_where=text("parent_run_id IS NOT NULL"),
    postgresql_where=text("parent_run_id IS NOT NULL"),
)
Index(
    "ix_runs_external_key",
    runs.c.workspace,
    runs.c.external_key,
    unique=True,
    sqlite_where=text("external_key IS NOT NULL"),
    postgresql_where=text("external_key IS NOT NULL"),
)
Index(
    "ix_runs_lease",
    runs.c.lease_until_ms,
    sqlite_where=text("lease_until_ms IS NOT NULL"),
    postgresql_where=text("lease_until_ms IS NOT NULL"),
)

Index(
    "ix_runs_environment",
    runs.c.environment_digest,
    sqlite_where=text("environment_digest IS NOT NULL"),
    postgresql_where=text("environment_digest IS NOT NULL"),
)

params = _table("params", _pk("run_pk"), _pk("key", STRING), _int("experiment_pk"), _str("value"), clustered=True)
tags = _table("tags", _pk("run_pk"), _pk("key", STRING), _int("experiment_pk"), _str("value"), clustered=True)
_short = text(f"length(value) <= {INDEXED_CHARS}")
for _t in (params, tags):
    _indexed = [_t.c[_name] for _name in ("experiment_pk", "key", "value", "run_pk")]
    Index(f"ix_{_t.name}_value", *_indexed, sqlite_where=_short, postgresql_where=_short)

param_history = _table(
    "param_history",
    _serial(),
    _int("run_pk"),
    _str("key"),
    _str("value"),
    _int("replaced_ms"),
    _str("actor"),
    _str("reason"),
)
Index("ix_param_history_run", param_history.c.run_pk, param_history.c.pk)

series = _table(
    "series",
    _serial(),
    _int("run_pk"),
    _str("key"),
    _int("experiment_pk"),
    _int("count"),
    _int("nan_count"),
    _int("last_step"),
    _int("last_time_ms"),
    _real("last_value"),
    _real("min_value"),
    _int("min_step", nullable=True),
    _real("max_value"),
    _int("max_step", nullable=True),
    _int("gathered"),
    _int("open_chunks"),
    UniqueConstraint("run_pk", "key", name="uq_series_key"),
)
Index("ix_series_value", series.c.experiment_pk, series.c.key, series.c.last_value, series.c.run_pk)
arrivals = _table("arrivals", _serial(), _int("run_pk"), _str("series"), _packed("data"))
"""Points as they came: a row for each request, with all its series, which costs a database least. Soon gathered."""
Index("ix_arrivals_run", arrivals.c.run_pk)
gather_queue = _table("gather_queue", _pk("run_pk"), _int("ended"))
"""Runs whose arrivals are worth gathering, and whether no more are expected of them."""

chunks = _table(
    "chunks",
    _pk("series_pk"),
    _pk("first"),
    _packed("data"),
    clustered=True,
)
"""Points as they were gathered by series: small chunks, merged in their turn."""

sealed_chunks = _table(
    "sealed_chunks",
    _pk("series_pk"),
    _pk("first"),
    _int("min_step"),
    _int("max_step"),
    _packed("head"),
    _packed("data"),
)
"""Chunks after merging, each cut behind its preview: SQLite reads a row's first columns without its last in tables that
it keeps by row number alone."""

seal_queue = _table("seal_queue", _pk("series_pk"))
"""Series whose small chunks are worth merging."""

run_sessions = _table("run_sessions", _pk("run_pk"), _pk("session_id", STRING), _int("sequence"), clustered=True)

environments = _table("environments", _pk("digest", STRING), Column("data", LargeBinary, nullable=False))

datasets = _table(
    "datasets",
    _serial(),
    _int("experiment_pk"),
    _str("name"),
    _str("digest"),
    _str("source_type"),
    _str("source"),
    _str("schema", nullable=True),
    _str("profile", nullable=True),
    UniqueConstraint("experiment_pk", "name", "digest", name="uq_datasets_digest"),
)
Index("ix_datasets_name", datasets.c.name, datasets.c.digest)
run_datasets = _table(
    "run_datasets",
    _pk("run_pk"),
    _pk("dataset_pk"),
    _str("context", nullable=True),
    _str("tags"),
    clustered=True,
)
Index("ix_run_datasets_dataset", run_datasets.c.dataset_pk)

run_models = _table(
    "run_models", _pk("run_pk"), _pk("direction", STRING), _pk("model_id", STRING), _int("step"), clustered=True
)
Index("ix_run_models_model", run_models.c.model_id)

run_links = _table("run_links", _pk("run_pk"), _pk("kind", STRING), _pk("earlier_pk"), clustered=True)
"""What a run says of earlier ones; see ``api.links``."""
Index("ix_run_links_earlier", run_links.c.earlier_pk)

logged_models = _table(
    "logged_models",
    _serial(),
    _str("workspace"),
    _str("model_id"),
    _int("experiment_pk"),
    _str("name"),
    _str("model_type"),
    _str("source_run_id"),
    _str("artifact_uri"),
    _str("status"),
    _str("status_message", nullable=True),
    _int("created_ms"),
    _int("updated_ms"),
    _int("deleted_ms", nullable=True),
    UniqueConstraint("workspace", "model_id", name="uq_logged_models_id"),
)
Index(
    "ix_logged_models_trash",
    logged_models.c.deleted_ms,
    sqlite_where=text("deleted_ms IS NOT NULL"),
    postgresql_where=text("deleted_ms IS NOT NULL"),
)
Index("ix_logged_models_run", logged_models.c.workspace, logged_models.c.source_run_id)
Index("ix_logged_models_created", logged_models.c.experiment_pk, logged_models.c.created_ms, logged_models.c.model_id)
logged_model_params = _table("logged_model_params", _pk("model_pk"), _pk("key", STRING), _str("value"), clustered=True)
logged_model_tags = _table("logged_model_tags", _pk("model_pk"), _pk("key", STRING), _str("value"), clustered=True)
logged_model_metrics = _table(
    "logged_model_metrics",
    _serial(),
    _int("model_pk"),
    _str("key"),
    _real("value"),
    _int("time_ms"),
    _int("step"),
    _str("run_id"),
    _str("dataset_name", nullable=True),
    _str("dataset_digest", nullable=True),
)
Index("ix_logged_model_metrics_key", logged_model_metrics.c.model_pk, logged_model_metrics.c.key)

files = _table(
    "files",
    _serial(),
    _str("workspace"),
    _str("path"),
    _int("size_bytes"),
    _str("sha256"),
    _int("modified_ms"),
    _str("blob_key", nullable=True),
    Column("data", LargeBinary, nullable=True),
    UniqueConstraint("workspace", "path", name="uq_files_path"),
)
Index(
    "ix_files_blob",
    files.c.blob_key,
    sqlite_where=text("blob_key IS NOT NULL"),
    postgresql_where=text("blob_key IS NOT NULL"),
)
uploads = _table(
    "uploads",
    _pk("upload_id", STRING),
    _str("workspace"),
    _str("actor"),
    _str("path"),
    _str("blob_key"),
    _str("store_upload_id"),
    _int("created_ms"),
)
pending_blobs = _table("pending_blobs", _pk("blob_key", STRING), _int("since_ms"))
"""Blobs that no row needs: bytes on their way in, or left behind by a delete. A job deletes old ones."""

audit = _table(
    "audit",
    _pk("workspace", STRING),
    _pk("number"),
    _int("time_ms"),
    _str("actor"),
    _str("operation"),
    _str("object"),
    _str("request_id"),
    _str("detail"),
    _str("address"),
    _str("before_digest"),
    _str("after_digest"),
    _str("salt"),
    _str("sealed"),
    _str("hash"),
    clustered=True,
)
"""Entries of a workspace, numbered from 1 without a gap; ``hash`` is that of the entry and of the hash before it. Of
what may name people (actor, object, detail, address) it covers ``sealed``, a digest with a salt: so a name can be
erased, and the salt with it, and the chain is still the one that was written."""
Index("ix_audit_object", audit.c.workspace, audit.c.object, audit.c.number)
Index("ix_audit_actor", audit.c.workspace, audit.c.actor, audit.c.number)
audit_heads = _table(
    "audit_heads", _pk("workspace", STRING), _int("number"), _str("hash"), _int("trimmed"), _str("trimmed_hash")
)
"""Where a workspace's chain ends, and up to which entry it was cut at its beginning."""

idempotency_keys = _table(
    "idempotency_keys",
    _pk("digest", STRING),
    _str("workspace"),
    _str("request"),
    _str("answer"),
    _int("created_ms"),
)
"""Calls of the last day that carried a key; see ``store.idempotency``. No key is in it, and no secret of an answer."""
Index("ix_idempotency_keys_created", idempotency_keys.c.created_ms)

leases = _table("leases", _pk("name", STRING), _str("holder"), _int("until_ms"))

jobs = _table(
    "jobs",
    _pk("name", STRING),
    _int("interval_ms"),
    _int("began_ms"),
    _int("ended_ms"),
    _int("times"),
    _int("failures"),
    _str("error"),
    _int("error_ms", nullable=True),
)
"""How the server's own background work went, the last time and in all."""
