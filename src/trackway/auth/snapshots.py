"""Digests of objects before and after a change, for the audit log: they say whether something was, not what it held."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec

from trackway.api.access import CreatedToken, CreatedUser
from trackway.api.calls import Call
from trackway.api.operations import Operation
from trackway.api.structs import Empty
from trackway.rules.checks import parse_experiment_id
from trackway.store.base import Transaction


def digest_target(tx: Transaction, call: Call, operation: Operation[Any, Any], request: Any) -> str:
    """Return the SHA-256 of what an operation is about, as it is now; empty when there is none, or it is no object.

    cost: that of reading it
    """
    field = operation.access.target_field
    target = getattr(request, field) if field else ""
    found = _read(tx, call, operation, request, target) if isinstance(target, str) and target else None
    return "" if found is None else _digest(found)


def digest_response(response: Any) -> str:
    """Return the SHA-256 of what an operation answered; empty for nothing, and for what holds a secret."""
    return "" if isinstance(response, Empty | CreatedToken | CreatedUser) else _digest(response)


def _read(tx: Transaction, call: Call, operation: Operation[Any, Any], request: Any, target: str) -> Any:
    match operation.access.target:
        case "experiment":
            return tx.experiments.get(call.workspace, parse_experiment_id(target))
        case "run":
            ref = tx.runs.ref(call.workspace, target)
            return tx.runs.get(ref.pk) if ref else None
        case "logged_model":
            return tx.logged_models.get(call.workspace, target, deleted=True)
        case "registered_model":
            model = tx.registry.ref(call.workspace, target)
            version = getattr(request, "version", None)
            found = tx.registry.version_ref(call.workspace, target, version) if model and version else None
            if found is not None:
                return tx.registry.get_version(found.pk)
            return tx.registry.get(model.pk) if model else None
        case "endpoint":
            endpoint = tx.endpoints.find(call.workspace, target)
            return tx.endpoints.get(endpoint, call.now_ms) if endpoint is not None else None
        case "schedule":
            schedule = tx.schedules.find(call.workspace, target)
            return schedule.schedule if schedule else None
        case "system" if operation.name.startswith("workspaces."):
            place = tx.workspaces.find(target)
            return tx.workspaces.show(place.key) if place else None
        case "system":
            user = tx.access.find_user(target)
            return tx.access.show_user(user.pk) if user else None
    return None


def _digest(what: Any) -> str:
    return hashlib.sha256(msgspec.json.encode(what, order="deterministic")).hexdigest()
