"""What scripts written for MLflow do with modules and errors, under ``import trackway as mlflow``."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from pathlib import Path

import numpy
import pytest

import trackway
from tests.sdk.fake import FakeStore
from tests.sdk.scripted import answer, run_scripted
from trackway.base.errors import MLFLOW_CODES
from trackway.exceptions import MlflowException, NotFound, NotSupported, Unavailable
from trackway.sdk.entities import Dataset, DatasetInput

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


def test_a_local_source_loads_itself(tracked: Path) -> None:
    (tracked / "in").mkdir()
    file = tracked / "in/prices.csv"
    file.write_text("a\n1\n")
    described = trackway.data.from_numpy(numpy.ones(3), source=str(file))
    source = trackway.data.get_source(described)
    assert (source.source_type, source.load()) == ("local", str(file))
    assert Path(source.load(tracked / "out")).read_text() == "a\n1\n"
    logged = Dataset(name="d", digest="1", source_type=described.source_type, source=described.source)
    assert trackway.data.get_source(DatasetInput(dataset=logged)).to_dict() == {"uri": str(file)}


def test_a_source_on_the_web_loads_itself(tracked: Path) -> None:
    with run_scripted(answer(200, b"a,b"), answer(404)) as server:
        source = trackway.data.get_source(
            trackway.data.from_numpy(numpy.ones(3), source=f"{server.url}/x/my%20data.csv")
        )
        assert Path(source.load(tracked)) == tracked / "my data.csv"
        assert (tracked / "my data.csv").read_bytes() == b"a,b"
        with pytest.raises(Unavailable, match="404"):
            source.load(tracked)
    assert source.url.endswith("my%20data.csv")


@pytest.mark.parametrize("source", [None, "s3://bucket/a.csv"])
def test_a_source_that_nobody_here_can_open_says_so(tracked: Path, source: str | None) -> None:
    with pytest.raises(NotSupported):
        trackway.data.get_source(trackway.data.from_numpy(numpy.ones(3), source=source)).load()


def test_doctor_tells_versions_and_hides_secrets(
    store: FakeStore, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TRACKWAY_TRACKING_TOKEN", "very-secret")
    trackway.doctor()
    told = capsys.readouterr().out
    assert "Trackway version: " in told
    assert "msgspec: " in told
    assert "Tracking URI: fake://" in told
    assert "TRACKWAY_TRACKING_TOKEN" in told
    assert "very-secret" not in told
    trackway.doctor(mask_envs=True)
    assert "TRACKWAY_FINISH_S: ***" in capsys.readouterr().out
