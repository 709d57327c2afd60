"""Series: one summary row each, and chunks of columns."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import chain
from operator import attrgetter

from trackway.api.runs import Series
from trackway.store.base import RunRef
from trackway.store.chunks import SEALED_POINTS, pack_raw, read_count, seal_chunks, split_chunk, summarize
from trackway.store.sql.connection import SQLITE_VARIABLES, Connection, Row

SEAL_EVERY = 256
"""A running series is queued for sealing each time it has collected so many small chunks, or gets a large one."""

_FIRSTS_AT_ONCE = 1_000
_OF_SEALED = "FROM series s JOIN sealed_chunks c ON c.series_pk = s.pk WHERE s.run_pk = ? AND s.key = ?"
_OF_OPEN = "FROM series s JOIN chunks c ON c.series_pk = s.pk WHERE s.run_pk = ? AND s.key = ?"

_COLUMNS = (
    "run_pk, key, experiment_pk, count, nan_count, last_step, last_time_ms, last_value,"
    " min_value, min_step, max_value, max_step, open_chunks"
)
_KINDS = "bigint text bigint bigint bigint bigint bigint float8 float8 bigint float8 bigint bigint".split()
_WIDTH = 13
# No choice depends on the order of arrival: of equal points a number goes before NaN, of equal extremes the first step.
_NEWER = (
    "(excluded.last_step, excluded.last_time_ms, COALESCE(excluded.last_value, 0), excluded.last_value IS NOT NULL)"
    " >= (series.last_step, series.last_time_ms, COALESCE(series.last_value, 0), series.last_value IS NOT NULL)"
)
_LOWER = (
    "excluded.min_value IS NOT NULL AND (series.min_value IS NULL"
    " OR (excluded.min_value, excluded.min_step) < (series.min_value, series.min_step))"
)
_HIGHER = (
    "excluded.max_value IS NOT NULL AND (series.max_value IS NULL"
    " OR (excluded.max_value, series.max_step) > (series.max_value, excluded.max_step))"
)
_MERGE = f"""ON CONFLICT (run_pk, key) DO UPDATE SET
 count = series.count + excluded.count, nan_count = series.nan_count + excluded.nan_count,
 last_step = CASE WHEN {_NEWER} THEN excluded.last_step ELSE series.last_step END,
 last_time_ms = CASE WHEN {_NEWER} THEN excluded.last_time_ms ELSE series.last_time_ms END,
 last_value = CASE WHEN {_NEWER} THEN excluded.last_value ELSE series.last_value END,
 min_value = CASE WHEN {_LOWER} THEN excluded.min_value ELSE series.min_value END,
 min_step = CASE WHEN {_LOWER} THEN excluded.min_step ELSE series.min_step END,
 max_value = CASE WHEN {_HIGHER} THEN excluded.max_value ELSE series.max_value END,
 max_step = CASE WHEN {_HIGHER} THEN excluded.max_step ELSE series.max_step END,
 open_chunks = series.open_chunks + 1
 RETURNING key, pk, count, open_chunks"""


_NEW = f"n ({_COLUMNS}, data)"
_APPEND = f"""
 s AS (INSERT INTO series ({_COLUMNS}) SELECT {_COLUMNS} FROM n {_MERGE}),
 c AS (INSERT INTO chunks (series_pk, first, data)
  SELECT s.pk, s.count - n.count, n.data FROM s JOIN n ON n.key = s.key COLLATE "C")
 INSERT INTO seal_queue (series_pk) SELECT s.pk FROM s JOIN n ON n.key = s.key COLLATE "C"
 WHERE s.open_chunks % {SEAL_EVERY} = 0 OR n.count >= {SEALED_POINTS} ON CONFLICT DO NOTHING"""
_APPEND_ONE = f"WITH {_NEW} AS (VALUES ({', '.join(f'?::{kind}' for kind in (*_KINDS, 'bytea'))})),{_APPEND}"
_ARRAYS = ", ".join(f"?::{kind}[]" for kind in (*_KINDS, "bytea"))
_APPEND_MANY = f"WITH {_NEW} AS MATERIALIZED (SELECT * FROM unnest({_ARRAYS})),{_APPEND}"
"""For PostgreSQL, which waits for a round trip with each statement."""


class MetricTable:
    """See ``store.base.Metrics``."""

    def __init__(self, db: Connection) -> None:
        self._db = db

    def append(self, ref: RunRef, series: Sequence[Series]) -> None:
        """Add points to series of one run; each key at most once.

        cost: two statements, three when sealing falls due; one on PostgreSQL. More for more than 2,461 series
        """
        for group in batched_series(series):
            rows: list[Row] = []
            blobs: list[bytes] = []
            for one in group:
                s = summarize(one.steps, one.times_ms, one.values)
                blobs.append(pack_raw(one.steps, one.times_ms, one.values))
                last = s.last_value if s.last_value == s.last_value else None
                head = (ref.pk, one.key, ref.experiment, s.count, s.nan_count, s.last_step, s.last_time_ms, last)
                rows.append((*head, s.min_value, s.min_step, s.max_value, s.max_step, 1))
            if self._db.dialect == "postgresql":
                self._append_at_once(rows, blobs)
            else:
                self._append(rows, blobs)

    def _append(self, rows: list[Row], blobs: list[bytes]) -> None:
        db = self._db
        chunks: list[tuple[int, int, bytes]] = []
        due: list[tuple[int]] = []
        added = {row[1]: (row[3], blob) for row, blob in zip(rows, blobs, strict=True)}
        for key, pk, total, open_chunks in db.returning(_write_upsert(len(rows)), list(chain.from_iterable(rows))):
            count, blob = added[key]
            chunks.append((pk, total - count, blob))
            if open_chunks % SEAL_EVERY == 0 or count >= SEALED_POINTS:
                due.append((pk,))
        db.insert("chunks (series_pk, first, data)", "bigint bigint bytea", chunks)
        if due:
            db.insert("seal_queue (series_pk)", "bigint", due, "ON CONFLICT DO NOTHING")

    def _append_at_once(self, rows: list[Row], blobs: list[bytes]) -> None:
        if len(rows) == 1:
            self._db.run(_APPEND_ONE, (*rows[0], blobs[0]))
        else:
            self._db.run(_APPEND_MANY, [*(list(column) for column in zip(*rows, strict=True)), blobs])

    def read(self, pk: int, key: str) -> list[bytes]:
        """Return a series' chunks in order of arrival; an unknown series has none."""
        sealed = self._db.all(f"SELECT c.head, c.data {_OF_SEALED} ORDER BY c.first", (pk, key))
        opened = self._db.all(f"SELECT c.data {_OF_OPEN} ORDER BY c.first", (pk, key))
        return [head + data for head, data in sealed] + [row[0] for row in opened]

    def read_heads(self, pk: int, key: str, min_step: int, max_step: int) -> list[tuple[int, bytes]]:
        """See ``store.base.Metrics``."""
        reach = "AND c.max_step >= ? AND c.min_step <= ?"
        sealed = self._db.all(
            f"SELECT c.first, c.head {_OF_SEALED} {reach} ORDER BY c.first", (pk, key, min_step, max_step)
        )
        opened = self._db.all(f"SELECT c.first, c.data {_OF_OPEN} ORDER BY c.first", (pk, key))
        return [*sealed, *opened]

    def read_some(self, pk: int, key: str, firsts: Sequence[int]) -> list[bytes]:
        """See ``store.base.Metrics``."""
        found: list[bytes] = []
        for start in range(0, len(firsts), _FIRSTS_AT_ONCE):
            some = firsts[start : start + _FIRSTS_AT_ONCE]
            marks = ", ".join("?" * len(some))
            rows = self._db.all(
                f"SELECT c.head, c.data {_OF_SEALED} AND c.first IN ({marks}) ORDER BY c.first", (pk, key, *some)
            )
            found += (head + data for head, data in rows)
        return found

    def count(self, pk: int, key: str) -> int:
        """Return the number of points received; 0 for an unknown series."""
        row = self._db.one("SELECT count FROM series WHERE run_pk = ? AND key = ?", (pk, key))
        return row[0] if row else 0

    def queue_run(self, pk: int) -> None:
        """Queue the series of a run that ended, as no more small chunks are expected."""
        self._db.run(
            "INSERT INTO seal_queue (series_pk) SELECT pk FROM series WHERE run_pk = ? ON CONFLICT DO NOTHING", (pk,)
        )

    def take_unsealed(self, limit: int) -> list[int]:
        """Return queued series."""
        return [row[0] for row in self._db.all("SELECT series_pk FROM seal_queue LIMIT ?", (limit,))]

    def seal(self, series: int) -> int:
        """Merge a series' small chunks into sealed ones and take it off the queue; return the points rewritten."""
        db = self._db
        db.run("DELETE FROM seal_queue WHERE series_pk = ?", (series,))
        rows = db.all("SELECT first, data FROM chunks WHERE series_pk = ? ORDER BY first", (series,))
        if not rows:
            return 0
        end, open_chunks = rows[-1][0], len(rows)
        sql = "SELECT first, head, data FROM sealed_chunks WHERE series_pk = ? ORDER BY first DESC LIMIT 1"
        last = db.one(sql, (series,))
        if last and read_count(last[1]) < SEALED_POINTS:
            rows.insert(0, (last[0], last[1] + last[2]))
        sealed = seal_chunks(rows)
        if sealed == rows:
            return 0
        db.overwrite_deleted(everywhere=False)  # the points stay, in other chunks
        db.run("DELETE FROM sealed_chunks WHERE series_pk = ? AND first >= ?", (series, rows[0][0]))
        # Not those that came meanwhile, as they may on PostgreSQL.
        db.run("DELETE FROM chunks WHERE series_pk = ? AND first <= ?", (series, end))
        db.overwrite_deleted(everywhere=True)
        db.insert(
            "sealed_chunks (series_pk, first, min_step, max_step, head, data)",
            "bigint bigint bigint bigint bytea bytea",
            [(series, first, *split_chunk(data)) for first, data in sealed],
        )
        db.run("UPDATE series SET open_chunks = open_chunks - ? WHERE pk = ?", (open_chunks, series))
        return sum(read_count(data) for _, data in sealed)


def batched_series(series: Sequence[Series]) -> Sequence[Sequence[Series]]:
    """Split so that one statement's parameters stay within the databases' limit.

    Sorted, so that several writers of one run take their locks in one order.
    """
    if len(series) == 1:
        return (series,)
    ordered = sorted(series, key=attrgetter("key"))
    size = SQLITE_VARIABLES // _WIDTH
    return [ordered[start : start + size] for start in range(0, len(ordered), size)]


@lru_cache(maxsize=64)
def _write_upsert(count: int) -> str:
    row = f"({', '.join('?' * _WIDTH)})"
    return f"INSERT INTO series ({_COLUMNS}) VALUES {', '.join([row] * count)} {_MERGE}"
