"""A model of each large library for tables, made in a blink."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import catboost
import numpy as np
import onnx
import pandas as pd
import prophet
import statsmodels.api as sm
import statsmodels.formula.api as smf
from onnx import TensorProto, helper, numpy_helper

from trackway.testing.flavors import FlavorCase

CATBOOST = {"iterations": 5, "depth": 3, "verbose": 0, "allow_writing_files": False, "random_seed": 1}


@cache
def make_rows() -> pd.DataFrame:
    """Return 60 rows of three columns, one of them of whole numbers."""
    rng = np.random.default_rng(7)
    return pd.DataFrame({"a": rng.random(60).round(3), "b": rng.random(60).round(3), "n": rng.integers(0, 9, 60)})


@cache
def make_days() -> pd.DataFrame:
    """Return 60 days as Prophet has them."""
    days = pd.date_range("2026-01-01", periods=60)
    return pd.DataFrame({"ds": days, "y": np.sin(np.arange(60) / 3) + np.arange(60) / 20})


def classes() -> Any:
    return np.where(make_rows().a > 0.5, "high", "low")


def total() -> Any:
    return make_rows().a * 2 + make_rows().n


def make_graph(weights: Any = None) -> onnx.ModelProto:
    """Return a linear model of three numbers."""
    matrix = np.array([[2.0], [0.5], [1.0]], np.float32) if weights is None else weights
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["rows", "weights"], ["score"])],
        "linear",
        [helper.make_tensor_value_info("rows", TensorProto.FLOAT, ["n", len(matrix)])],
        [helper.make_tensor_value_info("score", TensorProto.FLOAT, ["n", matrix.shape[1]])],
        [numpy_helper.from_array(matrix, "weights")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


def ask_graph(model: onnx.ModelProto, rows: pd.DataFrame) -> Any:
    weights = numpy_helper.to_array(model.graph.initializer[0])
    return rows.to_numpy("float32") @ weights


def _predict(model: Any, rows: Any) -> Any:
    return model.predict(rows)


def _case(flavor: str, model: Any, rows: pd.DataFrame | None = None, **more: Any) -> FlavorCase:
    named = {"predict": _predict, "library": flavor, "packages": (flavor,), **more}
    return FlavorCase(flavor, model, make_rows() if rows is None else rows, **named)


def _make_prophet() -> FlavorCase:
    model = prophet.Prophet(uncertainty_samples=0, yearly_seasonality=False).fit(make_days())
    return _case("prophet", model, make_days()[["ds"]].tail(9).reset_index(drop=True))


def _make_statsmodels(model: Any) -> FlavorCase:
    return _case("statsmodels", model, runs_code=True, is_pickled=True)


CASES: dict[str, Callable[[], FlavorCase]] = {
    "catboost classifier": lambda: _case(
        "catboost", catboost.CatBoostClassifier(**CATBOOST).fit(make_rows(), classes())
    ),
    "catboost regressor": lambda: _case(
        "catboost", catboost.CatBoostRegressor(**CATBOOST).fit(make_rows(), total()), options={"format": "json"}
    ),
    "catboost": lambda: _case(
        "catboost", catboost.CatBoost({"loss_function": "RMSE", **CATBOOST}).fit(make_rows(), total())
    ),
    "catboost ranker": lambda: _case(
        "catboost",
        catboost.CatBoostRanker(**CATBOOST).fit(make_rows(), total(), group_id=np.repeat(range(6), 10)),
    ),
    "onnx": lambda: _case("onnx", make_graph(), predict=ask_graph),
    "statsmodels formula": lambda: _make_statsmodels(smf.ols("y ~ a + n", make_rows().assign(y=total())).fit()),
    "statsmodels logit": lambda: _make_statsmodels(
        sm.GLM((make_rows().b > 0.4).astype(int), make_rows(), sm.families.Binomial()).fit()
    ),
    "prophet": _make_prophet,
}
