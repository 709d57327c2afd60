"""Curves of formulas: what is computed from the metrics of a run at each of its steps."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trackway.api.query import Arithmetic, ArithmeticOperator, Field, Formula, list_fields
from trackway.store.chunks import Columns, order_by_step

_Numbers = np.float64 | NDArray[np.float64]
_OPERATE: Mapping[ArithmeticOperator, Callable[[Any, Any], Any]] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": lambda one, two: np.where(two == 0, np.nan, np.divide(one, two)),
}
_EXTREME: Mapping[str, Callable[..., Any]] = {"min": np.nanmin, "max": np.nanmax}


def compute_curve(formula: Formula, read: Callable[[str], Columns], low: int, high: int) -> Columns | None:
    """Compute a formula at every step where all its metrics have a point.

    Of several points at one step the last counts, by time and then by value; ``min`` and ``max`` are one number, of all
    steps. A step has no value where the formula has none: for a metric that is NaN there, and a division by zero.

    formula:   with a metric that is neither ``min`` nor ``max``
    read:      returns all points of a metric, in any order; called once for each
    low, high: only steps in [low, high]
    returns:   points by step, each at the latest time of those that it was computed from; None when a metric has none
    cost:      two metrics of 1,000,000 points each in about 50 ms, without reading them
    """
    fields = list(list_fields(formula))
    series = {key: _take_last(order_by_step(read(key))) for key in dict.fromkeys(field.key for field in fields)}
    if any(not len(points.steps) for points in series.values()):
        return None
    walked = {field.key: series[field.key] for field in fields if field.aggregate == "last"}
    steps = reduce(_intersect, (points.steps for points in walked.values()))
    steps = steps[np.searchsorted(steps, low) : np.searchsorted(steps, high, side="right")]
    at = {key: np.searchsorted(points.steps, steps) for key, points in walked.items()}

    def find(field: Field) -> _Numbers:
        values = series[field.key].values
        if field.aggregate == "last":
            return values[at[field.key]]
        return np.float64("nan") if np.isnan(values).all() else np.float64(_EXTREME[field.aggregate](values))

    with np.errstate(all="ignore"):
        values = _compute(formula, find)
    there = ~np.isnan(values)
    times_ms = reduce(np.maximum, (points.times_ms[at[key]] for key, points in walked.items()))
    return Columns(steps[there], times_ms[there], values[there])


def _take_last(points: Columns) -> Columns:
    """Return the last point of each step, of points by step."""
    is_last = np.ones(len(points.steps), bool)
    is_last[:-1] = points.steps[1:] != points.steps[:-1]
    return points if is_last.all() else Columns(*(column[is_last] for column in points))  # type: ignore[arg-type]


def _intersect(one: NDArray[np.int64], other: NDArray[np.int64]) -> NDArray[np.int64]:
    return one if np.array_equal(one, other) else np.intersect1d(one, other, assume_unique=True)


def _compute(formula: Formula, find: Callable[[Field], _Numbers]) -> Any:
    match formula:
        case Field():
            return find(formula)
        case Arithmetic(left, op, right):
            return _OPERATE[op](_compute(left, find), _compute(right, find))
        case _:
            return np.float64(formula)
