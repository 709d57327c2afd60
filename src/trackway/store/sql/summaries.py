"""Statements that add what came to the summaries of series, for each database.

A row is a key and what a ``store.chunks.Summary`` has; the run's number and its experiment's are the same for all rows
of a statement.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

from trackway.store.sql.connection import Row
from trackway.store.sql.runs import TOUCH, TOUCH_GIVEN

_KINDS = {
    "key": "text",
    "count": "bigint",
    "nan_count": "bigint",
    "last_step": "bigint",
    "last_time_ms": "bigint",
    "last_value": "float8",
    "min_value": "float8",
    "min_step": "bigint",
    "max_value": "float8",
    "max_step": "bigint",
}
"""The columns of a row, with PostgreSQL's types."""
_COLUMNS = ", ".join(_KINDS)
_VALUES = _COLUMNS.replace("last_value", "NULLIF(last_value, 'NaN')")
"""With NULL for NaN, which SQLite makes of it by itself."""
_INTO = f"INSERT INTO series (run_pk, experiment_pk, {_COLUMNS}, gathered, open_chunks)"
_WIDTH = len(_KINDS) + 2
ROWS_AT_ONCE = 128
"""Most rows of one statement of SQLite: one of each size is kept prepared."""

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

_FROM_ONE = f"(VALUES ({', '.join(f'?::{kind}' for kind in _KINDS.values())}))"
_ARRAYS = ", ".join(f"?::{kind}[]" for kind in _KINDS.values())
_FROM_MANY = f"unnest({_ARRAYS})"
_GIVEN = "SELECT ?::bigint AS pk, ?::bigint AS experiment_pk"
_NUMBERS = "string_agg(s.pk::text, ',' ORDER BY s.key COLLATE \"C\")"
_ARRIVE = f"INSERT INTO arrivals (run_pk, series, data) SELECT r.pk, (SELECT {_NUMBERS} FROM s), ? FROM r"


@lru_cache(maxsize=ROWS_AT_ONCE)
def write_upsert(count: int) -> str:
    """Return SQLite's statement for some rows, each behind the run's number and the experiment's."""
    row = f"({', '.join('?' * _WIDTH)}, 0, 0)"
    return f"{_INTO} VALUES {', '.join([row] * count)} {_MERGE}"


@lru_cache(maxsize=ROWS_AT_ONCE)
def write_numbers(count: int) -> str:
    """Return SQLite's query for numbers of series, as an arrival has them. Its values: the run, and the keys."""
    return (
        "SELECT group_concat(pk) FROM (SELECT pk FROM series"
        f" WHERE run_pk = ? AND key IN ({', '.join('?' * count)}) ORDER BY key)"
    )


def list_columns(rows: Sequence[Row]) -> Iterable[object]:
    """Return rows as PostgreSQL's statements take them: the values of a single one, or else a list for each column."""
    return rows[0] if len(rows) == 1 else map(list, zip(*rows, strict=True))


def write_append(count: int) -> str:
    """Return PostgreSQL's statement for some rows, which also keeps the points, as each statement is waited for.

    Its values are the run's number and its experiment's, ``list_columns``, and the points.
    """
    return _APPEND_MANY if count > 1 else _APPEND_ONE


def write_log(
    runs: Sequence[tuple[str, str, int, int]], rows: Sequence[Sequence[Row]], data: Sequence[bytes]
) -> tuple[str, Sequence[Any]]:
    """Return PostgreSQL's statement that does the same for runs that it touches, and its values.

    It returns what touching tells of each run, behind its place among them, from 1. Nothing is written of others.

    runs: workspaces, ids, times, and how many points there are
    rows: the summaries of each; ``data`` has the points
    """
    if len(runs) == 1:  # takes three quarters of the time for one point
        [(workspace, run_id, now_ms, points)], [some] = runs, rows
        values = (points, now_ms, workspace, run_id, points, *list_columns(some), *data)
        return _LOG_MANY if len(some) > 1 else _LOG_ONE, values
    placed = [(place, *row) for place, some in enumerate(rows, 1) for row in some]
    return _LOG_ALL, [*map(list, zip(*runs, strict=True)), list(data), *map(list, zip(*placed, strict=True))]


def _write_summaries(run: str, many: bool) -> str:
    """Return what adds rows to the summaries of the run ``r``, and gives ``s``: keys and numbers of its series."""
    rows = f"SELECT r.pk, r.experiment_pk, {_VALUES}, 0, 0 FROM r, {_FROM_MANY if many else _FROM_ONE} u ({_COLUMNS})"
    return f"WITH r AS ({run}), s AS ({_INTO} {rows} {_MERGE} RETURNING key, pk)"


_APPEND_ONE, _APPEND_MANY = (f"{_write_summaries(_GIVEN, many)} {_ARRIVE}" for many in (False, True))
_LOG_ONE, _LOG_MANY = (
    f"{_write_summaries(TOUCH, many)}, a AS ({_ARRIVE}) SELECT 1, r.* FROM r" for many in (False, True)
)
# Runs are locked in the order in which they are given, the same for all writers: a join has an order of its own.
_LOG_ALL = f"""
WITH g AS (SELECT u.*, l.pk
 FROM unnest(?::text[], ?::text[], ?::bigint[], ?::bigint[], ?::bytea[])
 WITH ORDINALITY u (workspace, run_id, now_ms, points, data, place)
 CROSS JOIN LATERAL (SELECT pk FROM runs
 WHERE workspace = u.workspace AND run_id = u.run_id AND deleted_ms IS NULL FOR NO KEY UPDATE) l),
r AS ({TOUCH_GIVEN}),
s AS ({_INTO} SELECT r.pk, r.experiment_pk, {_VALUES}, 0, 0
 FROM r JOIN unnest(?::bigint[], {_ARRAYS}) u (place, {_COLUMNS}) ON u.place = r.place {_MERGE}
 RETURNING run_pk, key, pk),
a AS (INSERT INTO arrivals (run_pk, series, data) SELECT g.pk, n.series, g.data
 FROM g JOIN (SELECT run_pk, {_NUMBERS} AS series FROM s GROUP BY run_pk) n ON n.run_pk = g.pk)
SELECT * FROM r"""
