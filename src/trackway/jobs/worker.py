"""Background work: small tasks, each at an interval, on one thread, on one of all replicas at a time."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from trackway.api.jobs import PURPOSES, Job
from trackway.base.clock import Clock, now_ms
from trackway.base.errors import Corrupt, TrackwayError
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


class Pass(NamedTuple):
    """Something that takes long, done once in ``interval_s`` by all replicas together, however often they start.

    name:  one of ``api.jobs.PURPOSES``
    begin: returns its steps; between two of them others have their turn. It is noted when it has come to its end: one
           that was broken off, or for which the store was away, begins anew.
    """

    name: str
    interval_s: float
    begin: Callable[[], Iterator[None]]


class Worker:
    """Carries out tasks while it holds the store's lease for them, so that replicas do not do the same twice.

    A task must be safe to repeat: a lease that ends in the middle of one lets another replica begin it.
    """

    LEASE_MS = 60_000
    LOOK_S = 600.0
    """After so long it is looked whether a pass is due."""

    def __init__(self, store: Store, tasks: Sequence[Task | Pass], clock: Clock = now_ms) -> None:
        if unknown := {task.name for task in tasks} - PURPOSES.keys():
            raise ValueError(f"Nothing says what these jobs are for: {', '.join(sorted(unknown))}")
        self._store = store
        self._tasks = tasks
        self._clock = clock
        self._holder = new_id()
        self._stop = threading.Event()
        self._due = dict.fromkeys((task.name for task in tasks), 0)
        self._begun: dict[str, tuple[int, Iterator[None]]] = {}
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
            pause_ms = int((self.LOOK_S if isinstance(task, Pass) else task.interval_s) * 1000)
            self._due[task.name] = now + pause_ms
            if self._stop.is_set() or not self._may_go_on(task):
                continue
            more, job = self._go_on(task) if isinstance(task, Pass) else self._carry_out(task)
            if job is not None:
                done.append(job)
            self._due[task.name] = self._clock() + (0 if more else pause_ms)
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
        return more, self._describe(task, began_ms, error)

    def _go_on(self, task: Pass) -> tuple[bool, Job | None]:
        """Take one step of a pass; return whether there is more to do, and how it went when it has come to its end.

        What it finds that is not as it should be is its failure, and is logged when it was not found the last time.
        """
        if task.name not in self._begun:
            self._begun[task.name] = self._clock(), task.begin()
        began_ms, steps = self._begun.pop(task.name)
        error = ""
        try:
            next(steps)
        except StopIteration:
            pass
        except Corrupt as found:
            error = found.message[:ERROR_LENGTH]
            last = self._find_last(task)
            if last is None or last.error != error or last.error_ms != last.ended_ms:
                log.error("the job %s found: %s", task.name, found)
        except TrackwayError as failure:
            log.warning("the job %s is put off: %s", task.name, failure)
            return False, None
        except Exception as failure:
            log.exception("the job %s failed", task.name)
            error = f"{type(failure).__name__}: {failure}"
        else:
            self._begun[task.name] = began_ms, steps
            return True, None
        return False, self._describe(task, began_ms, error)

    def _describe(self, task: Task | Pass, began_ms: int, error: str) -> Job:
        ended_ms = self._clock()
        return Job(
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

    def _may_go_on(self, task: Task | Pass) -> bool:
        """Tell whether a task that is due is this worker's, and is no pass that another one has done meanwhile."""
        if not self._was_done(task) and self._acquire(task):
            return True
        self._begun.pop(task.name, None)
        return False

    def _was_done(self, task: Task | Pass) -> bool:
        """Tell whether a pass came to its end within its interval; a time to come is of a clock that went back."""
        last = self._find_last(task) if isinstance(task, Pass) else None
        return last is not None and 0 <= self._clock() - last.ended_ms < task.interval_s * 1000

    def _find_last(self, task: Pass) -> Job | None:
        jobs = self._store.read(lambda tx: tx.housekeeping.list_jobs())
        return next((job for job in jobs if job.name == task.name), None)

    def _acquire(self, task: Task | Pass) -> bool:
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
