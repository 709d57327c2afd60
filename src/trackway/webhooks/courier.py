"""Delivers what waits in the outbox."""

from __future__ import annotations

import logging
import threading
import time
from typing import NamedTuple

import msgspec

from trackway.api.webhooks import Delivery, DeliveryAttempt
from trackway.base.clock import Clock, now_ms
from trackway.base.errors import Corrupt, InvalidInput, TrackwayError
from trackway.base.sealing import Vault
from trackway.store.base import Store, Transaction
from trackway.store.outbox import DueDelivery
from trackway.webhooks.addresses import Allowed, read_url
from trackway.webhooks.post import NoAnswer, post
from trackway.webhooks.sealing import name_row
from trackway.webhooks.signature import make_headers

log = logging.getLogger("trackway.webhooks")

DELAYS_S = (10, 30, 60, 300, 900, 3_600, 10_800, 21_600, 43_200)
"""Waits after the first, second, ... failure; one more and a delivery is given up, after 25 hours."""
MOST_WAIT_S = 86_400
"""Longest wait that a receiver may ask for."""
AGE_MS = 3 * 86_400_000
"""A delivery that fails this long after its event is given up, whatever it was tried."""
ATTEMPTS_KEPT = 20
KEPT_MS = 30 * 86_400_000
"""For how long a delivery that ended is kept."""
FORGOTTEN_AT_ONCE = 1_000
LEASE_MS = 60_000
TURN_S = 20.0
"""How long one receiver is served before the others have their turn."""


class _Lease(NamedTuple):
    """A webhook that is one's own to deliver to, until a time."""

    pk: int
    until_ms: int


class Courier:
    """Threads that deliver, each to one receiver at a time, in the order of the events.

    Replicas share the work: who holds the lease of a webhook delivers to it. When a process dies between an answer and
    its record, the delivery comes again under the same id: at least once, and twice only so.

    timeout_s: for one attempt; shorter than a third of the lease
    """

    def __init__(
        self,
        store: Store,
        allowed: Allowed,
        vault: Vault,
        *,
        threads: int = 4,
        timeout_s: float = 10.0,
        clock: Clock = now_ms,
    ) -> None:
        self._store = store
        self._vault = vault
        self._allowed = allowed
        self._timeout_s = timeout_s
        self._clock = clock
        self._stop = threading.Event()
        self._looking = threading.Lock()
        self._threads = [
            threading.Thread(target=self._work, name=f"trackway-webhooks-{n}", daemon=True) for n in range(threads)
        ]

    def start(self) -> None:
        """Begin, on threads of its own."""
        for thread in self._threads:
            thread.start()

    def close(self, timeout_s: float = 2.0) -> None:
        """Begin nothing new, and wait a little for what is under way; what is cut off comes again."""
        self._stop.set()
        deadline_s = time.monotonic() + timeout_s
        for thread in self._threads:
            thread.join(max(0.0, deadline_s - time.monotonic()))

    def serve_next(self) -> bool:
        """Serve the receiver that has waited longest; tell whether there was one."""
        found = self._claim_next()
        if found is not None:
            self._serve(found)
        return found is not None

    def forget_old(self) -> bool:
        """Delete deliveries that ended long ago; True when there are more."""
        before_ms = self._clock() - KEPT_MS
        forgotten = self._store.write(lambda tx: tx.webhooks.forget(before_ms, FORGOTTEN_AT_ONCE))
        return bool(forgotten == FORGOTTEN_AT_ONCE)

    def _work(self) -> None:
        while not self._stop.is_set():
            try:
                with self._looking:  # one looks while the others deliver
                    found = None if self._stop.is_set() else self._claim_next()
                    if found is None:
                        self._stop.wait(1.0)
                if found is not None:
                    self._serve(found)
            except TrackwayError as error:  # the thread's edge: a store that is away now may be back later
                log.warning("deliveries are put off: %s", error)
                self._stop.wait(10.0)
            except Exception:  # a fault in one delivery must not end the others
                log.exception("a delivery failed")
                self._stop.wait(10.0)

    def _claim_next(self) -> _Lease | None:
        """Return a webhook to serve, its lease taken; None when there is none."""
        now = self._clock()
        pk: int | None = self._store.read(lambda tx: tx.webhooks.find_due(now))
        if pk is None or not self._store.write(lambda tx: tx.webhooks.claim(pk, now, now + LEASE_MS)):
            return None
        return _Lease(pk, now + LEASE_MS)

    def _serve(self, lease: _Lease) -> None:
        """Deliver to one webhook until nothing is due, it does not answer, or its turn is over; then let it go."""
        pk = lease.pk
        until_s = time.monotonic() + TURN_S
        try:
            while not self._stop.is_set() and time.monotonic() < until_s:
                now = self._clock()
                found = self._store.read(lambda tx, now=now: tx.webhooks.take_due(pk, now))
                if found is None:
                    break
                url, sealed, due = found
                if not self._deliver(pk, url, sealed, due):
                    break
        finally:
            now = self._clock()
            self._store.write(lambda tx: tx.webhooks.release(pk, lease.until_ms, now))

    def _deliver(self, pk: int, url: str, sealed: str, due: DueDelivery) -> bool:
        """Try one delivery and keep what came of it; False when the receiver gave no answer."""
        delivery, body = due.delivery, due.delivery.body.encode()
        began_ms = self._clock()
        status, error, wait_s = 0, "", 0
        try:
            secret = self._vault.open(sealed, name_row(delivery.webhook_id))
            headers = make_headers(delivery.event, delivery.delivery_id, began_ms, body, secret)
            status, wait_s = post(read_url(url), self._allowed, headers, body, self._timeout_s)
        except NoAnswer as failure:
            error = str(failure)
        except Corrupt as failure:  # nothing is sent without the signature that the receiver counts on
            log.error("the secret of webhook %s cannot be opened: %s", delivery.webhook_id, failure)
            error = "the webhook's secret cannot be opened"
        except InvalidInput as failure:  # kept by an earlier release that allowed it
            error = failure.message
        ended_ms = self._clock()
        attempt = DeliveryAttempt(time_ms=began_ms, status=status, error=error, took_ms=max(0, ended_ms - began_ms))
        settled = settle(due, attempt, wait_s, ended_ms)
        self._store.write(lambda tx: self._keep(tx, pk, due, settled, away=not status))
        return bool(status)

    def _keep(self, tx: Transaction, pk: int, due: DueDelivery, settled: Delivery, away: bool) -> None:
        tx.webhooks.settle(due.number, settled)
        if away and settled.next_ms is not None:
            tx.webhooks.put_off(pk, settled.next_ms)


def settle(due: DueDelivery, attempt: DeliveryAttempt, wait_s: int, now_ms: int) -> Delivery:
    """Return a delivery after an attempt: delivered by any 2xx, else tried again later or given up."""
    delivery = due.delivery
    attempts = [*delivery.attempts, attempt][-ATTEMPTS_KEPT:]
    if 200 <= attempt.status < 300:
        return msgspec.structs.replace(delivery, state="delivered", next_ms=None, attempts=attempts)
    late = now_ms - delivery.created_ms > AGE_MS
    if delivery.is_test or attempt.status == 410 or due.tries >= len(DELAYS_S) or late:
        return msgspec.structs.replace(delivery, state="dead", next_ms=None, attempts=attempts)
    delay_s = max(DELAYS_S[due.tries], min(wait_s, MOST_WAIT_S))
    return msgspec.structs.replace(delivery, next_ms=now_ms + 1_000 * delay_s, attempts=attempts)
