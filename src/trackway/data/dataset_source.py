"""Where a data set came from, under the name that scripts for MLflow import."""

from __future__ import annotations

from trackway.sdk.dataset_sources import DatasetSource

__all__ = ["DatasetSource"]
