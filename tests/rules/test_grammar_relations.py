"""A metric against another one, and what is computed of metrics."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from trackway.api.query import (
    And,
    Arithmetic,
    Comparison,
    Expression,
    Field,
    Formula,
    Not,
    Or,
    OrderTerm,
    Relation,
    format_expression,
    format_formula,
)
from trackway.base.errors import InvalidInput
from trackway.rules.fields import Schema
from trackway.rules.formulas import compute
from trackway.rules.grammar import EXPERIMENTS, LOGGED_MODELS, MLFLOW_RUNS, RUNS, parse_filter, parse_order

LOSS = Field("metric", "loss")
A, B = Field("metric", "a"), Field("metric", "b")
INF = float("inf")


def over(left: Formula, right: Formula) -> Arithmetic:
    return Arithmetic(left, "/", right)


def plus(left: Formula, right: Formula) -> Arithmetic:
    return Arithmetic(left, "+", right)


def minus(left: Formula, right: Formula) -> Arithmetic:
    return Arithmetic(left, "-", right)


def times(left: Formula, right: Formula) -> Arithmetic:
    return Arithmetic(left, "*", right)


ACCEPTED: list[tuple[str, Expression]] = [
    ("metrics.loss > metrics.a", Relation(LOSS, ">", A)),
    ("metrics.loss = min(metrics.loss)", Relation(LOSS, "=", Field("metric", "loss", "min"))),
    (
        "max(metric.a) != last(parent.metrics.`b c`)",
        Relation(Field("metric", "a", "max"), "!=", Field("metric", "b c", parent=True)),
    ),
    ("metrics.loss > metrics.a + 0.5", Relation(LOSS, ">", plus(A, 0.5))),
    (
        "metrics.loss<=metrics.a -1e-3 AND metrics.a=1",
        And((Relation(LOSS, "<=", minus(A, 0.001)), Comparison(A, "=", 1.0))),
    ),
    ("metrics.a / metrics.b < 0.9", Relation(over(A, B), "<", 0.9)),
    ("0.9 > metrics.a / metrics.b", Relation(0.9, ">", over(A, B))),
    ("0.9 > metrics.a", Comparison(A, "<", 0.9)),
    ("-1 = metrics.a", Comparison(A, "=", -1.0)),
    ("metrics.a + metrics.b * 2 > 1", Relation(plus(A, times(B, 2.0)), ">", 1.0)),
    ("metrics.a * 2 + metrics.b > 1", Relation(plus(times(A, 2.0), B), ">", 1.0)),
    ("(metrics.a + metrics.b) / 2 > 1", Relation(over(plus(A, B), 2.0), ">", 1.0)),
    ("2 * (metrics.a - (metrics.b - 1)) > 1", Relation(times(2.0, minus(A, minus(B, 1.0))), ">", 1.0)),
    ("metrics.a - metrics.b - 1 > 0", Relation(minus(minus(A, B), 1.0), ">", 0.0)),
    ("metrics.a / metrics.b / 2 > 0", Relation(over(over(A, B), 2.0), ">", 0.0)),
    ("metrics.a*metrics.b > 0", Relation(times(A, B), ">", 0.0)),
    ("min(metrics.a)/metrics.b > 0", Relation(over(Field("metric", "a", "min"), B), ">", 0.0)),
    ("metrics.a -metrics.b > -0.5", Relation(minus(A, B), ">", -0.5)),
    ("metrics.a - -0.5 > 0", Relation(minus(A, -0.5), ">", 0.0)),
    ("1 - metrics.a > metrics.b", Relation(minus(1.0, A), ">", B)),
    ("metrics.a > 1 + 2", Relation(A, ">", plus(1.0, 2.0))),
    ("(metrics.a) > 1", Comparison(A, ">", 1.0)),
    ("((metrics.a)) IS NULL", Not(parse_filter("EXISTS metrics.a", RUNS))),  # type: ignore[arg-type]
    ("((metrics.a) * 2) > ((1))", Relation(times(A, 2.0), ">", 1.0)),
    (
        "((metrics.a + 1) * 2 > 3 OR metrics.a = 1) AND NOT (metrics.b = 1)",
        And(
            (
                Or((Relation(times(plus(A, 1.0), 2.0), ">", 3.0), Comparison(A, "=", 1.0))),
                Not(Comparison(B, "=", 1.0)),
            )
        ),
    ),
    (
        "metrics.a / metrics.b BETWEEN 0.9 AND metrics.b AND metrics.a = 1",
        And((Relation(over(A, B), ">=", 0.9), Relation(over(A, B), "<=", B), Comparison(A, "=", 1.0))),
    ),
    ("metrics.a NOT BETWEEN metrics.b AND 2", Or((Relation(A, "<", B), Comparison(A, ">", 2.0)))),
    ("metrics.a / metrics.b IS NOT NULL", Relation(over(A, B), "<=", INF)),
    ("metrics.a / metrics.b IS NULL", Not(Relation(over(A, B), "<=", INF))),
    ("metrics.a-b/c > 0", Comparison(Field("metric", "a-b/c"), ">", 0.0)),
    ("metrics.`a/metrics.b` > 0", Comparison(Field("metric", "a/metrics.b"), ">", 0.0)),
]


@pytest.mark.parametrize(("text", "expected"), ACCEPTED, ids=[text for text, _ in ACCEPTED])
def test_numbers_of_runs_are_compared(text: str, expected: Expression) -> None:
    assert parse_filter(text, RUNS) == expected
    assert parse_filter(format_expression(expected), RUNS) == expected


SUM_OF_21 = " + ".join(["metrics.a"] * 21)
DEEP = "(" * 101 + "metrics.a" + ")" * 101 + " > 1"
REFUSED: list[tuple[Schema, str, int, str]] = [
    (RUNS, "metrics.a > params.b", 12, "a number or a metric"),
    (RUNS, "metrics.a > duration_ms", 12, "a number is expected"),
    (RUNS, "metrics.a IN (metrics.b)", 14, "a number is expected"),
    (RUNS, "metrics.a / metrics.b IN (1)", 22, "of what is computed is expected here"),
    (RUNS, "metrics.a / metrics.b IS NAN", 22, "IS NULL"),
    (RUNS, "metrics.a > metrics.b + params.c", 24, "nothing else is computed with"),
    (RUNS, "metrics.a > metrics.b +", 23, "at the end"),
    (RUNS, "metrics.a > metrics.b - inf", 22, "finite"),
    (RUNS, "1e400 * metrics.a > 1", 6, "finite"),
    (RUNS, "metrics.a > metrics.b * / 2", 24, "a number or a metric"),
    (RUNS, "metrics.a / metrics.b", 21, "operator"),
    (RUNS, "(metrics.a / metrics.b)", 23, "operator"),
    (RUNS, "(metrics.a / metrics.b) AND metrics.a = 1", 24, "operator"),
    (RUNS, "NOT (metrics.a)", 15, "operator"),
    (RUNS, "(NOT metrics.a)", 14, "operator"),
    (RUNS, "(metrics.a = 1 OR metrics.b) > 1", 27, "operator"),
    (RUNS, "(metrics.a = 1) / 2 > 1", 16, "AND, OR or the end"),
    (RUNS, "(metrics.a / (metrics.b) > 1", 28, ") is expected"),
    (RUNS, "metrics.a > (metrics.b", 22, ") is expected"),
    (RUNS, "1 < 2", 0, "a metric is expected on one side"),
    (RUNS, "(1 + 2) * 3 = 9 OR metrics.a = 1", 0, "a metric is expected on one side"),
    (RUNS, "metrics.a/metrics.b > 1", 9, "a space before it"),
    (RUNS, "metrics.a * parent.metrics.b-metrics.c > 1", 28, "a space before it"),
    (RUNS, "2/metrics.a > 1", 0, "a space before and behind"),
    (RUNS, "-metrics.a > 1", 0, "0 - metrics.a"),
    (RUNS, "duration_ms / 1000 > 1", 12, "operator of attribute"),
    (RUNS, "(status) = 'FINISHED'", 7, "operator"),
    (RUNS, "duration_ms > metrics.b", 14, "a number is expected"),
    (RUNS, f"{SUM_OF_21} > 1", 240, "at most 20"),
    (RUNS, DEEP, 101, "100 deep"),
    (RUNS, f"metrics.b > {DEEP}", 113, "100 deep"),
    (LOGGED_MODELS, "metrics.a > metrics.b", 12, "a number is expected"),
    (LOGGED_MODELS, "metrics.a * 2 > 1", 10, "unexpected character '*'"),
    (EXPERIMENTS, "(tags.a) = 'x'", 7, "operator"),
    (MLFLOW_RUNS, "metrics.a / metrics.b > 1", 10, "operator"),
    (MLFLOW_RUNS, "metrics.a * 2 > 1", 10, "unexpected character '*'"),
    (MLFLOW_RUNS, "metrics.a > metrics.b", 12, "a number is expected"),
    (MLFLOW_RUNS, "0.5 < metrics.a", 0, "nothing called '0'"),
    (MLFLOW_RUNS, "(metrics.a) > 1", 0, "AND only"),
    (RUNS, "metrics.a > metrics.b+0.1", 12, "a space before its sign"),
    (RUNS, " OR ".join(["metrics.a > metrics.b"] * 251), 6250, "500"),
    (RUNS, " OR ".join(["metrics.a / metrics.b BETWEEN 1 AND 2"] * 126), 5125, "500"),
]


@pytest.mark.parametrize(
    ("schema", "text", "position", "part"),
    REFUSED,
    ids=[f"{schema.subject} {schema.dialect} {text[:60]}" for schema, text, _, _ in REFUSED],
)
def test_anything_else_is_refused_where_it_stands(schema: Schema, text: str, position: int, part: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        parse_filter(text, schema)
    assert part in str(refusal.value)
    assert refusal.value.details["position"] == position


def test_runs_are_ordered_by_formulas() -> None:
    texts = ["metrics.a / metrics.b DESC", "(metrics.a + 1) * 2", "1 - metrics.a ASC", "(metrics.a)", "metrics.b -1"]
    assert parse_order(texts, RUNS) == (
        OrderTerm(over(A, B), descending=True),
        OrderTerm(times(plus(A, 1.0), 2.0)),
        OrderTerm(minus(1.0, A)),
        OrderTerm(A),
        OrderTerm(minus(B, 1.0)),
    )


@pytest.mark.parametrize(
    ("schema", "terms", "position", "part"),
    [
        (RUNS, ["1 + 2"], 0, "a metric is expected"),
        (RUNS, ["1"], 0, "a metric is expected"),
        (RUNS, ["metrics.a / parent.metrics.b"], 0, "the parent cannot be ordered by"),
        (RUNS, ["params.a / 2"], 9, "then ASC, DESC"),
        (RUNS, ["metrics.a / metrics.b > 1"], 22, "then ASC, DESC"),
        (RUNS, ["metrics.a / metrics.b", "metrics.a  /  metrics.b"], 0, "twice"),
        (RUNS, [" + ".join(["metrics.a"] * 21)], 240, "at most 20 numbers"),
        (RUNS, [f"metrics.a + {' + '.join(['metrics.a'] * 18)} + {n}" for n in range(3)], 0, "at most 40 metrics"),
        (LOGGED_MODELS, ["metrics.a / 2"], 10, "then ASC, DESC"),
        (MLFLOW_RUNS, ["metrics.a / metrics.b"], 10, "then ASC, DESC"),
        (MLFLOW_RUNS, ["(metrics.a)"], 0, "a field is expected"),
    ],
    ids=str,
)
def test_an_order_by_anything_else_is_refused(schema: Schema, terms: list[str], position: int, part: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        parse_order(terms, schema)
    assert part in str(refusal.value)
    assert refusal.value.details["position"] == position


@pytest.mark.parametrize(
    ("formula", "text"),
    [
        (minus(A, minus(B, 1.0)), "metrics.`a` - (metrics.`b` - 1.0)"),
        (minus(minus(A, B), 1.0), "metrics.`a` - metrics.`b` - 1.0"),
        (times(plus(A, B), 2.0), "(metrics.`a` + metrics.`b`) * 2.0"),
        (plus(A, times(B, 2.0)), "metrics.`a` + metrics.`b` * 2.0"),
        (over(A, times(B, 2.0)), "metrics.`a` / (metrics.`b` * 2.0)"),
    ],
    ids=lambda one: one if isinstance(one, str) else "formula",
)
def test_a_formula_is_written_with_the_parentheses_that_it_needs(formula: Formula, text: str) -> None:
    assert format_formula(formula) == text


CASES = json.loads((Path(__file__).parent / "formulas.json").read_text(encoding="utf-8"))
"""What formulas come to, and where they are refused: the UI, which computes them too, is held to the same."""


@pytest.mark.parametrize(("text", "value"), CASES["values"])
def test_a_formula_comes_to_what_the_ui_shows(text: str, value: float | None) -> None:
    def read(field: Field) -> float | None:
        place = ("last", "min", "max").index(field.aggregate)
        return CASES["metrics"][field.key][place] if field.key in CASES["metrics"] else None

    [term] = parse_order([text], RUNS)
    assert compute(term.field, read) == value


@pytest.mark.parametrize(("text", "position"), CASES["faults"])
def test_a_formula_is_refused_where_the_ui_does(text: str, position: int) -> None:
    with pytest.raises(InvalidInput) as refusal:
        parse_order([text], RUNS)
    assert refusal.value.details["position"] == position
