"""H2O's models: as MOJO by default, in the library's own form with trust alone, and in MLflow."""

from __future__ import annotations

import importlib.metadata
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.models.peers import Peer
from trackway.base.errors import Corrupt, InvalidInput, NotSupported, PermissionDenied
from trackway.models.manifest import write_manifest
from trackway.models.package import load_model, save_model
from trackway.testing.flavors import FlavorCase, FlavorContract, assert_close, to_list

pytestmark = [pytest.mark.h2o, pytest.mark.filterwarnings("ignore:::h2o")]


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    rng = np.random.default_rng(7)
    return pd.DataFrame({"a": rng.random(60).round(3), "b": rng.random(60).round(3), "n": rng.integers(0, 9, 60)})


@pytest.fixture(scope="module")
def h2o(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The library, with a process of Java of its own."""
    import h2o

    logs = tmp_path_factory.mktemp("h2o")
    h2o.init(bind_to_localhost=True, verbose=False, nthreads=1, max_mem_size="1g", ice_root=str(logs))
    h2o.no_progress()
    yield h2o
    h2o.cluster().shutdown()


@pytest.fixture(scope="module")
def regression(h2o: Any, rows: pd.DataFrame) -> Any:
    model = h2o.estimators.H2OGeneralizedLinearEstimator(seed=1)
    model.train(x=[*rows.columns], y="y", training_frame=h2o.H2OFrame(rows.assign(y=rows.a * 2 + rows.n)))
    return model


@pytest.fixture(scope="module")
def classifier(h2o: Any, rows: pd.DataFrame) -> Any:
    frame = h2o.H2OFrame(rows.assign(y=np.where(rows.a > 0.5, "high", "low")))
    frame["y"] = frame["y"].asfactor()
    model = h2o.estimators.H2OGradientBoostingEstimator(ntrees=20, min_rows=1, seed=1)
    model.train(x=[*rows.columns], y="y", training_frame=frame)
    return model


def predict(model: Any, rows: pd.DataFrame) -> Any:
    import h2o

    return model.predict(h2o.H2OFrame(rows)).as_data_frame()


class TestFlavor(FlavorContract):
    @pytest.fixture
    def case(self, regression: Any, rows: pd.DataFrame) -> FlavorCase:
        return FlavorCase("h2o", regression, rows, predict, library="h2o", packages=("h2o",))


def test_a_classifier_gives_labels_and_probabilities(classifier: Any, rows: pd.DataFrame, tmp_path: Path) -> None:
    save_model(classifier, tmp_path / "model", input_example=rows.head(2))
    found = load_model(tmp_path / "model").predict(rows)
    assert found.columns.tolist() == ["predict", "high", "low"]
    assert_close(to_list(found), to_list(predict(classifier, rows)))


def test_the_librarys_own_form_is_an_option_and_loads_with_trust_alone(
    regression: Any, rows: pd.DataFrame, tmp_path: Path
) -> None:
    save_model(regression, tmp_path / "model", serialization_format="binary")
    with pytest.raises(PermissionDenied, match="binary form"):
        load_model(tmp_path / "model")
    found = load_model(tmp_path / "model", trust=True).predict(rows)
    assert_close(to_list(found), to_list(predict(regression, rows)))
    (tmp_path / "model" / "model.h2o" / "h2o.yaml").write_text("model_file: ../../secret\n")
    write_manifest(tmp_path / "model")
    with pytest.raises(InvalidInput, match="path"):
        load_model(tmp_path / "model", trust=True)


LOAD = """
import logging, pandas
logging.disable(50)
import mlflow
result = mlflow.pyfunc.load_model(arguments[0]).predict(pandas.DataFrame(arguments[1])).to_numpy().tolist()
"""
SAVE = """
import h2o, mlflow.h2o
h2o.init(verbose=False)
mlflow.h2o.save_model(h2o.get_model(arguments[0]), arguments[1], pip_requirements=["h2o"])
result = None
"""


def test_models_cross_over_to_mlflow_and_back(regression: Any, rows: pd.DataFrame, tmp_path: Path) -> None:
    expected = to_list(predict(regression, rows))
    peer = Peer("3.17", tmp_path, borrows=True)
    try:
        for form in ("mojo", "binary"):
            save_model(regression, tmp_path / form, serialization_format=form)
            assert_close(peer.run(LOAD, str(tmp_path / form), rows.to_dict("list")), expected)
            assert_close(to_list(load_model(tmp_path / form, trust=form == "binary").predict(rows)), expected)
        peer.run(SAVE, regression.model_id, str(tmp_path / "theirs"))
    finally:
        peer.close()
    with pytest.raises(PermissionDenied, match="binary form"):
        load_model(tmp_path / "theirs")
    assert_close(to_list(load_model(tmp_path / "theirs", trust=True).predict(rows)), expected)


def test_what_is_no_mojo_is_said_to_be_none(regression: Any, tmp_path: Path) -> None:
    save_model(regression, tmp_path / "model")
    with zipfile.ZipFile(tmp_path / "model" / "model.zip", "w") as archive:
        archive.writestr("readme.txt", "a model")
    write_manifest(tmp_path / "model")
    with pytest.raises(Corrupt, match=r"'model\.zip' is no MOJO"):
        load_model(tmp_path / "model")
    (tmp_path / "model" / "model.zip").write_bytes(b"garbage")
    write_manifest(tmp_path / "model")
    with pytest.raises(Corrupt, match="is no MOJO"):
        load_model(tmp_path / "model")


def test_a_release_without_mojo_says_what_to_do(
    h2o: Any, regression: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise h2o.exceptions.H2OValueError("H2O-3 SECURE REQUIRED")

    monkeypatch.setattr(type(regression), "download_mojo", refuse)
    with pytest.raises(NotSupported, match=r"writes no MOJO: H2O-3 SECURE REQUIRED.*serialization_format='binary'"):
        save_model(regression, tmp_path / "model")


def test_what_cannot_be_saved_says_why(h2o: Any, regression: Any, rows: pd.DataFrame, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="is no trained model of H2O"):
        save_model(h2o.estimators.H2OGradientBoostingEstimator(), tmp_path / "model")
    with pytest.raises(InvalidInput, match="'pickle' is no form of a model of H2O"):
        save_model(regression, tmp_path / "model", serialization_format="pickle")
    save_model(regression, tmp_path / "model")
    with pytest.raises(InvalidInput, match="takes no params"):
        load_model(tmp_path / "model").predict(rows, {"x": 1})


def test_the_release_is_one_that_writes_mojo() -> None:
    assert importlib.metadata.version("h2o") == "3.46.0.11"
