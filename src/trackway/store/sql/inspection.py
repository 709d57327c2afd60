"""What can be told of a database by looking at it."""

from __future__ import annotations

from pathlib import Path

from trackway.api.retention import StoreReport
from trackway.store.sql.connection import Connection
from trackway.store.sql.upgrade import list_missing_indexes, read_revision


def inspect(db: Connection) -> StoreReport:
    """Look at a database; the revision is ``none`` without our tables."""
    revision, missing = read_revision(db) or "none", list_missing_indexes(db)
    size_bytes, log_bytes, mode = 0, 0, ""
    if db.dialect == "postgresql":
        size_bytes = _read_value(db, "SELECT pg_database_size(current_database())")
    else:
        size_bytes = _read_value(db, "PRAGMA page_count") * _read_value(db, "PRAGMA page_size")
        log = Path(f"{db.all('PRAGMA database_list')[0][2]}-wal")
        log_bytes = log.stat().st_size if log.exists() else 0
        [mode] = db.one("PRAGMA journal_mode") or ("",)
    return StoreReport(
        revision=revision, missing_indexes=missing, size_bytes=size_bytes, log_bytes=log_bytes, journal_mode=mode
    )


def _read_value(db: Connection, sql: str) -> int:
    row = db.one(sql)
    return int(row[0]) if row else 0
