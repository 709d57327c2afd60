"""Examples of what events tell: what a test sends, and what the documentation shows."""

from __future__ import annotations

from typing import Any

from trackway.api.webhooks import EventKind

_NAME = {"name": "example_model"}
_VERSION = {"name": "example_model", "version": "1"}
_RUN = {
    "run_id": "0123456789abcdef0123456789abcdef",
    "experiment_id": "1",
    "run_name": "bright-finch-7",
    "status": "RUNNING",
}
_MODEL = {**_NAME, "tags": {"team": "risk"}, "description": "What it is for", "owner": "ann"}
_MADE = {
    **_VERSION,
    "source": "models:/m-0123456789abcdef0123456789abcdef",
    "run_id": _RUN["run_id"],
    "status": "READY",
    "tags": {"team": "risk"},
    "description": "What is special about it",
}
_TAG = {"key": "team", "value": "risk"}
_REQUEST = {"request_id": "1", "goal": "Production"}
_COMMENT = {"comment_id": "1"}

EXAMPLES: dict[EventKind, dict[str, Any]] = {
    "registered_model.created": _MODEL,
    "registered_model.updated": {**_MODEL, "fields": "description"},
    "registered_model.deleted": _NAME,
    "registered_model.restored": _NAME,
    "registered_model_tag.set": {**_NAME, **_TAG},
    "registered_model_tag.deleted": {**_NAME, "key": "team"},
    "model_version.created": _MADE,
    "model_version.updated": {**_MADE, "fields": "description"},
    "model_version.deleted": _VERSION,
    "model_version.restored": _VERSION,
    "model_version.stage_changed": {**_VERSION, "old": "Staging", "new": "Production"},
    "model_version.attested": {**_VERSION, "what": "evaluation", "result": "passed", "note": ""},
    "model_version.signed": {**_VERSION, "key": "release", "signer": ""},
    "model_version_tag.set": {**_VERSION, **_TAG},
    "model_version_tag.deleted": {**_VERSION, "key": "team"},
    "model_version_alias.created": {**_NAME, "alias": "champion", "version": "1"},
    "model_version_alias.deleted": {**_NAME, "alias": "champion"},
    "transition_request.opened": {**_VERSION, **_REQUEST},
    "transition_request.approved": {**_VERSION, **_REQUEST},
    "transition_request.rejected": {**_VERSION, **_REQUEST},
    "transition_request.withdrawn": {**_VERSION, **_REQUEST},
    "comment.created": {**_VERSION, **_COMMENT},
    "comment.updated": {**_VERSION, **_COMMENT},
    "comment.deleted": {**_VERSION, **_COMMENT},
    "comment.restored": {**_VERSION, **_COMMENT},
    "prompt.created": {"name": "example_prompt", "tags": {"team": "risk"}, "description": "What it is for"},
    "prompt_version.created": {
        "name": "example_prompt",
        "version": "1",
        "template": "Hello {{name}}!",
        "tags": {"team": "risk"},
        "description": "What is special about it",
    },
    "prompt_tag.set": {"name": "example_prompt", **_TAG},
    "prompt_tag.deleted": {"name": "example_prompt", "key": "team"},
    "prompt_version_tag.set": {"name": "example_prompt", "version": "1", **_TAG},
    "prompt_version_tag.deleted": {"name": "example_prompt", "version": "1", "key": "team"},
    "prompt_alias.created": {"name": "example_prompt", "alias": "champion", "version": "1"},
    "prompt_alias.deleted": {"name": "example_prompt", "alias": "champion"},
    "run.created": _RUN,
    "run.renamed": _RUN,
    "run.status_changed": {**_RUN, "status": "FINISHED"},
    "run.deleted": _RUN,
    "run.restored": _RUN,
    "run_tag.set": {"run_id": _RUN["run_id"], "experiment_id": "1", **_TAG},
    "run_tag.deleted": {"run_id": _RUN["run_id"], "experiment_id": "1", "key": "team"},
}


def make_example(kind: EventKind) -> dict[str, Any]:
    """Return what an event of a kind may tell."""
    return EXAMPLES[kind]
