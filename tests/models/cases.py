"""A model of each kind that can be saved, trained in a blink."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import lightgbm
import numpy as np
import pandas as pd
import xgboost
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from tests.models import saving
from trackway.testing.flavors import FlavorCase


@cache
def make_rows() -> pd.DataFrame:
    """Return 60 rows of three columns, one of them of whole numbers."""
    rng = np.random.default_rng(7)
    return pd.DataFrame({"a": rng.random(60).round(3), "b": rng.random(60).round(3), "n": rng.integers(0, 9, 60)})


def _train(estimator: Any, target: Callable[[pd.DataFrame], Any]) -> Any:
    return estimator.fit(make_rows(), target(make_rows()))


def _classes(rows: pd.DataFrame) -> Any:
    return np.where(rows.a > 0.5, "high", "low")


def _bits(rows: pd.DataFrame) -> Any:
    return (rows.a > 0.5).astype(int)


def _sum(rows: pd.DataFrame) -> Any:
    return rows.a * 2 + rows.n


def _predict(model: Any, rows: Any) -> Any:
    return model.predict(rows)


def _case(flavor: str, model: Any, predict: Callable[[Any, Any], Any] = _predict, **more: Any) -> FlavorCase:
    packages = {
        "sklearn": ("scikit-learn",),
        "xgboost": ("xgboost", "xgboost-cpu"),
        "lightgbm": ("lightgbm",),
        "python": ("numpy",),
    }[flavor]
    library = "" if flavor == "python" else flavor
    return FlavorCase(flavor, model, make_rows(), predict, library=library, packages=packages, **more)


CASES: dict[str, Callable[[], FlavorCase]] = {
    "linear regression": lambda: _case("sklearn", _train(LinearRegression(), _sum)),
    "logistic regression": lambda: _case("sklearn", _train(LogisticRegression(), _classes)),
    "probabilities": lambda: _case(
        "sklearn",
        _train(LogisticRegression(), _classes),
        lambda model, rows: model.predict_proba(rows),
        options={"pyfunc_predict_fn": "predict_proba"},
    ),
    "random forest": lambda: _case("sklearn", _train(RandomForestClassifier(5, random_state=0), _classes)),
    "gradient boosting": lambda: _case("sklearn", _train(HistGradientBoostingRegressor(max_iter=5), _sum)),
    "pipeline": lambda: _case(
        "sklearn", _train(make_pipeline(StandardScaler(), lightgbm.LGBMRegressor(n_estimators=3, verbose=-1)), _sum)
    ),
    "xgboost classifier": lambda: _case("xgboost", _train(xgboost.XGBClassifier(n_estimators=3), _bits)),
    "xgboost booster": lambda: _case(
        "xgboost",
        xgboost.train({}, xgboost.DMatrix(make_rows(), _sum(make_rows())), 3),
        lambda model, rows: model.predict(xgboost.DMatrix(rows)),
    ),
    "xgboost as json": lambda: _case(
        "xgboost", _train(xgboost.XGBRegressor(n_estimators=3), _sum), options={"model_format": "json"}
    ),
    "lightgbm classifier": lambda: _case(
        "lightgbm", _train(lightgbm.LGBMClassifier(n_estimators=3, verbose=-1), _classes)
    ),
    "lightgbm booster": lambda: _case(
        "lightgbm", lightgbm.train({"verbose": -1}, lightgbm.Dataset(make_rows(), _sum(make_rows())), 3)
    ),
    "python class": lambda: _case(
        "python",
        saving.Scale,
        lambda _model, rows: rows.a * 3,
        options={"model_config": {"factor": 3.0}},
        runs_code=True,
    ),
    "python function": lambda: _case("python", saving.negate, lambda _model, rows: -rows.a, runs_code=True),
}
