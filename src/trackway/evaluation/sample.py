"""What is measured: rows with a target, a prediction and a weight."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, Self

import numpy as np

from trackway.base.errors import InvalidInput

Array = np.ndarray[Any, Any]
Measured = Mapping[str, Array]
"""Metrics by name; each an array with one value for each row of weights."""


class Sample(Protocol):
    """Rows of one kind of task."""

    @property
    def size(self) -> int:
        """The number of rows."""

    @property
    def weights(self) -> Array:
        """One weight a row, ones when none were given."""

    @property
    def curves(self) -> int:
        """How many orderings of all rows a measurement takes, which is what it costs."""

    def take(self, rows: Array) -> Self:
        """Return some of the rows, chosen by number or by mask."""

    def measure(self, weights: Array) -> Measured:
        """Return every metric under each row of weights, an array (b, n)."""

    def describe(self) -> Measured:
        """Return what is counted once and has no interval; arrays of one value."""


def to_vector(name: str, values: Any, size: int | None = None) -> Array:
    """Return values as an array of one dimension.

    values: an array, a list, or a column of pandas, polars or Arrow
    raises: InvalidInput for another shape or another number of rows than ``size``, and for missing values
    """
    array = np.asarray(values.to_numpy() if hasattr(values, "to_numpy") else values)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        raise InvalidInput(f"The {name} have the shape {array.shape}", hint="one value for each row is wanted")
    if size is not None and len(array) != size:
        raise InvalidInput(f"There are {len(array)} {name} for {size} rows")
    if missing := count_missing(array):
        raise InvalidInput(
            f"{missing} of {len(array)} {name} are missing", hint="leave such rows out, or say what they are"
        )
    return array


def to_weights(values: Any, size: int) -> Array:
    """Return one weight a row.

    raises: InvalidInput for weights that are negative, not finite, or zero altogether
    """
    if values is None:
        return np.ones(size)
    weights = to_vector("weights", values, size)
    if weights.dtype.kind not in "biuf" or not np.isfinite(weights).all() or (weights < 0).any():
        raise InvalidInput("Weights must be numbers from 0 upwards")
    if not weights.sum() > 0:
        raise InvalidInput("All weights are 0")
    return weights.astype(np.float64)


def count_missing(array: Array) -> int:
    """Return how many values are None, NaN or NaT."""
    if array.dtype.kind == "f":
        return int(np.isnan(array).sum())
    if array.dtype.kind == "M":
        return int(np.isnat(array).sum())
    if array.dtype.kind != "O":
        return 0
    return sum(1 for value in array.tolist() if value is None or value != value or type(value).__name__ == "NAType")
