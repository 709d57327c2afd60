"""Webhooks in the shape and under the names that MLflow's documentation gives them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import msgspec

from trackway.api import operations as ops
from trackway.api import webhooks as w
from trackway.base.errors import InvalidInput
from trackway.sdk.client import Client
from trackway.sdk.entities import Entity, PagedList
from trackway.sdk.versions import Registry

TEST_S = 15.0
"""How long a test waits for its delivery."""


class WebhookStatus(StrEnum):
    """Whether a webhook is told of anything."""

    ACTIVE = "ACTIVE"
    DISABLED = "DISABLED"


@dataclass(frozen=True, slots=True)
class WebhookEvent(Entity):
    """A kind of event, such as ``model_version.created``."""

    entity: str
    action: str

    def __str__(self) -> str:
        return f"{self.entity}.{self.action}"


@dataclass(frozen=True, slots=True)
class Webhook(Entity):
    """A webhook as it was when it was read; times in ms since 1970. Its secret is not to be had."""

    webhook_id: str
    name: str
    url: str
    events: list[WebhookEvent]
    creation_timestamp: int
    last_updated_timestamp: int
    description: str | None
    status: WebhookStatus


@dataclass(frozen=True, slots=True)
class WebhookTestResult(Entity):
    """What came of a test. What the receiver answered beside its status is not shown."""

    success: bool
    response_status: int | None = None
    response_body: str | None = None
    error_message: str | None = None


class WebhookCalls:
    """Webhooks, while the caller waits. An event is named by its text, such as ``model_version.created``."""

    _client: Client

    def create_webhook(
        self,
        name: str,
        url: str,
        events: Sequence[str | WebhookEvent],
        description: str | None = None,
        secret: str | None = None,
        status: str | WebhookStatus | None = None,
    ) -> Webhook:
        """Have an address told of what happens; with a secret, what is sent is signed."""
        request = w.CreateWebhook(
            name=name,
            url=url,
            events=[read_event(event) for event in events],
            description=description or "",
            secret=secret or "",
            enabled=_read_status(status or "ACTIVE"),
        )
        return to_webhook(self._client.call(ops.CREATE_WEBHOOK, request))

    def get_webhook(self, webhook_id: str) -> Webhook:
        """Get a webhook."""
        return to_webhook(self._client.call(ops.GET_WEBHOOK, w.WebhookId(webhook_id=webhook_id)))

    def list_webhooks(self, max_results: int | None = None, page_token: str | None = None) -> PagedList[Webhook]:
        """Return one page of webhooks, oldest first."""
        request = w.ListWebhooks(limit=100 if max_results is None else max_results, page_token=page_token or "")
        page = self._client.call(ops.LIST_WEBHOOKS, request)
        return PagedList(map(to_webhook, page.webhooks), page.next_page_token or None)

    def update_webhook(
        self,
        webhook_id: str,
        name: str | None = None,
        description: str | None = None,
        url: str | None = None,
        events: Sequence[str | WebhookEvent] | None = None,
        secret: str | None = None,
        status: str | WebhookStatus | None = None,
    ) -> Webhook:
        """Change a webhook; what is None stays."""
        request = w.UpdateWebhook(
            webhook_id=webhook_id,
            name=name,
            description=description,
            url=url,
            events=None if events is None else [read_event(event) for event in events],
            secret=secret,
            enabled=None if status is None else _read_status(status),
        )
        return to_webhook(self._client.call(ops.UPDATE_WEBHOOK, request))

    def delete_webhook(self, webhook_id: str) -> None:
        """Delete a webhook with all that waits for it."""
        self._client.call(ops.DELETE_WEBHOOK, w.WebhookId(webhook_id=webhook_id))

    def test_webhook(self, webhook_id: str, event: str | WebhookEvent | None = None) -> WebhookTestResult:
        """Send an example, and wait up to 15 s for what comes of it."""
        delivery = send_test(self._client, webhook_id, None if event is None else read_event(event))
        if not delivery.attempts:
            return WebhookTestResult(False, error_message="It waits to be delivered, which a server does")
        last = delivery.attempts[-1]
        return WebhookTestResult(delivery.state == "delivered", last.status or None, None, last.error or None)


def send_test(client: Registry, webhook_id: str, event: w.EventKind | None, wait_s: float = TEST_S) -> w.Delivery:
    """Send an example, and return its delivery when it has ended or ``wait_s`` are over."""
    delivery = client.call(ops.TEST_WEBHOOK, w.TestWebhook(webhook_id=webhook_id, event=event))
    name = w.DeliveryName(webhook_id=webhook_id, delivery_id=delivery.delivery_id)
    until_s = time.monotonic() + wait_s
    while delivery.state == "pending" and time.monotonic() < until_s:
        time.sleep(0.1)
        delivery = client.call(ops.GET_DELIVERY, name)
    return delivery


def read_event(event: str | WebhookEvent) -> w.EventKind:
    """Return a kind of event.

    raises: InvalidInput for an unknown one
    """
    try:
        kind: w.EventKind = msgspec.convert(str(event), w.EventKind)
    except msgspec.ValidationError:
        raise InvalidInput(f"Unknown event {str(event)[:80]!r}", hint=f"one of {', '.join(w.EVENT_KINDS)}") from None
    return kind


def to_webhook(one: w.Webhook) -> Webhook:
    """Make a webhook of the api's."""
    return Webhook(
        webhook_id=one.webhook_id,
        name=one.name,
        url=one.url,
        events=[WebhookEvent(*kind.split(".")) for kind in one.events],
        creation_timestamp=one.created_ms,
        last_updated_timestamp=one.updated_ms,
        description=one.description or None,
        status=WebhookStatus.ACTIVE if one.enabled else WebhookStatus.DISABLED,
    )


def _read_status(status: str | WebhookStatus) -> bool:
    try:
        return WebhookStatus(status) == WebhookStatus.ACTIVE
    except ValueError:
        raise InvalidInput(f"Unknown status {str(status)[:40]!r}", hint="ACTIVE or DISABLED") from None
