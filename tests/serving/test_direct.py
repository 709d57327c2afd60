"""Models asked with bodies of the scoring protocol without a server, under MLflow's names."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from sklearn.linear_model import LinearRegression

import trackway as mlflow
from tests.environments import stand_ins
from tests.models.saving import negate
from trackway.base.errors import InvalidInput, NotFound, PermissionDenied
from trackway.cli.main import cli

ROWS = pd.DataFrame({"a": [1.0, 2.0, 3.0], "b": [0.5, 0.0, 1.5]})
MODEL = LinearRegression().fit(ROWS, [1.0, 2.0, 4.0])
GIVEN = MODEL.predict(ROWS).tolist()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("direct") / "model"
    mlflow.models.save_model(MODEL, folder, input_example=ROWS.head(1))
    return folder


CASES: dict[str, dict[str, Any]] = {
    "a table": {"input_data": ROWS},
    "columns": {"input_data": {name: ROWS[name].tolist() for name in ROWS}},
    "rows": {"input_data": ROWS.to_dict("records")},
    "a table as CSV": {"input_data": ROWS, "content_type": "csv"},
    "text of CSV": {"input_data": ROWS.to_csv(index=False), "content_type": "csv"},
    "columns as CSV": {"input_data": {name: ROWS[name].tolist() for name in ROWS}, "content_type": "csv"},
    "other words for the environment": {"input_data": ROWS, "env_manager": "local", "install_mlflow": False},
}


@pytest.mark.parametrize("given", CASES.values(), ids=CASES.keys())
def test_a_model_answers_as_its_server_would(
    folder: Path, given: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mlflow.models.predict(folder, **given)
    assert json.loads(capsys.readouterr().out)["predictions"] == pytest.approx(GIVEN)
    mlflow.models.predict(folder, output_path=tmp_path / "answer.json", **given)
    assert json.loads((tmp_path / "answer.json").read_text())["predictions"] == pytest.approx(GIVEN)
    assert [path.name for path in tmp_path.iterdir()] == ["answer.json"]


def test_a_file_holds_the_request(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    request = mlflow.models.convert_input_example_to_serving_input(ROWS)
    (tmp_path / "request.json").write_text(request)
    mlflow.models.predict(folder, input_path=tmp_path / "request.json")
    assert json.loads(capsys.readouterr().out)["predictions"] == pytest.approx(GIVEN)
    for given in (request, json.loads(request), {"dataframe_split": ROWS.to_dict("split")}):
        assert mlflow.models.validate_serving_input(folder, given).tolist() == pytest.approx(GIVEN)
    arrays = mlflow.models.convert_input_example_to_serving_input((np.ones((1, 2)), {"k": 1}))
    assert json.loads(arrays) == {"inputs": [[1.0, 1.0]], "params": {"k": 1}}


REFUSED: dict[str, dict[str, Any]] = {
    "No input": {},
    "More than one": {"input_data": ROWS, "input_path": "x.json"},
    "json or csv": {"input_data": ROWS, "content_type": "xml"},
    "local, uv": {"input_data": ROWS, "env_manager": "nix"},
    "os.environ": {"input_data": ROWS, "extra_envs": {"A": "1"}, "env_manager": "local"},
    "has its packages": {"input_data": ROWS, "pip_requirements_override": ["numpy"], "env_manager": "local"},
    "are one text": {"input_data": ROWS, "pip_requirements_override": "numpy"},
    "gets trackway as it runs": {"input_data": ROWS, "pip_requirements_override": ["trackway==0.1"]},
    "only an option|no requirement": {"input_data": ROWS, "pip_requirements_override": ["-r other.txt"]},
    "'speed'": {"input_data": ROWS, "speed": 3},
    "lacks 1 .*'b'": {"input_data": ROWS[["a"]]},
    "cannot hold a builtins.object": {"input_data": object()},
    "no table": {"input_data": object(), "content_type": "csv"},
    "Column 'b'": {"input_data": "a,b\n1,x\n", "content_type": "csv"},
}


@pytest.mark.parametrize("problem, given", REFUSED.items(), ids=REFUSED.keys())
def test_what_cannot_be_asked_is_told(folder: Path, problem: str, given: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=problem):
        mlflow.models.predict(folder, output_path=tmp_path / "answer.json", **given)
    assert not list(tmp_path.iterdir())


def test_other_refusals(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="absent"):
        mlflow.models.predict(folder, input_path=tmp_path / "absent")
    with pytest.raises(InvalidInput, match="dataframe_split"):
        mlflow.models.validate_serving_input(folder, {"rows": []})
    mlflow.pyfunc.save_model(tmp_path / "own", python_model=negate)
    with pytest.raises(PermissionDenied):
        mlflow.models.predict(tmp_path / "own", ROWS)


def test_an_environment_of_the_models_own_answers(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What makes environments has its own tests; here this Python stands in for one."""
    python = tmp_path / "environment/bin/python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\necho "$COLOR" > {tmp_path}/color\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    monkeypatch.setattr("trackway.serving.direct.make_environment", lambda *_, **__: python)
    answer = tmp_path / "answer.json"
    mlflow.models.predict(folder, ROWS, None, "json", answer, env_manager="virtualenv", extra_envs={"COLOR": "red"})
    assert json.loads(answer.read_text())["predictions"] == pytest.approx(GIVEN)
    assert (tmp_path / "color").read_text() == "red\n"
    with pytest.raises(InvalidInput, match="status 1"):
        mlflow.models.predict(folder, ROWS[["a"]], env_manager="uv")


@pytest.fixture
def locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where lists of exact versions are kept, which a stand-in for uv makes of what it is asked for."""
    uv = tmp_path / "bin" / "uv"
    stand_ins.write_program(uv, stand_ins.UV)
    monkeypatch.setattr("trackway.environments.uv.find_uv", lambda: str(uv))
    monkeypatch.setenv("TRACKWAY_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache" / "environments"


def test_other_packages_than_the_models_are_tried_without_changing_it(folder: Path, locks: Path) -> None:
    before = (folder / "requirements.txt").read_text()
    override = ["scikit-learn==1.2.3", "polars>=1,<2"]
    answer = locks.parent / "answer.json"
    mlflow.models.predict(folder, ROWS, output_path=answer, pip_requirements_override=override)
    assert json.loads(answer.read_text())["predictions"] == pytest.approx(GIVEN)
    (lock,) = locks.glob("*.txt")
    asked = lock.read_text().splitlines()
    assert [line for line in asked if line.startswith(("scikit-learn", "polars"))] == ["polars>=1,<2", override[0]]
    assert set(before.splitlines()) - set(asked) == {line for line in before.splitlines() if "scikit" in line}
    assert (folder / "requirements.txt").read_text() == before


def test_a_command_tries_other_packages_too(folder: Path, locks: Path) -> None:
    ROWS.to_csv(locks.parent.with_name("rows.csv"), index=False)
    target = locks.parent.with_name("out.csv")
    words = ["models", "predict", "-m", str(folder), "-i", str(locks.parent.with_name("rows.csv")), "-o", str(target)]
    override = "polars[a, b]>=1,<2,scikit-learn==1.2.3"
    refused = CliRunner().invoke(cli, [*words, "--env-manager", "local", "-r", override])
    assert refused.exit_code == 2
    assert "uv or conda" in refused.output
    done = CliRunner().invoke(cli, [*words, "-r", override], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert pd.read_csv(target).prediction.tolist() == pytest.approx(GIVEN)
    (lock,) = locks.glob("*.txt")
    assert {"polars[a, b]>=1,<2", "scikit-learn==1.2.3"} <= set(lock.read_text().splitlines())
