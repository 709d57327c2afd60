"""Leads of searches: conditions that an index answers and few rows satisfy, so that these rows alone are looked at."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import msgspec
import numpy as np

from trackway.api.query import And, Comparison, Expression
from trackway.store.sql.connection import Connection
from trackway.store.sql.filters import RUN, Filters, Sql, is_short, params_of

FEW = 4_000
"""Conditions that at most so many rows satisfy lead the search; others are better met while walking the order."""
LISTED = 8_000
"""Most rows of one condition that are listed, to be intersected here: to look one up takes as long as to list 25."""

_OTHER_ENDS = {
    **dict.fromkeys((">", ">="), " AND last_value <= 'Infinity'"),
    **dict.fromkeys(("<", "<="), " AND last_value >= '-Infinity'"),
}
"""What makes a range of a comparison: PostgreSQL expects few rows of one whose ends it does not know, and then keeps
one plan for all values, where it would spend 0.2 ms on a plan for each."""

_Numbers = np.ndarray[Any, np.dtype[np.int64]]
_decode_numbers = msgspec.json.Decoder(list[int]).decode


class Lead(NamedTuple):
    """Conditions that few rows satisfy, and the query that finds their numbers (``pk``)."""

    comparisons: Sequence[Comparison]
    scan: Sql


def choose_lead(
    db: Connection, filters: Filters, workspace: str, experiment: int | None, expression: Expression
) -> Lead | None:
    """Return the conditions that an index answers and few rows satisfy: of several experiments (None) those on links.

    Neither database can know that by itself: SQLite keeps no such statistics, and PostgreSQL's take keys and values as
    independent. What several indexes say is listed and intersected here, without a look at the rows: a database would
    walk each index twice, and sort or hash it.
    """
    indexed = [
        term for term in list_terms(expression) if isinstance(term, Comparison) and _is_indexed(term, experiment)
    ]
    if not indexed:
        return None
    aggregate, read = _LISTS[db.dialect]
    scans = [_scan_index(filters, workspace, experiment, comparison) for comparison in indexed]
    lists = ", ".join(f"(SELECT {aggregate} FROM ({scan.text} LIMIT {LISTED + 1}) f)" for scan in scans)
    [found] = db.all(f"SELECT {lists}", params_of(scans))
    numbers = [read(one) for one in found]
    few = [place for place, those in enumerate(numbers) if len(those) <= LISTED]
    if not few:
        return None
    left, *others = sorted((numbers[place] for place in few), key=len)
    for those in others:
        left = left[np.isin(left, those, assume_unique=True)]
    if len(left) > FEW:
        return None
    return Lead([indexed[place] for place in few], _write_numbers(db, left.tolist()))


def list_terms(expression: Expression | None) -> Sequence[Expression]:
    """Return the conditions that every found row satisfies."""
    if expression is None:
        return ()
    return expression.terms if isinstance(expression, And) else (expression,)


def _write_numbers(db: Connection, numbers: Sequence[int]) -> Sql:
    if db.dialect == "postgresql":
        return Sql("SELECT UNNEST(?::bigint[]) AS pk", (numbers,))
    return Sql("SELECT value AS pk FROM json_each(?)", (json.dumps(numbers),))


def _read_packed(numbers: bytes | None) -> _Numbers:
    return np.frombuffer(numbers or b"", dtype=">i8").astype(np.int64)


def _read_json(numbers: str) -> _Numbers:
    return np.array(_decode_numbers(numbers), dtype=np.int64)


_LISTS: dict[str, tuple[str, Callable[[Any], _Numbers]]] = {
    "postgresql": ("STRING_AGG(INT8SEND(f.pk), '')", _read_packed),
    "sqlite": ("JSON_GROUP_ARRAY(f.pk)", _read_json),
}
"""How each database lists numbers in one value, and what reads it."""


def _is_indexed(comparison: Comparison, experiment: int | None) -> bool:
    field, op = comparison.field, comparison.op
    if field.parent:
        return False
    if field.entity == "link":
        return op in ("=", "in")
    if experiment is None:
        return False
    if field.entity == "metric":
        return field.aggregate == "last" and op in ("=", "<", "<=", ">", ">=")
    return field.entity in ("param", "tag") and op == "=" and is_short(comparison.value)


def _scan_index(filters: Filters, workspace: str, experiment: int | None, comparison: Comparison) -> Sql:
    if comparison.field.entity == "link":
        return filters.scan_links(comparison, workspace)
    is_metric = comparison.field.entity == "metric"
    table, column = ("series", "last_value") if is_metric else (RUN.texts[comparison.field.entity][0], "value")
    test = filters.compare(comparison, indexed=not is_metric)
    end = _OTHER_ENDS.get(comparison.op, "") if is_metric and filters.dialect == "postgresql" else ""
    return Sql(
        f"SELECT run_pk AS pk FROM {table} WHERE experiment_pk = ? AND key = ? AND {test.text.format(v=column)}{end}",
        (experiment, comparison.field.key, *test.params),
    )
