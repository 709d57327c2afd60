"""Metrics of regression."""

from __future__ import annotations

from typing import Any

import numpy as np

from trackway.base.errors import InvalidInput
from trackway.evaluation.sample import Array, Measured, to_vector, to_weights

_EPSILON = float(np.finfo(np.float64).eps)


class NumberSample:
    """Rows whose target is a number."""

    curves = 1

    def __init__(self, targets: Array, predictions: Array, weights: Array) -> None:
        self.targets = targets
        self.predictions = predictions
        self.weights = weights

    @property
    def size(self) -> int:
        return len(self.targets)

    @property
    def residuals(self) -> Array:
        """Target less prediction."""
        return self.targets - self.predictions

    def take(self, rows: Array) -> NumberSample:
        return NumberSample(self.targets[rows], self.predictions[rows], self.weights[rows])

    def measure(self, weights: Array) -> Measured:
        errors = self.residuals
        center = float(self.targets.mean()) if self.size else 0.0
        targets = self.targets - center  # squares of numbers far from zero would lose their last digits
        relative = np.abs(errors) / np.maximum(np.abs(self.targets), _EPSILON)
        rows = np.column_stack([np.ones(self.size), errors, np.abs(errors), errors**2, relative, targets, targets**2])
        sums = weights @ rows
        with np.errstate(divide="ignore", invalid="ignore"):
            mean = sums / sums[:, :1]
            spread = mean[:, 6] - mean[:, 5] ** 2
            r2 = np.where(spread > 0, 1 - mean[:, 3] / spread, np.where(mean[:, 3] > 0, 0.0, 1.0))
        return {
            "mean_absolute_error": mean[:, 2],
            "mean_squared_error": mean[:, 3],
            "root_mean_squared_error": np.sqrt(mean[:, 3]),
            "mean_absolute_percentage_error": mean[:, 4],
            "mean_error": -mean[:, 1],
            "r2_score": r2,
            "mean_on_target": mean[:, 5] + center,
        }

    def describe(self) -> Measured:
        return {
            "example_count": np.array([float(self.size)]),
            "sum_on_target": np.array([float(self.weights @ self.targets)]),
            "max_error": np.array([float(np.abs(self.residuals).max(initial=0.0))]),
        }


def read_numbers(targets: Any, predictions: Any, weights: Any = None) -> NumberSample:
    """Make a sample of targets and predictions, any arrays or columns of one number a row.

    raises: InvalidInput for values that are no finite numbers, and for lengths that differ
    """
    true = _to_numbers("targets", targets)
    return NumberSample(true, _to_numbers("predictions", predictions, len(true)), to_weights(weights, len(true)))


def _to_numbers(name: str, values: Any, size: int | None = None) -> Array:
    vector = to_vector(name, values, size)
    try:
        numbers = vector.astype(np.float64)
    except (ValueError, TypeError):
        numbers = np.array([np.nan])
    if vector.dtype.kind in "US" or not np.isfinite(numbers).all():
        raise InvalidInput(f"The {name} are not all finite numbers", hint="texts are classes: model_type='classifier'")
    return numbers
