"""How near two models come: figures, a verdict, and a page that says it."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from trackway.base.errors import InvalidInput
from trackway.models.parity import ParityReport, Tolerance, compare

NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("expected", "found", "agrees", "absolute", "row"),
    [
        ([1.0, 2.0], [1.0, 2.0], True, 0.0, None),
        ([1.0, 2.0], [1.00001, 2.0001], True, 0.0001, 1),
        ([1.0, 2.0], [1.01, 2.0], False, 0.01, 0),
        ([0.0, 1e6], [5e-6, 1e6 + 50], True, 50.0, 1),
        ([NAN, INF, -INF], [NAN, INF, -INF], True, 0.0, None),
        ([1.0, NAN], [1.0, 0.0], False, INF, 1),
        ([1.0, INF], [1.0, -INF], False, INF, 1),
        ([1.0, 2.0], [1.0, NAN], False, INF, 1),
        ([[0.1, 0.9], [0.5, 0.5]], [[0.1, 0.9], [0.6, 0.4]], False, 0.1, 1),
        ([[1.0], [2.0]], [1.0, 2.0], True, 0.0, None),
        ([], [], True, 0.0, None),
    ],
)
def test_numbers_differ_by_something(expected: Any, found: Any, agrees: bool, absolute: float, row: Any) -> None:
    one = compare("score", np.array(expected), np.array(found), Tolerance())
    assert (one.kind, one.agrees, one.row) == ("numbers", agrees, row)
    assert one.largest_absolute == pytest.approx(absolute)


def test_the_relative_difference_is_by_the_expected_number() -> None:
    one = compare("score", np.array([0.0, 4.0]), np.array([1e-6, 4.0004]), Tolerance())
    assert one.largest_relative == pytest.approx(1e-4)
    assert one.equal_share == 0.0


@pytest.mark.parametrize(
    ("expected", "found", "share", "row"),
    [
        (["a", "b", "c", "d"], ["a", "b", "c", "d"], 1.0, None),
        (["a", "b", "c", "d"], ["a", "b", "x", "d"], 0.75, 2),
        ([1, 0, 1, 1], [1, 1, 1, 1], 0.75, 1),
        ([True, False, True, True], [1, 0, 1, 1], 1.0, None),
    ],
)
def test_labels_are_equal_or_not(expected: Any, found: Any, share: float, row: Any) -> None:
    strict = compare("label", np.array(expected), np.array(found), Tolerance())
    assert (strict.kind, strict.equal_share, strict.row) == ("labels", share, row)
    assert strict.agrees == (share == 1.0)
    assert compare("label", np.array(expected), np.array(found), Tolerance(labels=0.75)).agrees


def test_answers_of_another_size_are_no_answers() -> None:
    with pytest.raises(InvalidInput, match=r"'score' has the shape \(3,\); \(2,\) was expected"):
        compare("score", np.zeros(2), np.zeros(3), Tolerance())
    with pytest.raises(InvalidInput, match="has the shape"):
        compare("score", np.zeros((2, 2)), np.zeros(4), Tolerance())


def test_a_report_is_read_by_machines_and_by_people() -> None:
    tolerance = Tolerance()
    report = ParityReport(
        verdict="differs",
        rows=2,
        tolerance=tolerance,
        comparisons=(
            compare("label", np.array(["a", "b"]), np.array(["a", "b"]), tolerance),
            compare("score", np.array([1.0, 2.0]), np.array([1.0, 2.5]), tolerance),
        ),
        source={"flavor": "sklearn", "class": "a.B"},
        form={"name": "onnx", "ir_version": 8, "opsets": {"ai.onnx": 17}},
        inputs="64-bit matrix",
        packages=("onnx==1.23.2",),
        rejected=("32-bit matrix: no",),
    )
    assert not report.agrees
    told = json.loads(report.to_json())
    assert (told["version"], told["verdict"], told["comparisons"][1]["largest_absolute"]) == (1, "differs", 0.5)
    page = report.to_text()
    assert "Verdict: **differs**, on 2 rows." in page
    assert "| label (labels) | yes | 100.0000% |  |  |  |" in page
    assert "| score (numbers) | no | 50.0000% | 0.5 | 0.25 | 1 |" in page
    assert "by onnx 1.23.2" in page
    assert "Tried before: 32-bit matrix: no" in page
