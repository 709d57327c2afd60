"""The rules of webhooks."""

from __future__ import annotations

import re

import msgspec

from trackway.api import limits
from trackway.api import operations as ops
from trackway.api import webhooks as w
from trackway.api.calls import Call
from trackway.api.trash import Trashed
from trackway.base.errors import Conflict, InvalidInput, NotFound
from trackway.base.ids import new_id
from trackway.base.sealing import Vault
from trackway.rules.checks import check_page, check_text
from trackway.rules.events import make_event
from trackway.rules.handlers import Handlers
from trackway.rules.tokens import decode_token, encode_token
from trackway.store.base import Transaction
from trackway.store.trash import Deleted
from trackway.webhooks.addresses import Allowed
from trackway.webhooks.examples import make_example
from trackway.webhooks.sealing import name_row

_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")


class WebhookService:
    """Handlers of the operations on webhooks.

    allowed: where they may lead
    vault:   seals their secrets
    """

    def __init__(self, allowed: Allowed, vault: Vault) -> None:
        self._allowed = allowed
        self._vault = vault

    def handlers(self) -> Handlers:
        """Return the handler of each operation."""
        return {
            ops.CREATE_WEBHOOK: self.create,
            ops.GET_WEBHOOK: self.get,
            ops.LIST_WEBHOOKS: self.list_webhooks,
            ops.UPDATE_WEBHOOK: self.update,
            ops.DELETE_WEBHOOK: self.delete,
            ops.TEST_WEBHOOK: self.test,
            ops.LIST_DELIVERIES: self.list_deliveries,
            ops.GET_DELIVERY: self.get_delivery,
            ops.REPLAY_DELIVERY: self.replay,
        }

    def create(self, tx: Transaction, call: Call, q: w.CreateWebhook) -> w.Webhook:
        """Have an address told of what happens."""
        webhook = w.Webhook(
            webhook_id=new_id(),
            name=q.name,
            description=q.description,
            url=q.url,
            events=q.events,
            enabled=q.enabled,
            signed=bool(q.secret),
            created_by=call.actor.label,
            created_ms=call.now_ms,
            updated_ms=call.now_ms,
        )
        webhook = self._check(webhook, q.secret)
        _check_room(tx, call)
        tx.webhooks.create(call.workspace, webhook, self._vault.seal(q.secret, name_row(webhook.webhook_id)))
        return webhook

    def get(self, tx: Transaction, call: Call, q: w.WebhookId) -> w.Webhook:
        """Get a webhook."""
        return tx.webhooks.get(_find(tx, call, q.webhook_id))

    def list_webhooks(self, tx: Transaction, call: Call, q: w.ListWebhooks) -> w.WebhookPage:
        """List webhooks, oldest first."""
        check_page(q.limit, limits.SEARCH_PAGE)
        query = "webhooks"
        found = tx.webhooks.list_webhooks(call.workspace, q.limit + 1, _read_place(call, query, q.page_token, 0))
        after = [found[q.limit - 1][0]] if len(found) > q.limit else None
        return w.WebhookPage(
            webhooks=[webhook for _, webhook in found[: q.limit]], next_page_token=encode_token(call, query, after)
        )

    def update(self, tx: Transaction, call: Call, q: w.UpdateWebhook) -> w.Webhook:
        """Change a webhook; what waits for it goes to its new address."""
        pk = _find(tx, call, q.webhook_id)
        fields = ("name", "description", "url", "events", "enabled")
        changed = {field: getattr(q, field) for field in fields if getattr(q, field) is not None}
        webhook = msgspec.structs.replace(tx.webhooks.get(pk), **changed, updated_ms=call.now_ms)
        if q.secret is not None:
            webhook = msgspec.structs.replace(webhook, signed=bool(q.secret))
        webhook = self._check(webhook, q.secret or "")
        sealed = None if q.secret is None else self._vault.seal(q.secret, name_row(webhook.webhook_id))
        tx.webhooks.update(pk, webhook, sealed)
        return webhook

    def delete(self, tx: Transaction, call: Call, q: w.WebhookId) -> Trashed:
        """Move a webhook to the trash with all that waits for it, and with its secret."""
        pk = _find(tx, call, q.webhook_id)
        trashed = tx.trash.keep(call, Deleted("webhook", tx.webhooks.get(pk).name, pk))
        tx.webhooks.delete(pk)
        return trashed

    def resume(self, tx: Transaction, call: Call, _what: Deleted) -> None:
        """Check that a webhook that is back from the trash is not one too many."""
        _check_room(tx, call, taken=1)

    def test(self, tx: Transaction, call: Call, q: w.TestWebhook) -> w.Delivery:
        """Queue an example of an event; it is sent like any other, also by a webhook that is not enabled."""
        pk = _find(tx, call, q.webhook_id)
        kind = q.event or tx.webhooks.get(pk).events[0]
        return tx.webhooks.add_test(pk, make_event(call, kind, make_example(kind)))

    def list_deliveries(self, tx: Transaction, call: Call, q: w.ListDeliveries) -> w.DeliveryPage:
        """List deliveries, newest first."""
        check_page(q.limit, limits.SEARCH_PAGE)
        pk = _find(tx, call, q.webhook_id)
        query = ("deliveries", pk, q.state)
        before = _read_place(call, query, q.page_token, limits.INT64_MAX)
        found = tx.webhooks.list_deliveries(pk, q.state, q.limit + 1, before)
        after = [found[q.limit - 1][0]] if len(found) > q.limit else None
        return w.DeliveryPage(
            deliveries=[delivery for _, delivery in found[: q.limit]], next_page_token=encode_token(call, query, after)
        )

    def get_delivery(self, tx: Transaction, call: Call, q: w.DeliveryName) -> w.Delivery:
        """Get a delivery with its attempts."""
        return _find_delivery(tx, _find(tx, call, q.webhook_id), q.delivery_id)

    def replay(self, tx: Transaction, call: Call, q: w.DeliveryName) -> w.Delivery:
        """Send a delivery once more, under the id that it has."""
        delivery = _find_delivery(tx, _find(tx, call, q.webhook_id), q.delivery_id)
        tx.webhooks.replay(q.delivery_id, call.now_ms)
        return msgspec.structs.replace(delivery, state="pending", next_ms=call.now_ms)

    def _check(self, webhook: w.Webhook, secret: str) -> w.Webhook:
        """Check a webhook as it is to be, and return it with each kind of event once."""
        if len(webhook.name) > limits.WEBHOOK_NAME_CHARS or not _NAME.fullmatch(webhook.name):
            raise InvalidInput(
                f"Invalid webhook name {webhook.name[:80]!r}",
                hint=f"1 to {limits.WEBHOOK_NAME_CHARS} letters, digits, dots, underscores and dashes,"
                " with a letter or digit at both ends",
            )
        check_text("The description", webhook.description, limits.COMMENT_CHARS)
        self._allowed.check(webhook.url)
        if not webhook.events:
            raise InvalidInput("A webhook needs one kind of event at least", hint="such as model_version.created")
        check_text("The secret", secret, limits.WEBHOOK_SECRET_CHARS)
        return msgspec.structs.replace(webhook, events=list(dict.fromkeys(webhook.events)))


def _check_room(tx: Transaction, call: Call, taken: int = 0) -> None:
    """Check that there may be one more, or that ``taken`` is not one too many."""
    if tx.webhooks.count(call.workspace) - taken >= limits.WEBHOOKS:
        raise Conflict(f"There are {limits.WEBHOOKS:,} webhooks, which is the most", hint="delete one")


def _find(tx: Transaction, call: Call, webhook_id: str) -> int:
    pk = tx.webhooks.find(call.workspace, webhook_id)
    if pk is None:
        raise NotFound(f"Webhook {webhook_id[:64]!r} not found")
    return pk


def _find_delivery(tx: Transaction, pk: int, delivery_id: str) -> w.Delivery:
    delivery = tx.webhooks.get_delivery(pk, delivery_id)
    if delivery is None:
        raise NotFound(f"The webhook has no delivery {delivery_id[:64]!r}", hint="old ones are deleted after 30 days")
    return delivery


def _read_place(call: Call, query: object, token: str, first: int) -> int:
    after = decode_token(call, query, token)
    if after is None:
        return first
    if len(after) != 1 or not isinstance(after[0], int):
        raise InvalidInput("Invalid page token", hint="send next_page_token as it was received")
    return after[0]
