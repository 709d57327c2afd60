"""All kinds of sources, under the name that scripts for MLflow import."""

from __future__ import annotations

from trackway.sdk.dataset_sources import (
    CodeDatasetSource,
    DeltaDatasetSource,
    HTTPDatasetSource,
    HuggingFaceDatasetSource,
    SparkDatasetSource,
)

__all__ = [
    "CodeDatasetSource",
    "DeltaDatasetSource",
    "HTTPDatasetSource",
    "HuggingFaceDatasetSource",
    "SparkDatasetSource",
]
