"""Data sets to log: what they are made of, without the data."""

from __future__ import annotations

from trackway.sdk.dataset_sources import DatasetSource, get_source
from trackway.sdk.datasets import TrackedDataset, from_numpy, from_pandas, from_polars
from trackway.sdk.delta_datasets import load_delta
from trackway.sdk.library_datasets import describe_source, from_huggingface, from_spark
from trackway.sdk.tensor_datasets import from_tensorflow

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
    "from_tensorflow",
    "get_source",
    "load_delta",
]
