"""Webhooks: of the kinds of events that this protocol has."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Annotated, Any, Literal, get_args

from msgspec import Meta

from trackway.api import operations as ops
from trackway.api import webhooks as w
from trackway.server.calls import Caller
from trackway.server.mlflow.codec import Int64, Message, Needed
from trackway.server.mlflow.encoders import EMPTY, encode, encode_page
from trackway.server.mlflow.errors import invalid_value
from trackway.server.mlflow.experiments import check_max_results

PAGE = 1_000
"""Most webhooks of one page."""
TEST_S = 15.0
"""How long the answer to a test waits for its delivery."""

_Status = Literal["ACTIVE", "DISABLED"]
_Entity = Literal[
    "REGISTERED_MODEL",
    "MODEL_VERSION",
    "MODEL_VERSION_TAG",
    "MODEL_VERSION_ALIAS",
    "PROMPT",
    "PROMPT_VERSION",
    "PROMPT_TAG",
    "PROMPT_VERSION_TAG",
    "PROMPT_ALIAS",
    "BUDGET_POLICY",
]
_Action = Literal["CREATED", "UPDATED", "DELETED", "SET", "EXCEEDED"]
Status = Annotated[_Status, Meta(extra={"numbers": {"ACTIVE": 1, "DISABLED": 2}})]
Entity = Annotated[_Entity, Meta(extra={"numbers": {name: n for n, name in enumerate(get_args(_Entity), 1)}})]
Action = Annotated[_Action, Meta(extra={"numbers": {name: n for n, name in enumerate(get_args(_Action), 1)}})]

_KINDS: tuple[w.EventKind, ...] = (
    "registered_model.created",
    "model_version.created",
    "model_version_tag.set",
    "model_version_tag.deleted",
    "model_version_alias.created",
    "model_version_alias.deleted",
    *get_args(w.PromptEvent),
)
"""What this protocol's clients know; an event that they do not know would make them fail."""


class Event(Message, frozen=True, kw_only=True):
    """A kind of event."""

    entity: Entity
    action: Action


class Create(Message, frozen=True, kw_only=True):
    """Create a webhook."""

    name: Needed
    url: Needed
    events: list[Event] = []
    description: str = ""
    secret: str = ""
    status: Status = "ACTIVE"


class ById(Message, frozen=True, kw_only=True):
    """Name a webhook."""

    webhook_id: Needed


class ListAll(Message, frozen=True, kw_only=True):
    """List webhooks."""

    max_results: Int64 = 100
    page_token: str = ""


class Update(Message, frozen=True, kw_only=True):
    """Change a webhook; what is not sent, or empty, stays."""

    webhook_id: Needed
    name: str = ""
    url: str = ""
    events: list[Event] = []
    description: str | None = None
    secret: str = ""
    status: Status | None = None


class Test(Message, frozen=True, kw_only=True):
    """Send an example."""

    webhook_id: Needed
    event: Event | None = None


async def create(call: Caller, m: Create) -> bytes:
    """Create a webhook."""
    request = w.CreateWebhook(
        name=m.name,
        url=m.url,
        events=_read_events(m.events),
        description=m.description,
        secret=m.secret,
        enabled=m.status == "ACTIVE",
    )
    return _encode(await call(ops.CREATE_WEBHOOK, request))


async def list_all(call: Caller, m: ListAll) -> bytes:
    """Return a page of webhooks."""
    request = w.ListWebhooks(limit=check_max_results(m.max_results, PAGE), page_token=m.page_token)
    page = await call(ops.LIST_WEBHOOKS, request)
    shown = encode([_show(webhook) for webhook in page.webhooks])
    return encode_page(b"webhooks", shown[1:-1], page.next_page_token)


async def get(call: Caller, m: ById) -> bytes:
    """Return a webhook."""
    return _encode(await call(ops.GET_WEBHOOK, w.WebhookId(webhook_id=m.webhook_id)))


async def update(call: Caller, m: Update) -> bytes:
    """Change a webhook."""
    request = w.UpdateWebhook(
        webhook_id=m.webhook_id,
        name=m.name or None,
        description=m.description,
        url=m.url or None,
        events=_read_events(m.events) or None,
        secret=m.secret or None,
        enabled=None if m.status is None else m.status == "ACTIVE",
    )
    return _encode(await call(ops.UPDATE_WEBHOOK, request))


async def delete(call: Caller, m: ById) -> bytes:
    """Delete a webhook."""
    await call(ops.DELETE_WEBHOOK, w.WebhookId(webhook_id=m.webhook_id))
    return EMPTY


async def test(call: Caller, m: Test) -> bytes:
    """Have an example delivered, as all deliveries are, and say what came of it; what was answered is not shown."""
    kind = _read_events([m.event])[0] if m.event else None
    delivery = await call(ops.TEST_WEBHOOK, w.TestWebhook(webhook_id=m.webhook_id, event=kind))
    name = w.DeliveryName(webhook_id=delivery.webhook_id, delivery_id=delivery.delivery_id)
    until_s = time.monotonic() + TEST_S
    while delivery.state == "pending" and time.monotonic() < until_s:
        await asyncio.sleep(0.1)
        delivery = await call(ops.GET_DELIVERY, name)
    result: dict[str, Any] = {"success": delivery.state == "delivered"}
    for attempt in delivery.attempts[-1:]:
        shown = {"response_status": attempt.status, "error_message": attempt.error}
        result |= {key: value for key, value in shown.items() if value}
    if not delivery.attempts:
        result["error_message"] = "It waits to be delivered: this server's background work is busy, or elsewhere"
    return encode({"result": result})


def _read_events(events: Sequence[Event]) -> list[w.EventKind]:
    kinds = []
    for event in events:
        kind = f"{event.entity}.{event.action}".lower()
        if kind not in _KINDS:
            raise invalid_value("events", kind, f"it must be one of {', '.join(_KINDS)}")
        kinds.append(kind)
    return kinds


def _encode(webhook: w.Webhook) -> bytes:
    return encode({"webhook": _show(webhook)})


def _show(webhook: w.Webhook) -> dict[str, Any]:
    pairs = [kind.upper().split(".") for kind in webhook.events if kind in _KINDS]
    return {
        "webhook_id": webhook.webhook_id,
        "name": webhook.name,
        "description": webhook.description,
        "url": webhook.url,
        "events": [{"entity": entity, "action": action} for entity, action in pairs],
        "status": "ACTIVE" if webhook.enabled else "DISABLED",
        "creation_timestamp": webhook.created_ms,
        "last_updated_timestamp": webhook.updated_ms,
    }
