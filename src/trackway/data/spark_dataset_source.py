"""Tables of Spark as sources, under the name that scripts for MLflow import."""

from __future__ import annotations

from trackway.sdk.dataset_sources import SparkDatasetSource

__all__ = ["SparkDatasetSource"]
