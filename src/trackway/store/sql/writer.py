"""Group commit: threads that carry out queued write jobs, many in one transaction, and report after the commit."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from operator import itemgetter
from queue import Empty, SimpleQueue
from typing import Any, Literal

from trackway.base.errors import TrackwayError, Unavailable
from trackway.store.base import Done, Job
from trackway.store.sql.assumptions import Stale
from trackway.store.sql.failures import is_transient, storage_error
from trackway.store.sql.transaction import SqlTransaction

BATCH_JOBS = 256
"""Most jobs in one transaction: bounds the time until the first of them is told."""
ATTEMPTS = 5
"""Tries of a job on its own when the database reports a deadlock or a conflict of serialisation."""

Item = tuple[str, Job[Any], Done[Any]]
"""What a job changes first, the job, and what is told of it."""
Outcome = tuple[Done[Any], Any, BaseException | None]
Open = Callable[[], SqlTransaction]
get_key = itemgetter(0)
"""Rows are locked in the order of keys by all writers of PostgreSQL, those of other servers too."""


class _Redo(Exception):
    """A job failed after it had written: the batch must be undone and its jobs done one by one."""


class Writer:
    """Carries out write jobs in order of arrival (with one thread) and calls ``done`` after the commit.

    A job that fails before it has written anything fails alone. One that fails after writing, and a failed commit,
    undo the whole batch; then each job is carried out in a transaction of its own. A job may therefore run twice,
    and must have no effect but through its transaction.

    turn: held while a batch is carried out
    """

    def __init__(
        self,
        open_transaction: Open,
        threads: int,
        turn: AbstractContextManager[None],
    ) -> None:
        self._open = open_transaction
        self._turn = turn
        self._queue: SimpleQueue[Item | None] = SimpleQueue()
        self._closed = False
        self._threads = [
            threading.Thread(target=self._work, name=f"trackway-writer-{n}", daemon=True) for n in range(threads)
        ]
        for thread in self._threads:
            thread.start()

    def submit(self, job: Job[Any], done: Done[Any], key: str = "") -> None:
        """Queue a job; ``done(result, error)`` is called on a writer thread."""
        if self._closed:
            raise Unavailable("The store is closed", retry_after_s=1.0)
        self._queue.put((key, job, done))

    def close(self) -> None:
        """Finish what is queued, then stop."""
        self._closed = True
        for _ in self._threads:
            self._queue.put(None)
        for thread in self._threads:
            thread.join()

    def _work(self) -> None:
        tx: SqlTransaction | None = None
        stopping = False
        while not stopping:
            batch: list[Item] = []
            item = self._queue.get()
            while item is not None:
                batch.append(item)
                if len(batch) == BATCH_JOBS:
                    break
                try:
                    item = self._queue.get_nowait()
                except Empty:
                    break
            else:
                stopping = True
            if batch:
                if len(self._threads) > 1:
                    batch.sort(key=get_key)
                with self._turn:
                    tx = carry_out(self._open, tx, batch)
        if tx is not None:
            tx.db.close()


def carry_out(
    open_transaction: Open, tx: SqlTransaction | None, batch: list[Item], began: int = 1
) -> SqlTransaction | None:
    """Carry out a batch, and tell; return the connection, or None when it must not be used again.

    began: how often it was: what was assumed and did not hold is known the second time
    """
    try:
        tx = tx or open_transaction()
        outcomes = attempt(tx, batch)
        tx.db.commit()
    except BaseException as error:  # noqa: BLE001 - the writer's edge: the error goes to whoever waits
        tx, verdict, told = _judge(tx, error)
        if isinstance(error, Stale) and began == 1:
            return carry_out(open_transaction, tx, batch, began=2)
        if verdict == "unsure" or (verdict == "final" and len(batch) == 1):
            for _, _, done in batch:
                done(None, told)
            return tx
        for item in batch:
            tx = _carry_out_alone(open_transaction, tx, item)
        return tx
    for done, result, failure in outcomes:
        done(result, failure)
    return tx


def _carry_out_alone(open_transaction: Open, tx: SqlTransaction | None, item: Item) -> SqlTransaction | None:
    for trial in range(1, ATTEMPTS + 1):
        try:
            tx = tx or open_transaction()
            outcomes = attempt(tx, [item])
            tx.db.commit()
        except BaseException as error:  # noqa: BLE001 - the writer's edge, as above
            tx, verdict, told = _judge(tx, error)
            if verdict == "again" and trial < ATTEMPTS:
                continue
            item[2](None, told)
            return tx
        for done, result, failure in outcomes:
            done(result, failure)
        return tx
    return tx


def attempt(tx: SqlTransaction, batch: list[Item]) -> list[Outcome]:
    """Carry out jobs in one transaction, and return what is to be told of each once it is committed."""
    db = tx.db
    outcomes: list[Outcome] = []
    db.begin(write=True)
    for number, (_, job, done) in enumerate(batch):
        db.wrote, db.job = False, number
        try:
            outcomes.append((done, job(tx), None))
        except TrackwayError as error:
            if db.wrote:
                if len(batch) > 1:
                    raise _Redo from error
                db.confirm_assumed()  # or it may tell somebody of what is not for them any more
                raise
            outcomes.append((done, None, error))
    for number, failure in db.check_expected() if db.expected.are_open else ():
        outcomes[number] = (outcomes[number][0], None, failure)
    if db.assumed.pending:
        db.confirm_assumed()
    return outcomes


def _judge(
    tx: SqlTransaction | None, error: BaseException
) -> tuple[SqlTransaction | None, Literal["again", "final", "unsure"], BaseException]:
    """Undo, and say what is left of the connection, what to do about the jobs, and what to tell.

    ``unsure``: PostgreSQL was lost while it was told to commit; doing the jobs again might do them twice.
    """
    lost = tx is not None and tx.db.is_lost(error)
    unsure = lost and tx is not None and tx.db.committing
    usable = tx if tx is not None and tx.db.undo(error) else None
    if unsure:
        return None, "unsure", _unsure()
    return usable, "again" if lost or is_transient(error) else "final", storage_error(error)


def _unsure() -> Unavailable:
    return Unavailable(
        "The connection to the database broke while it was told to commit",
        hint="it may be written or not; what has an id, a session or an idempotency key can be sent again safely",
        retry_after_s=1.0,
    )
