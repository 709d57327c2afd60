"""Webhooks, and the outbox of what they are told."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from trackway.api.webhooks import Delivery, DeliveryAttempt, DeliveryState, OutboxEvent, Webhook
from trackway.store.outbox import DueDelivery
from trackway.store.sql.connection import Connection, Row

_WEBHOOK = "pk, webhook_id, name, description, url, events, enabled, secret <> '', created_by, created_ms, updated_ms"
_DELIVERY = (
    "d.pk, d.event_id, w.webhook_id, d.event, d.body, d.state, d.is_test, d.created_ms, d.next_ms, d.attempts, d.tries"
)
_DELIVERIES = "webhook_deliveries d JOIN webhooks w ON w.pk = d.webhook_pk"
_INSERT = (
    "INSERT INTO webhook_deliveries"
    " (webhook_pk, event_id, event, body, state, is_test, created_ms, next_ms, tries, attempts)"
)
_decode_kinds = msgspec.json.Decoder(list[str]).decode
_decode_attempts = msgspec.json.Decoder(list[DeliveryAttempt]).decode


class WebhookTable:
    """See ``store.base.Webhooks``."""

    def __init__(self, db: Connection) -> None:
        self._db = db

    def is_wanted(self, workspace: str, kinds: Sequence[str]) -> bool:
        """Tell whether anybody is to be told."""
        marks = ", ".join("?" * len(kinds))
        row = self._db.recall(
            f"SELECT COUNT(*) FROM webhook_events WHERE workspace = ? AND kind IN ({marks})", (workspace, *kinds)
        )
        return row is not None and row[0] > 0

    def publish(self, workspace: str, event: OutboxEvent) -> None:
        """Queue an event for everybody who is to be told of it."""
        self._db.run(
            f"{_INSERT} SELECT webhook_pk, ?, ?, ?, 'pending', 0, ?, ?, 0, '[]' FROM webhook_events"
            " WHERE workspace = ? AND kind = ?",
            (event.event_id, event.kind, event.body, event.now_ms, event.now_ms, workspace, event.kind),
        )

    def create(self, workspace: str, webhook: Webhook, secret: str) -> None:
        """Insert a webhook."""
        w = webhook
        [(pk,)] = self._db.returning(
            "INSERT INTO webhooks (workspace, webhook_id, name, description, url, events, secret, enabled, created_by,"
            " created_ms, updated_ms, busy_until_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0) RETURNING pk",
            (
                workspace,
                w.webhook_id,
                w.name,
                w.description,
                w.url,
                msgspec.json.encode(w.events).decode(),
                secret,
                int(w.enabled),
                w.created_by,
                w.created_ms,
                w.updated_ms,
            ),
        )
        self._subscribe(pk, w)

    def count(self, workspace: str) -> int:
        """Return how many webhooks a workspace has."""
        row = self._db.one("SELECT COUNT(*) FROM webhooks WHERE workspace = ?", (workspace,))
        assert row is not None
        return int(row[0])

    def find(self, workspace: str, webhook_id: str) -> int | None:
        """Return the number in the store of a webhook."""
        row = self._db.one("SELECT pk FROM webhooks WHERE workspace = ? AND webhook_id = ?", (workspace, webhook_id))
        return row[0] if row else None

    def get(self, pk: int) -> Webhook:
        """Return a webhook."""
        return _webhook(self._db.known(f"SELECT {_WEBHOOK} FROM webhooks WHERE pk = ?", (pk,)))

    def list_webhooks(self, workspace: str, limit: int, after: int) -> list[tuple[int, Webhook]]:
        """Return numbered webhooks, oldest first."""
        rows = self._db.all(
            f"SELECT {_WEBHOOK} FROM webhooks WHERE workspace = ? AND pk > ? ORDER BY pk LIMIT ?",
            (workspace, after, limit),
        )
        return [(row[0], _webhook(row)) for row in rows]

    def update(self, pk: int, webhook: Webhook, secret: str | None) -> None:
        """Replace what is kept of a webhook."""
        w = webhook
        self._db.run(
            "UPDATE webhooks SET name = ?, description = ?, url = ?, events = ?, enabled = ?, updated_ms = ?,"
            " secret = COALESCE(?, secret) WHERE pk = ?",
            (
                w.name,
                w.description,
                w.url,
                msgspec.json.encode(w.events).decode(),
                int(w.enabled),
                w.updated_ms,
                secret,
                pk,
            ),
        )
        self._db.run("DELETE FROM webhook_events WHERE webhook_pk = ?", (pk,))
        self._subscribe(pk, w)

    def delete(self, pk: int) -> None:
        """Remove a webhook with its deliveries."""
        for table, column in (
            ("webhook_events", "webhook_pk"),
            ("webhook_deliveries", "webhook_pk"),
            ("webhooks", "pk"),
        ):
            self._db.run(f"DELETE FROM {table} WHERE {column} = ?", (pk,))

    def add_test(self, pk: int, event: OutboxEvent) -> Delivery:
        """Queue an example for one webhook."""
        [(number,)] = self._db.returning(
            f"{_INSERT} VALUES (?, ?, ?, ?, 'pending', 1, ?, ?, 0, '[]') RETURNING pk",
            (pk, event.event_id, event.kind, event.body, event.now_ms, event.now_ms),
        )
        return _delivery(self._db.known(f"SELECT {_DELIVERY} FROM {_DELIVERIES} WHERE d.pk = ?", (number,)))

    def get_delivery(self, pk: int, delivery_id: str) -> Delivery | None:
        """Return a delivery to a webhook."""
        sql = f"SELECT {_DELIVERY} FROM {_DELIVERIES} WHERE d.webhook_pk = ? AND d.pk = ?"
        row = self._db.one(sql, (pk, _number(delivery_id)))
        found = _delivery(row) if row else None
        return found if found is not None and found.delivery_id == delivery_id else None

    def list_deliveries(
        self, pk: int, state: DeliveryState | None, limit: int, before: int
    ) -> list[tuple[int, Delivery]]:
        """Return numbered deliveries, newest first."""
        where, params = ("AND d.state = ?", [state]) if state else ("", [])
        rows = self._db.all(
            f"SELECT {_DELIVERY} FROM {_DELIVERIES} WHERE d.webhook_pk = ? AND d.pk < ? {where}"
            " ORDER BY d.pk DESC LIMIT ?",
            (pk, before, *params, limit),
        )
        return [(row[0], _delivery(row)) for row in rows]

    def replay(self, delivery_id: str, now_ms: int) -> None:
        """Queue a delivery anew."""
        self._db.run(
            "UPDATE webhook_deliveries SET state = 'pending', next_ms = ?, tries = 0 WHERE pk = ?",
            (now_ms, _number(delivery_id)),
        )

    def find_due(self, now_ms: int) -> int | None:
        """Return a webhook that something is due for and that nobody delivers to."""
        row = self._db.one(
            "SELECT w.pk FROM webhooks w WHERE w.busy_until_ms <= ? AND EXISTS (SELECT 1 FROM webhook_deliveries d"
            " WHERE d.webhook_pk = w.pk AND d.next_ms <= ? AND (w.enabled = 1 OR d.is_test = 1))"
            " ORDER BY w.busy_until_ms, w.pk LIMIT 1",
            (now_ms, now_ms),
        )
        return row[0] if row else None

    def claim(self, pk: int, now_ms: int, until_ms: int) -> bool:
        """Take the lease of a webhook."""
        sql = "UPDATE webhooks SET busy_until_ms = ? WHERE pk = ? AND busy_until_ms <= ?"
        return self._db.run(sql, (until_ms, pk, now_ms)) == 1

    def take_due(self, pk: int, now_ms: int) -> tuple[str, str, DueDelivery] | None:
        """Return url, secret and the oldest delivery that is due."""
        row = self._db.one(
            f"SELECT {_DELIVERY}, w.url, w.secret FROM {_DELIVERIES} WHERE d.webhook_pk = ? AND d.next_ms <= ?"
            " AND (w.enabled = 1 OR d.is_test = 1) ORDER BY d.next_ms, d.pk LIMIT 1",
            (pk, now_ms),
        )
        return None if row is None else (row[11], row[12], DueDelivery(row[0], row[10], _delivery(row)))

    def list_sealed(self, after: int, limit: int) -> list[tuple[int, str, str]]:
        """Return number in the store, id and sealed secret of webhooks that have one."""
        sql = "SELECT pk, webhook_id, secret FROM webhooks WHERE pk > ? AND secret <> '' ORDER BY pk LIMIT ?"
        return [(pk, webhook_id, sealed) for pk, webhook_id, sealed in self._db.all(sql, (after, limit))]

    def reseal(self, pk: int, sealed: str, anew: str) -> bool:
        """Replace the sealed secret of a webhook by the same under another key."""
        return self._db.run("UPDATE webhooks SET secret = ? WHERE pk = ? AND secret = ?", (anew, pk, sealed)) == 1

    def settle(self, number: int, delivery: Delivery) -> None:
        """Keep what became of an attempt."""
        self._db.run(
            "UPDATE webhook_deliveries SET state = ?, next_ms = ?, attempts = ?, tries = tries + 1 WHERE pk = ?",
            (delivery.state, delivery.next_ms, msgspec.json.encode(delivery.attempts).decode(), number),
        )

    def put_off(self, pk: int, until_ms: int) -> None:
        """Let all that waits for a webhook wait."""
        self._db.run(
            "UPDATE webhook_deliveries SET next_ms = ? WHERE webhook_pk = ? AND next_ms < ?", (until_ms, pk, until_ms)
        )

    def release(self, pk: int, until_ms: int, now_ms: int) -> None:
        """Give back the lease of a webhook."""
        sql = "UPDATE webhooks SET busy_until_ms = ? WHERE pk = ? AND busy_until_ms = ?"
        self._db.run(sql, (now_ms, pk, until_ms))

    def forget(self, before_ms: int, limit: int) -> int:
        """Delete deliveries that have ended."""
        return self._db.run(
            "DELETE FROM webhook_deliveries WHERE pk IN (SELECT pk FROM webhook_deliveries"
            " WHERE next_ms IS NULL AND created_ms < ? LIMIT ?)",
            (before_ms, limit),
        )

    def _subscribe(self, pk: int, webhook: Webhook) -> None:
        if webhook.enabled:
            self._db.many(
                "INSERT INTO webhook_events (workspace, kind, webhook_pk) SELECT workspace, ?, pk FROM webhooks"
                " WHERE pk = ?",
                [(kind, pk) for kind in webhook.events],
            )


def _webhook(row: Row) -> Webhook:
    return Webhook(
        webhook_id=row[1],
        name=row[2],
        description=row[3],
        url=row[4],
        events=_decode_kinds(row[5]),  # type: ignore[arg-type]  # they were checked when they came
        enabled=bool(row[6]),
        signed=bool(row[7]),
        created_by=row[8],
        created_ms=row[9],
        updated_ms=row[10],
    )


def _delivery(row: Row) -> Delivery:
    return Delivery(
        delivery_id=f"{row[1]}-{row[0]}",
        webhook_id=row[2],
        event=row[3],
        body=row[4],
        state=row[5],
        is_test=bool(row[6]),
        created_ms=row[7],
        next_ms=row[8],
        attempts=_decode_attempts(row[9]),
    )


def _number(delivery_id: str) -> int:
    """Return the number in the store that a delivery's id ends in; 0, which none has, for another text."""
    text = delivery_id.rpartition("-")[2]
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else 0
