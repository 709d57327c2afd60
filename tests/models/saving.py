"""A Python model in a file of its own, which is what can be saved as code."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np


class Scale:
    """Multiplies a column."""

    def __init__(self, factor: float = 2.0) -> None:
        self.factor = factor

    def predict(self, model_input: Any, params: dict[str, Any] | None = None) -> Any:
        return np.asarray(model_input["a"]) * self.factor + (params or {}).get("add", 0.0)

    def predict_stream(self, model_input: Any) -> Iterator[float]:
        for value in model_input["a"]:
            yield value * self.factor


class FromFile:
    """Multiplies a column by the number in a file."""

    def load_context(self, context: Any) -> None:
        self.factor = float(Path(context.artifacts["factor"]).read_text())

    def predict(self, context: Any, model_input: Any) -> Any:
        return np.asarray(model_input["a"]) * self.factor


def negate(model_input: Any) -> Any:
    return -np.asarray(model_input["a"])


def describe(model_input: Any) -> Iterator[Any]:
    return iter(model_input.columns.tolist())
