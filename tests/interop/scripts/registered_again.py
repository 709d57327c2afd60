"""A path of a run that is registered, written again and registered again: each version keeps its own files."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any


def play(mlflow: Any, mark: str) -> dict[str, Any]:
    client = mlflow.tracking.MlflowClient()
    name = f"again {mark}"
    client.create_registered_model(name)
    mlflow.set_experiment(name)
    read: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as place, mlflow.start_run() as run:
        for number in ("1", "2"):
            folder = Path(place, number, "model")
            folder.mkdir(parents=True)
            (folder / "MLmodel").write_text(f"flavors: {{own: {number}}}\n")
            (folder / f"only-{number}.txt").write_text(number)
            mlflow.log_artifacts(str(folder), "model")
            made = client.create_model_version(name, f"{run.info.artifact_uri}/model", run.info.run_id)
            read[f"version {number}"] = int(made.version)
        client.log_text(run.info.run_id, "neither", "model/MLmodel")
        for number in ("1", "2"):
            uri = client.get_model_version_download_uri(name, number)
            target = Path(place, f"fetched {number}")
            target.mkdir()
            artifacts = mlflow.artifacts.download_artifacts(artifact_uri=uri, dst_path=str(target))
            read[f"files {number}"] = sorted(one.name for one in Path(artifacts).iterdir())
            read[f"text {number}"] = Path(artifacts, "MLmodel").read_text()
    client.delete_model_version(name, "1")
    return read


EXPECTED = {
    "version 1": 1,
    "version 2": 2,
    "files 1": ["MLmodel", "only-1.txt"],
    "files 2": ["MLmodel", "only-1.txt", "only-2.txt"],
    "text 1": "flavors: {own: 1}\n",
    "text 2": "flavors: {own: 2}\n",
}
