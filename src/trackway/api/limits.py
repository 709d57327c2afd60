"""Every published limit, in one place; the docs page is generated from this table."""

from __future__ import annotations

from typing import Final

EXPERIMENT_NAME_CHARS: Final = 500
RUN_NAME_CHARS: Final = 500
USER_CHARS: Final = 256
"""Who a run says that it was made by."""
KEY_CHARS: Final = 250
"""Key of a metric, param or tag."""
PARAM_VALUE_CHARS: Final = 65_536
TAG_VALUE_CHARS: Final = 65_536
NOTE_CHARS: Final = 1_048_576
"""Value of the tag that holds a run's or experiment's note."""
LOCATION_CHARS: Final = 2_048
DATASET_NAME_CHARS: Final = 500
DATASET_DIGEST_CHARS: Final = 128
DATASET_SOURCE_CHARS: Final = 65_535
DATASET_SCHEMA_CHARS: Final = 1_048_575
DATASET_PROFILE_CHARS: Final = 16_777_215
INPUT_TAG_KEY_CHARS: Final = 255
INPUT_TAG_VALUE_CHARS: Final = 500
MODEL_NAME_CHARS: Final = 256
"""Name of a registered model."""
ALIAS_CHARS: Final = 255
REGISTRY_TAG_VALUE_CHARS: Final = 100_000
"""Value of a tag of a registered model or of a version, where clients keep prompts."""
COMMENT_CHARS: Final = 65_536
POLICY_RULES: Final = 100
WEBHOOK_NAME_CHARS: Final = 63
WEBHOOK_SECRET_CHARS: Final = 1_000
WEBHOOKS: Final = 1_000
"""Most webhooks of a workspace."""
SCHEDULES: Final = 1_000
"""Most schedules of a workspace."""
SCHEDULE_NAME_CHARS: Final = 100
SCHEDULE_QUEUE: Final = 1_000
"""Most times of one schedule that wait; what comes beyond is skipped."""
SCHEDULE_LEASE_MS: Final = 600_000
"""Longest silence of a worker."""
ENDPOINTS: Final = 1_000
"""Most endpoints of a workspace."""
ENDPOINT_SERVERS: Final = 1_000
"""Most servers of one endpoint at a time."""
ENDPOINT_LEASE_MS: Final = 600_000
"""Longest silence of a server that counts as serving."""
SIGNING_KEYS: Final = 100
"""Most keys that are trusted to sign."""
SIGNING_KEY_CHARS: Final = 65_536
SIGNATURE_CHARS: Final = 16_777_216
RUN_LINKS: Final = 1_000
"""Most links of a run to earlier ones."""
LINKED_RUNS_PER_GET: Final = 100
"""Most runs whose links one call gets."""
LINEAGE_NODES: Final = 1_000
"""Most nodes that one lineage returns."""
POINTS_PER_INGEST: Final = 1_000_000
SERIES_PER_INGEST: Final = 10_000
PARAMS_PER_INGEST: Final = 10_000
TAGS_PER_INGEST: Final = 10_000
DATASETS_PER_INGEST: Final = 1_000
MODELS_PER_INGEST: Final = 1_000
MODEL_METRICS_PER_INGEST: Final = 10_000
ENVIRONMENT_BYTES: Final = 16_777_216
RUNS_PER_GET: Final = 1_000
SEARCH_PAGE: Final = 50_000
"""Most rows of one search page."""
HISTORY_PAGE: Final = 1_000_000
"""Most points of one page of a metric's history."""
CURVE_POINTS: Final = 10_000
"""Most points of one downsampled curve."""
CURVES: Final = 1_000
"""Most runs in one request for curves."""
COMPUTED_SERIES: Final = 400
"""Most series that the curves of a formula are computed from: its metrics, times the runs of the request."""
TREE_RUNS: Final = 10_000
"""Most descendants that one tree query returns."""
INDEXED_RUNS: Final = 1_000_000
"""Most runs of one index, and of one grouping."""
RUN_GROUPS: Final = 10_000
"""Most groups in one answer."""
FIELD_NAMES: Final = 5_000
"""Most names of a kind in one list of what runs have."""
FIELD_VALUES: Final = 1_000
"""Most values in one list of what a field has."""
EXPERIMENTS_PER_OVERVIEW: Final = 1_000
EVENT_TOPICS: Final = 100
"""Most experiments and models that one stream of events is about."""
EVENT_STREAMS: Final = 1_000
"""Most streams of events of one process."""
EVENT_STREAMS_PER_ADDRESS: Final = 50
FILTER_CHARS: Final = 65_536
ORDER_TERMS: Final = 16
ORDER_METRICS: Final = 40
EXPERIMENTS_PER_SEARCH: Final = 10_000
TRASH_PURGED: Final = 1_000
DATASETS_PER_SEARCH: Final = 25
ARTIFACT_PATH_CHARS: Final = 1_000
ARTIFACT_PATH_SEGMENTS: Final = 64
INLINE_FILE_BYTES: Final = 65_536
"""Artifacts up to this size are kept beside their row in the database."""
UPLOAD_PARTS: Final = 10_000
LEASE_MS: Final = 86_400_000
"""Longest lease of a run."""
BODY_BYTES: Final = 64 * 1024 * 1024
"""Largest body of a request that is not an artifact."""
INFLATED_BYTES: Final = 256 * 1024 * 1024
"""Largest body after decompression."""
BODIES_BYTES: Final = 768 * 1024 * 1024
"""Bodies of requests that are not artifacts, held at once by one process; one that does not fit is answered 503."""
INT64_MIN: Final = -(2**63)
INT64_MAX: Final = 2**63 - 1
USER_NAME_CHARS: Final = 64
PASSWORD_MIN_CHARS: Final = 12
PASSWORD_CHARS: Final = 1_000
TOKENS: Final = 100
"""Most tokens of a user."""
WORKSPACES: Final = 10_000
"""Most workspaces of an installation."""
WORKSPACE_NAME_CHARS: Final = 63
IDEMPOTENCY_KEY_CHARS: Final = 255
"""What a caller tells a repeat by; of visible ASCII characters."""
HOLDS: Final = 10_000
"""Most legal holds of a workspace."""
HOLD_REASON_CHARS: Final = 1_000
TEAMS: Final = 1_000
"""Most teams of a workspace."""
ROLES: Final = 100
"""Most roles that a workspace makes."""
ADMINISTRATORS_NAMED: Final = 5
"""Most administrators that are named to who lacks a role."""
EXTERNAL_ID_CHARS: Final = 255
"""Of what a directory calls a user or team by SCIM."""


def list_limits() -> dict[str, int]:
    """Return every limit by its name, in small letters as clients get it."""
    return {name.lower(): value for name, value in globals().items() if name.isupper()}
