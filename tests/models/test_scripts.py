"""Models in scripts: logged to a run, and loaded by every address, on a local store and through a server."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

import trackway as tw
from tests.models import saving
from trackway.base.errors import Corrupt, InvalidInput, NotFound, PermissionDenied
from trackway.entities import LoggedModelStatus
from trackway.models.signature import columns
from trackway.sdk.model_files import get_cache


def test_a_logged_model_is_found_by_id_and_by_run(place: Path, rows: pd.DataFrame, classifier: Any) -> None:
    with tw.start_run() as run:
        info = tw.log_model(classifier, "clf", input_example=rows.head(2), params={"c": 1}, tags={"kind": "test"})
    record = tw.get_logged_model(info.model_id)
    assert record.status == LoggedModelStatus.READY
    assert (record.name, record.params, record.tags) == ("clf", {"c": "1"}, {"kind": "test"})
    assert [output.model_id for output in tw.get_run(run.info.run_id).outputs.model_outputs] == [info.model_id]
    assert info.signature is not None
    assert info.signature.inputs == columns(a="double", b="double", c="double")
    for uri in (info.model_uri, f"runs:/{run.info.run_id}/clf", f"runs:/{run.info.run_id}/clf/"):
        loaded = tw.load_model(uri)
        assert loaded.predict(rows).tolist() == classifier.predict(rows).tolist()
        assert (loaded.mlmodel.model_id, loaded.mlmodel.run_id) == (info.model_id, run.info.run_id)


def test_a_model_that_was_fetched_is_not_fetched_again(place: Path, rows: pd.DataFrame, classifier: Any) -> None:
    with tw.start_run():
        info = tw.log_model(classifier)
    first = tw.load_model(info.model_uri).path
    assert first.name == info.digest
    assert first.stat().st_mode & 0o077 == 0
    kept = (first / "model.skops").stat().st_mtime_ns
    assert tw.load_model(info.model_uri).path == first
    assert (first / "model.skops").stat().st_mtime_ns == kept
    assert os.listdir(get_cache()) == [info.digest]


def test_a_changed_copy_in_the_cache_is_refused(place: Path, classifier: Any) -> None:
    with tw.start_run():
        info = tw.log_model(classifier)
    copy = tw.load_model(info.model_uri).path
    (copy / "model.skops").write_bytes(b"x")
    with pytest.raises(Corrupt):
        tw.load_model(info.model_uri)


def test_a_registered_model_is_loaded_by_its_name(place: Path, rows: pd.DataFrame, classifier: Any) -> None:
    name = f"clf-{place.name}"
    with tw.start_run():
        info = tw.log_model(classifier, registered_model_name=name)
    assert info.registered_model_version == 1
    tw.MlflowClient().set_registered_model_alias(name, "champion", 1)
    for uri in (f"models:/{name}/1", f"models:/{name}/latest", f"models:/{name}@champion"):
        assert tw.load_model(uri).predict(rows).tolist() == classifier.predict(rows).tolist()


def test_the_names_of_mlflow_do_what_they_did(place: Path, rows: pd.DataFrame, classifier: Any) -> None:
    with tw.start_run() as run:
        info = tw.sklearn.log_model(sk_model=classifier, artifact_path="model")
        scale = tw.pyfunc.log_model("scale", python_model=saving.Scale, model_config={"factor": 3.0})
    native = tw.sklearn.load_model(f"runs:/{run.info.run_id}/model")
    assert isinstance(native, LogisticRegression)
    assert tw.pyfunc.load_model(info.model_uri).metadata.flavors.keys() == {"sklearn", "python_function"}
    with pytest.raises(PermissionDenied, match="trust=True"):
        tw.pyfunc.load_model(scale.model_uri)
    loaded = tw.pyfunc.load_model(scale.model_uri, trust=True)
    assert loaded.predict(rows).tolist() == (rows.a * 3).tolist()
    tw.sklearn.save_model(classifier, place / "saved")
    assert isinstance(tw.sklearn.load_model(place / "saved"), LogisticRegression)
    with pytest.raises(InvalidInput, match="No model was given"):
        tw.sklearn.log_model(name="none")


def test_a_model_that_cannot_be_saved_is_said_to_have_failed(place: Path) -> None:
    with tw.start_run():
        with pytest.raises(InvalidInput, match="An object of Scale cannot be saved as code"):
            tw.log_model(saving.Scale(2.0), flavor="python")
        record = tw.last_logged_model()
    assert record is not None
    assert record.status == LoggedModelStatus.FAILED


def test_an_address_without_a_model_is_not_found(place: Path) -> None:
    with tw.start_run() as run:
        tw.log_text("hello", "notes/hello.txt")
    with pytest.raises(NotFound, match="has no model 'notes'"):
        tw.load_model(f"runs:/{run.info.run_id}/notes")
    with pytest.raises(NotFound):
        tw.load_model(f"models:/m-{'0' * 32}")
    with pytest.raises(InvalidInput):
        tw.load_model("gopher://x/y")
