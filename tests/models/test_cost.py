"""What a prediction costs over the library's own call, in counts: the same few calls for one row and for many."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import trackway
from trackway import models
from trackway.models.package import Model

OWN = str(Path(trackway.__file__).parent)
MOST_CALLS = 9
"""Of our functions, for a table that fits as it is: predict, enforce, the look at its types, the call of the model."""
MOST_CALLS_OF_ALL = 40
"""With those of pandas."""


class Nothing:
    """A model that costs nothing."""

    def predict(self, model_input: Any) -> Any:
        return model_input


def _count(model: Model, data: Any) -> tuple[int, int]:
    """Return how many functions of ours, and of Python altogether, a prediction calls."""
    own = every = 0

    def watch(frame: Any, event: str, _argument: Any) -> None:
        nonlocal own, every
        if event == "call":
            every += 1
            own += frame.f_code.co_filename.startswith(OWN)

    sys.setprofile(watch)
    try:
        model.predict(data)
    finally:
        sys.setprofile(None)
    return own, every


@pytest.fixture
def model(tmp_path: Path) -> Model:
    rows = pd.DataFrame(np.zeros((2, 30)), columns=[f"c{place}" for place in range(30)])
    models.save_model(Nothing, tmp_path / "model", flavor="python", input_example=rows)
    return models.load_model(tmp_path / "model", trust=True)


def test_a_table_that_fits_costs_a_few_calls_whatever_its_size(model: Model) -> None:
    rows = pd.DataFrame(np.zeros((100_000, 30)), columns=[f"c{place}" for place in range(30)])
    model.predict(rows)  # the first of its kind is looked at
    counts = [_count(model, data) for data in (rows.head(1), rows.head(1_000), rows)]
    assert max(own for own, _ in counts) <= MOST_CALLS, counts
    assert len({own for own, _ in counts}) == 1, "it grows with the rows"
    assert max(every for _, every in counts) <= MOST_CALLS_OF_ALL, counts


def test_an_array_costs_no_call_a_row(model: Model) -> None:
    model.predict(np.zeros((10, 30)))
    small, large = (_count(model, np.zeros((rows, 30))) for rows in (10, 10_000))
    assert small[0] == large[0]
    assert large[1] <= small[1] + 10
