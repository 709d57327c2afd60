"""Models in Python that tell what came to them; saved by this file."""

from __future__ import annotations

import datetime as dt
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd


class Echo:
    """Gives back what it was given."""

    def predict(self, model_input: Any, params: dict[str, Any] | None = None) -> Any:
        if params:
            return [params]
        if isinstance(model_input, dict):
            return {str(name): np.asarray(value).tolist() for name, value in model_input.items()}
        return model_input


class Answer:
    """Gives an answer of the kind that a param names."""

    def predict(self, model_input: Any, params: dict[str, Any] | None = None) -> Any:
        rows = len(model_input)
        makers: dict[str, Any] = {
            "floats": lambda: np.arange(rows) * 0.5,
            "float32": lambda: np.full(rows, 0.1, "float32"),
            "nan": lambda: np.array([np.nan, np.inf][:rows]),
            "texts": lambda: np.array(["é"] * rows),
            "objects": lambda: np.array(["a", None][:rows], dtype=object),
            "table": lambda: pd.DataFrame({"x": np.arange(rows), "t": pd.to_datetime(["2020-01-02"] * rows)}),
            "series": lambda: pd.Series(np.arange(rows), name="s"),
            "list": lambda: [np.float64(1.5)] * rows,
            "dict": lambda: {"a": np.arange(rows), "b": 1},
            "bytes": lambda: np.array([b"ab"] * rows, dtype=object),
            "dates": lambda: [dt.date(2020, 1, 2)] * rows,
            "scalar": lambda: 2.5,
            "none": lambda: None,
            "thing": lambda: object(),
        }
        return makers[(params or {}).get("kind", "floats")]()


class Boom:
    """Fails."""

    def predict(self, model_input: Any) -> Any:
        raise RuntimeError("no such luck")


class Gate:
    """Says that it computes by a file, and goes on when another file is there. Fails for rows below 0."""

    def __init__(self, folder: str) -> None:
        self._folder = Path(folder)
        self._calls = 0

    def predict(self, model_input: Any) -> Any:
        self._calls += 1
        (self._folder / f"call-{self._calls}").write_text(str(len(model_input)))
        deadline = time.monotonic() + 60
        while not (self._folder / "open").exists():
            if time.monotonic() > deadline:
                raise TimeoutError
            time.sleep(0.005)
        if (model_input["x"] < 0).any():
            raise ValueError("below 0")
        return model_input["x"].to_numpy() * 2
