"""Checkpoints that training left behind, as records of models."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

import trackway as mlflow
from trackway.base.errors import InvalidInput


def test_a_folder_of_checkpoints_becomes_records(place: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = place / "checkpoints"
    for name in ("step-20", "step-10", "bad%name"):
        (folder / name).mkdir(parents=True)
    with mlflow.start_run() as run, caplog.at_level(logging.WARNING, "trackway.models"):
        first = mlflow.import_checkpoints(str(folder), model_prefix="net-")
    assert [model.name for model in first] == ["net-step-10", "net-step-20"]
    assert "bad%name" in caplog.text
    assert {model.source_run_id for model in first} == {run.info.run_id}
    assert mlflow.get_logged_model(first[0].model_id).tags["original_artifact_path"] == str(folder / "step-10")
    (folder / "step-30").touch()
    again = mlflow.import_checkpoints(folder, run.info.run_id, "net-")
    assert [model.model_id for model in again[:2]] == [model.model_id for model in first]
    assert again[2].name == "net-step-30"
    anew = mlflow.import_checkpoints(folder, run.info.run_id, "net-", overwrite_checkpoints=True)
    assert len(anew) == 3
    assert not {model.model_id for model in anew} & {model.model_id for model in again}
    kept = mlflow.search_logged_models([run.info.experiment_id], output_format="list")
    assert {model.model_id for model in anew} == {m.model_id for m in kept if m.source_run_id == run.info.run_id}


def test_checkpoints_without_a_run_or_a_folder_are_refused(place: Path) -> None:
    with pytest.raises(InvalidInput, match="source_run_id"):
        mlflow.import_checkpoints(place)
    with mlflow.start_run(), pytest.raises(InvalidInput, match="no folder"):
        mlflow.import_checkpoints(place / "absent")
