"""What is computed of metrics, at the ends of double precision and of what one search may ask for."""

from __future__ import annotations

import math

import pytest

from trackway.api import limits, query
from trackway.rules.grammar import RUNS, parse_filter, parse_order
from trackway.store.sql.store import SqlStore
from trackway.testing.store.space import Space

NAN, INF = float("nan"), float("inf")


@pytest.fixture(params=["sqlite_store", "postgres_store"])
def space(request: pytest.FixtureRequest) -> Space:
    store: SqlStore = request.getfixturevalue(request.param)
    return Space(store)


def find(space: Space, experiment: int, text: str, *order: str) -> list[str]:
    return space.find([experiment], parse_filter(text, RUNS), parse_order(order, RUNS))


@pytest.mark.parametrize(
    ("formula", "value"),
    [
        ("metrics.large * metrics.large", INF),
        ("metrics.large * (0 - metrics.large)", -INF),
        ("metrics.large + metrics.large", INF),
        ("0 - metrics.large - metrics.large", -INF),
        ("metrics.large / metrics.small", INF),
        ("metrics.small * metrics.small", 0.0),
        ("metrics.small / metrics.large", 0.0),
        ("metrics.inf + 1", INF),
        ("1 / metrics.inf", 0.0),
        ("metrics.third * 3", 1.0),
        ("0.1 + metrics.fifth", 0.1 + 0.2),
        ("max(metrics.nan) - min(metrics.nan)", 3.0),
        ("metrics.inf - metrics.inf", None),
        ("metrics.inf * 0", None),
        ("metrics.third / 0", None),
        ("metrics.inf / (metrics.third - metrics.third)", None),
        ("metrics.nan + 1", None),
        ("metrics.none + 1", None),
        ("0 * metrics.none", None),
    ],
)
def test_a_formula_comes_to_the_same_number_in_both_databases(space: Space, formula: str, value: float | None) -> None:
    experiment = space.make_experiment()
    run = space.make_run(experiment)
    values = {"large": 1.7e308, "small": 5e-324, "inf": INF, "third": 1 / 3, "fifth": 0.2}
    space.log(run, **{key: [(0, 0, number)] for key, number in values.items()})
    space.log(run, nan=[(0, 0, 1.0), (1, 1, 4.0), (2, 2, NAN)])
    one, none = [run.run_id], list[str]()
    there = value is not None
    assert find(space, experiment, f"{formula} IS NOT NULL") == (one if there else none)
    assert find(space, experiment, f"{formula} IS NULL") == (none if there else one)
    assert find(space, experiment, f"{formula} != 12345") == (one if there else none)
    assert find(space, experiment, f"NOT {formula} != 12345") == (none if there else one)
    if value is not None:
        assert find(space, experiment, f"{formula} = {value!r}") == one
        assert find(space, experiment, f"{value!r} >= {formula}") == one
        assert find(space, experiment, f"{formula} < {value!r}") == none


def test_an_order_by_a_formula_puts_runs_without_it_last_in_both_directions(space: Space) -> None:
    experiment = space.make_experiment()
    for name, (a, b) in {"half": (1.0, 2.0), "two": (4.0, 2.0), "zero": (1.0, 0.0), "nan": (NAN, 1.0)}.items():
        space.log(space.make_run(experiment, run_id=name, start_ms=1), a=[(0, 0, a)], b=[(0, 0, b)])
    assert find(space, experiment, "", "metrics.a / metrics.b") == ["half", "two", "nan", "zero"]
    assert find(space, experiment, "", "metrics.a / metrics.b DESC") == ["two", "half", "nan", "zero"]
    assert find(space, experiment, "metrics.b < 2", "metrics.a * 0", "metrics.b - metrics.a DESC") == ["zero", "nan"]


def test_the_largest_search_that_the_language_permits_is_answered(space: Space) -> None:
    experiment = space.make_experiment()
    run = space.make_run(experiment)
    space.log(run, **{f"m{n}": [(0, 0, 1.0)] for n in range(20)})
    total = " + ".join(f"metrics.m{n}" for n in range(20))
    some = total.removesuffix(" + metrics.m19")
    deep = "(" * query.FILTER_DEPTH + "metrics.m0" + " * 1)" * 18 + ")" * (query.FILTER_DEPTH - 18)
    clauses = [f"{some} = 19"] * (query.FILTER_CLAUSES // 19 - 1)
    assert find(space, experiment, " AND ".join([*clauses, f"{deep} = 1"])) == [run.run_id]
    long = " + ".join(["1"] * (query.FORMULA_OPERANDS - 2))
    assert find(space, experiment, " OR ".join([f"{long} + metrics.m0 < 0"] * query.FILTER_CLAUSES)) == []
    plain = [f"metrics.n{n}" for n in range(limits.ORDER_TERMS - 2)]
    half = limits.ORDER_METRICS // 2
    assert half == query.FORMULA_OPERANDS
    assert find(space, experiment, "", total, total.replace("+", "*"), *plain) == [run.run_id]


def test_numbers_are_those_of_python_where_both_are(space: Space) -> None:
    experiment = space.make_experiment()
    values = [math.pi * 10.0**n for n in range(-20, 20)]
    for n, value in enumerate(values):
        space.log(space.make_run(experiment, run_id=f"r{n:02}"), a=[(0, 0, value)], b=[(0, 0, 1 / (n + 3))])
    for n, value in enumerate(values):
        expected = (value - 1.1) / (1 / (n + 3)) * value
        assert f"r{n:02}" in find(space, experiment, f"(metrics.a - 1.1) / metrics.b * metrics.a = {expected!r}")
