"""The tables of registered models and of webhooks; see ``schema``."""

from __future__ import annotations

from sqlalchemy import Index, UniqueConstraint, text

from trackway.store.sql.columns import STRING, integer, make_table, pk, serial, string

registered_models = make_table(
    "registered_models",
    serial(),
    string("workspace"),
    string("name"),
    string("description"),
    string("owner"),
    integer("created_ms"),
    integer("updated_ms"),
    integer("last_version"),
    string("policy"),
    UniqueConstraint("workspace", "name", name="uq_registered_models_name"),
    ids=True,
)
registered_model_tags = make_table(
    "registered_model_tags", pk("model_pk"), pk("key", STRING), string("value"), clustered=True
)
model_aliases = make_table(
    "model_aliases",
    pk("model_pk"),
    pk("alias", STRING),
    integer("version_pk"),
    integer("set_ms"),
    string("set_by"),
    clustered=True,
)
Index("ix_model_aliases_version", model_aliases.c.version_pk)
model_versions = make_table(
    "model_versions",
    serial(),
    string("workspace"),
    integer("model_pk"),
    integer("version"),
    string("status"),
    string("status_message"),
    string("stage"),
    string("source"),
    string("location"),
    string("run_id"),
    string("model_id"),
    string("run_link"),
    string("description"),
    string("user_name"),
    integer("created_ms"),
    integer("updated_ms"),
    integer("staged_ms", nullable=True),
    string("staged_by"),
    string("evaluated_by"),
    integer("origin_pk", nullable=True),
    string("content_path", nullable=True),
    string("digest"),
    string("external_key", nullable=True),
    UniqueConstraint("model_pk", "version", name="uq_model_versions_number"),
    ids=True,
)
Index("ix_model_versions_updated", model_versions.c.workspace, model_versions.c.updated_ms)
Index("ix_model_versions_stage", model_versions.c.model_pk, model_versions.c.stage, model_versions.c.version)
for _name in ("run_id", "model_id"):
    Index(f"ix_model_versions_{_name}", model_versions.c.workspace, model_versions.c[_name])
Index(
    "ix_model_versions_origin",
    model_versions.c.origin_pk,
    sqlite_where=text("origin_pk IS NOT NULL"),
    postgresql_where=text("origin_pk IS NOT NULL"),
)
Index(
    "ix_model_versions_content",
    model_versions.c.workspace,
    model_versions.c.content_path,
    sqlite_where=text("content_path IS NOT NULL"),
    postgresql_where=text("content_path IS NOT NULL"),
)
Index(
    "ix_model_versions_external_key",
    model_versions.c.model_pk,
    model_versions.c.external_key,
    unique=True,
    sqlite_where=text("external_key IS NOT NULL"),
    postgresql_where=text("external_key IS NOT NULL"),
)
signing_keys = make_table(
    "signing_keys",
    pk("workspace", STRING),
    pk("name", STRING),
    string("kind"),
    string("pem"),
    string("created_by"),
    integer("created_ms"),
    clustered=True,
)
version_signatures = make_table(
    "version_signatures",
    pk("version_pk"),
    pk("key_name", STRING),
    string("signer"),
    string("bundle"),
    string("added_by"),
    integer("added_ms"),
)
model_version_tags = make_table(
    "model_version_tags", pk("version_pk"), pk("key", STRING), string("value"), clustered=True
)
model_comments = make_table(
    "model_comments",
    serial(),
    integer("model_pk"),
    integer("version", nullable=True),
    string("author"),
    integer("created_ms"),
    integer("updated_ms"),
    string("text"),
    ids=True,
)
Index("ix_model_comments_model", model_comments.c.model_pk, model_comments.c.pk)
model_requests = make_table(
    "model_requests",
    serial(),
    integer("model_pk"),
    integer("version"),
    string("stage", nullable=True),
    string("alias"),
    integer("archive_existing"),
    string("author"),
    string("comment"),
    integer("created_ms"),
    string("state"),
    string("decided_by"),
    integer("decided_ms", nullable=True),
    string("reason"),
    ids=True,
)
Index("ix_model_requests_model", model_requests.c.model_pk, model_requests.c.pk)
Index("ix_model_requests_state", model_requests.c.model_pk, model_requests.c.state, model_requests.c.pk)
model_events = make_table(
    "model_events",
    serial(),
    string("workspace"),
    integer("model_pk"),
    integer("version", nullable=True),
    integer("time_ms"),
    string("actor"),
    string("action"),
    string("detail"),
    ids=True,
)
"""What was done to registered models and versions: their history, which outlives names and versions."""
Index("ix_model_events_model", model_events.c.model_pk, model_events.c.pk)
Index("ix_model_events_version", model_events.c.model_pk, model_events.c.version, model_events.c.pk)

endpoints = make_table(
    "endpoints",
    serial(),
    string("workspace"),
    string("name"),
    string("created_by"),
    integer("created_ms"),
    UniqueConstraint("workspace", "name", name="uq_endpoints_name"),
    ids=True,
)
endpoint_servers = make_table(
    "endpoint_servers",
    serial(),
    integer("endpoint_pk"),
    string("server_id"),
    integer("model_pk"),
    integer("version"),
    string("follows"),
    string("address"),
    string("announced_by"),
    integer("since_ms"),
    integer("version_since_ms"),
    integer("lease_until_ms"),
    integer("ended_ms", nullable=True),
    UniqueConstraint("endpoint_pk", "server_id", name="uq_endpoint_servers_id"),
    ids=True,
)
"""Who serves at an endpoint, as it told of itself: it does until ``lease_until_ms``, unless it has ended."""
Index("ix_endpoint_servers_version", endpoint_servers.c.model_pk, endpoint_servers.c.version)

webhooks = make_table(
    "webhooks",
    serial(),
    string("workspace"),
    string("webhook_id"),
    string("name"),
    string("description"),
    string("url"),
    string("events"),
    string("secret"),
    integer("enabled"),
    string("created_by"),
    integer("created_ms"),
    integer("updated_ms"),
    integer("busy_until_ms"),
    UniqueConstraint("workspace", "webhook_id", name="uq_webhooks_id"),
    ids=True,
)
"""``busy_until_ms`` is the lease of who delivers to it: one at a time, of all replicas."""
webhook_events = make_table(
    "webhook_events", pk("workspace", STRING), pk("kind", STRING), pk("webhook_pk"), clustered=True
)
"""Which webhooks that are enabled are to be told of which events."""
webhook_deliveries = make_table(
    "webhook_deliveries",
    serial(),
    integer("webhook_pk"),
    string("event_id"),
    string("event"),
    string("body"),
    string("state"),
    integer("is_test"),
    integer("created_ms"),
    integer("next_ms", nullable=True),
    integer("tries"),
    string("attempts"),
    ids=True,
)
"""The outbox: a row is written in the transaction of the change that it tells of. ``tries`` counts since the last
replay, and ``next_ms`` is NULL once it is not tried any more."""
Index("ix_webhook_deliveries_webhook", webhook_deliveries.c.webhook_pk, webhook_deliveries.c.pk)
Index(
    "ix_webhook_deliveries_due",
    webhook_deliveries.c.webhook_pk,
    webhook_deliveries.c.next_ms,
    sqlite_where=text("next_ms IS NOT NULL"),
    postgresql_where=text("next_ms IS NOT NULL"),
)
Index(
    "ix_webhook_deliveries_done",
    webhook_deliveries.c.created_ms,
    sqlite_where=text("next_ms IS NULL"),
    postgresql_where=text("next_ms IS NULL"),
)

TABLES = (registered_models, model_versions, webhooks)
"""Those that others hang on."""
