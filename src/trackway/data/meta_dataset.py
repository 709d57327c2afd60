"""MetaDataset, under the name that scripts for MLflow import."""

from __future__ import annotations

from trackway.sdk.library_datasets import describe_source

MetaDataset = describe_source

__all__ = ["MetaDataset"]
