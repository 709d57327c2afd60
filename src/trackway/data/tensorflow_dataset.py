"""TensorFlowDataset, under the name that scripts for MLflow import."""

from __future__ import annotations

from trackway.sdk.datasets import TrackedDataset
from trackway.sdk.tensor_datasets import from_tensorflow

TensorFlowDataset = TrackedDataset

__all__ = ["TensorFlowDataset", "from_tensorflow"]
