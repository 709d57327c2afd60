"""Series: one summary row each, and points as columns: arrivals, which are gathered into chunks, which are sealed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import accumulate, chain, islice
from operator import attrgetter, itemgetter

from trackway.api.runs import Series
from trackway.store.arrivals import gather_series, pack_arrival, pick_series
from trackway.store.base import RunRef
from trackway.store.chunks import SEALED_POINTS, read_count, seal_chunks, split_chunk, summarize
from trackway.store.sql.connection import SQLITE_VARIABLES, Connection, Row

SEAL_EVERY = 16
"""A running series is queued for sealing each time it has collected so many small chunks, or gets a large one."""
GATHER_ARRIVALS, GATHER_BYTES = 1_024, 4_000_000
"""Most arrivals, and bytes of them, that are gathered in one transaction; a single larger one is, too."""

_FIRSTS_AT_ONCE = 1_000
_get_key = attrgetter("key")
_get_key_of_row = itemgetter(1)
_OF_SEALED = "FROM series s JOIN sealed_chunks c ON c.series_pk = s.pk WHERE s.run_pk = ? AND s.key = ?"
_OF_OPEN = "FROM series s JOIN chunks c ON c.series_pk = s.pk WHERE s.run_pk = ? AND s.key = ?"
_OF_ARRIVED = (
    "FROM series s JOIN arrivals a ON a.run_pk = s.run_pk WHERE s.run_pk = ? AND s.key = ? AND s.gathered < s.count"
)
_OPEN = (
    f"SELECT 0, c.first, c.data, '', 0, 0 {_OF_OPEN}"
    f" UNION ALL SELECT 1, a.pk, a.data, a.series, s.pk, s.gathered {_OF_ARRIVED} ORDER BY 1, 2"
)

_COLUMNS = (
    "run_pk, key, experiment_pk, count, nan_count, last_step, last_time_ms, last_value,"
    " min_value, min_step, max_value, max_step"
)
_INTO = f"INSERT INTO series ({_COLUMNS}, gathered, open_chunks)"
_KINDS = "bigint text bigint bigint bigint bigint bigint float8 float8 bigint float8 bigint".split()
_WIDTH = 12
_ROWS_AT_ONCE = SQLITE_VARIABLES // _WIDTH
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
 max_step = CASE WHEN {_HIGHER} THEN excluded.max_step ELSE series.max_step END"""

_GATHERED = "UPDATE series SET gathered = gathered + ?, open_chunks = open_chunks + 1 WHERE pk = ?"
_ARRAYS = ", ".join(f"?::{kind}[]" for kind in _KINDS)
_CASTS = ", ".join(f"?::{kind}" for kind in _KINDS)
_ARRIVE = "INSERT INTO arrivals (run_pk, series, data) VALUES (?, ?, ?)"
_RETURNING = "RETURNING key, pk"
_NUMBERS = "string_agg(s.pk::text, ',' ORDER BY s.key COLLATE \"C\")"
_ARRIVE_WITH = f"INSERT INTO arrivals (run_pk, series, data) SELECT ?, {_NUMBERS}, ? FROM s"
_APPEND_ONE = f"WITH s AS ({_INTO} VALUES ({_CASTS}, 0, 0) {_MERGE} {_RETURNING}) {_ARRIVE_WITH}"
_APPEND_MANY = f"WITH s AS ({_INTO} SELECT *, 0, 0 FROM unnest({_ARRAYS}) {_MERGE} {_RETURNING}) {_ARRIVE_WITH}"
"""For PostgreSQL, which waits for a round trip with each statement."""


class MetricTable:
    """See ``store.base.Metrics``."""

    def __init__(self, db: Connection) -> None:
        self._db = db

    def append(self, ref: RunRef, series: Sequence[Series]) -> None:
        """Add points to series of one run; each key at most once.

        cost: two statements; one on PostgreSQL. More for more than 2,666 series
        """
        # By key, so that several writers of one run lock its series in one order.
        ordered = sorted(series, key=_get_key) if len(series) > 1 else series
        blob = pack_arrival(ordered)
        rows = [_summarize(ref, one) for one in ordered]
        if self._db.dialect == "sqlite":
            numbers = ",".join([str(number) for number in self._upsert(rows)])
            self._db.post(_ARRIVE, (ref.pk, numbers, blob))
        elif len(rows) == 1:
            self._db.post(_APPEND_ONE, (*rows[0], ref.pk, blob))
        else:
            self._db.post(_APPEND_MANY, [*(list(column) for column in zip(*rows, strict=True)), ref.pk, blob])

    def _upsert(self, rows: Sequence[Row]) -> Iterator[int]:
        """Add to summaries, and yield the series' numbers in the order of the rows."""
        numbers: dict[str, int] = {}
        for start in range(0, len(rows), _ROWS_AT_ONCE):
            some = rows[start : start + _ROWS_AT_ONCE]
            numbers.update(self._db.returning(_write_upsert(len(some)), list(chain.from_iterable(some))))
        return map(numbers.__getitem__, map(_get_key_of_row, rows))

    def read(self, pk: int, key: str) -> list[bytes]:
        """Return a series' chunks in order of arrival; an unknown series has none."""
        sealed = self._db.all(f"SELECT c.head, c.data {_OF_SEALED} ORDER BY c.first", (pk, key))
        return [*(head + data for head, data in sealed), *(chunk for _, chunk in self._read_open(pk, key))]

    def _read_open(self, pk: int, key: str) -> list[tuple[int, bytes]]:
        """Return (first, chunk) of what is not sealed: gathered chunks, then what is still in arrivals."""
        rows = self._db.all(_OPEN, (pk, key, pk, key))
        found = [(first, data) for is_arrival, first, data, *_ in rows if not is_arrival]
        arrived = rows[len(found) :]
        if arrived:
            *_, series, first = arrived[0]
            for chunk in pick_series([(numbers, data) for _, _, data, numbers, *_ in arrived], series):
                found.append((first, chunk))
                first += read_count(chunk)
        return found

    def read_heads(self, pk: int, key: str, min_step: int, max_step: int) -> list[tuple[int, bytes]]:
        """See ``store.base.Metrics``."""
        reach = "AND c.max_step >= ? AND c.min_step <= ?"
        sealed = self._db.all(
            f"SELECT c.first, c.head {_OF_SEALED} {reach} ORDER BY c.first", (pk, key, min_step, max_step)
        )
        return [*sealed, *self._read_open(pk, key)]

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
        """See ``store.base.Metrics``."""
        self._db.run(
            "INSERT INTO gather_queue (run_pk, ended) VALUES (?, 1) ON CONFLICT (run_pk) DO UPDATE SET ended = 1", (pk,)
        )

    def list_ungathered(self, limit: int) -> list[int]:
        """Return queued runs."""
        return [row[0] for row in self._db.all("SELECT run_pk FROM gather_queue LIMIT ?", (limit,))]

    def gather(self, pk: int) -> bool:
        """Sort a run's arrivals into chunks of its series, oldest first; return whether there are more than fit."""
        db = self._db
        held = db.returning("UPDATE gather_queue SET ended = ended WHERE run_pk = ? RETURNING ended", (pk,))
        if not held:  # another server has done it, and this one has waited until it had
            return False
        sizes = db.all(
            "SELECT pk, length(data) FROM arrivals WHERE run_pk = ? ORDER BY pk LIMIT ?", (pk, GATHER_ARRIVALS + 1)
        )
        totals = accumulate(size for _, size in sizes)
        count = max(1, sum(total <= GATHER_BYTES for total in islice(totals, GATHER_ARRIVALS)))
        if sizes:
            last = sizes[:count][-1][0]  # later ones may come meanwhile on PostgreSQL, no earlier ones
            sql = "SELECT series, data FROM arrivals WHERE run_pk = ? AND pk <= ? ORDER BY pk"
            self._add_chunks(gather_series(db.all(sql, (pk, last))))
            db.overwrite_deleted(everywhere=False)  # the points stay, in chunks
            db.run("DELETE FROM arrivals WHERE run_pk = ? AND pk <= ?", (pk, last))
            db.overwrite_deleted(everywhere=True)
        if count < len(sizes):
            return True
        db.run("DELETE FROM gather_queue WHERE run_pk = ?", (pk,))
        if held[0][0]:
            db.run(
                "INSERT INTO seal_queue (series_pk) SELECT pk FROM series WHERE run_pk = ? AND open_chunks > 0"
                " ON CONFLICT DO NOTHING",
                (pk,),
            )
        return False

    def _add_chunks(self, gathered: Mapping[int, bytes]) -> None:
        db = self._db
        numbers = sorted(gathered)
        known: list[Row] = []
        for start in range(0, len(numbers), SQLITE_VARIABLES):
            among, some = db.among(numbers[start : start + SQLITE_VARIABLES])
            known += db.all(f"SELECT pk, gathered, open_chunks FROM series WHERE pk {among}", some)
        rows = [(pk, first, gathered[pk]) for pk, first, _ in known]
        counts = [read_count(chunk) for *_, chunk in rows]
        db.many(_GATHERED, [(count, pk) for count, (pk, *_) in zip(counts, rows, strict=True)])
        db.insert("chunks (series_pk, first, data)", "bigint bigint bytea", rows)
        due = [
            (pk,)
            for count, (pk, _, chunks) in zip(counts, known, strict=True)
            if count >= SEALED_POINTS or (chunks + 1) % SEAL_EVERY == 0
        ]
        if due:
            db.insert("seal_queue (series_pk)", "bigint", due, "ON CONFLICT DO NOTHING")

    def list_unsealed(self, limit: int) -> list[int]:
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


def _summarize(ref: RunRef, one: Series) -> Row:
    s = summarize(one.steps, one.times_ms, one.values)
    last = s.last_value if s.last_value == s.last_value else None
    head = (ref.pk, one.key, ref.experiment, s.count, s.nan_count, s.last_step, s.last_time_ms, last)
    return (*head, s.min_value, s.min_step, s.max_value, s.max_step)


@lru_cache(maxsize=64)
def _write_upsert(count: int) -> str:
    row = f"({', '.join('?' * _WIDTH)}, 0, 0)"
    return f"{_INTO} VALUES {', '.join([row] * count)} {_MERGE} {_RETURNING}"
