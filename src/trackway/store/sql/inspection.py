"""What can be told of a database by looking at it."""

from __future__ import annotations

from typing import NamedTuple

from trackway.store.sql.connection import Connection, sqlite_path
from trackway.store.sql.upgrade import list_missing_indexes, read_revision


class Inspection(NamedTuple):
    """The state of a database.

    revision:     of its schema, ``none`` without our tables
    missing:      indexes that the schema has and the database lacks
    size_bytes:   of the database, its write-ahead log left out
    log_bytes:    of SQLite's write-ahead log; 0 for PostgreSQL
    journal_mode: SQLite's; empty for PostgreSQL
    """

    revision: str
    missing: list[str]
    size_bytes: int
    log_bytes: int
    journal_mode: str


def inspect(uri: str, db: Connection) -> Inspection:
    """Look at a database."""
    revision, missing = read_revision(db) or "none", list_missing_indexes(db)
    if db.dialect == "postgresql":
        return Inspection(revision, missing, _read_value(db, "SELECT pg_database_size(current_database())"), 0, "")
    path = sqlite_path(uri)
    log = path.with_name(f"{path.name}-wal")
    size_bytes = _read_value(db, "PRAGMA page_count") * _read_value(db, "PRAGMA page_size")
    [mode] = db.one("PRAGMA journal_mode") or ("",)
    return Inspection(revision, missing, size_bytes, log.stat().st_size if log.exists() else 0, mode)


def _read_value(db: Connection, sql: str) -> int:
    row = db.one(sql)
    return int(row[0]) if row else 0
