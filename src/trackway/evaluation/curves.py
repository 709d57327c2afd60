"""Curves as plain JSON values: ROC, precision and recall, calibration, lift, the confusion matrix, residuals.

Each is thinned to ``MAX_POINTS``; the first and the last point stay.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from trackway.evaluation.classes import ClassSample
from trackway.evaluation.numbers import NumberSample
from trackway.evaluation.sample import Array

MAX_POINTS = 1_000
MAX_CURVES = 50
"""Classes with curves of their own; of more, the most frequent ones."""
CALIBRATION_BINS = 10
HISTOGRAM_BINS = 50
QUANTILES = (0.0, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 1.0)

Curve = dict[str, Any]


def make_curves(sample: ClassSample | NumberSample) -> dict[str, Curve]:
    """Return the curves of a sample by name."""
    return make_residuals(sample) if isinstance(sample, NumberSample) else make_class_curves(sample)


def make_class_curves(sample: ClassSample) -> dict[str, Curve]:
    """Return the confusion matrix, and with probabilities the curves of each class; of two, of the positive one."""
    counts = sample.count(sample.weights[None, :])[0]
    curves: dict[str, Curve] = {"confusion_matrix": {"labels": list(sample.labels), "counts": counts.tolist()}}
    if sample.probabilities is None:
        return curves
    places = [sample.positive] if sample.positive is not None else _choose_classes(sample)
    parts: dict[str, list[Curve]] = {
        name: [] for name in ("roc_curve", "precision_recall_curve", "lift_curve", "calibration_curve")
    }
    for place in places:
        if not 0 < (sample.targets == place).sum() < sample.size:
            continue  # a class without rows, or without others, has no curves
        for name, curve in _make_ranked_curves(sample, place).items():
            parts[name].append({"label": sample.labels[place], **curve})
        calibration = _make_calibration(sample, place)
        parts["calibration_curve"].append({"label": sample.labels[place], **calibration})
    return curves | {name: {"curves": found} for name, found in parts.items() if found}


def make_residuals(sample: NumberSample) -> dict[str, Curve]:
    """Return how residuals (target less prediction) are spread, and targets beside predictions."""
    residuals = sample.residuals
    try:
        counts, edges = np.histogram(residuals, bins=HISTOGRAM_BINS, weights=sample.weights)
    except ValueError:  # they are all but equal: no numbers lie between the edges of so many bins
        counts, edges = np.histogram(residuals, bins=1, weights=sample.weights)
    shown = _thin(sample.size)
    return {
        "residuals": {
            "histogram": {"edges": edges.tolist(), "counts": counts.tolist()},
            "quantiles": {str(q): float(np.quantile(residuals, q)) for q in QUANTILES},
            "predictions": sample.predictions[shown].tolist(),
            "targets": sample.targets[shown].tolist(),
            "rows": sample.size,
        }
    }


def _make_ranked_curves(sample: ClassSample, place: int) -> dict[str, Curve]:
    ranking = sample.rank(place)
    weights = sample.weights[None, :]
    hits, misses = (found[0] for found in ranking.count(weights))
    area, precision_area = (float(found[0]) for found in ranking.measure(weights))
    called = np.maximum(hits + misses, np.finfo(np.float64).tiny)
    found, precision = hits / hits[-1], hits / called
    share = called / called[-1]
    shown = _thin(len(hits))
    thresholds = ranking.thresholds[shown].tolist()
    return {
        "roc_curve": {
            "false_positive_rate": [0.0, *(misses / misses[-1])[shown].tolist()],
            "true_positive_rate": [0.0, *found[shown].tolist()],
            "thresholds": [None, *thresholds],
            "area": area,
        },
        "precision_recall_curve": {
            "recall": [0.0, *found[shown].tolist()],
            "precision": [1.0, *precision[shown].tolist()],
            "thresholds": [None, *thresholds],
            "area": precision_area,
        },
        "lift_curve": {
            "share": share[shown].tolist(),
            "lift": (precision / precision[-1])[shown].tolist(),
            "found": found[shown].tolist(),
        },
    }


def _make_calibration(sample: ClassSample, place: int) -> Curve:
    """Return mean probability and share of the class in bins of equal width, empty ones left out."""
    assert sample.probabilities is not None
    scores, weights = sample.probabilities[:, place], sample.weights
    bins = np.minimum((scores * CALIBRATION_BINS).astype(np.int64), CALIBRATION_BINS - 1)
    total = np.bincount(bins, weights, CALIBRATION_BINS)
    there = total > 0
    predicted = np.bincount(bins, weights * scores, CALIBRATION_BINS)[there] / total[there]
    observed = np.bincount(bins, weights * (sample.targets == place), CALIBRATION_BINS)[there] / total[there]
    error = float((total[there] * np.abs(predicted - observed)).sum() / total.sum())
    return {
        "predicted": predicted.tolist(),
        "observed": observed.tolist(),
        "weight": total[there].tolist(),
        "expected_error": error,
    }


def _choose_classes(sample: ClassSample) -> list[int]:
    support = np.bincount(sample.targets, minlength=len(sample.labels))
    return sorted(np.argsort(-support, kind="stable")[:MAX_CURVES].tolist())


def _thin(size: int) -> Array:
    return np.unique(np.linspace(0, size - 1, min(size, MAX_POINTS)).astype(np.int64))
