"""One database connection: SQL text with ``?`` marks, the same for both databases, and a count of statements."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, suppress
from functools import lru_cache
from itertools import chain
from pathlib import Path
from typing import Any, Literal, Protocol, cast
from urllib.parse import urlsplit

from trackway.api.query import read_number
from trackway.base.addresses import sqlite_path
from trackway.base.errors import InvalidInput, TrackwayError, Unavailable
from trackway.store.sql.arrays import send_binary
from trackway.store.sql.assumptions import Assumptions
from trackway.store.sql.expectations import Check, Entry, Expectation, Expectations
from trackway.store.sql.failures import Vanished, has_class, is_driver_error, is_farewell, is_transient, unstorable
from trackway.store.sql.waiting import load_connection_class

Dialect = Literal["sqlite", "postgresql"]
Row = tuple[Any, ...]
BUSY_TIMEOUT_S = 30.0
SQLITE_CACHE_KIB = 8_192
SQLITE_MAPPED_BYTES = 32 * 1024 * 1024
"""Of the file, so much is mapped by each connection: a third of the time for rows with large chunks."""
SQLITE_LOGGED_PAGES = 4_000
"""So many pages of changes, 16 MB, are logged before they go to the file: about as many as one part of the log's index
holds, so that a reader looks as long for a page as by default. A page that changes again and again goes there less."""
SQLITE_VARIABLES = 32_000
"""Most parameters of one statement (SQLite's default limit is 32,766; PostgreSQL's 65,535)."""

_PLANNER = "SELECT set_config('random_page_cost', '1.1', false), set_config('jit', 'off', false)"
"""By default PostgreSQL takes a page by its number for as dear as four pages in a row, as on disks that turn, and reads
whole tables where it should walk indexes; and to compile a plan takes longer than most of ours take to run."""

INSERTED_ROWS = 128
"""Most rows of one INSERT into SQLite: a step for each would hand the interpreter to another thread and back."""
_KEPT_TABLES = ("experiments", "webhook_events")
"""Tables that every new run looks into, and that hardly ever change."""
_KEPT_ROWS = 10_000

_postgres_text: dict[str, str] = {}


class _Cursor(Protocol):
    lastrowid: int
    rowcount: int

    def __iter__(self) -> Iterator[Row]: ...
    def fetchall(self) -> list[Row]: ...
    def fetchone(self) -> Row | None: ...


class Connection:
    """A connection in explicit transactions.

    ``statements`` counts every statement sent, for budgets in tests, and ``transactions`` every one that was begun.
    ``wrote`` is set by each writing method, so that the writer knows whether a failed job left something to undo.
    ``job`` is the number of the job that is being done, ``expected`` what is to be checked before the commit, and
    ``assumed`` what is to hold until then.
    ``committing`` is set from the moment when PostgreSQL is told to commit until it says that it has: if the connection
    breaks then, nobody knows.
    """

    def __init__(self, raw: Any, dialect: Dialect) -> None:
        self.raw = raw
        self.dialect: Dialect = dialect
        self.statements = 0
        self.transactions = 0
        self.wrote = False
        self.committing = False
        self.job = 0
        self.expected = Expectations()
        self.assumed = Assumptions({})
        self._writes = self._assumes = False
        self._kept: dict[tuple[str, Sequence[Any]], Row | None] = {}
        self._kept_version = -1
        self._is_kept_valid = False
        self._may_recall = False
        self._pipeline: Any = None
        self._answered = 0
        """So many statements are known to have been carried out."""
        self._open = ExitStack()

    def all(self, sql: str, params: Sequence[Any] = ()) -> list[Row]:
        """Read all rows."""
        return self._execute(sql, params).fetchall()

    def all_of(self, queries: Sequence[str], params: Sequence[Any]) -> list[list[Row]]:
        """Read all rows of several queries with the same parameters, which PostgreSQL is asked together."""
        cursors = [self._execute(sql, params) for sql in queries]
        return [cursor.fetchall() for cursor in cursors]

    def each(self, sql: str, params: Sequence[Any] = ()) -> Iterator[Row]:
        """Read row by row, without keeping them."""
        return iter(self._execute(sql, params))

    def among(self, values: Sequence[Any]) -> tuple[str, Sequence[Any]]:
        """Return the condition of being one of some values, and its parameters; at most ``SQLITE_VARIABLES`` of them.

        On PostgreSQL it is one text for any number of values, which can be prepared.
        """
        if self.dialect == "postgresql":
            return "= ANY(?)", [list(values)]
        return f"IN ({', '.join('?' * len(values))})", values

    def one(self, sql: str, params: Sequence[Any] = ()) -> Row | None:
        """Read the first row, or None."""
        return self._execute(sql, params).fetchone()

    def known(self, sql: str, params: Sequence[Any]) -> Row:
        """Read the row of something that this transaction has found before.

        raises: Vanished when it is gone, as may be where transactions see what others commit: on PostgreSQL
        """
        if (row := self.one(sql, params)) is None:
            raise Vanished
        return row

    @property
    def locked(self) -> str:
        """What ends a SELECT of rows that nobody else is to delete meanwhile; SQLite has one writer, and no need."""
        return " FOR KEY SHARE" if self.dialect == "postgresql" else ""

    def hold(self, table: str, pk: int) -> None:
        """Have nobody else delete a row that this transaction has found before the transaction ends.

        raises: Vanished when it is gone, as above
        """
        self.known(f"SELECT 1 FROM {table} WHERE pk = ?{self.locked}", (pk,))

    def recall(self, sql: str, params: tuple[Any, ...]) -> Row | None:
        """Read the first row of tables that hardly ever change: out of memory where that is sure to be right.

        What SQLite's writer writes to these tables itself makes it forget, and SQLite tells whether anybody else has
        written to the file. PostgreSQL tells nothing of the kind: there it is assumed.
        """
        if not self._may_recall:
            return self.assume(sql, params)
        if not self._is_kept_valid:
            version = self.all("PRAGMA data_version")[0][0]
            if version != self._kept_version or len(self._kept) > _KEPT_ROWS:
                self._kept.clear()
            self._kept_version, self._is_kept_valid = version, True
        key = (sql, params)
        if key not in self._kept:
            self._kept[key] = self.one(sql, params)
        return self._kept[key]

    def assume(self, sql: str, params: tuple[Any, ...] = ()) -> Row | None:
        """Read the first row of what hardly ever changes. A writer goes on with what it was the last time.

        That is confirmed before the commit at the latest, or else the transaction's jobs are done again. That there is
        no row is never assumed.
        """
        query = (sql, params)
        row = self.assumed.known.get(query) if self._assumes else None
        if row is not None:
            self.assumed.pending[query] = row
            return row
        row = self.one(sql, params)
        if row is not None and self._assumes:
            self.assumed.keep(query, row)
        return row

    def stop_assuming(self) -> None:
        """Go by what is there for the rest of a transaction that changes what is assumed: it may yet be undone.

        raises: Stale
        """
        if self.assumed.pending:
            self.confirm_assumed()
        self._assumes = False

    def confirm_assumed(self) -> None:
        """Ask for what was assumed and no statement has told since.

        raises: Stale when it is something else
        """
        pending = list(self.assumed.pending)
        cursors = [self._execute(*query) for query in pending]
        self._wait()
        self._answered = self.statements
        for query, cursor in zip(pending, cursors, strict=True):
            self.assumed.confirm(query, cursor.fetchone())

    def ask(self, sql: str, params: Sequence[Any]) -> Callable[[], list[Row]]:
        """Write, and return what fetches the rows that ``RETURNING`` gives."""
        return self._execute(sql, params).fetchall

    def run(self, sql: str, params: Sequence[Any] = ()) -> int:
        """Write, and return how many rows were changed."""
        self._note_write(sql)
        cursor = self._execute(sql, params)
        self._wait()
        return cursor.rowcount

    def post(self, sql: str, params: Sequence[Any] = ()) -> None:
        """Write without waiting: on PostgreSQL a failure is raised by a later statement or the commit."""
        self._note_write(sql)
        self._execute(sql, params)

    def expect(self, entry: Entry, check: Check) -> None:
        """Write an entry as the only thing that a job does, and have the rows that come of it checked.

        It is sent with those of the jobs before and behind, and ``check_expected`` waits for all. Where the check
        raises, nothing may have been written.
        """
        self.wrote = True
        if self.expected.keep(Expectation(entry, self.job, check)):
            self._send_expected()

    def check_expected(self) -> list[tuple[int, TrackwayError]]:
        """Check what was expected since the transaction began, and return the jobs that failed by it."""
        if self.expected.are_kept:
            self._send_expected()
        self._wait()
        self._answered = self.statements
        return list(self.expected.check())

    def returning(self, sql: str, params: Sequence[Any] = ()) -> list[Row]:
        """Write, and read the rows that ``RETURNING`` gives."""
        self._note_write(sql)
        return self._execute(sql, params).fetchall()

    def number(self, sql: str, params: Sequence[Any]) -> int:
        """Insert a row into a table of SQLite's and return its number, in half of ``RETURNING``'s time."""
        self._note_write(sql)
        return self._execute(sql, params).lastrowid

    def insert(self, into: str, kinds: str, rows: Sequence[Row], otherwise: str = "") -> None:
        """Insert rows, without waiting: see ``post``.

        PostgreSQL gets one statement with an array for each column, SQLite one for every 128 rows.

        into:      ``table (column, ...)``
        kinds:     PostgreSQL's types of these columns, divided by blanks
        otherwise: ``ON CONFLICT ...``
        """
        for sql, params in self._write_inserts(into, kinds, rows, otherwise):
            self.post(sql, params)

    def insert_new(self, into: str, kinds: str, rows: Sequence[Row], otherwise: str) -> int:
        """Insert rows as ``insert`` does, and return how many were."""
        return sum(self.run(sql, params) for sql, params in self._write_inserts(into, kinds, rows, otherwise))

    def _write_inserts(
        self, into: str, kinds: str, rows: Sequence[Row], otherwise: str
    ) -> Iterator[tuple[str, Sequence[Any]]]:
        if len(rows) == 1:
            yield _write_insert(into, kinds, otherwise), rows[0]
        elif self.dialect == "sqlite":
            for start in range(0, len(rows), INSERTED_ROWS):
                part = rows[start : start + INSERTED_ROWS]
                yield _write_insert(into, kinds, otherwise, len(part)), list(chain.from_iterable(part))
        elif rows:
            yield _write_array_insert(into, kinds, otherwise), [list(column) for column in zip(*rows, strict=True)]

    def many(self, sql: str, rows: Sequence[Row]) -> int:
        """Write one statement for each row, in one call of the driver, and return how many rows were changed."""
        if not rows:
            return 0
        self._note_write(sql)
        if self.expected.are_kept:
            self._send_expected()
        self.statements += 1
        try:
            if self.dialect == "sqlite":
                return cast(int, self.raw.executemany(sql, rows).rowcount)
            with self.raw.cursor() as cursor:
                cursor.executemany(_translate(sql), rows)
                self._wait()
                return cast(int, cursor.rowcount)
        except (OverflowError, UnicodeEncodeError) as error:
            raise unstorable(error) from error

    def begin(self, write: bool) -> None:
        """Open a transaction: a reader sees one snapshot, a SQLite writer holds the write lock from the start."""
        self.wrote = self.committing = self._is_kept_valid = False
        self.assumed.pending.clear()
        self._writes = self._assumes = write
        self._may_recall = write and self.dialect == "sqlite"
        self.transactions += 1
        if self.dialect == "sqlite":
            self.raw.execute("BEGIN IMMEDIATE" if write else "BEGIN")
        else:
            self.raw.execute("BEGIN" if write else "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")

    def commit(self) -> None:
        """Make the transaction durable."""
        if self.dialect == "sqlite":
            self.raw.execute("COMMIT")
            return
        if self._writes and self.statements > self._answered:
            self._wait()  # so that a connection that was lost before is known to have committed nothing
        self.committing = True
        cursor = self.raw.execute("COMMIT")
        self._wait()
        told = cursor.statusmessage
        self.committing = False
        if told != "COMMIT":  # PostgreSQL answers so, and raises nothing, when a statement had failed before
            raise Unavailable(f"The transaction ended in {told}", hint="try again", retry_after_s=1.0)

    def rollback(self) -> None:
        """Undo the transaction, if one is open."""
        self._kept.clear()
        self.expected.forget()
        if self.dialect == "sqlite":
            if self.raw.in_transaction:
                self.raw.execute("ROLLBACK")
        else:
            with suppress(Exception):  # what was sent and failed: that is why it is undone
                self._wait()
            self.raw.execute("ROLLBACK")
            self._wait()

    def overwrite_deleted(self, everywhere: bool) -> None:
        """Choose whether SQLite overwrites what is deleted (the default), or only where that costs no writing more."""
        if self.dialect == "sqlite":
            self.raw.execute(f"PRAGMA secure_delete = {'ON' if everywhere else 'FAST'}")

    def keep_log(self) -> None:
        """Have SQLite log changes before they go to the file, for which nobody waits; a file keeps that for good."""
        if self.dialect == "sqlite":
            self.raw.execute("PRAGMA journal_mode = WAL")

    def forbid_writes(self) -> None:
        """Make this a reader's connection for good (each of PostgreSQL's reading transactions is one already)."""
        if self.dialect == "sqlite":
            self.raw.execute("PRAGMA query_only = ON")

    def send_ahead(self) -> None:
        """Have what is sent to PostgreSQL waited for only where an answer is needed."""
        if self.dialect == "postgresql":
            self._pipeline = self._open.enter_context(self.raw.pipeline())

    def is_lost(self, error: BaseException) -> bool:
        """Tell whether the connection to the database is gone, or an error says that it ends: another one may work."""
        return self.dialect == "postgresql" and (bool(self.raw.closed) or is_farewell(error))

    def undo(self, error: BaseException) -> bool:
        """Roll back after an error; tell whether the connection may be used again.

        After a failure of the database itself it may not, and is closed: what a failed write left in it is unknown.
        """
        try:
            self.rollback()
            usable = not is_driver_error(error) or is_transient(error) or has_class(error, "DataError")
        except Exception:  # noqa: BLE001 - the driver says only that the connection is gone, which is the answer here
            usable = False
        if not usable:
            self.close()
        return usable

    def close(self) -> None:
        """Close the connection; what was not committed is undone."""
        with suppress(Exception):  # of what was sent and not waited for, which is undone
            self._open.close()
        self.raw.close()

    def _wait(self) -> None:
        """Wait for the answers to all that was sent, and raise the first failure."""
        if self._pipeline is not None:
            self._pipeline.sync()

    def _note_write(self, sql: str) -> None:
        self.wrote = True
        if _is_of_kept(sql):
            self._kept.clear()
            if self.dialect == "postgresql":
                self.stop_assuming()

    def _send_expected(self) -> None:
        """Send what jobs before this one expect; a failure is not this one's alone."""
        wrote, self.wrote = self.wrote, True
        self.expected.send(self)
        self.wrote = wrote

    def _execute(self, sql: str, params: Sequence[Any]) -> _Cursor:
        if self.expected.are_kept:
            self._send_expected()
        self.statements += 1
        if self.dialect == "postgresql":
            sql = _translate(sql)
        try:
            return cast(_Cursor, self.raw.execute(sql, params))
        except (OverflowError, UnicodeEncodeError) as error:
            raise unstorable(error) from error


@lru_cache(maxsize=1_024)
def _is_of_kept(sql: str) -> bool:
    return any(table in sql for table in _KEPT_TABLES)


@lru_cache(maxsize=1_024)
def _write_insert(into: str, kinds: str, otherwise: str, count: int = 1) -> str:
    row = f"({', '.join('?' for _ in kinds.split())})"
    return f"INSERT INTO {into} VALUES {', '.join([row] * count)} {otherwise}"


@lru_cache(maxsize=256)
def _write_array_insert(into: str, kinds: str, otherwise: str) -> str:
    arrays = ", ".join(f"?::{kind}[]" for kind in kinds.split())
    return f"INSERT INTO {into} SELECT * FROM unnest({arrays}) {otherwise}"


def _translate(sql: str) -> str:
    """Write ``?`` as psycopg's ``%s``; our SQL holds neither sign in another meaning."""
    text = _postgres_text.get(sql)
    if text is None:
        if len(_postgres_text) > 5_000:  # texts with lists of marks have many lengths
            _postgres_text.clear()
        text = _postgres_text[sql] = sql.replace("%", "%%").replace("?", "%s")
    return text


def connector(uri: str) -> tuple[Callable[[], Connection], Dialect]:
    """Return a function that opens connections to the database at ``uri``, and its dialect.

    uri:    ``sqlite:////abs/file.db``, ``sqlite:///relative.db`` or ``postgresql://user@host/db``
    raises: InvalidInput for another scheme, Unavailable (from the function) when the database cannot be opened
    """
    if uri.startswith("sqlite:"):
        path = sqlite_path(uri).absolute()
        return lambda: _open_sqlite(path), "sqlite"
    if uri.startswith(("postgresql://", "postgres://")):
        return lambda: _open_postgres(uri), "postgresql"
    scheme = urlsplit(uri).scheme or uri[:20]
    raise InvalidInput(
        f"A store at {scheme!r} is not known", hint="use sqlite:////absolute/path.db or postgresql://user@host/database"
    )


def _open_sqlite(path: Path) -> Connection:
    try:
        raw = sqlite3.connect(
            path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False, cached_statements=512
        )
        if os.name == "posix" and path.stat().st_size == 0:
            path.chmod(0o600)
            raw.execute("PRAGMA auto_vacuum = INCREMENTAL")
        raw.execute("PRAGMA schema_version")  # a file that is no database is told as such here
        raw.execute("PRAGMA synchronous = FULL")
        raw.execute("PRAGMA secure_delete = ON")  # what is deleted is overwritten: a purge leaves nothing in the file
        raw.execute("PRAGMA case_sensitive_like = ON")
        raw.execute("PRAGMA temp_store = MEMORY")
        raw.execute(f"PRAGMA cache_size = -{SQLITE_CACHE_KIB}")
        raw.execute(f"PRAGMA mmap_size = {SQLITE_MAPPED_BYTES}")
        raw.execute(f"PRAGMA wal_autocheckpoint = {SQLITE_LOGGED_PAGES}")
        raw.execute("PRAGMA journal_size_limit = 67108864")
        raw.create_function("trackway_number", 1, read_number, deterministic=True)
    except (sqlite3.Error, OSError) as error:
        raise Unavailable(
            f"The SQLite file cannot be opened: {error}",
            hint=f"check that {path} is a database and its folder writable",
        ) from error
    return Connection(raw, "sqlite")


def _open_postgres(uri: str) -> Connection:
    try:
        import psycopg

        connect = load_connection_class().connect
    except ImportError as error:
        raise InvalidInput(
            f"PostgreSQL needs the {error.name} package", hint="pip install 'trackway[postgres]'"
        ) from error
    try:
        raw: Any = connect(uri, autocommit=True, connect_timeout=10)
        raw.execute(_PLANNER)
    except psycopg.Error as error:
        raise Unavailable(f"PostgreSQL cannot be reached: {error}", retry_after_s=1.0) from error
    raw.prepare_threshold = 3

    def open_cursor(connection: Any, row_factory: Any) -> Any:
        cursor = psycopg.Cursor(connection, row_factory=row_factory)
        cursor.format = psycopg.pq.Format.BINARY  # text has two digits a byte: a chunk takes four times as long
        return cursor

    raw.cursor_factory = open_cursor
    send_binary(raw)
    return Connection(raw, "postgresql")
