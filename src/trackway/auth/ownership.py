"""Grants that follow what is done to objects: who makes one is its manager, and grants end with it."""

from __future__ import annotations

from typing import Any

from trackway.api import operations as ops
from trackway.api.access import GrantKind, NamedKind
from trackway.api.operations import Operation
from trackway.auth.targets import AdmittedCall
from trackway.store.access import GrantRow
from trackway.store.base import Transaction

OWNER_ROLE = "manager"
_MAKES_EXPERIMENT = frozenset((ops.CREATE_EXPERIMENT.name, ops.CREATE_RUN.name))
_MAKES: dict[str, NamedKind] = {
    ops.CREATE_REGISTERED_MODEL.name: "registered_model",
    ops.IMPORT_REGISTERED_MODEL.name: "registered_model",
    ops.ANNOUNCE_SERVER.name: "endpoint",
    ops.CREATE_SCHEDULE.name: "schedule",
}
_DELETES: dict[str, NamedKind] = {
    ops.DELETE_REGISTERED_MODEL.name: "registered_model",
    ops.DELETE_ENDPOINT.name: "endpoint",
    ops.DELETE_SCHEDULE.name: "schedule",
}
WATCHED = (
    _MAKES_EXPERIMENT
    | _MAKES.keys()
    | _DELETES.keys()
    | {ops.UPDATE_EXPERIMENT.name, ops.PURGE_EXPERIMENTS.name, ops.RENAME_REGISTERED_MODEL.name}
)
"""Names of the operations that grants follow."""


def settle(tx: Transaction, call: AdmittedCall, operation: Operation[Any, Any], request: Any, response: Any) -> None:
    """Have grants follow an operation of ``WATCHED``, in its own transaction."""
    name, workspace = operation.name, call.workspace
    if name in _MAKES_EXPERIMENT:
        if call.makes:
            # A number that was chosen may have been another experiment's, which was purged by the server itself.
            tx.access.follow_target(workspace, "experiment", str(response.experiment_id), None)
            _own(tx, call, "experiment", str(response.experiment_id))
    elif name in _MAKES:
        if name == ops.IMPORT_REGISTERED_MODEL.name:
            if response.is_new:
                _own(tx, call, _MAKES[name], response.name)
        elif call.makes:
            _own(tx, call, _MAKES[name], str(request.name))
    elif name == ops.UPDATE_EXPERIMENT.name:
        tx.access.touch()
    elif name == ops.PURGE_EXPERIMENTS.name:
        if not request.dry_run:
            for experiment_id in request.experiment_ids:
                tx.access.follow_target(workspace, "experiment", experiment_id, None)
    elif name in _DELETES:
        tx.access.follow_target(workspace, _DELETES[name], request.name, None)
    else:
        tx.access.follow_target(workspace, "registered_model", request.name, request.new_name)


def _own(tx: Transaction, call: AdmittedCall, kind: GrantKind, target: str) -> None:
    """Make who calls the manager of what was made; it may match patterns of others, too."""
    row = GrantRow(call.workspace, "user", call.rights.user_pk, kind, target, OWNER_ROLE, call.now_ms, call.actor.label)
    tx.access.put_grant(row)
