"""A metric against another one."""

from __future__ import annotations

import pytest

from trackway.api.query import And, Comparison, Expression, Field, Relation
from trackway.base.errors import InvalidInput
from trackway.rules.fields import Schema
from trackway.rules.grammar import LOGGED_MODELS, RUNS, parse_filter

LOSS = Field("metric", "loss")
A = Comparison(Field("metric", "a"), "=", 1.0)
ACCEPTED: list[tuple[str, Expression]] = [
    ("metrics.loss > metrics.a", Relation(LOSS, ">", Field("metric", "a"))),
    ("metrics.loss = min(metrics.loss)", Relation(LOSS, "=", Field("metric", "loss", "min"))),
    (
        "max(metric.a) != last(parent.metrics.`b c`)",
        Relation(Field("metric", "a", "max"), "!=", Field("metric", "b c", parent=True)),
    ),
    ("metrics.loss > metrics.a + 0.5", Relation(LOSS, ">", Field("metric", "a"), 0.5)),
    ("metrics.loss<=metrics.a -1e-3 AND metrics.a=1", And((Relation(LOSS, "<=", Field("metric", "a"), -0.001), A))),
]


@pytest.mark.parametrize(("text", "expected"), ACCEPTED)
def test_two_metrics_of_runs_are_compared(text: str, expected: Expression) -> None:
    assert parse_filter(text, RUNS) == expected


@pytest.mark.parametrize(
    ("schema", "text", "position", "part"),
    [
        (RUNS, "metrics.a > params.b", 12, "a number or another metric"),
        (RUNS, "metrics.a > duration_ms", 12, "a number is expected"),
        (RUNS, "metrics.a IN (metrics.b)", 14, "a number is expected"),
        (RUNS, "metrics.a > metrics.b + metrics.c", 22, "a number that is added"),
        (RUNS, "metrics.a > metrics.b + 1e292", 22, "1e+291 at most"),
        (RUNS, "metrics.a > metrics.b - inf", 22, "1e+291 at most"),
        (RUNS, "metrics.a > metrics.b +", 22, "a number that is added"),
        (RUNS, "duration_ms > metrics.b", 14, "a number is expected"),
        (LOGGED_MODELS, "metrics.a > metrics.b", 12, "a number is expected"),
        (RUNS, "metrics.a > metrics.b+0.1", 12, "a space before its sign"),
        (RUNS, " OR ".join(["metrics.a > metrics.b"] * 251), 6250, "500"),
    ],
)
def test_anything_else_is_refused_where_it_stands(schema: Schema, text: str, position: int, part: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        parse_filter(text, schema)
    assert part in str(refusal.value)
    assert refusal.value.details["position"] == position
