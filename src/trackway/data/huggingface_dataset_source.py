"""Data sets of the hub as sources, under the name that scripts for MLflow import."""

from __future__ import annotations

from trackway.sdk.dataset_sources import HuggingFaceDatasetSource

__all__ = ["HuggingFaceDatasetSource"]
