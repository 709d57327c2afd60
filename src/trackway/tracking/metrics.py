"""Reading metrics: histories and curves."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from threading import Lock

from trackway.api import limits
from trackway.api import metrics as m
from trackway.api import operations as ops
from trackway.api.calls import Call
from trackway.api.query import Formula, list_fields
from trackway.api.runs import Series
from trackway.base.errors import InvalidInput
from trackway.rules.checks import check_count, check_integer, check_page
from trackway.rules.grammar import RUNS, parse_formula
from trackway.rules.handlers import Handlers
from trackway.rules.tokens import decode_token, encode_token
from trackway.store.base import Transaction
from trackway.store.chunks import Columns, join_columns, order_history, thin_points, unpack_many
from trackway.store.curves import draw_curve
from trackway.tracking.computed_curves import compute_curve
from trackway.tracking.runs import get_ref

CACHED_POINTS = 1_000_000
"""Most points of ordered histories that are kept: 24 MB."""


class MetricService:
    """Handlers of the operations that read points."""

    def __init__(self) -> None:
        self._ordered = _Histories(CACHED_POINTS)

    def handlers(self) -> Handlers:
        """Return the handler of each operation."""
        return {ops.GET_HISTORY: self.get_history, ops.GET_CURVES: self.get_curves}

    def get_history(self, tx: Transaction, call: Call, q: m.GetHistory) -> m.History:
        """Get one page of a series; an unknown run or key has no points."""
        if q.limit is not None:
            check_page(q.limit, limits.HISTORY_PAGE)
        after = decode_token(call, (q.run_id, q.key), q.page_token)
        start = after[0] if after else 0
        if not isinstance(start, int) or start < 0:
            raise InvalidInput("Invalid page token", hint="send next_page_token as it was received")
        series = tx.metrics.find(call.workspace, q.run_id, q.key)
        if series is None:
            return m.History(series=Series(key=q.key, steps=b"", times_ms=b"", values=b""), count=0)
        parts = self._order(tx, *series, q.key, q.limit)
        total = _count(parts)
        end = total if q.limit is None else min(total, start + q.limit)
        return m.History(
            series=to_series(q.key, _cut(parts, start, end)),
            count=total,
            next_page_token=encode_token(call, (q.run_id, q.key), [end] if end < total else None),
        )

    def _order(self, tx: Transaction, pk: int, received: int, key: str, limit: int | None) -> Sequence[Columns]:
        """Return the ordered history of a series that has ``received`` points, in parts one after the other.

        What is kept of it is not read again.
        """
        kept = self._ordered.get(pk, key)
        if kept is None:
            parts: Sequence[Columns] = [order_history(unpack_many(tx.metrics.read(pk, key)))]
        elif kept[0] >= received:
            return kept[1]
        else:
            read = unpack_many(tx.metrics.read(pk, key, after=kept[0]))
            parts = _extend(kept[1], read.cut(kept[0] - received))
        if limit is not None and limit < _count(parts) <= CACHED_POINTS:
            self._ordered.put(pk, key, received, parts)
        return parts

    def get_curves(self, tx: Transaction, call: Call, q: m.GetCurves) -> m.Curves:
        """Get thinned curves of one metric or formula, for the runs that have it."""
        check_count("runs", len(q.run_ids), limits.CURVES)
        if bool(q.key) == bool(q.formula):
            raise InvalidInput("Curves are those of a key or of a formula", hint="send one of the two")
        if not 4 <= q.points <= limits.CURVE_POINTS:
            raise InvalidInput(f"Invalid number of points {q.points}", hint=f"ask for 4 to {limits.CURVE_POINTS}")
        low = limits.INT64_MIN if q.start_step is None else q.start_step
        high = limits.INT64_MAX if q.end_step is None else q.end_step
        check_integer("start_step", low)
        check_integer("end_step", high)
        formula = parse_formula(q.formula, RUNS) if q.formula else None
        if formula is not None:
            metrics = {field.key for field in list_fields(formula)}
            check_count("series to compute from", len(metrics) * len(q.run_ids), limits.COMPUTED_SERIES)
        curves = []
        for run_id in dict.fromkeys(q.run_ids):
            pk = get_ref(tx, call, run_id).pk
            found = (
                _draw_metric(tx, pk, q.key, q.points, low, high)
                if formula is None
                else _draw_formula(tx, pk, formula, q.points, low, high)
            )
            if found is not None:
                drawn, count = found
                series = to_series(q.key or q.formula, drawn)
                curves.append(m.Curve(run_id=run_id, series=series, shown=len(drawn.steps), count=count))
        return m.Curves(curves=curves)


def _draw_metric(tx: Transaction, pk: int, key: str, limit: int, low: int, high: int) -> tuple[Columns, int] | None:
    heads = tx.metrics.read_heads(pk, key, low, high)
    if not heads and not tx.metrics.count(pk, key):
        return None
    return draw_curve(heads, partial(tx.metrics.read_some, pk, key), limit, low, high)


def _draw_formula(
    tx: Transaction, pk: int, formula: Formula, limit: int, low: int, high: int
) -> tuple[Columns, int] | None:
    computed = compute_curve(formula, lambda key: unpack_many(tx.metrics.read(pk, key)), low, high)
    return None if computed is None else (thin_points(computed, limit), len(computed.steps))


def _count(parts: Sequence[Columns]) -> int:
    """Return how many points parts have in all."""
    return sum(len(part.steps) for part in parts)


def _extend(parts: Sequence[Columns], new: Columns) -> Sequence[Columns]:
    """Return an ordered history with points that came since.

    cost: that of the new points, while they come behind all others; so many parts as the count's logarithm come of it
    """
    new = order_history(new)
    last = parts[-1]
    if (new.times_ms[0], new.steps[0]) <= (last.times_ms[-1], last.steps[-1]):
        return [order_history(join_columns([*parts, new]))]
    grown = [*parts, new]
    while len(grown) > 1 and len(grown[-2].steps) < 2 * len(grown[-1].steps):
        grown[-2:] = [join_columns(grown[-2:])]
    return grown


def _cut(parts: Sequence[Columns], start: int, end: int) -> Columns:
    """Return some of the points of parts that lie one after the other; those of one part are not copied."""
    found = []
    for part in parts:
        found.append(part.cut(max(start, 0), max(end, 0)))
        start, end = start - len(part.steps), end - len(part.steps)
    return join_columns(found)


class _Histories:
    """The ordered histories that were paged through last, so that a page does not read and sort the whole series.

    A series only grows, so that a kept history is right for as long as it was made of as many points as there are, and
    then lacks no more than what came since, which becomes a part of its own: new memory for all points takes as long as
    two pages. Safe to use from many threads.

    capacity: most points in all, and of one history
    """

    def __init__(self, capacity: int) -> None:
        self._left = capacity
        self._known: dict[tuple[int, str], tuple[int, Sequence[Columns]]] = {}  # the one used last is the last
        self._lock = Lock()

    def get(self, pk: int, key: str) -> tuple[int, Sequence[Columns]] | None:
        """Return of how many points a series' kept history was made, and the history."""
        with self._lock:
            found = self._known.pop((pk, key), None)
            if found is not None:
                self._known[pk, key] = found
            return found

    def put(self, pk: int, key: str, received: int, parts: Sequence[Columns]) -> None:
        """Keep a history in place of an older one of its series, and of those that were not used for longest."""
        with self._lock:
            self._drop((pk, key))
            self._known[pk, key] = received, parts
            self._left -= _count(parts)
            while self._left < 0:
                self._drop(next(iter(self._known)))

    def _drop(self, series: tuple[int, str]) -> None:
        dropped = self._known.pop(series, None)
        if dropped is not None:
            self._left += _count(dropped[1])


def to_series(key: str, points: Columns) -> Series:
    """Return points as the columns of bytes that travel."""
    return Series(
        key=key, steps=points.steps.tobytes(), times_ms=points.times_ms.tobytes(), values=points.values.tobytes()
    )
