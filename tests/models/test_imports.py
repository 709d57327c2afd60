"""What a model needs, told by loading it in a process of its own."""

from __future__ import annotations

import importlib.metadata
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

from tests.models.saving import Scale
from trackway import models, pyfunc
from trackway.base.errors import InvalidInput


def pin(name: str) -> str:
    return f"{name}=={importlib.metadata.version(name)}"


def test_packages_that_a_model_imports_are_told_without_what_they_need(tmp_path: Path) -> None:
    models.save_model(LinearRegression().fit(np.ones((4, 2)), np.ones(4)), tmp_path / "model")
    told = models.infer_pip_requirements(tmp_path / "model", "sklearn")
    assert {pin("scikit-learn"), pin("skops")} <= {*told}
    assert not {line.partition("==")[0] for line in told} & {"joblib", "threadpoolctl", "trackway", "msgspec"}


def test_code_of_a_models_own_runs_with_trust_alone(tmp_path: Path) -> None:
    rows = pd.DataFrame({"a": [1.0]})
    pyfunc.save_model(tmp_path / "model", python_model=Scale, input_example=rows)
    assert pin("pandas") in models.infer_pip_requirements(tmp_path / "model", "python_function", trust=True)
    with pytest.raises(InvalidInput, match="trust"):
        models.infer_pip_requirements(tmp_path / "model", "python_function")
    assert models.infer_pip_requirements(tmp_path / "model", "python_function", fallback=["a"]) == ["a"]


def test_a_model_that_takes_too_long_is_given_up(tmp_path: Path) -> None:
    models.save_model(LinearRegression().fit(np.ones((4, 2)), np.ones(4)), tmp_path / "model")
    with pytest.raises(InvalidInput, match=r"longer than 0\.01 s"):
        models.infer_pip_requirements(tmp_path / "model", "sklearn", timeout=0.01)
