"""HuggingFaceDataset, under the name that scripts for MLflow import."""

from __future__ import annotations

from trackway.sdk.datasets import TrackedDataset
from trackway.sdk.library_datasets import from_huggingface

HuggingFaceDataset = TrackedDataset

__all__ = ["HuggingFaceDataset", "from_huggingface"]
