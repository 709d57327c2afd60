"""Code as a source, under the name that scripts for MLflow import."""

from __future__ import annotations

from trackway.sdk.dataset_sources import CodeDatasetSource

__all__ = ["CodeDatasetSource"]
