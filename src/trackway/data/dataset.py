"""Dataset, under the name that scripts for MLflow import."""

from __future__ import annotations

from trackway.sdk.datasets import TrackedDataset

Dataset = TrackedDataset

__all__ = ["Dataset"]
