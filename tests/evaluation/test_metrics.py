"""Metrics are scikit-learn's, weighted or not; intervals hold what they say, in one process and the next."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn import metrics

from trackway.base.errors import InvalidInput
from trackway.evaluation.classes import ClassSample, read_classes
from trackway.evaluation.curves import MAX_POINTS, make_curves
from trackway.evaluation.numbers import read_numbers
from trackway.evaluation.resampling import MOST_ROWS, Resampling, estimate

NO_RESAMPLES = Resampling(0)


def _draw(size: int, classes: int, seed: int = 0) -> tuple[Any, Any, Any]:
    """Return targets, probabilities with ties, and weights with zeros."""
    random = np.random.default_rng(seed)
    targets = random.integers(0, classes, size)
    scores = np.round(random.dirichlet(np.ones(classes), size) * 32 + np.eye(classes)[targets] * 8)
    weights = random.integers(0, 4, size).astype(float)
    return targets, scores / scores.sum(axis=1, keepdims=True), weights


def _measure(sample: Any) -> dict[str, float]:
    return {name: one.value for name, one in estimate(sample, NO_RESAMPLES).items()}


@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
def test_metrics_of_two_classes_are_scikit_learns(weighted: bool) -> None:
    true, scores, drawn = _draw(700, 2)
    weights = drawn if weighted else None
    called = (scores[:, 1] >= 0.5).astype(int)
    found = _measure(read_classes(true, None, scores, weights=weights))
    given: Any = {"sample_weight": weights}
    assert found == pytest.approx(
        {
            "example_count": 700,
            **dict(
                zip(
                    ("true_negatives", "false_positives", "false_negatives", "true_positives"),
                    metrics.confusion_matrix(true, called).ravel(),
                    strict=True,
                )
            ),
            "accuracy_score": metrics.accuracy_score(true, called, **given),
            "balanced_accuracy_score": metrics.balanced_accuracy_score(true, called, **given),
            "matthews_corrcoef": metrics.matthews_corrcoef(true, called, **given),
            "precision_score": metrics.precision_score(true, called, **given),
            "recall_score": metrics.recall_score(true, called, **given),
            "f1_score": metrics.f1_score(true, called, **given),
            "log_loss": metrics.log_loss(true, scores, **given),
            "brier_score_loss": metrics.brier_score_loss(true, scores[:, 1], **given),
            "roc_auc": metrics.roc_auc_score(true, scores[:, 1], **given),
            "precision_recall_auc": metrics.average_precision_score(true, scores[:, 1], **given),
        }
    )


@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
def test_metrics_of_more_classes_are_scikit_learns(weighted: bool) -> None:
    true, scores, drawn = _draw(900, 4)
    weights = drawn if weighted else None
    names = np.array(["ash", "birch", "cedar", "elm"])
    called = scores.argmax(axis=1)
    found = _measure(read_classes(names[true], names[called], scores, weights=weights))
    given: Any = {"sample_weight": weights}
    average: Any = {"average": "weighted", "sample_weight": weights}
    assert found == pytest.approx(
        {
            "example_count": 900,
            "accuracy_score": metrics.accuracy_score(true, called, **given),
            "balanced_accuracy_score": metrics.balanced_accuracy_score(true, called, **given),
            "matthews_corrcoef": metrics.matthews_corrcoef(true, called, **given),
            "f1_score_macro": metrics.f1_score(true, called, average="macro", **given),
            "precision_score": metrics.precision_score(true, called, **average),
            "recall_score": metrics.recall_score(true, called, **average),
            "f1_score": metrics.f1_score(true, called, **average),
            "log_loss": metrics.log_loss(true, scores, **given),
            "roc_auc": metrics.roc_auc_score(true, scores, multi_class="ovr", **average),
        }
    )


@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
def test_metrics_of_numbers_are_scikit_learns(weighted: bool) -> None:
    random = np.random.default_rng(1)
    true = random.normal(1e9, 3, 500)  # far from zero, where sums of squares lose their digits
    called = true + random.normal(0.1, 1, 500)
    weights = random.random(500) if weighted else None
    found = _measure(read_numbers(true, called, weights))
    given: Any = {"sample_weight": weights}
    squared = metrics.mean_squared_error(true, called, **given)
    assert found == pytest.approx(
        {
            "example_count": 500,
            "sum_on_target": np.sum(true * (1 if weights is None else weights)),
            "max_error": metrics.max_error(true, called),
            "mean_absolute_error": metrics.mean_absolute_error(true, called, **given),
            "mean_squared_error": squared,
            "root_mean_squared_error": squared**0.5,
            "mean_absolute_percentage_error": metrics.mean_absolute_percentage_error(true, called, **given),
            "mean_error": np.average(called - true, weights=weights),
            "r2_score": metrics.r2_score(true, called, **given),
            "mean_on_target": np.average(true, weights=weights),
        },
        rel=1e-6,
    )


def test_an_interval_is_that_of_a_bootstrap_row_by_row() -> None:
    true, scores, _ = _draw(300, 2)
    found = estimate(read_classes(true, None, scores), Resampling(500, seed=3))
    random = np.random.default_rng(5)
    drawn = []
    for _ in range(500):
        rows = random.integers(0, 300, 300)
        drawn.append(metrics.roc_auc_score(true[rows], scores[rows, 1]))
    low, high = np.quantile(drawn, [0.025, 0.975])
    width = high - low
    assert found["roc_auc"].low == pytest.approx(low, abs=width / 4)
    assert found["roc_auc"].high == pytest.approx(high, abs=width / 4)


def test_intervals_are_the_same_again_and_wider_with_more_confidence() -> None:
    sample = read_classes(*_draw(200, 3)[:1], None, _draw(200, 3)[1])
    first, again = estimate(sample, Resampling(100)), estimate(sample, Resampling(100))
    sure = estimate(sample, Resampling(100, confidence=0.999))
    for name, one in first.items():
        assert (one.low, one.high) == (again[name].low, again[name].high)
        if one.low is not None and one.high is not None:
            other = sure[name]
            assert other.low is not None
            assert other.high is not None
            assert other.low <= one.low <= one.high <= other.high


def test_the_interval_of_many_rows_is_as_wide_as_theory_says() -> None:
    size = 10 * MOST_ROWS
    random = np.random.default_rng(0)
    true = random.integers(0, 2, size)
    called = np.where(random.random(size) < 0.8, true, 1 - true)
    one = estimate(read_classes(true, called), Resampling())["accuracy_score"]
    assert one.low is not None
    assert one.high is not None
    assert one.high - one.low == pytest.approx(2 * 1.96 * (0.8 * 0.2 / size) ** 0.5, rel=0.15)
    assert one.low < one.value < one.high


def test_what_is_computed_for_many_rows_is_bounded() -> None:
    heights: list[tuple[int, ...]] = []

    class Watched(ClassSample):
        def take(self, rows: Any) -> Watched:
            return Watched(self.labels, *(part[rows] for part in (self.targets, self.predictions, self.weights)))

        def measure(self, weights: Any) -> Any:
            heights.append(weights.shape)
            return super().measure(weights)

    zeros = np.zeros(200_000, dtype=np.int64)
    estimate(Watched((0, 1), zeros, zeros, np.ones(200_000)), Resampling())
    assert sum(rows * width for rows, width in heights[1:]) <= (1_000 + 1) * MOST_ROWS


def test_a_metric_that_cannot_be_is_no_number_and_has_no_interval() -> None:
    one_class = estimate(read_classes([1, 1], None, [0.6, 0.9], classes=[0, 1]), Resampling(20))
    assert np.isnan(one_class["roc_auc"].value)
    assert one_class["roc_auc"].low is None
    assert one_class["accuracy_score"].value == 1
    same = _measure(read_numbers([2.0, 2.0], [2.0, 2.0]))
    assert (same["r2_score"], same["mean_squared_error"]) == (1, 0)
    assert _measure(read_numbers([2.0, 2.0], [2.0, 3.0]))["r2_score"] == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([0, 1], [0]), "There are 1 predictions for 2 rows"),
        (([0, None], [0, 1]), "1 of 2 targets are missing"),
        (([0.0, np.nan], [0, 1]), "1 of 2 targets are missing"),
        ((["a", "b"], [0, 1]), "mix int and str"),
        (([0, 1], None, [0.5, 1.5]), "from 0 to 1"),
        (([0, 1], None, [0.5, np.nan]), "from 0 to 1"),
        (([0, 1, 2], None, [0.5, 0.5, 0.5]), "for two classes; there are 3"),
        (([0, 1], None, [[0.2, 0.3, 0.5]] * 2), "probabilities of 3 classes, and 2 classes"),
        (([[0, 1], [1, 0]], [0, 1]), "targets have the shape"),
        (([0, 1],), "neither predictions nor probabilities"),
        (([1, 1], None, [0.5, 0.5]), "All rows have one class"),
        ((np.arange(2_000), np.arange(2_000)), "There are 2000 classes"),
    ],
    ids=str,
)
def test_classes_that_cannot_be_compared_are_refused(arguments: Any, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        read_classes(*arguments)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"weights": [1, -1]}, "from 0 upwards"),
        ({"weights": [0, 0]}, "All weights are 0"),
        ({"weights": [1]}, "There are 1 weights for 2 rows"),
        ({"positive": 7}, "7 is no class"),
    ],
    ids=str,
)
def test_weights_and_labels_that_cannot_be_are_refused(options: Any, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        read_classes([0, 1], [0, 1], **options)


def test_numbers_that_are_none_are_refused() -> None:
    for targets, called in ((["a", "b"], [1, 2]), ([1, 2], ["x", "y"]), ([1, np.inf], [1, 2])):
        with pytest.raises(InvalidInput, match="not all finite numbers"):
            read_numbers(targets, called)
    with pytest.raises(InvalidInput, match="no rows"):
        estimate(read_numbers([], []), NO_RESAMPLES)


def test_labels_of_any_type_keep_their_columns() -> None:
    found = read_classes(["no", "yes"], None, [[0.9, 0.1], [0.2, 0.8]], classes=["yes", "no"], positive="no")
    assert (found.labels, found.positive) == (("no", "yes"), 0)
    assert found.probabilities is not None
    assert found.probabilities.tolist() == [[0.1, 0.9], [0.8, 0.2]]
    assert read_classes([True, False], [1, 0]).labels == (False, True)
    assert read_classes([0, 1], [0, 1], positive="0").positive == 0
    unknown = read_classes(["a", "b", "z"], ["a", "b", "b"], np.full((3, 2), 0.5), classes=["a", "b"])
    assert unknown.labels == ("a", "b", "z")


def test_curves_are_thinned_and_keep_their_ends() -> None:
    random = np.random.default_rng(0)
    scores = random.random(5_000)
    true = (random.random(5_000) < scores).astype(int)
    curves = make_curves(read_classes(true, None, scores))
    roc = curves["roc_curve"]["curves"][0]
    assert len(roc["true_positive_rate"]) == MAX_POINTS + 1
    assert (roc["false_positive_rate"][0], roc["true_positive_rate"][-1]) == (0, 1)
    assert roc["area"] == pytest.approx(metrics.roc_auc_score(true, scores))
    assert np.trapezoid(roc["true_positive_rate"], roc["false_positive_rate"]) == pytest.approx(roc["area"], abs=1e-3)
    calibration = curves["calibration_curve"]["curves"][0]
    assert calibration["expected_error"] < 0.05
    assert sum(calibration["weight"]) == 5_000
    lift = curves["lift_curve"]["curves"][0]
    assert lift["lift"][-1] == pytest.approx(1)
    assert curves["confusion_matrix"]["labels"] == [0, 1]
    residuals = make_curves(read_numbers(scores, scores * 2))["residuals"]
    assert (len(residuals["targets"]), residuals["rows"]) == (MAX_POINTS, 5_000)
