"""Data sets to log: what they are made of, without the data."""

from __future__ import annotations

from trackway.sdk.dataset_sources import DatasetSource, get_source
from trackway.sdk.datasets import TrackedDataset, from_numpy, from_pandas, from_polars
from trackway.sdk.library_datasets import describe_source, from_huggingface, from_spark

MetaDataset = describe_source

__all__ = [
    "DatasetSource",
    "MetaDataset",
    "TrackedDataset",
    "describe_source",
    "from_huggingface",
    "from_numpy",
    "from_pandas",
    "from_polars",
    "from_spark",
    "get_source",
]
