"""The store: a writer with group commit, and readers that each see one snapshot."""

from __future__ import annotations

import logging
import os
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import nullcontext
from typing import TYPE_CHECKING, TypeVar

from trackway.base.addresses import sqlite_path
from trackway.base.errors import Unavailable
from trackway.store.base import Done, Job
from trackway.store.sql.assumptions import Assumptions, Query
from trackway.store.sql.connection import Connection, Row, connector
from trackway.store.sql.failures import is_driver_error, storage_error
from trackway.store.sql.greenlets import GreenletReader, GreenletWriter
from trackway.store.sql.inline import InlineReader, InlineWriter
from trackway.store.sql.run_cache import RunCache
from trackway.store.sql.transaction import SqlTransaction
from trackway.store.sql.turns import Turn
from trackway.store.sql.upgrade import prepare
from trackway.store.sql.watching import watch
from trackway.store.sql.writer import Open, Writer
from trackway.store.watching import Told, Watch

if TYPE_CHECKING:
    import asyncio

log = logging.getLogger("trackway.store")
T = TypeVar("T")
RECLAIMED_PAGES = 2_000
"""Pages given back at once, and kept for reuse: bounds how long writers wait."""
VACUUMED_ROWS, VACUUMED_ROWS_MOST = 1_000, 5_000_000
"""A table of PostgreSQL's is vacuumed when so many rows and a tenth of it are new, or left behind by changes, if it is
not larger than that."""
_GROWN = """
SELECT relname FROM pg_stat_user_tables
 WHERE schemaname = current_schema() AND relname IN ('runs', 'params', 'tags', 'series')
 AND n_ins_since_vacuum + n_dead_tup > ? + n_live_tup / 10 AND n_live_tup < ? ORDER BY relname"""
POSTGRES_WRITERS = 4
"""Threads that write to PostgreSQL, which commits theirs together; SQLite has one writer at a time."""


class SqlStore:
    """See ``store.base.Store``.

    uri:     ``sqlite:////abs/file.db`` or ``postgresql://user@host/db``
    readers: threads for queued reads
    raises:  InvalidInput for another address, Unavailable when the database cannot be opened, NotSupported when its
             schema is newer than this version knows
    """

    def __init__(self, uri: str, readers: int = 4) -> None:
        self.uri = uri
        self._connect, self.dialect = connector(uri)
        prepare(uri, self._connect)
        self._cache = RunCache()
        self._assumed: dict[Query, Row] = {}
        self._turn = Turn()
        self._loop_writer: InlineWriter | GreenletWriter | None = None
        self._loop_reader: InlineReader | GreenletReader | None = None
        self._loop_thread = 0
        if self.dialect == "sqlite":
            self._writer = Writer(self._open, 1, self._turn)
        else:
            self._writer = Writer(self._open, POSTGRES_WRITERS, nullcontext())
        self._readers = ThreadPoolExecutor(readers, thread_name_prefix="trackway-reader")
        self._free: list[SqlTransaction] = []
        # Stays open: the first one to a SQLite file makes the index of its log, for which a full disk has no room.
        self._anchor = self._connect() if self.dialect == "sqlite" else None
        self._closed = False

    def submit_write(self, job: Job[T], done: Done[T], key: str = "", brief: bool = False) -> None:
        """See ``store.base.Store``."""
        writer = self._loop_writer
        if brief and writer is not None and threading.get_ident() == self._loop_thread:
            writer.submit(job, done, key)
        else:
            self._writer.submit(job, done, key)

    def lend_loop(self, loop: asyncio.AbstractEventLoop) -> None:
        """See ``store.base.Store``. On Windows, whose loop waits for no such sockets, PostgreSQL is left to threads."""
        self._loop_thread = threading.get_ident()
        if self.dialect == "sqlite":
            self._loop_writer = InlineWriter(loop, self._open_inline, self._writer, self._turn)
            self._loop_reader = InlineReader(self._open_inline_reader)
        elif os.name == "posix":
            self._loop_writer = GreenletWriter(loop, self._open, self._readers)
            self._loop_reader = GreenletReader(loop, self.read, self._open_reader, self._readers)

    def submit_read(self, job: Job[T], done: Done[T], brief: bool = False, light: bool = False) -> None:
        """See ``store.base.Store``. SQLite's work is this process's own."""
        reader = self._loop_reader
        brief = brief or (light and self.dialect == "postgresql")
        if brief and reader is not None and threading.get_ident() == self._loop_thread and reader.submit(job, done):
            return

        def read() -> None:
            try:
                result = self.read(job)
            except BaseException as error:  # noqa: BLE001 - a thread's edge: the error goes to whoever waits
                done(None, error)
            else:
                done(result, None)

        self._readers.submit(read)

    def write(self, job: Job[T]) -> T:
        """Carry out a writing job and wait for its commit."""
        future: Future[T] = Future()

        def done(result: T | None, error: BaseException | None) -> None:
            if error is not None:
                future.set_exception(error)
            else:
                future.set_result(result)  # type: ignore[arg-type]  # a result of type T, which may be None

        self._writer.submit(job, done)
        return future.result()

    def read(self, job: Job[T], open_reader: Open | None = None) -> T:
        """Carry out a reading job on the caller's thread, on a connection that is kept for the next.

        open_reader: opens one where none is free
        """
        while True:
            tx = self._take_reader(open_reader or self._open_reader)
            kept = tx.db.statements > 0
            try:
                tx.db.begin(write=False)
                result = job(tx)
                tx.db.commit()
            except BaseException as error:
                lost = tx.db.is_lost(error)
                if tx.db.undo(error):
                    self._free.append(tx)
                if lost and kept:
                    continue  # it was kept from before, and the database has ended it since: another one may work
                if is_driver_error(error):
                    raise storage_error(error) from error
                raise
            self._free.append(tx)
            return result

    def watch(self, told: Told) -> Watch:
        """Hear of what other processes say, or do, to this database."""
        return watch(self._connect, self.dialect, told)

    def reclaim(self) -> bool:
        """Give free pages of a SQLite file back; PostgreSQL does it by itself. True when there are more."""
        if self.dialect != "sqlite":
            return False
        db = self._reconnect()
        try:
            [(free,)] = db.all("PRAGMA freelist_count")
            if free > RECLAIMED_PAGES:
                # executescript, because the driver carries out one step of a PRAGMA without rows, which is one page
                db.raw.executescript(f"PRAGMA incremental_vacuum({RECLAIMED_PAGES})")
            # The log of changes still holds what was deleted since; not waiting for readers, who would hold up writers.
            db.raw.execute("PRAGMA busy_timeout = 0")
            db.all("PRAGMA wal_checkpoint(TRUNCATE)")
            return bool(free > 2 * RECLAIMED_PAGES)
        except Exception as error:
            raise storage_error(error) from error
        finally:
            db.close()

    def vacuum(self) -> None:
        """Have PostgreSQL vacuum what is searched, when many rows came or changed; SQLite needs nothing of the kind.

        Until it has, a search that an index answers looks rows up in their table, too, and is planned for a table of
        another size: it takes up to four times as long for 12,000 runs. What a point leaves behind of its series'
        summary makes the table grow. By itself it begins within a minute, when a fifth of a table is new. Large tables
        are left to it, and it goes as slowly as it does by itself.
        """
        if self.dialect == "sqlite":
            return
        tables = self.read(lambda tx: tx.db.all(_GROWN, (VACUUMED_ROWS, VACUUMED_ROWS_MOST)))
        if not tables:
            return
        db = self._reconnect()
        try:
            db.raw.execute("SET vacuum_cost_delay = '2ms'")
            for (table,) in tables:
                db.raw.execute(f"VACUUM (ANALYZE, SKIP_LOCKED) {table}")
        except Exception as error:
            raise storage_error(error) from error
        finally:
            db.close()

    def close(self) -> None:
        """Finish what is queued and let go of the database."""
        self._closed = True
        for one in (self._loop_writer, self._loop_reader):
            if one is not None:
                one.close()
        self._loop_writer = self._loop_reader = None
        self._writer.close()
        self._readers.shutdown(wait=True)
        while self._free:
            self._free.pop().db.close()
        if self._anchor is not None:
            self._anchor.close()

    def _open(self) -> SqlTransaction:
        db = self._reconnect()
        db.send_ahead()
        db.assumed = Assumptions(self._assumed)
        return SqlTransaction(db)

    def _open_reader(self) -> SqlTransaction:
        db = self._reconnect()
        try:
            db.send_ahead()
            db.forbid_writes()
        except Exception as error:
            db.close()
            raise storage_error(error) from error
        return SqlTransaction(db, self._cache)

    def _open_inline(self) -> SqlTransaction:
        tx = self._open()
        tx.db.raw.execute("PRAGMA busy_timeout = 0")
        tx.db.raw.execute("PRAGMA wal_autocheckpoint = 0")
        return tx

    def _open_inline_reader(self) -> SqlTransaction:
        tx = self._open_reader()
        tx.db.raw.execute("PRAGMA busy_timeout = 0")
        return tx

    def _reconnect(self) -> Connection:
        """Connect while others are served: where the database is, they need not know."""
        try:
            if self.dialect == "sqlite" and not (path := sqlite_path(self.uri)).exists():
                raise Unavailable(f"The SQLite file {path} is gone", hint="stop what serves it, and put it back")
            return self._connect()
        except Unavailable as error:
            log.warning("%s", error)
            raise Unavailable(
                "The database cannot be opened", hint="the log says why; try again", retry_after_s=1.0
            ) from error

    def _take_reader(self, open_reader: Open) -> SqlTransaction:
        if self._closed:
            raise Unavailable("The store is closed", retry_after_s=1.0)
        try:
            return self._free.pop()  # one step of the interpreter, so that no two threads get the same
        except IndexError:
            return open_reader()
