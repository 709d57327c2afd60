"""Makes the times of schedules come: each once, however many replicas look."""

from __future__ import annotations

from collections import deque

from trackway.api import limits
from trackway.base.clock import Clock, now_ms
from trackway.scheduling.cron import open_timetable
from trackway.scheduling.service import make_tick
from trackway.store.base import Store, Transaction
from trackway.store.timetable import ScheduleRef

GRACE_MS = 180_000
"""A time that is found so late is on time: another replica takes over the jobs of one that died within a minute."""
WAIT_MS = 600_000
"""For how long a time waits for a worker, of a schedule that catches up with nothing."""
KEPT_MS = 90 * 86_400_000
"""For how long a time that ended is kept."""
AT_ONCE = 100
FORGOTTEN_AT_ONCE = 1_000


class Timekeeper:
    """Queues what is due, by each schedule's policies; workers carry it out.

    The row of a schedule says when it comes next. Who moves that on, under a condition on its old value, queues the
    times up to now in the same transaction: so that each comes once, also when two look at once or one dies.
    """

    def __init__(self, store: Store, clock: Clock = now_ms) -> None:
        self._store = store
        self._clock = clock

    def keep_time(self) -> bool:
        """Queue what is due and give up what was lost; True when there is more."""
        now = self._clock()
        if self._store.read(lambda tx: tx.schedules.has_stale(now, now - WAIT_MS)):  # first: it may be in the way
            self._store.write(lambda tx: tx.schedules.give_up(now, now - WAIT_MS))
        due = self._store.read(lambda tx: tx.schedules.list_due(now, AT_ONCE))
        for ref in due:
            self._queue(ref, now)
        return len(due) == AT_ONCE

    def forget_old(self) -> bool:
        """Delete times that ended long ago; True when there are more."""
        before_ms = self._clock() - KEPT_MS
        forgotten = self._store.write(lambda tx: tx.schedules.forget(before_ms, FORGOTTEN_AT_ONCE))
        return bool(forgotten == FORGOTTEN_AT_ONCE)

    def _queue(self, ref: ScheduleRef, now: int) -> None:
        """Queue the times of one schedule that have come, and record how many have passed."""
        schedule = ref.schedule
        first = schedule.next_ms
        if first is None:
            return
        kept = schedule.catch_up_limit if schedule.catch_up == "all" else 1
        times: deque[int] = deque([first], maxlen=kept)
        count, following = 1, None
        for time_ms in open_timetable(schedule.cron, schedule.time_zone).list_times(first):
            if time_ms > now:
                following = time_ms
                break
            times.append(time_ms)
            count += 1
        if schedule.catch_up == "none" and times[-1] < now - GRACE_MS:
            missed, coming = times[-1], []
        else:
            missed, coming = first, list(times)
        passed = count - len(coming)

        def work(tx: Transaction) -> None:
            if not tx.schedules.advance(ref.pk, first, following):
                return  # another replica was first
            if passed:
                text = f"{passed:,} {'time' if passed == 1 else 'times'} passed while nobody was looking"
                tx.schedules.add_tick(ref.pk, make_tick(missed, now, "missed", error=text))
            _add(tx, ref, coming, now)

        self._store.write(work)


def _add(tx: Transaction, ref: ScheduleRef, times: list[int], now: int) -> None:
    """Queue times as the schedule's overlap policy has it."""
    overlap = ref.schedule.overlap
    busy = overlap == "skip" and tx.schedules.count_ticks(ref.pk, ("queued", "claimed", "running")) > 0
    waiting = tx.schedules.count_ticks(ref.pk, ("queued",))
    for time_ms in times:
        if busy or waiting >= limits.SCHEDULE_QUEUE:
            reason = "an earlier one had not ended" if busy else f"{limits.SCHEDULE_QUEUE:,} waited already"
            tx.schedules.add_tick(ref.pk, make_tick(time_ms, now, "skipped", error=reason))
            continue
        if overlap == "cancel_previous":
            tx.schedules.stop_others(ref.pk, now, "a later one came")
        tx.schedules.add_tick(ref.pk, make_tick(time_ms, now, "queued"))
        waiting += 1
