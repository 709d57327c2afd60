"""Webhooks and the outbox."""

from __future__ import annotations

from typing import Any

import msgspec

from trackway.api.webhooks import DeliveryAttempt, EventKind, OutboxEvent, Webhook
from trackway.base.ids import new_id
from trackway.testing.store.fixtures import StoreFixtures
from trackway.testing.store.space import Space

NOW_MS = 1_000


def make_webhook(*events: EventKind, **fields: Any) -> Webhook:
    """Return a webhook with an id of its own."""
    plain = Webhook(
        webhook_id=new_id(),
        name="ci",
        description="",
        url="https://hooks.example.org/",
        events=list(events),
        enabled=True,
        signed=False,
        created_by="user:ann",
        created_ms=1,
        updated_ms=1,
    )
    return msgspec.structs.replace(plain, **fields)


def put_webhook(space: Space, *events: EventKind, secret: str = "", **fields: Any) -> int:
    """Create a webhook and return its number."""
    webhook = make_webhook(*events, **fields)
    space.write(lambda tx: tx.webhooks.create(space.workspace, webhook, secret))
    pk: int | None = space.read(lambda tx: tx.webhooks.find(space.workspace, webhook.webhook_id))
    assert pk is not None
    return pk


def publish(space: Space, kind: EventKind = "run.created", now_ms: int = NOW_MS) -> str:
    """Queue an event and return its id."""
    event = OutboxEvent(new_id(), kind, '{"ü": 1}', now_ms)
    space.write(lambda tx: tx.webhooks.publish(space.workspace, event))
    return event.event_id


def list_events(space: Space, pk: int, state: Any = None) -> list[str]:
    """Return the events queued for a webhook, newest first."""
    rows = space.read(lambda tx: tx.webhooks.list_deliveries(pk, state, 100, 2**62))
    return [delivery.delivery_id.rpartition("-")[0] for _, delivery in rows]


class WebhookContract(StoreFixtures):
    """Webhooks."""

    def test_a_webhook_is_kept_changed_and_removed(self, space: Space) -> None:
        webhook = make_webhook("run.created", "run.deleted", description="ü")
        space.write(lambda tx: tx.webhooks.create(space.workspace, webhook, "sealed:s"))
        pk = space.read(lambda tx: tx.webhooks.find(space.workspace, webhook.webhook_id))
        signed = msgspec.structs.replace(webhook, signed=True)
        assert space.read(lambda tx: tx.webhooks.get(pk)) == signed
        other = msgspec.structs.replace(signed, name="b", url="https://b", events=["run.renamed"], updated_ms=5)
        space.write(lambda tx: tx.webhooks.update(pk, other, None))
        assert space.read(lambda tx: tx.webhooks.list_webhooks(space.workspace, 10, 0)) == [(pk, other)]
        space.write(lambda tx: tx.webhooks.update(pk, other, ""))
        assert not space.read(lambda tx: tx.webhooks.get(pk)).signed
        assert space.read(lambda tx: tx.webhooks.count(space.workspace)) == 1
        space.write(lambda tx: tx.webhooks.delete(pk))
        assert space.read(lambda tx: tx.webhooks.find(space.workspace, webhook.webhook_id)) is None

    def test_a_secret_is_sealed_anew_where_it_is_still_the_same(self, space: Space) -> None:
        without = put_webhook(space, "run.created")
        pk = put_webhook(space, "run.created", secret="sealed:s")  # noqa: S106 - a test
        webhook_id = space.read(lambda tx: tx.webhooks.get(pk)).webhook_id
        assert space.read(lambda tx: tx.webhooks.list_sealed(without - 1, 10))[:1] == [(pk, webhook_id, "sealed:s")]
        assert not space.write(lambda tx: tx.webhooks.reseal(pk, "sealed:r", "anew:s"))
        assert space.write(lambda tx: tx.webhooks.reseal(pk, "sealed:s", "anew:s"))
        assert space.read(lambda tx: tx.webhooks.list_sealed(pk - 1, 1)) == [(pk, webhook_id, "anew:s")]
        assert space.read(lambda tx: tx.webhooks.list_sealed(pk, 1)) == []

    def test_an_event_waits_for_everybody_who_wants_it_and_for_nobody_else(self, space: Space) -> None:
        wanting = [put_webhook(space, "run.created", "run.deleted"), put_webhook(space, "run.created")]
        others = [put_webhook(space, "run.deleted"), put_webhook(space, "run.created", enabled=False)]
        elsewhere = put_webhook(Space(space.store), "run.created")
        event_id = publish(space)
        assert [list_events(space, pk) for pk in wanting] == [[event_id]] * 2
        assert [list_events(space, pk) for pk in (*others, elsewhere)] == [[]] * 3
        assert space.read(lambda tx: tx.webhooks.is_wanted(space.workspace, ("run.renamed", "run.created")))
        assert not space.read(lambda tx: tx.webhooks.is_wanted(space.workspace, ("run.renamed",)))

    def test_one_at_a_time_has_the_lease_of_a_webhook(self, space: Space) -> None:
        pk = put_webhook(space, "run.created")

        def claim(now_ms: int, until_ms: int) -> bool:
            return bool(space.write(lambda tx: tx.webhooks.claim(pk, now_ms, until_ms)))

        assert [claim(5, 10), claim(9, 20), claim(10, 20), claim(15, 30)] == [True, False, True, False]
        space.write(lambda tx: tx.webhooks.release(pk, 10, 16))
        assert not claim(16, 30), "who lost the lease gives back nothing"
        space.write(lambda tx: tx.webhooks.release(pk, 20, 16))
        assert claim(16, 30)

    def test_deliveries_come_due_in_the_order_of_their_events(self, space: Space) -> None:
        pk = put_webhook(space, "run.created", secret="sealed:s")  # noqa: S106 - a test
        first, second = publish(space), publish(space)

        def take(now_ms: int) -> str | None:
            found = space.read(lambda tx: tx.webhooks.take_due(pk, now_ms))
            assert found is None or found[:2] == ("https://hooks.example.org/", "sealed:s")
            return found[2].delivery.delivery_id.rpartition("-")[0] if found else None

        assert take(NOW_MS - 1) is None
        assert take(NOW_MS) == first
        due = space.read(lambda tx: tx.webhooks.take_due(pk, NOW_MS))[2]
        attempt = DeliveryAttempt(time_ms=NOW_MS, status=500, error="", took_ms=3)
        tried = msgspec.structs.replace(due.delivery, next_ms=NOW_MS + 50, attempts=[attempt])
        space.write(lambda tx: tx.webhooks.settle(due.number, tried))
        assert space.read(lambda tx: tx.webhooks.get_delivery(pk, tried.delivery_id)) == tried
        assert take(NOW_MS) == second
        space.write(lambda tx: tx.webhooks.put_off(pk, NOW_MS + 40))
        assert take(NOW_MS) is None
        assert [take(NOW_MS + 40), take(NOW_MS + 50)] == [second, second]
        assert space.read(lambda tx: tx.webhooks.take_due(pk, NOW_MS)) is None
        assert due.tries == 0

    def test_what_ended_is_replayed_or_forgotten_in_time(self, space: Space) -> None:
        pk = put_webhook(space, "run.created")
        events = [publish(space, now_ms=now_ms) for now_ms in (10, 20)]
        for _ in events:
            due = space.read(lambda tx: tx.webhooks.take_due(pk, 30))[2]
            ended = msgspec.structs.replace(due.delivery, state="dead", next_ms=None)
            space.write(lambda tx, d=due, e=ended: tx.webhooks.settle(d.number, e))
        assert list_events(space, pk, "dead") == events[::-1]
        assert list_events(space, pk, "pending") == []
        [(_, newest), (_, oldest)] = space.read(lambda tx: tx.webhooks.list_deliveries(pk, None, 10, 2**62))
        space.write(lambda tx: tx.webhooks.replay(newest.delivery_id, 40))
        again = space.read(lambda tx: tx.webhooks.take_due(pk, 40))[2]
        assert (again.delivery.delivery_id, again.tries, again.delivery.state) == (newest.delivery_id, 0, "pending")
        space.write(lambda tx: tx.webhooks.forget(30, 1_000))
        assert list_events(space, pk) == [events[1]], "what waits is never forgotten"
        assert space.read(lambda tx: tx.webhooks.get_delivery(pk, oldest.delivery_id)) is None
