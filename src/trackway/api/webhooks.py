"""Webhooks: addresses that are told what happened, and what became of telling them."""

from __future__ import annotations

from typing import Final, Literal, NamedTuple, get_args

from trackway.api.structs import Request, Response

RegistryEvent = Literal[
    "registered_model.created",
    "registered_model.updated",
    "registered_model.deleted",
    "registered_model.restored",
    "registered_model_tag.set",
    "registered_model_tag.deleted",
    "model_version.created",
    "model_version.updated",
    "model_version.deleted",
    "model_version.restored",
    "model_version.stage_changed",
    "model_version.attested",
    "model_version.signed",
    "model_version_tag.set",
    "model_version_tag.deleted",
    "model_version_alias.created",
    "model_version_alias.deleted",
    "transition_request.opened",
    "transition_request.approved",
    "transition_request.rejected",
    "transition_request.withdrawn",
    "comment.created",
    "comment.updated",
    "comment.deleted",
    "comment.restored",
]
PromptEvent = Literal[
    "prompt.created",
    "prompt_version.created",
    "prompt_tag.set",
    "prompt_tag.deleted",
    "prompt_version_tag.set",
    "prompt_version_tag.deleted",
    "prompt_alias.created",
    "prompt_alias.deleted",
]
RunEvent = Literal[
    "run.created",
    "run.renamed",
    "run.status_changed",
    "run.deleted",
    "run.restored",
    "run_tag.set",
    "run_tag.deleted",
]
EventKind = Literal[RegistryEvent, PromptEvent, RunEvent]
"""``entity.action``. Prompts, which are kept as models, have kinds of their own, as MLflow's clients expect."""
EVENT_KINDS: Final[tuple[str, ...]] = get_args(EventKind)

DeliveryState = Literal["pending", "delivered", "dead"]


class OutboxEvent(NamedTuple):
    """Something that happened, as it is told: ``body`` is the JSON that receivers get."""

    event_id: str
    kind: str
    body: str
    now_ms: int


class Webhook(Response, frozen=True, kw_only=True):
    """An address that is told of some kinds of events. Whether it has a secret is said, the secret never."""

    webhook_id: str
    name: str
    description: str
    url: str
    events: list[EventKind]
    enabled: bool
    signed: bool
    created_by: str
    created_ms: int
    updated_ms: int


class CreateWebhook(Request, frozen=True, kw_only=True):
    """Have an address told of what happens.

    url:    ``https://...``; where it may lead is the operator's choice (``webhook_networks``)
    secret: signs what is sent, so that the receiver knows who sent it; it cannot be read again
    """

    name: str
    url: str
    events: list[EventKind]
    description: str = ""
    secret: str = ""
    enabled: bool = True


class WebhookId(Request, frozen=True, kw_only=True):
    """Name one webhook."""

    webhook_id: str


class ListWebhooks(Request, frozen=True, kw_only=True):
    """List webhooks, oldest first."""

    limit: int = 100
    page_token: str = ""


class WebhookPage(Response, frozen=True, kw_only=True):
    """One page; an empty token means that it is the last."""

    webhooks: list[Webhook]
    next_page_token: str = ""


class UpdateWebhook(Request, frozen=True, kw_only=True):
    """Change a webhook; what is None stays. An empty secret takes it away."""

    webhook_id: str
    name: str | None = None
    description: str | None = None
    url: str | None = None
    events: list[EventKind] | None = None
    secret: str | None = None
    enabled: bool | None = None


class TestWebhook(Request, frozen=True, kw_only=True):
    """Send an example of an event, of the webhook's first kind unless one is named; it is tried once."""

    webhook_id: str
    event: EventKind | None = None


class DeliveryAttempt(Response, frozen=True, kw_only=True):
    """One try: the status that came back, or (0) why none did. What the receiver answered beside that is not read."""

    time_ms: int
    status: int
    error: str
    took_ms: int


class Delivery(Response, frozen=True, kw_only=True):
    """One event on its way to one webhook.

    delivery_id: the same in all attempts, so that a receiver can drop what it has
    next_ms:     when it is tried next; None when it is not
    """

    delivery_id: str
    webhook_id: str
    event: str
    body: str
    state: DeliveryState
    is_test: bool
    created_ms: int
    next_ms: int | None
    attempts: list[DeliveryAttempt]


class ListDeliveries(Request, frozen=True, kw_only=True):
    """List what was, is, or could not be delivered to a webhook, newest first."""

    webhook_id: str
    state: DeliveryState | None = None
    limit: int = 100
    page_token: str = ""


class DeliveryPage(Response, frozen=True, kw_only=True):
    """One page; an empty token means that it is the last."""

    deliveries: list[Delivery]
    next_page_token: str = ""


class DeliveryName(Request, frozen=True, kw_only=True):
    """Name one delivery."""

    webhook_id: str
    delivery_id: str
