"""Models leave Python as ONNX, with figures on how near they come; and MLflow asks them in the same way."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import catboost
import lightgbm
import numpy as np
import onnxruntime
import pandas as pd
import prophet
import pytest
import torch
import xgboost
from sklearn.cluster import KMeans
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

import trackway as tw
from tests.models.libraries.tables import CATBOOST, classes, make_days, make_rows, total
from tests.models.peers import Peer
from trackway.base.errors import AlreadyExists, InvalidInput, NotSupported
from trackway.models.package import load_model, save_model

pytestmark = [pytest.mark.libraries, pytest.mark.filterwarnings("ignore")]

FEW: dict[str, Any] = {"n_estimators": 5}
QUIET = {**FEW, "verbose": -1}


def bits() -> Any:
    return (make_rows().a > 0.5).astype(int)


def three() -> Any:
    return np.where(make_rows().a > 0.6, 2, np.where(make_rows().b > 0.5, 1, 0))


def make_mixed() -> pd.DataFrame:
    return make_rows().assign(c=classes())


def _by_columns() -> Any:
    parts = ColumnTransformer([("number", StandardScaler(), ["a", "n"]), ("word", OneHotEncoder(), ["c"])])
    return make_pipeline(parts, LogisticRegression()).fit(make_mixed(), bits())


def _booster(module: Any, objective: str, target: Any, **more: Any) -> Any:
    if module is xgboost:
        return xgboost.train({"objective": objective, **more}, xgboost.DMatrix(make_rows(), target), 4)
    return lightgbm.train({"objective": objective, "verbose": -1, **more}, lightgbm.Dataset(make_rows(), target), 4)


MODELS: dict[str, Callable[[], Any]] = {
    "linear": lambda: LinearRegression().fit(make_rows(), total()),
    "logistic": lambda: LogisticRegression().fit(make_rows(), classes()),
    "forest": lambda: RandomForestClassifier(5, random_state=0).fit(make_rows(), bits() == 1),
    "forest of numbers": lambda: RandomForestRegressor(5, random_state=0).fit(make_rows(), total()),
    "clusters": lambda: KMeans(3, n_init=1, random_state=0).fit(make_rows()),
    "by columns": _by_columns,
    "lightgbm within": lambda: make_pipeline(StandardScaler(), lightgbm.LGBMClassifier(**QUIET)).fit(
        make_rows(), classes()
    ),
    "lightgbm": lambda: lightgbm.LGBMClassifier(**QUIET).fit(make_rows(), classes()),
    "lightgbm of numbers": lambda: lightgbm.LGBMRegressor(**QUIET).fit(make_rows(), total()),
    "lightgbm booster": lambda: _booster(lightgbm, "regression", total()),
    "lightgbm booster of two": lambda: _booster(lightgbm, "binary", bits()),
    "lightgbm booster of three": lambda: _booster(lightgbm, "multiclass", three(), num_class=3),
    "xgboost": lambda: xgboost.XGBClassifier(**FEW).fit(make_rows(), three()),
    "xgboost of numbers": lambda: xgboost.XGBRegressor(**FEW).fit(make_rows(), total()),
    "xgboost booster of two": lambda: _booster(xgboost, "binary:logistic", bits()),
    "xgboost booster of three": lambda: _booster(xgboost, "multi:softprob", three(), num_class=3),
    "catboost": lambda: catboost.CatBoostClassifier(**CATBOOST).fit(make_rows(), classes()),
    "catboost of three": lambda: catboost.CatBoostClassifier(**CATBOOST).fit(make_rows(), three()),
    "catboost of numbers": lambda: catboost.CatBoostRegressor(**CATBOOST).fit(make_rows(), total()),
}


@pytest.mark.parametrize("name", MODELS)
def test_what_is_exported_predicts_the_same(name: str, tmp_path: Path) -> None:
    model, rows = MODELS[name](), make_mixed() if name == "by columns" else make_rows()
    made = tw.models.export(model, "onnx", tmp_path / "onnx", rows=rows)
    assert made.report.agrees, made.report.to_text()
    assert made.report.rows == 60
    expected = np.asarray(model.predict(xgboost.DMatrix(rows) if isinstance(model, xgboost.Booster) else rows))
    loaded = load_model(made.path)
    found = loaded.predict(rows)
    assert (found.shape, found.dtype.kind) == (expected.shape, expected.dtype.kind)
    if expected.dtype.kind == "f":
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
    else:
        assert found.tolist() == expected.tolist()
    assert loaded.signature is not None
    assert loaded.signature.inputs is not None
    assert [spec.name for spec in loaded.signature.inputs] == rows.columns.tolist()
    assert loaded.predict(rows.head(1)).shape == expected[:1].shape


def test_a_loaded_model_keeps_its_signature_and_the_report_is_beside_it(tmp_path: Path) -> None:
    model = LogisticRegression().fit(make_rows(), classes())
    save_model(model, tmp_path / "model", pyfunc_predict_fn="predict_proba", input_example=make_rows().head(5))
    source = load_model(tmp_path / "model")
    made = tw.models.export(source, path=tmp_path / "onnx")
    exported = load_model(made.path)
    assert exported.signature == source.signature
    assert made.report.rows == 5
    assert [one.output for one in made.report.comparisons] == ["probabilities"]
    np.testing.assert_allclose(exported.predict(make_rows()), model.predict_proba(make_rows()), atol=1e-6)
    told = json.loads((made.path / "parity.json").read_text())
    assert source.manifest is not None
    assert (told["verdict"], told["source"]["digest"]) == ("agrees", source.manifest.digest)
    assert "Verdict: **agrees**, on 5 rows." in (made.path / "parity.md").read_text()
    assert exported.input_example.to_dict("list") == make_rows().head(3).to_dict("list")
    assert exported.is_rowwise == source.is_rowwise
    again = tw.models.export(str(tmp_path / "model"), "onnx", tmp_path / "again", rows=make_rows())
    assert again.report.rows == 60


def test_what_was_exported_is_logged_with_its_report(tmp_path: Path) -> None:
    model = LogisticRegression().fit(make_rows(), classes())
    made = tw.models.export(model, path=tmp_path / "onnx", rows=make_rows())
    save_model(made.path, tmp_path / "copy", "onnx", signature=made.saved.mlmodel.signature)
    copy = load_model(tmp_path / "copy")
    assert copy.predict(make_rows()).tolist() == model.predict(make_rows()).tolist()
    assert copy.is_rowwise
    for name in ("parity.json", "parity.md"):
        assert (tmp_path / "copy" / name).read_bytes() == (made.path / name).read_bytes()
    save_model(model, tmp_path / "sklearn")
    with pytest.raises(InvalidInput, match="is none of ONNX"):
        save_model(tmp_path / "sklearn", tmp_path / "none", "onnx")


def test_the_file_runs_without_this_package(tmp_path: Path) -> None:
    model = LogisticRegression().fit(make_rows(), classes())
    made = tw.models.export(model, path=tmp_path / "onnx", rows=make_rows())
    session = onnxruntime.InferenceSession(made.path / "model.onnx", providers=["CPUExecutionProvider"])
    label, scores = session.run(None, {"rows": make_rows().to_numpy("float64")})
    assert label.tolist() == model.predict(make_rows()).tolist()
    np.testing.assert_allclose(scores, model.predict_proba(make_rows()), atol=1e-6)


def test_arrays_are_rows_too(tmp_path: Path) -> None:
    rows = make_rows().to_numpy()
    model = LinearRegression().fit(rows, total())
    made = tw.models.export(model, path=tmp_path / "onnx", rows=rows)
    np.testing.assert_allclose(load_model(made.path).predict(rows), model.predict(rows), rtol=1e-6)


def test_a_module_of_pytorch_is_exported(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(3, 8), torch.nn.ReLU(), torch.nn.Dropout(), torch.nn.Linear(8, 2))
    made = tw.models.export(model, path=tmp_path / "onnx", rows=make_rows())
    assert made.report.agrees, made.report.to_text()
    assert model.training  # as it was
    with torch.no_grad():
        expected = model.eval()(torch.tensor(make_rows().to_numpy("float32"))).numpy()
    np.testing.assert_allclose(load_model(made.path).predict(make_rows()), expected, rtol=1e-4, atol=1e-6)
    save_model(model, tmp_path / "model", input_example=make_rows().head(3))
    with pytest.raises(NotSupported, match=r"loaded as a program cannot be converted.*export the module itself"):
        tw.models.export(tmp_path / "model", path=tmp_path / "again")


class Layered(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(3, 2)


class TwoByName(Layered):
    def forward(self, left: Any, right: Any) -> Any:
        return self.layer(left) * right


class TwoOfADict(Layered):
    def forward(self, given: Any) -> Any:
        return {"sum": self.layer(given["left"]) + given["right"], "twice": given["left"] * 2}


class TwoOut(Layered):
    def forward(self, rows: Any) -> Any:
        return self.layer(rows), rows.sum(1)


@pytest.mark.parametrize("kind", [TwoByName, TwoOfADict, TwoOut])
def test_a_module_of_several_inputs_or_outputs_is_exported(kind: Any, tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = kind()
    rng = np.random.default_rng(0)
    left, right = rng.random((20, 3)).astype("float32"), rng.random((20, 2)).astype("float32")
    rows: Any = left if kind is TwoOut else {"left": left, "right": right}
    made = tw.models.export(model, path=tmp_path / "onnx", rows=rows)
    assert made.report.agrees, made.report.to_text()
    assert made.report.rows == 20
    save_model(model, tmp_path / "model", input_example=rows)
    expected, found = (load_model(tmp_path / name).predict(rows) for name in ("model", "onnx"))
    if kind is TwoByName:
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)
    else:
        assert [*found] == [*expected] == (["sum", "twice"] if kind is TwoOfADict else ["output_0", "output_1"])
        for name in expected:
            np.testing.assert_allclose(found[name], expected[name], rtol=1e-4, atol=1e-6)
    session = onnxruntime.InferenceSession(made.path / "model.onnx")
    assert [one.name for one in session.get_inputs()] == (["rows"] if kind is TwoOut else ["left", "right"])


HISTOGRAMS: dict[str, Callable[[], Any]] = {
    "regression": lambda: HistGradientBoostingRegressor(max_iter=20).fit(make_gaps(), total()),
    "counts": lambda: HistGradientBoostingRegressor(max_iter=20, loss="poisson").fit(make_gaps(), total() + 1),
    "two classes": lambda: HistGradientBoostingClassifier(max_iter=20).fit(make_gaps(), bits()),
    "three classes": lambda: HistGradientBoostingClassifier(max_iter=20).fit(make_gaps(), three()),
    "classes with names": lambda: HistGradientBoostingClassifier(max_iter=20).fit(make_gaps(), classes()),
    "in a pipeline": lambda: make_pipeline(StandardScaler(), HistGradientBoostingRegressor(max_iter=20)).fit(
        make_gaps(), total()
    ),
}


def make_gaps() -> pd.DataFrame:
    rows = make_rows().astype("float64")
    rows.loc[::7, "b"] = np.nan
    return rows


@pytest.mark.parametrize("name", HISTOGRAMS)
def test_trees_on_histograms_are_exported_with_missing_values(name: str, tmp_path: Path) -> None:
    model = HISTOGRAMS[name]()
    made = tw.models.export(model, path=tmp_path / "onnx", rows=make_gaps())
    assert made.report.agrees, made.report.to_text()
    found, expected = load_model(made.path).predict(make_gaps()), model.predict(make_gaps())
    if expected.dtype.kind == "f":
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
    else:
        assert found.tolist() == expected.tolist()


def test_a_difference_is_told_with_its_row(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Trees split whole numbers in the middle between two; after scaling, 32 bits fall to the other side."""
    model = make_pipeline(StandardScaler(), xgboost.XGBRegressor(**FEW)).fit(make_rows(), total())
    made = tw.models.export(model, path=tmp_path / "onnx", rows=make_rows())
    worst = made.report.comparisons[0]
    assert not made.report.agrees
    assert worst.row is not None
    assert worst.largest_absolute is not None
    rows = make_rows().iloc[[worst.row]]
    difference = abs(load_model(made.path).predict(rows) - model.predict(rows))[0]
    assert difference == pytest.approx(worst.largest_absolute, rel=1e-4)
    assert "The exported model differs from its source" in caplog.text
    assert "Verdict: **differs**" in (made.path / "parity.md").read_text()
    lenient = tw.models.export(model, path=tmp_path / "lenient", rows=make_rows(), atol=100.0)
    assert lenient.report.agrees


REFUSED: dict[str, tuple[Callable[[], tuple[Any, Any]], str]] = {
    "a function": (
        lambda: (
            make_pipeline(FunctionTransformer(np.sqrt), LinearRegression()).fit(make_rows(), total()),
            make_rows(),
        ),
        "A Pipeline cannot be converted to ONNX: .*FunctionTransformer is not supported",
    ),
    "raw scores": (
        lambda: (
            catboost.CatBoost({"loss_function": "Logloss", **CATBOOST}).fit(make_rows(), bits()),
            make_rows(),
        ),
        "It predicts raw scores",
    ),
    "categories": (
        lambda: (
            catboost.CatBoostRegressor(**CATBOOST).fit(make_mixed(), total(), cat_features=["c"]),
            make_mixed(),
        ),
        "categorical features",
    ),
    "splits of categories": (
        lambda: (
            HistGradientBoostingRegressor(max_iter=5, categorical_features=[2]).fit(make_rows(), total()),
            make_rows(),
        ),
        "Splits of categories",
    ),
    "labels of a booster": (
        lambda: (_booster(xgboost, "multi:softmax", three(), num_class=3), make_rows()),
        "objective multi:softmax",
    ),
    "a forecast": (
        lambda: (prophet.Prophet(uncertainty_samples=0).fit(make_days()), make_days()[["ds"]]),
        "No way from prophet to ONNX is known",
    ),
    "times": (
        lambda: (LinearRegression().fit(make_rows(), total()), make_rows().assign(a=pd.Timestamp("2026-01-01"))),
        "",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_converted_is_refused_with_the_reason(name: str, tmp_path: Path) -> None:
    make, problem = REFUSED[name]
    model, rows = make()
    with pytest.raises((NotSupported, InvalidInput, TypeError), match=problem):
        tw.models.export(model, "onnx", tmp_path / "onnx", rows=rows)
    assert os.listdir(tmp_path) == []


def test_wrong_requests_say_what_is_allowed(tmp_path: Path) -> None:
    model = LinearRegression().fit(make_rows(), total())
    with pytest.raises(InvalidInput, match="'pmml' is no form to export a model to"):
        tw.models.export(model, "pmml", tmp_path / "onnx", rows=make_rows())
    with pytest.raises(InvalidInput, match="There are no rows to compare the models on"):
        tw.models.export(model, "onnx", tmp_path / "onnx")
    logistic = LogisticRegression().fit(make_rows(), bits())
    with pytest.raises(NotSupported, match="What decision_function gives has no form in ONNX"):
        tw.models.export(logistic, path=tmp_path / "x", rows=make_rows(), pyfunc_predict_fn="decision_function")
    (tmp_path / "onnx").mkdir()
    (tmp_path / "onnx" / "file").write_text("x")
    with pytest.raises(AlreadyExists):
        tw.models.export(model, "onnx", tmp_path / "onnx", rows=make_rows())


LOAD = """
import logging, pandas
logging.disable(50)
import mlflow, mlflow.onnx
model = mlflow.pyfunc.load_model(arguments[0])
graph = mlflow.onnx.load_model(arguments[0]).graph
rows = pandas.DataFrame(arguments[1])
rows = rows.astype({name: object for name in rows if rows[name].dtype.kind not in "iuf"})  # as MLflow 2 knows texts
result = [model.predict(rows).tolist(), graph.output[0].name]
"""


def test_mlflow_asks_what_was_exported_in_the_same_way(peer: Peer, tmp_path: Path) -> None:
    for name in ("logistic", "by columns", "xgboost of numbers"):
        rows = make_mixed() if name == "by columns" else make_rows()
        made = tw.models.export(MODELS[name](), "onnx", tmp_path / name, rows=rows)
        found, _ = peer.run(LOAD, str(made.path), rows.to_dict("list"))
        assert found == pytest.approx(load_model(made.path).predict(rows).tolist())  # and nothing was left in it
