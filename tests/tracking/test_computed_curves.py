"""Curves of formulas, against what one computes point by point."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping

import numpy as np
import pytest

from trackway.api.limits import INT64_MAX, INT64_MIN
from trackway.api.query import Field, list_fields
from trackway.rules.formulas import compute
from trackway.rules.grammar import RUNS, parse_formula
from trackway.store.chunks import Columns
from trackway.tracking.computed_curves import compute_curve

Point = tuple[int, int, float]
NAN, INF = math.nan, math.inf


def columns(points: list[Point]) -> Columns:
    steps, times_ms, values = zip(*points, strict=True) if points else ((), (), ())
    return Columns(np.array(steps, np.int64), np.array(times_ms, np.int64), np.array(values, np.float64))


def rank_point(point: Point) -> tuple[object, ...]:
    """Order points as curves do: by step, time and value, -0.0 before 0.0, NaN behind all."""
    step, time, value = point
    return step, time, math.isnan(value), value, math.copysign(1, value)


def compute_plainly(text: str, series: Mapping[str, list[Point]]) -> list[Point]:
    """Compute a formula step by step, by the rules of searches."""
    formula = parse_formula(text, RUNS)
    walked = {field.key for field in list_fields(formula) if field.aggregate == "last"}
    last = {
        key: {step: (time, value) for step, time, value in sorted(points, key=rank_point)}
        for key, points in series.items()
    }
    found = []
    for step in sorted(set.intersection(*(set(last[key]) for key in walked))):

        def read(field: Field, step: int = step) -> float | None:
            if field.aggregate == "last":
                value = last[field.key][step][1]
                return None if math.isnan(value) else value
            numbers = [value for _, _, value in series[field.key] if not math.isnan(value)]
            return {"min": min, "max": max}[field.aggregate](numbers, default=None)

        value = compute(formula, read)
        if value is not None:
            found.append((step, max(last[key][step][0] for key in walked), value))
    return found


@pytest.mark.parametrize(
    "text",
    [
        "metrics.a",
        "metrics.a - metrics.b",
        "metrics.a / metrics.b",
        "1 - metrics.a * (metrics.b + 0.5) / 2",
        "metrics.a / min(metrics.a) - max(metrics.b)",
        "0 - metrics.a",
    ],
)
def test_a_curve_is_what_the_formula_comes_to_at_each_step(text: str) -> None:
    draw = random.Random(text)
    values = [-2.5, -0.0, 0.0, 1e308, NAN, INF, -INF, 3.25]
    for size in (1, 2, 40):
        series = {
            key: [(draw.randrange(size), draw.randrange(5), draw.choice(values)) for _ in range(size)] for key in "ab"
        }
        if any(all(math.isnan(value) for _, _, value in points) for points in series.values()):
            continue
        kept = {key: columns(points) for key, points in series.items()}
        curve = compute_curve(parse_formula(text, RUNS), kept.__getitem__, INT64_MIN, INT64_MAX)
        assert curve is not None
        assert [*zip(*(column.tolist() for column in curve), strict=True)] == compute_plainly(text, series)


def test_only_the_asked_steps_are_there_and_extremes_are_of_all() -> None:
    series = {"a": [(step, step, float(step)) for step in range(10)]}
    curve = compute_curve(parse_formula("metrics.a / max(metrics.a)", RUNS), lambda key: columns(series[key]), 3, 6)
    assert curve is not None
    assert (curve.steps.tolist(), curve.values.tolist()) == ([3, 4, 5, 6], [3 / 9, 4 / 9, 5 / 9, 6 / 9])


def test_a_run_without_one_of_the_metrics_has_no_curve() -> None:
    series: dict[str, list[Point]] = {"a": [(0, 0, 1.0)], "b": []}
    assert compute_curve(parse_formula("metrics.a + metrics.b", RUNS), lambda key: columns(series[key]), 0, 9) is None


def test_each_metric_is_read_once() -> None:
    read: list[str] = []

    def note(key: str) -> Columns:
        read.append(key)
        return columns([(0, 0, 2.0)])

    curve = compute_curve(parse_formula("metrics.a * metrics.a - min(metrics.b)", RUNS), note, 0, 0)
    assert curve is not None
    assert curve.values.tolist() == [2.0]
    assert read == ["a", "b"]
