"""What scripts written for MLflow do with modules and errors, under ``import trackway as mlflow``."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys

import pytest

import trackway
from trackway.base.errors import MLFLOW_CODES
from trackway.exceptions import MlflowException, NotFound

LIBRARIES = ("catboost", "keras", "lightgbm", "onnx", "pytorch", "sklearn", "spacy", "statsmodels", "xgboost")


@pytest.mark.parametrize("name", LIBRARIES)
def test_a_library_is_imported_by_a_statement(name: str) -> None:
    module = importlib.import_module(f"trackway.{name}")
    assert module is getattr(trackway, name)
    assert callable(module.log_model)


def test_statements_as_scripts_have_them() -> None:
    code = "import trackway as mlflow, trackway.sklearn\n"
    code += "from trackway.xgboost import autolog\nassert mlflow.sklearn.log_model"
    subprocess.run([sys.executable, "-c", code], check=True)
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("trackway.nothing")


@pytest.mark.parametrize("code", [1000, "INVALID_PARAMETER_VALUE"])
def test_an_error_is_raised_with_a_code(code: int | str) -> None:
    with pytest.raises(MlflowException, match="no") as caught:
        raise MlflowException("no", error_code=code)
    assert caught.value.error_code == "INVALID_PARAMETER_VALUE"
    assert caught.value.get_http_status_code() == 400
    assert json.loads(caught.value.serialize_as_json()) == {"error_code": "INVALID_PARAMETER_VALUE", "message": "no"}


def test_errors_without_a_code_keep_that_of_their_kind() -> None:
    assert (MlflowException("a").error_code, MlflowException("a").get_http_status_code()) == ("INTERNAL_ERROR", 500)
    assert (NotFound("a").error_code, NotFound("a").get_http_status_code()) == ("RESOURCE_DOES_NOT_EXIST", 404)
    assert MlflowException.invalid_parameter_value("a").error_code == "INVALID_PARAMETER_VALUE"
    assert NotFound.error_code in MLFLOW_CODES
