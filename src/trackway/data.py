"""Data sets to log: what they are made of, without the data."""

from __future__ import annotations

from trackway.sdk.dataset_sources import DatasetSource, get_source
from trackway.sdk.datasets import TrackedDataset, from_numpy, from_pandas, from_polars

__all__ = ["DatasetSource", "TrackedDataset", "from_numpy", "from_pandas", "from_polars", "get_source"]
