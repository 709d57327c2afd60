"""SparkDataset, under the name that scripts for MLflow import."""

from __future__ import annotations

from trackway.sdk.datasets import TrackedDataset
from trackway.sdk.delta_datasets import load_delta
from trackway.sdk.library_datasets import from_spark

SparkDataset = TrackedDataset

__all__ = ["SparkDataset", "from_spark", "load_delta"]
