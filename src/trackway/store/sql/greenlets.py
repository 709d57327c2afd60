"""Short writes to PostgreSQL on an event loop's thread, which goes on with other things while the database works.

To a thread that writes, the loop would hand the interpreter whenever the database has answered, and get it back: both
lose time, and what their processors had at hand. What is not short is a thread's.
"""

from __future__ import annotations

from collections import deque
from concurrent.futures import Executor
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from trackway.store.base import Done, Job
from trackway.store.sql.transaction import SqlTransaction
from trackway.store.sql.waiting import LoopTask
from trackway.store.sql.writer import Item, Open, carry_out, get_key

if TYPE_CHECKING:
    import asyncio

GROUP_JOBS: Final = 16
"""Most jobs of a transaction: what else the loop has to do waits while they are begun, a few milliseconds."""
GROUPS: Final = 3
"""Transactions at a time, each on a connection of its own. With more, each has fewer jobs, which share statements."""


class GreenletWriter:
    """Carries out short jobs that come on an event loop's thread, in the order in which they come.

    open_transaction: connects; is called on a thread of ``threads``
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, open_transaction: Open, threads: Executor) -> None:
        self._loop = loop
        self._open = open_transaction
        self._threads = threads
        self._queue: deque[Item] = deque()
        self._tasks: list[LoopTask] = []
        self._idle: list[LoopTask] = []
        self._is_due = False

    def submit(self, job: Job[Any], done: Done[Any], key: str) -> None:
        """Take a job; ``done(result, error)`` is called on this thread."""
        self._queue.append((key, job, done))
        if not self._is_due:
            self._is_due = True
            self._loop.call_soon(self._loop.call_soon, self._begin)  # in the pass between, what arrived with it is read

    def close(self) -> None:
        """Finish what is queued, on the loop's thread, which waits for it, and let go of the database."""
        self._begin()
        for task in [*self._tasks]:
            task.finish()

    def _begin(self) -> None:
        self._is_due = False
        while self._queue and (self._idle or len(self._tasks) < GROUPS):
            if self._idle:
                task = self._idle.pop()
            else:
                task = LoopTask(self._loop, self._work)
                self._tasks.append(task)
            task.switch()

    def _work(self, task: LoopTask) -> None:
        tx: SqlTransaction | None = None
        try:
            while self._queue or not task.ends_soon:
                batch = [self._queue.popleft() for _ in range(min(len(self._queue), GROUP_JOBS))]
                if batch:
                    batch.sort(key=get_key)
                    tx = carry_out(partial(self._connect, task), tx, batch)
                else:
                    self._idle.append(task)
                    task.pause()
        finally:  # after a failure, too, so that another one takes its place
            self._tasks.remove(task)
        if tx is not None:
            tx.db.close()

    def _connect(self, task: LoopTask) -> SqlTransaction:
        return task.wait_for_thread(self._threads.submit(self._open))
