"""Background work: small tasks, each at an interval, on one thread, on one of all replicas at a time."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from typing import NamedTuple

from trackway.api.jobs import PURPOSES, Job
from trackway.base.clock import Clock, now_ms
from trackway.base.errors import TrackwayError
from trackway.base.ids import new_id
from trackway.store.base import Store

ERROR_LENGTH = 500

log = logging.getLogger("trackway.jobs")


class Task(NamedTuple):
    """Something to do every ``interval_s``; it returns True when there is more to do at once.

    name: one of ``api.jobs.PURPOSES``
    """

    name: str
    interval_s: float
    run: Callable[[], bool]


class Worker:
    """Carries out tasks while it holds the store's lease for them, so that replicas do not do the same twice.

    A task must be safe to repeat: a lease that ends in the middle of one lets another replica begin it.
    """

    LEASE_MS = 60_000

    def __init__(self, store: Store, tasks: Sequence[Task], clock: Clock = now_ms) -> None:
        if unknown := {task.name for task in tasks} - PURPOSES.keys():
            raise ValueError(f"Nothing says what these jobs are for: {', '.join(sorted(unknown))}")
        self._store = store
        self._tasks = tasks
        self._clock = clock
        self._holder = new_id()
        self._stop = threading.Event()
        self._due = dict.fromkeys((task.name for task in tasks), 0)
        self._thread = threading.Thread(target=self._work, name="trackway-jobs", daemon=True)

    def start(self) -> None:
        """Begin, on a thread of its own."""
        self._thread.start()

    def close(self) -> None:
        """Finish the task at hand, then stop."""
        self._stop.set()
        self._thread.join()

    def run_due(self) -> float:
        """Carry out what is due; return for how many seconds nothing is."""
        now = self._clock()
        due, done = [task for task in self._tasks if self._due[task.name] <= now], []
        for task in due:
            self._due[task.name] = now + int(task.interval_s * 1000)
            if self._stop.is_set() or not self._acquire(task):
                continue
            more, job = self._carry_out(task)
            done.append(job)
            self._due[task.name] = self._clock() + (0 if more else int(task.interval_s * 1000))
        if done:
            self._store.write(lambda tx: [tx.housekeeping.note_job(job) for job in done])
        return max(0.01, (min(self._due.values()) - self._clock()) / 1000)

    def _carry_out(self, task: Task) -> tuple[bool, Job]:
        """Run a task; return whether there is more to do at once, and how it went.

        A fault in it ends neither the others nor the thread.
        """
        began_ms, more, error = self._clock(), False, ""
        try:
            more = task.run()
        except TrackwayError as failure:  # a store that is away now may be back later
            log.warning("the job %s is put off: %s", task.name, failure)
            error = failure.message
        except Exception as failure:
            log.exception("the job %s failed", task.name)
            error = f"{type(failure).__name__}: {failure}"
        ended_ms = self._clock()
        job = Job(
            name=task.name,
            purpose=PURPOSES[task.name],
            interval_ms=int(task.interval_s * 1000),
            began_ms=began_ms,
            ended_ms=ended_ms,
            times=1,
            failures=int(bool(error)),
            error=error[:ERROR_LENGTH],
            error_ms=ended_ms if error else None,
        )
        return more, job

    def _acquire(self, task: Task) -> bool:
        now = self._clock()
        taken: bool = self._store.write(
            lambda tx: tx.housekeeping.acquire_lease(f"task:{task.name}", self._holder, now, now + self.LEASE_MS)
        )
        return taken

    def _work(self) -> None:
        pause_s = 1.0
        while not self._stop.wait(pause_s):
            try:
                pause_s = min(self.run_due(), 60.0)
            except TrackwayError as error:  # the thread's edge: without the store nothing can be begun
                log.warning("background work is put off: %s", error)
                pause_s = 10.0
            except Exception:  # what is wrong now may be right later
                log.exception("background work failed")
                pause_s = 60.0
