"""Short work on PostgreSQL on an event loop's thread, which goes on with other things while the database works.

To a thread that does it, the loop would hand the interpreter whenever the database has answered, and get it back: both
lose time, and what their processors had at hand. What is not short is a thread's.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

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
READS: Final = 4
"""Reading jobs at a time."""

Q = TypeVar("Q")
Read = Callable[[Job[Any], Open], Any]
"""Carries a job out on a connection of the store's, which is opened where none is free."""


class _Greenlets(ABC, Generic[Q]):
    """Do what comes on an event loop's thread, in the order in which it comes.

    most:             so many things at a time
    open_transaction: connects; is called on a thread of ``threads``
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, most: int, open_transaction: Open, threads: Executor) -> None:
        self._loop = loop
        self._most = most
        self._open = open_transaction
        self._threads = threads
        self._queue: deque[Q] = deque()
        self._tasks: list[LoopTask] = []
        self._idle: list[LoopTask] = []
        self._is_due = False

    def close(self) -> None:
        """Finish what is queued, on the loop's thread, which waits for it, and let go of the database."""
        self._begin()
        for task in [*self._tasks]:
            task.finish()

    @abstractmethod
    def _work(self, task: LoopTask) -> None:
        """Go on until ``_wait_for_more`` says that nothing comes any more."""

    def _add(self, item: Q) -> None:
        self._queue.append(item)
        if not self._is_due:
            self._is_due = True
            self._loop.call_soon(self._loop.call_soon, self._begin)  # in the pass between, what arrived with it is read

    def _begin(self) -> None:
        self._is_due = False
        while self._queue and (self._idle or len(self._tasks) < self._most):
            if self._idle:
                task = self._idle.pop()
            else:
                task = LoopTask(self._loop, self._run)
                self._tasks.append(task)
            task.switch()

    def _run(self, task: LoopTask) -> None:
        try:
            self._work(task)
        finally:  # after a failure, too, so that another one takes its place
            self._tasks.remove(task)

    def _wait_for_more(self, task: LoopTask) -> bool:
        """Wait until something is queued; False when nothing comes any more."""
        while not self._queue and not task.ends_soon:
            self._idle.append(task)
            task.pause()
        return bool(self._queue)

    def _connect(self, task: LoopTask) -> SqlTransaction:
        return task.wait_for_thread(self._threads.submit(self._open))


class GreenletWriter(_Greenlets[Item]):
    """Carries out short writing jobs, those that wait in one transaction."""

    def __init__(self, loop: asyncio.AbstractEventLoop, open_transaction: Open, threads: Executor) -> None:
        super().__init__(loop, GROUPS, open_transaction, threads)

    def submit(self, job: Job[Any], done: Done[Any], key: str) -> None:
        """Take a job; ``done(result, error)`` is called on this thread."""
        self._add((key, job, done))

    def _work(self, task: LoopTask) -> None:
        tx: SqlTransaction | None = None
        while self._wait_for_more(task):
            batch = [self._queue.popleft() for _ in range(min(len(self._queue), GROUP_JOBS))]
            batch.sort(key=get_key)
            tx = carry_out(partial(self._connect, task), tx, batch)
        if tx is not None:
            tx.db.close()


class GreenletReader(_Greenlets[tuple[Job[Any], Done[Any]]]):
    """Carries out short reading jobs.

    read: carries one out
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, read: Read, open_transaction: Open, threads: Executor) -> None:
        super().__init__(loop, READS, open_transaction, threads)
        self._read = read

    def submit(self, job: Job[Any], done: Done[Any]) -> bool:
        """Take a job; ``done(result, error)`` is called on this thread. True, as none is to be done elsewhere."""
        self._add((job, done))
        return True

    def _work(self, task: LoopTask) -> None:
        while self._wait_for_more(task):
            job, done = self._queue.popleft()
            try:
                result = self._read(job, partial(self._connect, task))
            except Exception as error:  # noqa: BLE001 - the reader's edge: the error goes to whoever waits
                done(None, error)
            else:
                done(result, None)
