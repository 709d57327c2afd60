"""Storage that fails on demand: the n-th call of the database or the blob store, once or from then on."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from typing import Any, Literal

import psycopg
import pytest

from trackway.artifacts.local import LocalBlobs
from trackway.base.errors import Unavailable
from trackway.store.sql import connection
from trackway.store.sql.connection import Connection, Dialect
from trackway.wiring.platform import Platform

Mode = Literal["before", "after", "from then on", "lost"]
"""``before``: the call does nothing and fails. ``after``: it is carried out, and fails (but for a commit, of which no
database says that, and a connection). ``lost``: after which the connection to the database is gone, too."""


class Failures:
    """Counts the calls of all storage of one platform, and fails one of them."""

    def __init__(self) -> None:
        self.calls = 0
        self.hit = False
        self._at = 0
        self._mode: Mode = "before"

    def arm(self, at: int, mode: Mode) -> None:
        """Fail the call number ``at``, counted from 1 from now on."""
        self.calls, self.hit, self._at, self._mode = 0, False, at, mode

    def disarm(self) -> None:
        self._at = 0

    def call(self, work: Callable[[], Any], fail: Callable[[bool], Exception], whole: bool = False) -> Any:
        """Carry out a call of storage, or raise ``fail(lost)``; ``whole`` for one that does nothing when it fails."""
        self.calls += 1
        due = self._at > 0 and (self.calls == self._at or (self.calls > self._at and self._mode == "from then on"))
        if not due:
            return work()
        self.hit = True
        if self._mode == "lost" or (self._mode == "after" and not whole):
            work()
        raise fail(self._mode == "lost")


class FailingRaw:
    """A connection of a driver."""

    def __init__(self, raw: Any, failures: Failures, dialect: Dialect) -> None:
        self._raw = raw
        self._failures = failures
        self._dialect = dialect

    def __getattr__(self, name: str) -> Any:
        return getattr(self._raw, name)

    def execute(self, *arguments: Any) -> Any:
        commits = arguments[0] == "COMMIT"
        return self._failures.call(lambda: self._execute(arguments, commits), self._fail, commits)

    def _execute(self, arguments: tuple[Any, ...], commits: bool) -> Any:
        cursor = self._raw.execute(*arguments)
        if commits and self._dialect == "postgresql":
            with self._raw.pipeline():  # whose end waits until it has been carried out
                pass
        return cursor

    def executemany(self, sql: str, rows: Any) -> Any:
        return self._call(lambda: self._raw.executemany(sql, rows))

    def executescript(self, sql: str) -> Any:
        return self._call(lambda: self._raw.executescript(sql))

    def cursor(self) -> FailingCursor:
        return FailingCursor(self._raw.cursor(), self._call)

    def _call(self, work: Callable[[], Any]) -> Any:
        return self._failures.call(work, self._fail)

    def _fail(self, lost: bool) -> Exception:
        if self._dialect == "postgresql":
            if lost:
                self._raw.close()
            return psycopg.OperationalError("the server closed the connection unexpectedly")
        error = sqlite3.OperationalError("disk I/O error")
        error.sqlite_errorname = "SQLITE_IOERR_WRITE"
        return error


class FailingCursor:
    """A cursor of psycopg, as far as it is used."""

    def __init__(self, cursor: Any, call: Callable[[Callable[[], Any]], Any]) -> None:
        self._cursor = cursor
        self._call = call

    @property
    def rowcount(self) -> int:
        return int(self._cursor.rowcount)

    def __enter__(self) -> FailingCursor:
        return self

    def __exit__(self, *_: object) -> None:
        self._cursor.close()

    def executemany(self, sql: str, rows: Any) -> None:
        self._call(lambda: self._cursor.executemany(sql, rows))


class FailingBlobs(LocalBlobs):
    """A blob store in a folder."""

    def __init__(self, root: str, failures: Failures) -> None:
        super().__init__(root)
        self._failures = failures

    def _call(self, work: Callable[[], Any]) -> Any:
        return self._failures.call(work, lambda _lost: Unavailable("The artifact disk cannot be used"))

    def _write(self, key: str, chunks: Iterator[bytes]) -> None:
        self._call(lambda: LocalBlobs._write(self, key, chunks))

    def _read(self, key: str, start: int, end: int | None) -> Iterator[bytes]:
        found: Iterator[bytes] = self._call(lambda: LocalBlobs._read(self, key, start, end))
        return found

    def _size(self, key: str) -> int:
        size: int = self._call(lambda: LocalBlobs._size(self, key))
        return size

    def _delete(self, key: str) -> None:
        self._call(lambda: LocalBlobs._delete(self, key))

    def _list(self, folder: str) -> Iterator[tuple[str, int]]:
        found: list[tuple[str, int]] = self._call(lambda: list(LocalBlobs._list(self, folder)))
        return iter(found)


def open_failing(monkeypatch: pytest.MonkeyPatch, uri: str, folder: str) -> tuple[Platform, Failures]:
    """Open a platform whose storage can be made to fail."""
    failures = Failures()

    def connector(given: str) -> tuple[Callable[[], Connection], Dialect]:
        open_connection, dialect = connection.connector(given)

        def connect() -> Connection:
            opened: Connection = failures.call(open_connection, lambda _lost: Unavailable("No connection"), whole=True)
            opened.raw = FailingRaw(opened.raw, failures, dialect)
            return opened

        return connect, dialect

    monkeypatch.setattr("trackway.store.sql.store.connector", connector)
    monkeypatch.setattr("trackway.wiring.platform.open_blobs", lambda root: FailingBlobs(root, failures))
    return Platform(uri, folder), failures
