"""What a search space says, and what is drawn from it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from trackway.base.errors import InvalidInput
from trackway.projects.sweeps.space import list_grid, read_space, write_scalar


@pytest.mark.parametrize(
    ("domain", "expected"),
    [
        ("choice(adam, sgd)", ["adam", "sgd"]),
        ('choice("a,b", "c(1)", 2, 0.5, true)', ["a,b", "c(1)", 2, 0.5, True]),
        (["adam", 1, 2.5, False], ["adam", 1, 2.5, False]),
        ("choice(007, .5, NaN)", ["007", ".5", "NaN"]),
        ("int(1, 4)", [1, 2, 3, 4]),
        ("int(1, 10, step=3)", [1, 4, 7, 10]),
        ("int(1, 9, points=3)", [1, 5, 9]),
        ("uniform(0, 1, step=0.25)", [0.0, 0.25, 0.5, 0.75, 1.0]),
        ("uniform(0, 0.3, step=0.1)", [0.0, 0.1, 0.2, pytest.approx(0.3)]),
        ("log(1e-4, 1e-1, points=4)", [1e-4, pytest.approx(1e-3), pytest.approx(1e-2), 1e-1]),
        ("logint(1, 64, points=7)", [1, 2, 4, 8, 16, 32, 64]),
        ("logint(1, 4, points=9)", [1, 2, 3, 4]),
        ("uniform(2, 3, points=1)", [2.0]),
    ],
    ids=str,
)
def test_a_grid_takes_these_values(domain: Any, expected: list[Any]) -> None:
    found = [row["x"] for row in list_grid(read_space({"x": domain}))]
    assert found == expected
    assert [type(value) for value in found] == [type(getattr(value, "expected", value)) for value in expected]


def test_a_grid_is_every_combination_the_last_parameter_first() -> None:
    rows = list_grid(read_space({"a": "choice(x, y)", "b": [1, 2], "epochs": "005"}))
    assert [(row["a"], row["b"]) for row in rows] == [("x", 1), ("x", 2), ("y", 1), ("y", 2)]
    assert {row["epochs"] for row in rows} == {"005"}, "a value is passed as it was written"


@pytest.mark.parametrize("text", ["log(1e-4", "log 1e-4, 1e-1", "sqrt(1, 2)", "a log(1, 2)", "$(rm -rf)", " x ", "log"])
def test_what_is_no_form_is_a_value(text: str) -> None:
    assert list_grid(read_space({"x": [1, 2], "y": text}))[0]["y"] == text


@pytest.mark.parametrize(
    ("domain", "low", "high"),
    [
        ("uniform(-1, 1)", -1, 1),
        ("uniform(0, 1, step=0.1)", 0, 1),
        ("log(1e-5, 1)", 1e-5, 1),
        ("int(-3, 3)", -3, 3),
        ("int(0, 100, step=7)", 0, 98),
        ("logint(1, 1000)", 1, 1_000),
    ],
)
def test_what_is_drawn_lies_within_its_ends_and_reaches_them(domain: str, low: float, high: float) -> None:
    one = read_space({"x": domain})["x"]
    random = np.random.default_rng(0)
    drawn = [float(one.draw(random)) for _ in range(4_000)]
    span = high - low
    if domain.startswith("log"):
        drawn = [math.log(value) for value in drawn]
        low, high = math.log(low), math.log(high)
        span = high - low
    assert low <= min(drawn) < low + 0.01 * span
    assert high - 0.01 * span < max(drawn) <= high
    assert abs(sum(drawn) / len(drawn) - (low + high) / 2) < 0.1 * span


@pytest.mark.parametrize(
    ("domain", "told"),
    [
        ("log(0, 1)", "logarithm"),
        ("log(1e-1, 1e-4)", "is not below"),
        ("uniform(1, 1)", "is not below"),
        ("uniform(0, inf)", "no finite number"),
        ("uniform(a, b)", "no finite number"),
        ("int(1, 2.5)", "no integer"),
        ("int(1)", "cannot be read"),
        ("int(1, 2, 3)", "cannot be read"),
        ("int(1, 5, steps=2)", "cannot be read"),
        ("int(1, 5, step=0)", "a step"),
        ("int(1, 5, step=9)", "a step"),
        ("int(1, 5, step=1, points=2)", "both step and points"),
        ("log(1, 5, step=1)", "a step"),
        ("uniform(0, 1, points=0)", "points"),
        ("choice()", "cannot be chosen"),
        ("choice(a, a)", "there twice"),
        ("choice(a, (b))", "cannot be read"),
        ([], "a choice of 0"),
        ([[1]], "cannot be chosen"),
        ({"a": 1}, "is no domain"),
        (None, "is no domain"),
    ],
    ids=str,
)
def test_a_domain_that_cannot_be_is_refused(domain: Any, told: str) -> None:
    with pytest.raises(InvalidInput, match=told) as refusal:
        read_space({"x": domain, "y": [1, 2]})
    assert "'x'" in refusal.value.message


def test_a_space_with_nothing_to_try_and_a_grid_without_end_are_refused() -> None:
    with pytest.raises(InvalidInput, match="nothing to try"):
        read_space({"x": "1"})
    with pytest.raises(InvalidInput, match="how many values of 'x'"):
        list_grid(read_space({"x": "log(1, 2)"}))
    with pytest.raises(InvalidInput, match="1,000,000,000 trials"):
        list_grid(read_space(dict.fromkeys("abc", "int(1, 1000)")))


@pytest.mark.parametrize(("value", "text"), [(True, "true"), (0.1, "0.1"), (1e-05, "1e-05"), (3, "3"), ("a b", "a b")])
def test_a_value_becomes_the_text_that_a_program_gets(value: Any, text: str) -> None:
    assert write_scalar(value) == text
