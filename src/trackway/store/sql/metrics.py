"""Series: one summary row each, and points as columns: arrivals, which are gathered into chunks, which are sealed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate, islice
from typing import NamedTuple

from trackway.api.runs import Series
from trackway.store.arrivals import gather_series, pick_series
from trackway.store.base import Judge, RunRef
from trackway.store.chunks import SEALED_POINTS, read_count, seal_chunks, split_chunk
from trackway.store.sql.connection import SQLITE_VARIABLES, Connection, Row
from trackway.store.sql.group_log import Logged, sum_up, write_points
from trackway.store.sql.runs import RunTable
from trackway.store.sql.summaries import list_columns, write_append

SEAL_EVERY = 16
"""A running series is queued for sealing each time it has collected so many small chunks, or gets a large one."""
GATHER_ARRIVALS, GATHER_BYTES = 1_024, 4_000_000
"""Most arrivals, and bytes of them, that are gathered in one transaction; a single larger one is, too."""

_FIRSTS_AT_ONCE = 1_000
_FIND = (
    "SELECT s.run_pk, s.count FROM runs r JOIN series s ON s.run_pk = r.pk"
    " WHERE r.workspace = ? AND r.run_id = ? AND s.key = ?"
)
_OF_SEALED = "FROM series s JOIN sealed_chunks c ON c.series_pk = s.pk WHERE s.run_pk = ? AND s.key = ?"
_SINCE = (
    "AND c.first >= COALESCE((SELECT max(b.first) FROM sealed_chunks b WHERE b.series_pk = s.pk AND b.first <= ?), 0)"
)
_OF_OPEN = "FROM series s JOIN chunks c ON c.series_pk = s.pk WHERE s.run_pk = ? AND s.key = ?"
_OF_ARRIVED = (
    "FROM series s JOIN arrivals a ON a.run_pk = s.run_pk WHERE s.run_pk = ? AND s.key = ? AND s.gathered < s.count"
)
_OPEN = (
    f"SELECT 0, c.first, c.data, '', 0, 0 {_OF_OPEN}"
    f" UNION ALL SELECT 1, a.pk, a.data, a.series, s.pk, s.gathered {_OF_ARRIVED} ORDER BY 1, 2"
)

_COUNT = "UPDATE series SET gathered = gathered + ?, open_chunks = open_chunks + ? WHERE pk = ?"


class _Merged(NamedTuple):
    """How many open chunks became sealed ones, and how many points were rewritten."""

    chunks: int
    points: int


class MetricTable:
    """See ``store.base.Metrics``."""

    def __init__(self, db: Connection, runs: RunTable) -> None:
        self._db = db
        self._runs = runs

    def append(self, ref: RunRef, series: Sequence[Series]) -> None:
        """Add points to series of one run; each key at most once.

        cost: one statement on PostgreSQL; on SQLite two for up to 32 series, and one more for each further 128
        """
        rows, points = sum_up(series)
        if self._db.dialect == "sqlite":
            write_points(self._db, [(ref.pk, ref.experiment, rows, points)])
        else:
            self._db.post(write_append(len(rows)), (ref.pk, ref.experiment, *list_columns(rows), points))

    def log(self, workspace: str, run_id: str, now_ms: int, series: Sequence[Series], judge: Judge) -> None:
        """See ``store.base.Metrics``.

        cost: of all jobs that log one after the other, to up to 32 runs and 128 series: one statement on PostgreSQL,
              which nobody waits for; five on SQLite, and one for each run whose series are not known yet
        """

        def check(found: list[Row]) -> None:
            judge(self._runs.take_touched(found, workspace) or self._runs.ref(workspace, run_id))

        points = sum([len(one.values) for one in series]) >> 3
        self._db.expect(Logged(workspace, run_id, now_ms, points, series), check)

    def find(self, workspace: str, run_id: str, key: str) -> tuple[int, int] | None:
        """See ``store.base.Metrics``."""
        row = self._db.one(_FIND, (workspace, run_id, key))
        return (row[0], row[1]) if row else None

    def read(self, pk: int, key: str, after: int = 0) -> list[bytes]:
        """See ``store.base.Metrics``; an unknown series has no chunks."""
        sealed = self._db.all(f"SELECT c.head, c.data {_OF_SEALED} {_SINCE} ORDER BY c.first", (pk, key, after))
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
        """Keep what was gathered of each series: as an open chunk, or sealed at once where it is enough for that."""
        db = self._db
        numbers = sorted(gathered)
        known: list[Row] = []
        for start in range(0, len(numbers), SQLITE_VARIABLES):
            among, some = db.among(numbers[start : start + SQLITE_VARIABLES])
            known += db.all(f"SELECT pk, gathered, open_chunks FROM series WHERE pk {among}", some)
        opened: list[Row] = []
        due, counts = [], []
        for pk, first, open_chunks in known:
            chunk = gathered[pk]
            count = read_count(chunk)
            merged = self._merge(pk, [(first, chunk)]) if count >= SEALED_POINTS else None
            if merged is None:
                opened.append((pk, first, chunk))
                if (open_chunks + 1) % SEAL_EVERY == 0:
                    due.append((pk,))
            counts.append((count, -merged.chunks if merged else 1, pk))
        db.insert("chunks (series_pk, first, data)", "bigint bigint bytea", opened)
        if due:
            db.insert("seal_queue (series_pk)", "bigint", due, "ON CONFLICT DO NOTHING")
        db.many(_COUNT, counts)  # at last: who logs to the same series on PostgreSQL waits from here on

    def list_unsealed(self, limit: int) -> list[int]:
        """Return queued series."""
        return [row[0] for row in self._db.all("SELECT series_pk FROM seal_queue LIMIT ?", (limit,))]

    def seal(self, series: int) -> int:
        """Merge a series' small chunks into sealed ones and take it off the queue; return the points rewritten."""
        merged = self._merge(series, [])
        if merged is None:
            return 0
        self._db.run(_COUNT, (0, -merged.chunks, series))
        return merged.points

    def _merge(self, series: int, gathered: Sequence[tuple[int, bytes]]) -> _Merged | None:
        """Put sealed chunks in the place of a series' open ones and of one that comes behind them.

        It is taken off the queue in any case. Returns None, and changes nothing else, where there is nothing to gain.
        """
        db = self._db
        db.run("DELETE FROM seal_queue WHERE series_pk = ?", (series,))
        opened = db.all("SELECT first, data FROM chunks WHERE series_pk = ? ORDER BY first", (series,))
        rows = [*opened, *gathered]
        if not rows:
            return None
        sql = "SELECT first, head, data FROM sealed_chunks WHERE series_pk = ? ORDER BY first DESC LIMIT 1"
        last = db.one(sql, (series,))
        if last and read_count(last[1]) < SEALED_POINTS:
            rows.insert(0, (last[0], last[1] + last[2]))
        sealed = seal_chunks(rows)
        if sealed == rows:
            return None
        db.overwrite_deleted(everywhere=False)  # the points stay, in other chunks
        db.run("DELETE FROM sealed_chunks WHERE series_pk = ? AND first >= ?", (series, rows[0][0]))
        if opened:  # not those that came meanwhile, as they may on PostgreSQL
            db.run("DELETE FROM chunks WHERE series_pk = ? AND first <= ?", (series, opened[-1][0]))
        db.overwrite_deleted(everywhere=True)
        db.insert(
            "sealed_chunks (series_pk, first, min_step, max_step, head, data)",
            "bigint bigint bigint bigint bytea bytea",
            [(series, first, *split_chunk(data)) for first, data in sealed],
        )
        return _Merged(len(opened), sum(read_count(data) for _, data in sealed))
