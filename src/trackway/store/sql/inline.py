"""Short work on SQLite by the event loop itself, writes that came together in one transaction.

A thread beside the loop has to hand the interpreter over at every statement and wait until it is given back, and both
lose what their processors had at hand. On the loop's own thread the same work takes two thirds of the time. What is not
short, what fails, and what a slow disk would hold up is the writer's.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from trackway.base.errors import TrackwayError
from trackway.store.base import Done, Job
from trackway.store.sql.transaction import SqlTransaction
from trackway.store.sql.turns import Turn
from trackway.store.sql.writer import Item, Open, Writer, attempt

if TYPE_CHECKING:
    import asyncio

GROUP_JOBS: Final = 16
"""Most jobs that are done at once: what else the loop has to do waits so long, a few milliseconds."""
SLOW_S, PAUSE_TIMES = 0.02, 10
"""After what took longer than the first, jobs are a thread's for so many times as long: the disk may be slow now, and
the loop is not to wait for it for more than a tenth of the time."""
WRITERS_GROUP: Final = 32
"""One group in so many is the writer's, which brings SQLite's log into the file when it has become long."""


class InlineReader:
    """Carries out short reading jobs on an event loop's thread, at once.

    open_transaction: connects, and never waits for a lock
    """

    def __init__(self, open_transaction: Open) -> None:
        self._open = open_transaction
        self._tx: SqlTransaction | None = None
        self._paused_until_s = 0.0

    def submit(self, job: Job[Any], done: Done[Any]) -> bool:
        """Carry out a job and call ``done(result, error)``; False when it is to be done elsewhere."""
        began_s = time.monotonic()
        if began_s < self._paused_until_s:
            return False
        result: Any = None
        failure: TrackwayError | None = None
        try:
            tx = self._tx = self._tx or self._open()
            tx.db.begin(write=False)
            result = job(tx)
            tx.db.commit()
        except Exception as error:  # noqa: BLE001 - what is not the job's own is seen again where it is done, and told
            if self._tx is not None and not self._tx.db.undo(error):
                self._tx = None
            if not isinstance(error, TrackwayError):
                return False
            failure = error
        finally:
            ended_s = time.monotonic()
            if ended_s - began_s > SLOW_S:
                self._paused_until_s = ended_s + PAUSE_TIMES * (ended_s - began_s)
        done(result, failure)
        return True

    def close(self) -> None:
        """Let go of the database."""
        if self._tx is not None:
            self._tx.db.close()


class InlineWriter:
    """Carries out short jobs that come on an event loop's thread, after the pass of the loop in which they came.

    open_transaction: connects, and never waits for a lock
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        open_transaction: Open,
        writer: Writer,
        turn: Turn,
    ) -> None:
        self._loop = loop
        self._writer = writer
        self._held: list[Item] = []
        self._open = open_transaction
        self._turn = turn
        self._tx: SqlTransaction | None = None
        self._is_waiting = False
        self._groups = 0
        self._paused_until_s = 0.0

    def submit(self, job: Job[Any], done: Done[Any], key: str) -> None:
        """Take a job; ``done(result, error)`` is called on this thread or the writer's."""
        self._held.append((key, job, done))
        if len(self._held) == 1:  # in the pass between, what arrived with it is read
            self._loop.call_soon(self._loop.call_soon, self._begin)

    def close(self) -> None:
        """Leave what is left to the writer, and let go of the database."""
        if self._is_waiting and not self._turn.stop_waiting():
            self._turn.give()
        self._pass_on(self._take_held(len(self._held)))
        if self._tx is not None:
            self._tx.db.close()

    def _begin(self) -> None:
        if not self._held:  # closed meanwhile
            return
        self._groups += 1
        if self._groups % WRITERS_GROUP == 0 or time.monotonic() < self._paused_until_s:
            self._pass_on(self._take_held(len(self._held)))
        elif self._turn.take_or(lambda: self._loop.call_soon_threadsafe(self._carry_out)):
            self._carry_out()
        else:
            self._is_waiting = True

    def _carry_out(self) -> None:
        began_s = time.monotonic()
        self._is_waiting = False
        group = self._take_held(GROUP_JOBS)
        if self._held:
            self._loop.call_soon(self._begin)
        try:
            self._tx = self._tx or self._open()
            outcomes = attempt(self._tx, group)
            self._tx.db.commit()
        except Exception as error:  # noqa: BLE001 - the writer does it again, and tells
            if self._tx is not None and not self._tx.db.undo(error):
                self._tx = None
            self._pass_on(group)
        else:
            for done, result, failure in outcomes:
                done(result, failure)
        finally:
            self._turn.give()
        ended_s = time.monotonic()
        if ended_s - began_s > SLOW_S:
            self._paused_until_s = ended_s + PAUSE_TIMES * (ended_s - began_s)

    def _take_held(self, most: int) -> list[Item]:
        taken, self._held = self._held[:most], self._held[most:]
        return taken

    def _pass_on(self, items: Sequence[Item]) -> None:
        for key, job, done in items:
            self._writer.submit(job, done, key)
