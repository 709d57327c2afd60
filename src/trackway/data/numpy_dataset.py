"""NumpyDataset, under the name that scripts for MLflow import."""

from __future__ import annotations

from trackway.sdk.datasets import TrackedDataset, from_numpy

NumpyDataset = TrackedDataset

__all__ = ["NumpyDataset", "from_numpy"]
