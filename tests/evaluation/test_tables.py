"""Tables of classes and slices, and what thresholds say of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from trackway.base.errors import InvalidInput
from trackway.evaluation.checks import Threshold, check, read_thresholds
from trackway.evaluation.classes import read_classes
from trackway.evaluation.numbers import read_numbers
from trackway.evaluation.resampling import Estimate, Resampling, estimate
from trackway.evaluation.tables import MAX_SLICES, MISSING, REST, cut_slices, make_class_table, make_slice_table

FOUND = {
    "accuracy_score": Estimate(0.9, 0.8, 0.95, np.array([0.88, 0.9, 0.92])),
    "log_loss": Estimate(0.3, 0.2, 0.4, np.array([0.29, 0.3, 0.31])),
    "example_count": Estimate(10.0),
}
BASELINE = {
    "accuracy_score": Estimate(0.88, draws=np.array([0.87, 0.91, 0.86])),
    "log_loss": Estimate(0.4, draws=np.array([0.35, 0.4, 0.45])),
}


def _check(baseline: Any = BASELINE, **thresholds: Any) -> list[bool]:
    return [one.passed for one in check(read_thresholds(thresholds), FOUND, baseline)]


def test_the_table_of_classes_counts_each_against_the_others() -> None:
    sample = read_classes(["a", "a", "b", "c"], ["a", "b", "b", "b"])
    table = make_class_table(sample, Resampling(50))
    assert table["positive_class"] == ["a", "b", "c"]
    assert table["true_positives"] == [1, 1, 0]
    assert table["false_positives"] == [0, 2, 0]
    assert table["false_negatives"] == [1, 0, 1]
    assert table["true_negatives"] == [2, 1, 3]
    assert table["recall_score"] == [0.5, 1, 0]
    assert all(low <= high for low, high in zip(table["f1_score_low"], table["f1_score_high"], strict=True))


def test_rows_are_sliced_by_values_and_by_ranges() -> None:
    texts = cut_slices("site", pd.Series(["x", "y", None, "x"]))
    assert {one.value: one.rows.tolist() for one in texts} == {"x": [0, 3], "y": [1], MISSING: [2]}
    numbers = cut_slices("age", np.arange(100))
    assert [(one.value, len(one.rows)) for one in numbers] == [
        ("< 24.75", 25),
        (">= 24.75 and < 49.5", 25),
        (">= 49.5 and < 74.25", 25),
        (">= 74.25", 25),
    ]
    edges = cut_slices("age", np.array([1.0, np.nan, 30.0]), [18])
    assert {one.value: one.rows.tolist() for one in edges} == {"< 18": [0], ">= 18": [2], MISSING: [1]}
    assert [one.value for one in cut_slices("flag", np.array([0, 1, 1]))] == ["1", "0"]
    many = cut_slices("id", np.array([str(i) for i in range(200)]))
    assert len(many) == MAX_SLICES
    assert (many[-1].value, len(many[-1].rows)) == (REST, 200 - MAX_SLICES + 1)


@pytest.mark.parametrize("how", [1, 51, [], [float("nan")], list(range(60))], ids=str)
def test_ranges_that_cannot_be_are_refused(how: Any) -> None:
    with pytest.raises(InvalidInput):
        cut_slices("age", np.arange(100), how)
    with pytest.raises(InvalidInput, match="holds no numbers"):
        cut_slices("site", np.array(["x"]), 4)


def test_a_slice_is_measured_as_if_it_were_all() -> None:
    true, called = np.array([1.0, 2.0, 3.0, 4.0]), np.array([1.0, 2.0, 3.0, 9.0])
    slices = cut_slices("part", np.array(["p", "p", "p", "q"]))
    table = make_slice_table(read_numbers(true, called), slices, Resampling(20))
    assert table["value"] == ["p", "q"]
    assert table["share"] == [0.75, 0.25]
    assert table["mean_absolute_error"] == [0, 5]
    assert table["mean_absolute_error_high"] == [0, 5]


def test_bounds_hold_the_value_or_the_whole_interval() -> None:
    assert _check(accuracy_score=0.9) == [True]
    assert _check(accuracy_score=0.91) == [False]
    assert _check(log_loss=0.3) == [True], "a number is an upper bound where less is better"
    assert _check(accuracy_score=Threshold(min=0.85, on_interval=True)) == [False]
    assert _check(log_loss=Threshold(max=0.35, on_interval=True)) == [False]
    assert _check(accuracy_score={"min": 0.5, "max": 0.8}) == [True, False]


def test_changes_are_for_the_better_whichever_way_that_is() -> None:
    assert _check(accuracy_score=Threshold(min_change=0.01), log_loss=Threshold(min_change=0.09)) == [True, True]
    assert _check(accuracy_score=Threshold(min_change=0.03)) == [False]
    assert _check(accuracy_score=Threshold(min_change=-0.5, min_relative_change=0.1)) == [True, False]
    assert _check(log_loss=Threshold(min_change=0, greater_is_better=True)) == [False]
    # Resample by resample the change is 0.01, -0.01 and 0.06: better on the whole, and not surely.
    assert _check(accuracy_score=Threshold(min_change=0)) == [True]
    assert _check(accuracy_score=Threshold(min_change=0, on_interval=True)) == [False]
    assert _check(log_loss=Threshold(min_change=0.05, on_interval=True)) == [True]


def test_every_slice_is_held_against_the_bounds() -> None:
    table: dict[str, list[Any]] = {
        "column": ["site", "site", "site"],
        "value": ["x", "y", "z"],
        "roc_auc": [0.9, 0.7, None],
        "roc_auc_low": [0.75, 0.6, None],
        "roc_auc_high": [0.95, 0.8, None],
    }
    found = {"roc_auc": Estimate(0.85, 0.84, 0.86)}
    checks = check({"roc_auc": Threshold(min=0.8, every_slice=True)}, found, None, table)
    assert [(one.demand, one.passed) for one in checks] == [
        ("at least 0.8", True),
        ("at least 0.8 where site is x", True),
        ("at least 0.8 where site is y", False),
    ]
    sure = check({"roc_auc": Threshold(min=0.8, every_slice=True, on_interval=True)}, found, None, table)
    assert [one.passed for one in sure] == [True, False, False]


@pytest.mark.parametrize(
    ("thresholds", "message"),
    [
        ({"speed": 1}, "'speed', which was not measured"),
        ({"accuracy_score": Threshold()}, "asks for nothing"),
        ({"accuracy_score": {"least": 1}}, "unknown field"),
        ({"accuracy_score": "high"}, "a Threshold or a number"),
        ({"accuracy_score": True}, "a Threshold or a number"),
        ({"accuracy_score": Threshold(min=float("nan"))}, "no finite number"),
        ({"accuracy_score": Threshold(min=2, max=1)}, "at least 2 and at most 1"),
        ({"accuracy_score": Threshold(min_change=0, every_slice=True)}, "asks nothing of slices"),
        ({"accuracy_score": Threshold(min=0, every_slice=True)}, "is about slices"),
        ({"example_count": Threshold(min=0, on_interval=True)}, "has no interval"),
    ],
    ids=str,
)
def test_thresholds_that_cannot_be_are_refused(thresholds: Any, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        check(read_thresholds(thresholds), FOUND, BASELINE)


def test_a_change_needs_a_baseline_with_resamples() -> None:
    with pytest.raises(InvalidInput, match="needs a baseline"):
        _check(None, accuracy_score=Threshold(min_change=0))
    with pytest.raises(InvalidInput, match="has no interval"):
        _check({"accuracy_score": Estimate(0.5)}, accuracy_score=Threshold(min_change=0, on_interval=True))


def test_two_models_are_compared_on_the_same_resamples() -> None:
    true = np.random.default_rng(0).normal(size=200)
    better = estimate(read_numbers(true, true + 0.10), Resampling(50))["mean_absolute_error"]
    worse = estimate(read_numbers(true, true + 0.11), Resampling(50))["mean_absolute_error"]
    assert better.draws is not None
    assert worse.draws is not None
    assert (worse.draws - better.draws).tolist() == pytest.approx([0.01] * 50)
