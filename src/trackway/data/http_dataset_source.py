"""A source on the web, under the name that scripts for MLflow import."""

from __future__ import annotations

from trackway.sdk.dataset_sources import HTTPDatasetSource

__all__ = ["HTTPDatasetSource"]
