"""What a logged model says of the versions that were registered of it: clients of MLflow look there."""

from __future__ import annotations

import json
from typing import Any

from trackway.api import limits
from trackway.api.calls import Call
from trackway.api.registry import TAG_VERSIONS, ModelVersion
from trackway.store.base import Transaction


def note_registration(tx: Transaction, call: Call, version: ModelVersion) -> None:
    """Add a new version to the tag of the logged model that it was made of.

    It tells what the registry knows anyway, so who may register may not need to be able to change the logged model. A
    tag that holds something else, or has no room left, stays as it is.
    """
    model = tx.logged_models.get(call.workspace, version.model_id, deleted=False)
    listed = None if model is None else _read(model.tags.get(TAG_VERSIONS, "[]"))
    if listed is None or any(_is_of(one, version) for one in listed):
        return
    text = json.dumps([*listed, {"name": version.name, "version": version.version}])
    if len(text) <= limits.PARAM_VALUE_CHARS:
        tx.logged_models.set_tags(call.workspace, version.model_id, {TAG_VERSIONS: text})


def _read(text: str) -> list[Any] | None:
    try:
        listed = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return listed if isinstance(listed, list) else None


def _is_of(entry: Any, version: ModelVersion) -> bool:
    """Tell whether an entry is the version's; clients write the number as text."""
    if not isinstance(entry, dict):
        return False
    return (entry.get("name"), str(entry.get("version"))) == (version.name, str(version.version))
