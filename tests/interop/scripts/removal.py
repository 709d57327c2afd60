"""Files that a client deletes, one folder of a run and then all of them, as its command for cleaning up does."""

from __future__ import annotations

import importlib
from typing import Any


def play(mlflow: Any, mark: str) -> dict[str, Any]:
    client = mlflow.MlflowClient()
    mlflow.set_experiment(f"removal {mark}")
    with mlflow.start_run() as run:
        for path in ("a.txt", "d/b.txt", "d/e/c.txt"):
            mlflow.log_text(path, path)
    registry = importlib.import_module(f"{mlflow.__name__}.store.artifact.artifact_repository_registry")
    repository = registry.get_artifact_repository(run.info.artifact_uri)
    read: dict[str, Any] = {}
    for removed in ("d/e", "d/b.txt", "none", None):
        repository.delete_artifacts(removed)
        read[str(removed)] = sorted(file.path for file in client.list_artifacts(run.info.run_id))
    return read


EXPECTED = {"d/e": ["a.txt", "d"], "d/b.txt": ["a.txt"], "none": ["a.txt"], "None": []}
