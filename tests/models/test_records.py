"""A model's records: read and changed by every address, on a local store and through a server, beside MLflow."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

import trackway as mlflow
from tests.models.peers import Peer
from trackway.base.errors import Conflict, Corrupt, InvalidInput, NotFound
from trackway.models.mlmodel import read_mlmodel
from trackway.models.signature import columns


def test_the_records_of_a_model_are_read_by_every_address(place: Path, rows: pd.DataFrame, classifier: Any) -> None:
    name = f"info-{place.name}"
    with mlflow.start_run() as run:
        logged = mlflow.sklearn.log_model(
            classifier, "clf", input_example=rows.head(2), metadata={"team": "a"}, registered_model_name=name
        )
    for uri in (logged.model_uri, f"runs:/{run.info.run_id}/clf", f"models:/{name}/1", f"models:/{name}/latest"):
        info = mlflow.models.get_model_info(uri)
        assert info.model_uri == uri
        assert (info.model_id, info.run_id, info.digest) == (logged.model_id, run.info.run_id, logged.digest)
        assert (info.signature, info.flavors, info.metadata) == (logged.signature, logged.flavors, {"team": "a"})
        assert info.utc_time_created == logged.utc_time_created
        assert info.saved_input_example_info is not None
        assert (info.name, info.registered_model_version) == ((name, 1) if name in uri else ("clf", None))


def test_a_signature_is_set_afterwards(place: Path, rows: pd.DataFrame, classifier: Any) -> None:
    name = f"signature-{place.name}"
    with mlflow.start_run() as run:
        logged = mlflow.sklearn.log_model(classifier, "clf", registered_model_name=name)
    assert mlflow.load_model(logged.model_uri).signature is None
    signature = mlflow.models.infer_signature(rows, classifier.predict(rows))
    mlflow.models.set_signature(f"runs:/{run.info.run_id}/clf", signature)
    model = mlflow.pyfunc.load_model(logged.model_uri)
    assert model.signature == signature == mlflow.models.get_model_info(logged.model_uri).signature
    assert model.predict(rows).tolist() == classifier.predict(rows).tolist()
    with pytest.raises(InvalidInput, match="a"):
        model.predict(rows[["b", "c"]])
    with pytest.raises(Conflict, match="never changes"):
        mlflow.models.set_signature(f"models:/{name}/1", signature)
    assert mlflow.load_model(f"models:/{name}/1").signature is None
    mlflow.register_model(logged.model_uri, name)
    assert mlflow.load_model(f"models:/{name}/2").signature == signature


def test_requirements_are_added_and_removed(place: Path, classifier: Any) -> None:
    with mlflow.start_run():
        uri = mlflow.sklearn.log_model(classifier, "clf", pip_requirements=["scikit-learn", "numpy==2.0"]).model_uri
    mlflow.models.update_model_requirements(uri, "add", ["NumPy>=1.26", "extra_package[fast]==1.0"])
    wanted = ["scikit-learn", "NumPy>=1.26", "extra_package[fast]==1.0"]
    assert Path(mlflow.pyfunc.get_model_dependencies(uri)).read_text().splitlines() == wanted
    conda = yaml.safe_load(Path(mlflow.pyfunc.get_model_dependencies(uri, format="conda")).read_text())
    assert conda["dependencies"][-1] == {"pip": wanted}
    mlflow.models.update_model_requirements(uri, "remove", ["extra-package==3", "absent"])
    assert Path(mlflow.pyfunc.get_model_dependencies(uri)).read_text().splitlines() == wanted[:2]
    mlflow.load_model(uri)  # its manifest is right


@pytest.mark.parametrize(
    "operation, lines",
    [
        ("replace", ["numpy"]),
        ("add", ["-r other.txt"]),
        ("add", ["numpy\nevil"]),
        ("add", [" "]),
        ("remove", ["--index-url x"]),
        ("add", "numpy"),
    ],
)
def test_what_is_no_change_of_requirements_changes_nothing(
    tmp_path: Path, classifier: Any, operation: Any, lines: Any
) -> None:
    mlflow.models.save_model(classifier, tmp_path / "model")
    before = {path.name: path.read_bytes() for path in (tmp_path / "model").iterdir() if path.is_file()}
    with pytest.raises(InvalidInput):
        mlflow.models.update_model_requirements(tmp_path / "model", operation, lines)
    assert before == {path.name: path.read_bytes() for path in (tmp_path / "model").iterdir() if path.is_file()}


def test_a_folder_is_changed_where_it_is_and_a_call_that_broke_off_is_made_again(
    tmp_path: Path, rows: pd.DataFrame, classifier: Any
) -> None:
    folder = tmp_path / "model"
    mlflow.models.save_model(classifier, folder)
    signature = mlflow.models.infer_signature(rows)
    manifest = (folder / "manifest.json").read_bytes()
    mlflow.models.set_signature(folder, signature)
    (folder / "manifest.json").write_bytes(manifest)  # as when the process ends before it is written
    with pytest.raises(Corrupt):
        mlflow.models.load_model(folder)
    mlflow.models.set_signature(folder, signature)
    assert mlflow.models.load_model(folder).signature == signature
    assert mlflow.pyfunc.get_model_dependencies(folder) == str(folder / "requirements.txt")
    with pytest.raises(InvalidInput, match="infer_signature"):
        mlflow.models.set_signature(folder, {"inputs": "a"})  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="pip or conda"):
        mlflow.pyfunc.get_model_dependencies(folder, "uv")


def test_a_locked_model_keeps_what_it_was_locked_to(tmp_path: Path, classifier: Any) -> None:
    mlflow.models.save_model(classifier, tmp_path / "model")
    (tmp_path / "model/requirements.lock").write_text("numpy==2.0\n")
    with pytest.raises(Conflict, match="locked"):
        mlflow.models.update_model_requirements(tmp_path / "model", "add", ["numpy"])


def test_what_is_no_model_is_told(place: Path) -> None:
    (place / "empty").mkdir()
    for uri in (place / "empty", "models:/m-00000000000000000000000000000000"):
        with pytest.raises(NotFound):
            mlflow.models.get_model_info(uri)


SAVE = """
import mlflow, numpy, os
from sklearn.linear_model import LinearRegression
folder = arguments[0]
model = LinearRegression().fit(numpy.ones((4, 2)), numpy.ones(4))
mlflow.sklearn.save_model(model, folder, **({"skops_trusted_types": []} if mlflow.__version__[0] == "3" else {}))
result = None
"""
CHANGE = """
import mlflow
from mlflow.models import ModelSignature, get_model_info, set_signature, update_model_requirements
from mlflow.types import ColSpec, Schema
theirs, ours = arguments
set_signature(theirs, ModelSignature(Schema([ColSpec("double", "a"), ColSpec("long", "b", required=False)])))
update_model_requirements(theirs, "add", ["numpy==1.0", "absent"])
update_model_requirements(theirs, "remove", ["cloudpickle"])
result = [get_model_info(folder).signature.to_dict() for folder in (theirs, ours)]
"""


def test_mlflow_makes_the_same_of_its_own_folder(tmp_path: Path, peer: Peer) -> None:
    theirs, ours = tmp_path / "theirs", tmp_path / "ours"
    for folder in (theirs, ours):
        peer.run(SAVE, str(folder))
    mlflow.models.set_signature(ours, mlflow.models.Signature(columns(a="double", b="long?")))
    mlflow.models.update_model_requirements(ours, "add", ["numpy==1.0", "absent"])
    mlflow.models.update_model_requirements(ours, "remove", ["cloudpickle"])
    of_theirs, of_ours = peer.run(CHANGE, str(theirs), str(ours))
    assert of_ours == of_theirs
    assert read_mlmodel(theirs).flavors == read_mlmodel(ours).flavors
    wanted = [sorted((folder / "requirements.txt").read_text().split()) for folder in (theirs, ours)]
    assert wanted[0] == wanted[1]
    parts = [yaml.safe_load((folder / "conda.yaml").read_text())["dependencies"] for folder in (theirs, ours)]
    assert sorted(parts[0][-1]["pip"]) == sorted(parts[1][-1]["pip"])
    assert mlflow.models.get_model_info(theirs).signature == mlflow.models.get_model_info(ours).signature
