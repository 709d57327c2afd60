"""PolarsDataset, under the name that scripts for MLflow import."""

from __future__ import annotations

from trackway.sdk.datasets import TrackedDataset, from_polars

PolarsDataset = TrackedDataset

__all__ = ["PolarsDataset", "from_polars"]
