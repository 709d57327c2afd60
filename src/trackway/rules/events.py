"""Telling what happened: events go into the outbox in the transaction of the change that they tell of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Protocol

import msgspec

from trackway.api.calls import Call
from trackway.api.webhooks import EventKind, OutboxEvent
from trackway.base.ids import new_id


class Outbox(Protocol):
    """Where events wait until they are delivered."""

    def is_wanted(self, workspace: str, kinds: Sequence[str], /) -> bool: ...
    def publish(self, workspace: str, event: OutboxEvent, /) -> None: ...


def announce(outbox: Outbox, call: Call, kind: EventKind, data: Mapping[str, Any]) -> None:
    """Queue an event for whoever is to be told of it; for nobody it costs one statement."""
    if outbox.is_wanted(call.workspace, (kind,)):
        outbox.publish(call.workspace, make_event(call, kind, data))


def make_event(call: Call, kind: EventKind, data: Mapping[str, Any]) -> OutboxEvent:
    """Make an event. Entity, action, timestamp and data are as MLflow sends them; who did it, and where, is ours."""
    entity, _, action = kind.partition(".")
    body = {
        "entity": entity,
        "action": action,
        "timestamp": datetime.fromtimestamp(call.now_ms / 1000, UTC).isoformat(),
        "data": data,
        "workspace": call.workspace_name or call.workspace,
        "actor": call.actor.label,
    }
    return OutboxEvent(new_id(), kind, msgspec.json.encode(body).decode(), call.now_ms)
