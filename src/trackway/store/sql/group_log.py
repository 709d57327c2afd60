"""Points that several jobs of a transaction log, written together: a statement costs about as much as what it does.

PostgreSQL gets one statement for all runs. SQLite gets a few, and no row is fetched for each run: at each call the
writer lets the event loop have the interpreter, and has to wait until it is given back. So calls are few and long, and
requests are read and answered beside them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import chain
from operator import attrgetter
from typing import Any, NamedTuple

import msgspec

from trackway.api.runs import Series
from trackway.store.arrivals import get_columns, pack_arrival
from trackway.store.chunks import summarize
from trackway.store.sql.access import VERSION
from trackway.store.sql.connection import Connection, Row
from trackway.store.sql.runs import GATHER_REQUESTS, KEEP, REF, WEIGHT
from trackway.store.sql.summaries import ROWS_AT_ONCE, write_log, write_numbers, write_upsert

RUNS_AT_ONCE = 32
"""Most runs of one statement of SQLite: one of each size is kept prepared."""
_KEPT_KEYS = 32
"""The numbers of so many series of a run are kept in memory, and those of more are asked for."""

_get_key = attrgetter("key")
_decode = msgspec.json.Decoder(list[tuple[Any, ...]]).decode


class Logged(NamedTuple):
    """Points that came for a run: an ``Entry``."""

    workspace: str
    run_id: str
    now_ms: int
    points: int
    series: Sequence[Series]

    @property
    def key(self) -> tuple[str, str]:
        """The run."""
        return self.workspace, self.run_id

    @property
    def size_bytes(self) -> int:
        """About how large it is."""
        return 24 * self.points

    @staticmethod
    def send(db: Connection, groups: Sequence[Sequence[Logged]]) -> Callable[[], list[Row]]:
        """Touch live runs, keep points, and return what fetches a row of each: its place, and what touching tells."""
        runs = [(*group[-1][:3], sum([one.points for one in group])) for group in groups]
        logs = [sum_up(_join([one.series for one in group])) for group in groups]
        if db.dialect == "postgresql":
            rows, data = zip(*logs, strict=True)
            return db.ask(*write_log(runs, rows, data))
        found = [row for start in range(0, len(runs), RUNS_AT_ONCE) for row in _write_some(db, runs, logs, start)]
        return lambda: found


def _write_some(
    db: Connection,
    runs: Sequence[tuple[str, str, int, int]],
    logs: Sequence[tuple[Sequence[Row], bytes]],
    start: int,
) -> list[Row]:
    some = runs[start : start + RUNS_AT_ONCE]
    asked = [(place, workspace, run_id, points) for place, (workspace, run_id, _, points) in enumerate(some, start + 1)]
    row = db.one(_write_find(len(asked)), [*chain.from_iterable(asked)])
    found: list[Row] = [*_decode(row[0])] if row else []
    if found:
        touched = [(pk, runs[place - 1][3], runs[place - 1][2]) for place, _, _, pk, *_ in found]
        db.post(_write_touch(len(touched)), [*chain.from_iterable(touched)])
        write_points(db, [(pk, experiment, *logs[place - 1]) for place, _, _, pk, _, experiment, *_ in found])
    return found


def write_points(db: Connection, logs: Sequence[tuple[int, int, Sequence[Row], bytes]]) -> None:
    """Add to the summaries of series, and keep points as they came, on SQLite.

    logs: numbers of the run and its experiment, summaries by key, and points packed in the same order, of at most
          ``RUNS_AT_ONCE`` runs
    """
    rows = [(pk, experiment, *row) for pk, experiment, summaries, _ in logs for row in summaries]
    for start in range(0, len(rows), ROWS_AT_ONCE):
        some = rows[start : start + ROWS_AT_ONCE]
        db.post(write_upsert(len(some)), [*chain.from_iterable(some)])
    arrivals: list[object] = []
    for pk, _, summaries, points in logs:
        arrivals += pk, _find_numbers(db, pk, [row[0] for row in summaries]), points
    db.post(_write_arrivals(len(logs)), arrivals)


def sum_up(series: Sequence[Series]) -> tuple[list[Row], bytes]:
    """Return the summaries of series, and their points packed in the same order.

    By key, so that several writers of one run lock its series in one order.
    """
    ordered = sorted(series, key=_get_key) if len(series) > 1 else series
    rows = [(one.key, *summarize(one.steps, one.times_ms, one.values)) for one in ordered]
    return rows, pack_arrival(ordered)


def _join(requests: Sequence[Sequence[Series]]) -> Sequence[Series]:
    """Return the series of several requests for one run as if they had come in one."""
    if len(requests) == 1:
        return requests[0]
    found: dict[str, list[Series]] = {}
    for one in chain.from_iterable(requests):
        found.setdefault(one.key, []).append(one)
    joined = []
    for key, some in found.items():
        steps, times_ms, values = map(b"".join, zip(*map(get_columns, some), strict=True))
        joined.append(Series(key=key, steps=steps, times_ms=times_ms, values=values))
    return joined


def _find_numbers(db: Connection, pk: int, keys: Sequence[str]) -> str:
    """Return the numbers of some series of a run, which never change: they go with it, and no other gets them."""
    find = db.recall if len(keys) <= _KEPT_KEYS else db.one
    row = find(write_numbers(len(keys)), (pk, *keys))
    assert row is not None
    return str(row[0])


@lru_cache(maxsize=RUNS_AT_ONCE)
def _write_find(count: int) -> str:
    """Return the query for live runs as one row. Its values: place, workspace, id and points of each."""
    weight = WEIGHT.format("g.column4")
    return (
        f"SELECT json_group_array(json_array(g.column1, (r.arrived + {weight}) % {GATHER_REQUESTS} < {weight},"
        f" ({VERSION}), {REF}))"
        f" FROM (VALUES {', '.join(['(?, ?, ?, ?)'] * count)}) AS g"
        " CROSS JOIN runs r ON r.workspace = g.column2 AND r.run_id = g.column3 WHERE r.deleted_ms IS NULL"
    )


@lru_cache(maxsize=RUNS_AT_ONCE)
def _write_touch(count: int) -> str:
    """Return what ``TOUCH`` does, for several runs. Its values: number, points and time of each."""
    return (
        f"UPDATE runs SET version = version + 1, arrived = arrived + {WEIGHT.format('g.column2')},"
        f" lease_until_ms = {KEEP.format('g.column3')}"
        f" FROM (VALUES {', '.join(['(?, ?, ?)'] * count)}) AS g WHERE runs.pk = g.column1"
    )


@lru_cache(maxsize=RUNS_AT_ONCE)
def _write_arrivals(count: int) -> str:
    return f"INSERT INTO arrivals (run_pk, series, data) VALUES {', '.join(['(?, ?, ?)'] * count)}"
