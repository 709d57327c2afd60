"""What a store keeps of webhooks: who is told of what, and the outbox of what is still to be told."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from trackway.api.webhooks import Delivery, DeliveryState, OutboxEvent, Webhook


class DueDelivery(NamedTuple):
    """A delivery that is due: its number in the store, and how often it was tried since it was queued or replayed."""

    number: int
    tries: int
    delivery: Delivery


class Webhooks(Protocol):
    """Who is told of what, and the outbox."""

    def is_wanted(self, workspace: str, kinds: Sequence[str]) -> bool:
        """Tell whether anybody is to be told of any of some kinds of events."""

    def publish(self, workspace: str, event: OutboxEvent) -> None:
        """Queue an event for everybody who is to be told of it."""

    def create(self, workspace: str, webhook: Webhook, secret: str) -> None: ...
    def count(self, workspace: str) -> int: ...
    def find(self, workspace: str, webhook_id: str) -> int | None: ...
    def get(self, pk: int) -> Webhook: ...
    def list_webhooks(self, workspace: str, limit: int, after: int) -> list[tuple[int, Webhook]]: ...
    def update(self, pk: int, webhook: Webhook, secret: str | None) -> None:
        """Replace what is kept of a webhook, but its secret only when one is given."""

    def delete(self, pk: int) -> None: ...
    def add_test(self, pk: int, event: OutboxEvent) -> Delivery: ...
    def get_delivery(self, pk: int, delivery_id: str) -> Delivery | None: ...
    def list_deliveries(
        self, pk: int, state: DeliveryState | None, limit: int, before: int
    ) -> list[tuple[int, Delivery]]: ...
    def replay(self, delivery_id: str, now_ms: int) -> None: ...
    def find_due(self, now_ms: int) -> int | None:
        """Return a webhook that something is due for and that nobody delivers to, the one served longest ago first."""

    def claim(self, pk: int, now_ms: int, until_ms: int) -> bool:
        """Take the lease of a webhook; False when somebody else has it."""

    def take_due(self, pk: int, now_ms: int) -> tuple[str, str, DueDelivery] | None:
        """Return url, secret and the oldest delivery that is due; None when none is, or the webhook is gone."""

    def list_sealed(self, after: int, limit: int) -> list[tuple[int, str, str]]:
        """Return number in the store, id and sealed secret of webhooks that have one, in order of their numbers."""

    def reseal(self, pk: int, sealed: str, anew: str) -> bool:
        """Replace the sealed secret of a webhook by the same under another key; False when it is another one by now."""

    def settle(self, number: int, delivery: Delivery) -> None:
        """Keep what became of an attempt: state, attempts, time of the next."""

    def put_off(self, pk: int, until_ms: int) -> None:
        """Let all that waits for a webhook wait until then."""

    def release(self, pk: int, until_ms: int, now_ms: int) -> None:
        """Give back the lease that was taken until then, unless it is somebody else's by now."""

    def forget(self, before_ms: int, limit: int) -> int:
        """Delete deliveries that have ended and were queued before a time; return how many."""
