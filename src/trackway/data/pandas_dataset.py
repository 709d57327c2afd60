"""PandasDataset, under the name that scripts for MLflow import."""

from __future__ import annotations

from trackway.sdk.datasets import TrackedDataset, from_pandas

PandasDataset = TrackedDataset

__all__ = ["PandasDataset", "from_pandas"]
