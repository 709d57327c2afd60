"""Every flavor keeps the contract, and its models cross over to MLflow and back."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import FunctionTransformer

from tests.models import saving
from tests.models.cases import CASES, make_rows
from tests.models.peers import Peer
from trackway.base.errors import AlreadyExists, InvalidInput, NotSupported, PermissionDenied
from trackway.models import infer_signature
from trackway.models.package import load_model, save_model
from trackway.testing.flavors import FlavorCase, FlavorContract, assert_close

CONTRACT = (
    "linear regression",
    "probabilities",
    "random forest",
    "xgboost classifier",
    "xgboost booster",
    "lightgbm classifier",
    "lightgbm booster",
    "python class",
)
"""One case for each way in which a flavor saves; the others cross over below."""


class TestFlavors(FlavorContract):
    @pytest.fixture(params=CONTRACT)
    def case(self, request: pytest.FixtureRequest) -> FlavorCase:
        return CASES[request.param]()


LOAD = """
import logging, pandas
logging.disable(50)
import mlflow, numpy
folder, rows = arguments
model = mlflow.pyfunc.load_model(folder)
result = numpy.asarray(model.predict(pandas.DataFrame(rows))).tolist()
"""


@pytest.mark.parametrize("name", CASES)
def test_mlflow_loads_what_was_saved_here(name: str, peer: Peer, tmp_path: Path) -> None:
    case = CASES[name]()
    save_model(case.model, tmp_path / "model", case.flavor, input_example=case.rows.head(2), **case.options)
    theirs = peer.run(LOAD, str(tmp_path / "model"), case.rows.to_dict("list"))
    expected = np.asarray(case.predict(case.model, case.rows)).tolist()
    assert_close(theirs, expected)
    again = load_model(tmp_path / "model", trust=case.runs_code)  # whatever it left in the folder
    assert_close(np.asarray(again.predict(case.rows)).tolist(), expected)


SAVE = """
import logging, os, pathlib
logging.disable(50)
import mlflow, numpy, pandas, lightgbm, xgboost
import mlflow.sklearn, mlflow.xgboost, mlflow.lightgbm, mlflow.pyfunc
from mlflow.models import infer_signature
from sklearn.linear_model import LogisticRegression

folder, rows = pathlib.Path(arguments[0]), pandas.DataFrame(arguments[1])
target = (rows.a > 0.5).astype(int)
signature = infer_signature(rows, target.to_numpy())
is_3 = mlflow.__version__.startswith("3")
result = {}

def save(name, module, model, predict, **options):
    module.save_model(model, str(folder / name), signature=signature, input_example=rows.head(2),
                      pip_requirements=["numpy"], **options)
    result[name] = numpy.asarray(predict(rows)).tolist()

logistic = LogisticRegression().fit(rows, target)
save("sklearn", mlflow.sklearn, logistic, logistic.predict)
save("sklearn-pickle", mlflow.sklearn, logistic, logistic.predict, serialization_format="pickle")
save("sklearn-cloudpickle", mlflow.sklearn, logistic, logistic.predict, serialization_format="cloudpickle")
classifier = xgboost.XGBClassifier(n_estimators=3).fit(rows, target)
save("xgboost", mlflow.xgboost, classifier, classifier.predict)
booster = xgboost.train({}, xgboost.DMatrix(rows, target), 2)
save("xgboost-booster", mlflow.xgboost, booster, lambda rows: booster.predict(xgboost.DMatrix(rows)))
types = ["collections.OrderedDict", "lightgbm.basic.Booster", "lightgbm.sklearn.LGBMClassifier"]
light = lightgbm.LGBMClassifier(n_estimators=3, verbose=-1).fit(rows, target)
save("lightgbm", mlflow.lightgbm, light, light.predict, **({"skops_trusted_types": types} if is_3 else {}))
trees = lightgbm.train({"verbose": -1}, lightgbm.Dataset(rows, target), 2)
save("lightgbm-booster", mlflow.lightgbm, trees, trees.predict)

class Scale(mlflow.pyfunc.PythonModel):
    def load_context(self, context):
        self.factor = float(pathlib.Path(context.artifacts["factor"]).read_text())

    def predict(self, context, model_input, params=None):
        return (model_input["a"] * self.factor).to_numpy()

(folder / "factor.txt").write_text("3.0")
mlflow.pyfunc.save_model(str(folder / "python"), python_model=Scale(), artifacts={"factor": str(folder / "factor.txt")})
result["python"] = (rows.a * 3).tolist()
(folder / "scripted.py").write_text('''
import mlflow
from mlflow.pyfunc import PythonModel

class Plus(PythonModel):
    def predict(self, context, model_input, params=None):
        return (model_input["a"] + 1).to_numpy()

mlflow.models.set_model(Plus())
''')
mlflow.pyfunc.save_model(str(folder / "code"), python_model=str(folder / "scripted.py"))
result["code"] = (rows.a + 1).tolist()
"""


def test_what_mlflow_saved_loads_here(peer: Peer, tmp_path: Path) -> None:
    expected = peer.run(SAVE, str(tmp_path), make_rows().to_dict("list"))
    assert len(expected) == 9
    refused = set()
    for name, predictions in expected.items():
        try:
            load_model(tmp_path / name)
        except PermissionDenied:
            refused.add(name)
        model = load_model(tmp_path / name, trust=True)
        assert np.asarray(model.predict(make_rows())).tolist() == pytest.approx(predictions), name
    pickled = {"sklearn-pickle", "sklearn-cloudpickle", "python", "code"}
    assert refused == pickled | ({"sklearn", "lightgbm"} if peer.version == "2.22" else set())


def test_a_pickled_model_is_an_option_and_loads_with_trust_alone(tmp_path: Path) -> None:
    model = LogisticRegression().fit(make_rows(), make_rows().a > 0.5)
    save_model(model, tmp_path / "model", serialization_format="pickle")
    with pytest.raises(PermissionDenied, match="is or holds a pickle"):
        load_model(tmp_path / "model")
    assert load_model(tmp_path / "model", trust=True).predict(make_rows()).shape == (60,)


def test_an_estimator_with_a_function_of_the_users_is_not_saved_silently(tmp_path: Path) -> None:
    model = FunctionTransformer(saving.negate)
    with pytest.raises(InvalidInput, match=r"not known to be safe: tests\.models\.saving\.negate"):
        save_model(model, tmp_path / "model", pyfunc_predict_fn="transform")
    named = {"skops_trusted_types": ["tests.models.saving.negate"], "pyfunc_predict_fn": "transform"}
    save_model(model, tmp_path / "model", **named)  # type: ignore[arg-type]
    with pytest.raises(PermissionDenied, match=r"makes objects of tests\.models\.saving\.negate"):
        load_model(tmp_path / "model")
    assert load_model(tmp_path / "model", trust=True).predict(make_rows()).tolist() == (-make_rows().a).tolist()


def test_python_models_have_files_params_and_streams(tmp_path: Path) -> None:
    (tmp_path / "factor.txt").write_text("5")
    save_model(saving.FromFile, tmp_path / "file", artifacts={"factor": tmp_path / "factor.txt"})
    assert load_model(tmp_path / "file", trust=True).predict(make_rows()).tolist() == (make_rows().a * 5).tolist()
    signature = infer_signature(make_rows(), params={"add": 0.5})
    save_model(saving.Scale, tmp_path / "scale", signature=signature)
    model = load_model(tmp_path / "scale", trust=True)
    row = make_rows().head(1)
    assert model.predict(row).tolist() == [row.a[0] * 2 + 0.5]
    assert model.predict(row, {"add": 1}).tolist() == [row.a[0] * 2 + 1]
    assert list(model.predict_stream(row)) == [row.a[0] * 2]
    with pytest.raises(InvalidInput, match="no param 'sub'"):
        model.predict(row, {"sub": 1})


def test_a_script_sets_its_model(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(
        "from trackway.models import set_model\nimport sibling\nset_model(lambda data: sibling.act(data))\n"
    )
    (tmp_path / "sibling.py").write_text("def act(data):\n    return len(data)\n")
    save_model(tmp_path / "script.py", tmp_path / "model", code_paths=[str(tmp_path / "sibling.py")])
    assert load_model(tmp_path / "model", trust=True).predict(make_rows()) == 60
    (tmp_path / "empty.py").write_text("x = 1\n")
    save_model(tmp_path / "empty.py", tmp_path / "none")
    with pytest.raises(InvalidInput, match="sets no model"):
        load_model(tmp_path / "none", trust=True)


def test_what_cannot_be_saved_says_why(tmp_path: Path) -> None:
    def inner(data: Any) -> Any:
        return data

    for model, problem in (
        (saving.Scale(), "An object of Scale cannot be saved as code"),
        (inner, "is not found by its name"),
        (len, "cannot be saved as code"),
        (object(), "No flavor saves a builtins.object"),
        (tmp_path / "missing.py", "is no Python file"),
    ):
        with pytest.raises(InvalidInput, match=problem):
            save_model(model, tmp_path / "model")
    with pytest.raises(InvalidInput, match="takes no 'model_format'"):
        save_model(saving.negate, tmp_path / "model", model_format="ubj")
    with pytest.raises(InvalidInput, match="more than JSON has"):
        save_model(saving.Scale, tmp_path / "model", model_config={"factor": object()})
    with pytest.raises(InvalidInput, match="There is no flavor named 'fortran'"):
        save_model(saving.Scale, tmp_path / "model", "fortran")
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "file").write_text("x")
    with pytest.raises(AlreadyExists):
        save_model(saving.negate, tmp_path / "there")


def test_what_cannot_be_loaded_says_why(tmp_path: Path) -> None:
    (tmp_path / "MLmodel").write_text("flavors: {mleap: {x: 1}}\n")
    with pytest.raises(NotSupported, match="No flavor of this model is known here: 'mleap'"):
        load_model(tmp_path)
    with pytest.raises(InvalidInput, match="no flavor 'sklearn'"):
        load_model(tmp_path, flavor="sklearn")
    with pytest.raises(InvalidInput, match="is no folder"):
        load_model(tmp_path / "MLmodel")
    shutil.rmtree(tmp_path)
    with pytest.raises(InvalidInput, match="is no folder"):
        load_model(tmp_path)


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """A model that was made with other packages."""
    save_model(
        saving.negate,
        tmp_path / "model",
        pip_requirements=["numpy==1.0.1", "no-such-package-here==2.0", "pandas>=1", "git+https://x/y.git"],
    )
    return tmp_path / "model"


def test_a_model_may_give_what_no_schema_describes(tmp_path: Path) -> None:
    save_model(saving.describe, tmp_path / "model", input_example=make_rows().head(2))
    (tmp_path / "link").symlink_to(tmp_path / "model")
    model = load_model(tmp_path / "link", trust=True)
    assert model.signature is not None
    assert (model.signature.inputs is None, model.signature.outputs) == (False, None)
    assert isinstance(model.predict(make_rows()), type(iter([])))
    assert [path for path in sys.path if ".part" in path] == []


def test_another_environment_is_reported(elsewhere: Path, caplog: pytest.LogCaptureFixture) -> None:
    model = load_model(elsewhere, trust=True)
    assert [(one.name, one.wanted, one.kind) for one in model.differences] == [
        ("numpy", "1.0.1", "major"),
        ("no-such-package-here", "2.0", "missing"),
    ]
    assert "numpy" in caplog.text
    assert "no-such-package-here is missing (the model was made with 2.0)" in caplog.text


def test_a_model_without_a_signature_takes_what_its_library_takes(tmp_path: Path) -> None:
    model = LogisticRegression().fit(make_rows().to_numpy(), make_rows().a > 0.5)
    save_model(model, tmp_path / "model")
    loaded = load_model(tmp_path / "model")
    assert loaded.signature is None
    assert loaded.input_example is None
    assert loaded.predict(make_rows().to_numpy()).shape == (60,)
    assert isinstance(loaded.native, LogisticRegression)
    with pytest.raises(NotSupported, match="answers at once"):
        loaded.predict_stream(make_rows())
