"""Models that autologging logs: as outputs of their runs, loadable, and never at the cost of training."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import pandas as pd
import pytest
import xgboost
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV

import trackway as tw
from trackway.models.signature import columns
from trackway.sdk import autolog, context, recording, runs
from trackway.sdk.connection import close_transports
from trackway.sdk.session import list_sessions

ROWS = pd.DataFrame(np.random.default_rng(0).random((80, 2)), columns=["a", "b"])
TARGET = (ROWS.a > 0.5).astype(int)


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A process that logs to a store of its own, and leaves nothing behind."""
    for name in list(os.environ):
        if name.startswith(("TRACKWAY_", "MLFLOW_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("TRACKWAY_TRACKING_URI", str(tmp_path / "tracks"))
    monkeypatch.setenv("TRACKWAY_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    autolog.failures.clear()
    autolog.set_recorder(recording.FluentRecorder())
    yield tmp_path
    for name in autolog.list_enabled():
        autolog.disable(name)
    while context.STACK.runs:
        runs.end_run()
    for session in list_sessions():
        session.close(1.0)
    close_transports()


def _list_models() -> list[Any]:
    return tw.search_logged_models(output_format="list")


def _train_sklearn() -> Any:
    return LogisticRegression().fit(ROWS, TARGET).predict(ROWS)


def _train_xgboost() -> Any:
    data = xgboost.DMatrix(ROWS, TARGET)
    return xgboost.train({"objective": "binary:logistic"}, data, 3).predict(data)


def _train_lightgbm() -> Any:
    settings = {"objective": "binary", "verbose": -1, "num_threads": 1}
    return lightgbm.train(settings, lightgbm.Dataset(ROWS, TARGET, free_raw_data=False), 3).predict(ROWS)


@pytest.mark.parametrize(
    ("library", "train"), [("sklearn", _train_sklearn), ("xgboost", _train_xgboost), ("lightgbm", _train_lightgbm)]
)
def test_a_trained_model_is_an_output_of_its_run(library: str, train: Any) -> None:
    tw.autolog(library)
    predictions = train()
    assert not autolog.failures
    [model] = _list_models()
    assert (model.name, str(model.status)) == ("model", "READY")
    run = tw.get_run(model.source_run_id)
    assert [output.model_id for output in run.outputs.model_outputs] == [model.model_id]
    loaded = tw.load_model(f"runs:/{run.info.run_id}/model")
    assert loaded.flavor == library
    assert loaded.signature is not None
    assert loaded.signature.inputs is not None
    assert [column.name for column in loaded.signature.inputs] == ["a", "b"]
    assert loaded.input_example is None
    np.testing.assert_allclose(loaded.predict(ROWS), predictions)


def test_the_options_are_mlflow_s() -> None:
    tw.sklearn.autolog(log_models=False)
    _train_sklearn()
    assert _list_models() == []
    tw.sklearn.autolog(log_model_signatures=False)
    _train_sklearn()
    assert tw.load_model(_list_models()[0].model_uri).signature is None
    tw.sklearn.autolog(log_input_examples=True, registered_model_name="clf")
    _train_sklearn()
    loaded = tw.load_model("models:/clf/1")
    assert loaded.input_example.equals(ROWS.head(5))
    assert loaded.signature is not None
    assert loaded.signature.inputs == columns(a="double", b="double")


def test_each_estimator_of_a_run_has_its_own_and_a_search_has_what_it_found() -> None:
    tw.sklearn.autolog()
    with tw.start_run():
        PCA(1).fit(ROWS)
        Ridge().fit(ROWS, ROWS.a)
        GridSearchCV(Ridge(), {"alpha": [0.1, 1.0]}, cv=2).fit(ROWS, ROWS.b)
    assert not autolog.failures
    names = {model.name: model for model in _list_models()}
    assert names.keys() == {"Ridge_model", "GridSearchCV_model"}
    assert isinstance(tw.load_model(names["GridSearchCV_model"].model_uri).native, Ridge)


def test_a_model_that_cannot_be_saved_does_not_stop_training(caplog: pytest.LogCaptureFixture) -> None:
    class Own(LogisticRegression):  # type: ignore[misc]
        """No type that may be loaded without trust."""

    tw.sklearn.autolog()
    fitted = Own().fit(ROWS, TARGET)
    assert fitted.coef_.shape == (1, 2)
    assert autolog.failures["sklearn"] == 1
    assert "Training goes on" in caplog.text
    assert tw.search_runs(output_format="list")[0].info.status == "FINISHED"


def test_texts_have_no_signature_and_are_logged() -> None:
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.pipeline import make_pipeline

    tw.sklearn.autolog()
    texts = ["good", "bad"] * 10
    make_pipeline(CountVectorizer(), LogisticRegression()).fit(texts, [1, 0] * 10)
    [model] = _list_models()
    loaded = tw.load_model(model.model_uri)
    assert loaded.signature is None
    assert loaded.predict(["good"]).tolist() == [1]


def test_while_the_store_is_away_the_journal_keeps_the_model(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording, "STORE_WAIT_S", 0.0)
    monkeypatch.setenv("TRACKWAY_TRACKING_URI", "http://127.0.0.1:9")
    monkeypatch.setenv("TRACKWAY_JOURNAL_DIR", str(place / "journal"))
    tw.sklearn.autolog()
    assert LogisticRegression().fit(ROWS, TARGET).coef_.shape == (1, 2)
    assert not autolog.failures
    for session in list_sessions():
        session.close(0.0)
    journal = b"".join(file.read_bytes() for file in (place / "journal").rglob("*") if file.is_file())
    assert b"model/MLmodel" in journal
    assert b"model/manifest.json" in journal
