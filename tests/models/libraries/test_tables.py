"""Flavors of the large libraries for tables keep the contract, and their models cross over to MLflow and back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import catboost
import numpy as np
import pandas as pd
import prophet
import pytest
import statsmodels.formula.api as smf
from statsmodels.tsa.ar_model import AutoReg

import trackway as tw
from tests.models.libraries.conftest import OtherProcess
from tests.models.libraries.tables import CASES, make_days, make_rows
from tests.models.peers import Peer
from trackway.base.errors import InvalidInput, PermissionDenied
from trackway.models.package import load_model, save_model
from trackway.testing.flavors import FlavorCase, FlavorContract, assert_close, to_list

pytestmark = [
    pytest.mark.libraries,
    pytest.mark.filterwarnings("ignore::DeprecationWarning:prophet"),
    pytest.mark.filterwarnings("ignore:The 'convert_dates' keyword"),  # of pandas, by which Prophet reads its own form
]

CONTRACT = ("catboost classifier", "catboost regressor", "onnx", "statsmodels formula", "prophet")


class TestFlavors(FlavorContract):
    @pytest.fixture(params=CONTRACT)
    def case(self, request: pytest.FixtureRequest) -> FlavorCase:
        return CASES[request.param]()

    @pytest.fixture
    def run_elsewhere(self, other_process: OtherProcess) -> Callable[..., Any]:
        return other_process.run


LOAD = """
import logging, pandas
logging.disable(50)
import mlflow, numpy
folder, rows = arguments
model = mlflow.pyfunc.load_model(folder)
table = pandas.read_parquet(rows)
predicted = model.predict(table)
numbers = predicted.select_dtypes("number") if hasattr(predicted, "select_dtypes") else predicted
result = numpy.asarray(numbers).tolist()
"""


def _numbers(predicted: Any) -> Any:
    return to_list(predicted.select_dtypes("number") if hasattr(predicted, "select_dtypes") else predicted)


@pytest.mark.parametrize("name", CASES)
def test_mlflow_loads_what_was_saved_here(name: str, peer: Peer, tmp_path: Path) -> None:
    case = CASES[name]()
    save_model(case.model, tmp_path / "model", case.flavor, input_example=case.rows.head(2), **case.options)
    case.rows.to_parquet(tmp_path / "rows")
    theirs = peer.run(LOAD, str(tmp_path / "model"), str(tmp_path / "rows"))
    expected = _numbers(case.predict(case.model, case.rows))
    assert_close(theirs, expected)
    again = load_model(tmp_path / "model", trust=case.runs_code)  # whatever it left in the folder
    assert_close(_numbers(again.predict(case.rows)), expected)


SAVE = """
import logging, os, pathlib
logging.disable(50)
import mlflow, numpy, pandas
import mlflow.catboost, mlflow.onnx, mlflow.statsmodels, mlflow.prophet
from mlflow.models import infer_signature
import catboost, prophet
import statsmodels.formula.api as smf
from tests.models.libraries.tables import CATBOOST, classes, make_days, make_graph, make_rows, total

folder = pathlib.Path(arguments[0])
result = {}

def save(name, module, model, rows, predict, **options):
    module.save_model(model, str(folder / name), signature=infer_signature(rows), pip_requirements=["numpy"], **options)
    result[name] = numpy.asarray(predict(rows)).tolist()

rows, days = make_rows(), make_days()
classifier = catboost.CatBoostClassifier(**CATBOOST).fit(rows, classes())
save("catboost", mlflow.catboost, classifier, rows, classifier.predict)
save("catboost-json", mlflow.catboost, classifier, rows, classifier.predict, format="json")
for external in (False, True):
    graph = make_graph(numpy.eye(3, 400, dtype="float32"))
    save(f"onnx-{external}", mlflow.onnx, graph, rows, lambda rows: rows.to_numpy("float32") @ numpy.eye(3, 400),
         save_as_external_data=external)
fit = smf.ols("y ~ a + n", rows.assign(y=total())).fit()
save("statsmodels", mlflow.statsmodels, fit, rows, fit.predict)
forecast = prophet.Prophet(uncertainty_samples=0, yearly_seasonality=False).fit(days)
save("prophet", mlflow.prophet, forecast, days[["ds"]], lambda rows: forecast.predict(rows)["yhat"])
"""


def test_what_mlflow_saved_loads_here(peer: Peer, tmp_path: Path) -> None:
    expected = peer.run(SAVE, str(tmp_path))
    assert len(expected) == 6
    for name, predictions in expected.items():
        if name == "statsmodels":
            with pytest.raises(PermissionDenied, match="is or holds a pickle"):
                load_model(tmp_path / name)
        model = load_model(tmp_path / name, trust=name == "statsmodels")
        found: Any = model.predict(make_days()[["ds"]] if name == "prophet" else make_rows())
        found = found["yhat"] if name == "prophet" else found
        assert_close(np.asarray(found).tolist(), predictions, name)
        assert isinstance(found, pd.DataFrame) == name.startswith("onnx")


NAMED = {
    "catboost classifier": "cb_model",
    "onnx": "onnx_model",
    "prophet": "pr_model",
    "statsmodels formula": "statsmodels_model",
}


@pytest.mark.parametrize("place", ["local"], indirect=True)
def test_a_logged_model_goes_by_the_names_of_mlflow(place: Path) -> None:
    for name, keyword in NAMED.items():
        case = CASES[name]()
        library = getattr(tw, case.flavor)
        with tw.start_run() as run:
            library.log_model(**{keyword: case.model}, artifact_path="model", input_example=case.rows.head(2))
        uri = f"runs:/{run.info.run_id}/model"
        loaded = tw.load_model(uri, trust=case.runs_code)
        assert_close(to_list(loaded.predict(case.rows)), to_list(case.predict(case.model, case.rows)))
        assert type(library.load_model(uri, trust=case.runs_code)) is type(case.model)


@pytest.mark.parametrize(
    ("flavor", "model", "problem"),
    [
        ("catboost", 3, "A int is no model of CatBoost"),
        ("catboost", catboost.CatBoostClassifier(), "This CatBoostClassifier has not been trained"),
        ("catboost", type("Mine", (catboost.CatBoostRegressor,), {})(), "would come back as its base class CatBoostR"),
        ("onnx", object(), "A object is no model of ONNX"),
        ("prophet", prophet.Prophet(), "This Prophet has not been fitted"),
        ("prophet", 3, "A int would come back as a Prophet"),
        ("statsmodels", smf.ols("a ~ b", make_rows()), "A OLS of statsmodels has not been fitted"),
    ],
)
def test_what_is_no_fitted_model_of_the_library_is_refused(
    flavor: str, model: Any, problem: str, tmp_path: Path
) -> None:
    with pytest.raises(InvalidInput, match=problem):
        save_model(model, tmp_path / "model", flavor)
    assert not (tmp_path / "model").exists()


def test_an_unknown_form_is_refused_with_those_that_there_are(tmp_path: Path) -> None:
    case = CASES["catboost"]()
    with pytest.raises(InvalidInput, match=r"'pmml' is no format .*cbm or json"):
        save_model(case.model, tmp_path / "model", format="pmml")
    with pytest.raises(InvalidInput, match="A model of prophet takes no 'format'"):
        save_model(CASES["prophet"]().model, tmp_path / "model", format="json")


def test_a_time_series_is_asked_from_start_to_end(tmp_path: Path) -> None:
    fit = AutoReg(make_days().y.to_numpy(), 2).fit()
    save_model(fit, tmp_path / "model", input_example=pd.DataFrame({"start": [50], "end": [55]}), remove_data=False)
    loaded = load_model(tmp_path / "model", trust=True)
    found = loaded.predict({"start": [50], "end": [55]})
    assert_close(found.tolist(), fit.predict(start=50, end=55).tolist())
    with pytest.raises(InvalidInput, match="one row with the columns 'start' and 'end'"):
        loaded.predict(pd.DataFrame({"start": [50, 51], "end": [55, 56]}))
