"""Datasets that a run has used, with their contexts and tags, and runs found by them."""

from __future__ import annotations

import json
from typing import Any


def play(mlflow: Any, mark: str) -> dict[str, Any]:
    import pandas as pd

    client = mlflow.MlflowClient()
    experiment_id = mlflow.set_experiment(f"datasets {mark}").experiment_id
    rooms = pd.DataFrame({"rooms": [1, 2, 3]})
    frame = pd.DataFrame({"area": [1.0, 2.5], "rooms": [3, 4], "kind": ["flat", "house"]})
    training = mlflow.data.from_pandas(frame, name=f"houses {mark}", targets="area")
    test = mlflow.data.from_pandas(rooms, name=f"grid {mark}")
    with mlflow.start_run() as run:
        mlflow.log_input(training, context="training")
        mlflow.log_input(test, context="test", tags={"fold": "1"})
        mlflow.log_input(training, context="training")  # once more says nothing new
    with mlflow.start_run():
        mlflow.log_input(test, context="training")

    read: dict[str, Any] = {"inputs": {}}
    inputs = client.get_run(run.info.run_id).inputs.dataset_inputs
    for item in inputs:
        schema = json.loads(item.dataset.schema or '{"mlflow_colspec": []}')  # a client without SciPy knows none
        read["inputs"][item.dataset.name] = {
            "digest": item.dataset.digest in (training.digest, test.digest),
            "schema": sorted(schema),
            "profile": json.loads(item.dataset.profile),
            "tags": {tag.key.removeprefix("mlflow.data."): tag.value for tag in item.tags},
        }
    for text in (
        f"datasets.name = 'houses {mark}'",
        "dataset.name LIKE 'grid%' AND dataset.context = 'training'",
        f"datasets.digest IN ('{test.digest}')",
        f"datasets.digest NOT IN ('{training.digest}')",
    ):
        read.setdefault("found", []).append(len(client.search_runs([experiment_id], text)))
    return read


EXPECTED = {
    "inputs": {
        "houses MARK": {
            "digest": True,
            "schema": ["mlflow_colspec"],
            "profile": {"num_rows": 2, "num_elements": 6},
            "tags": {"context": "training"},
        },
        "grid MARK": {
            "digest": True,
            "schema": ["mlflow_colspec"],
            "profile": {"num_rows": 3, "num_elements": 3},
            "tags": {"context": "test", "fold": "1"},
        },
    },
    "found": [1, 2, 2, 2],
}
