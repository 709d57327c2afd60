"""Delta tables as sources, under the name that scripts for MLflow import."""

from __future__ import annotations

from trackway.sdk.dataset_sources import DeltaDatasetSource

__all__ = ["DeltaDatasetSource"]
