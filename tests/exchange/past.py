"""Makes a history with the MLflow client of the environment it runs in, and writes down what that client reads of it.

Run by another interpreter: ``python past.py URI FOLDER make|more``. The facts go to ``FOLDER/facts.json``.
"""

from __future__ import annotations

import base64
import hashlib
import json
import math
import os
import sys
import warnings
from pathlib import Path
from typing import Any

warnings.filterwarnings("ignore")

import mlflow  # noqa: E402
from mlflow.entities import Metric, Param, RunTag, ViewType  # noqa: E402
from mlflow.tracking import MlflowClient  # noqa: E402

MAJOR = int(mlflow.__version__.split(".")[0])
START_MS = 1_700_000_000_123
INF = float("inf")
POINTS = [
    ("loss", 0.5, START_MS, 0),
    ("loss", 0.25, START_MS + 5, 1),
    ("loss", 0.125, START_MS + 5, 2),
    ("loss", math.nan, START_MS + 9, 3),
    ("loss", INF, START_MS + 10, 4),
    ("loss", -INF, START_MS + 11, 5),
    ("loss", -0.1, START_MS + 12, -7),
    ("val/acc top-1", 0.1 + 0.2, START_MS, 0),
    ("val/acc top-1", 5e-324, START_MS + 1, 2**40),
    ("größe", 1e300, START_MS, 0),
    ("only nan", math.nan, START_MS, 0),
]
PARAMS = {"alpha": "0.1", "deep/key": "näh\nzwei", "blank": "", "long": "x" * 480}
TAGS = {"team": "büro", "mlflow.note.content": "# Note\n\nwith *text*", "a/b": "c", "blank": ""}
FILES = {
    "model/weights.bin": bytes(range(256)) * 600,
    "plots/ä ü.txt": "grün".encode(),
    "empty": b"",
    "top.json": b"{}",
}


def make(client: MlflowClient, folder: Path) -> None:
    first = client.create_experiment("prices", tags={"owner": "ada", "blank": ""})
    second = client.create_experiment("gone")
    client.create_experiment("empty")
    parent = _create(client, first, START_MS, {**TAGS, "mlflow.runName": "parent", "mlflow.user": "ada"})
    client.log_batch(parent, [Metric(*point) for point in POINTS], [Param(*p) for p in PARAMS.items()])
    _log_files(client, parent, folder / "files")
    client.set_terminated(parent, "FINISHED", START_MS + 60_000)
    child = _create(client, first, START_MS + 1, {"mlflow.parentRunId": parent, "mlflow.runName": "child"})
    client.log_batch(child, [Metric("loss", i / 7, START_MS + i, i) for i in range(1_000)])
    client.log_metric(child, "loss", 999 / 7, START_MS + 999, 999)
    client.set_terminated(child, "FAILED", START_MS + 2)
    grandchild = _create(client, first, START_MS + 2, {"mlflow.parentRunId": child})
    client.set_terminated(grandchild, "KILLED", START_MS + 3)
    running = _create(client, first, START_MS + 3, {"mlflow.runName": "running"})
    client.log_metric(running, "loss", 1.0, START_MS + 4, 0)
    deleted = _create(client, first, START_MS + 4, {"mlflow.runName": "deleted"})
    client.log_param(deleted, "p", "v")
    client.set_terminated(deleted, "FINISHED", START_MS + 5)
    client.delete_run(deleted)
    lost = _create(client, second, START_MS + 5, {"mlflow.runName": "in the trash"})
    client.log_metric(lost, "m", 2.0, START_MS + 5, 3)
    client.set_terminated(lost, "FINISHED", START_MS + 6)
    client.delete_experiment(second)
    default = _create(client, "0", START_MS + 6, {"mlflow.runName": "in the default experiment"})
    client.set_terminated(default, "FINISHED", START_MS + 7)
    if _has_datasets():
        _log_datasets(client, parent, child)
    if MAJOR >= 3:
        _log_models(client, first, parent, child, folder / "files")
    if _has_registry(client):
        _register(client, parent)


def more(client: MlflowClient, folder: Path) -> None:
    """Go on with the history: what a second import finds new."""
    experiment = client.get_experiment_by_name("prices").experiment_id
    [running] = client.search_runs([experiment], "attributes.run_name = 'running'")
    run_id = running.info.run_id
    client.log_batch(
        run_id,
        [Metric("loss", 0.5, START_MS + 20, 1), Metric("loss", 0.25, START_MS + 3, 2), Metric("acc", 1.0, START_MS, 0)],
        [Param("late", "1")],
        [RunTag("late", "yes")],
    )
    _log_files(client, run_id, folder / "files")
    client.set_terminated(run_id, "FINISHED", START_MS + 70_000)
    new = _create(client, experiment, START_MS + 100, {"mlflow.runName": "new"})
    client.set_terminated(new, "FINISHED", START_MS + 101)
    another = client.create_experiment("another")
    _create(client, another, START_MS + 200, {"mlflow.runName": "other"})


def read_facts(client: MlflowClient) -> dict[str, Any]:
    experiments = client.search_experiments(view_type=ViewType.ALL)
    runs = []
    for experiment in experiments:
        view = ViewType.ALL
        found = client.search_runs([experiment.experiment_id], "", view)
        runs += [_read_run(client, client.get_run(run.info.run_id)) for run in found]
    return {
        "version": mlflow.__version__,
        "experiments": [
            {
                "experiment_id": e.experiment_id,
                "name": e.name,
                "lifecycle": e.lifecycle_stage,
                "created_ms": e.creation_time,
                "updated_ms": e.last_update_time,
                "tags": dict(e.tags),
            }
            for e in experiments
        ],
        "runs": runs,
        "models": _read_models(client, [e.experiment_id for e in experiments]) if MAJOR >= 3 else [],
        "registered": _read_registered(client) if _has_registry(client) else [],
    }


def _has_registry(client: MlflowClient) -> bool:
    return MAJOR >= 2 or client._registry_uri.startswith("sqlite")


def _register(client: MlflowClient, run_id: str) -> None:
    client.create_registered_model("größe's", {"team": "büro"}, "# What\n\nit is for")
    place = client.get_run(run_id).info.artifact_uri
    for number in range(4):
        client.create_model_version(
            "größe's", f"{place}/model", run_id, {"n": str(number)}, description=f"version {number}"
        )
    client.transition_model_version_stage("größe's", "1", "Production")
    client.transition_model_version_stage("größe's", "2", "Archived")
    client.delete_model_version("größe's", "3")
    client.create_registered_model("empty")
    if MAJOR >= 2:
        client.set_registered_model_alias("größe's", "best", "2")
        client.copy_model_version("models:/größe's/1", "copy")
    if MAJOR >= 3:
        model = client.search_logged_models([client.get_run(run_id).info.experiment_id], "name = 'forest'")[0]
        client.register_prompt("greeting", "Hello {{name}}", commit_message="first")
        client.create_registered_model("logged")
        client.create_model_version("logged", f"models:/{model.model_id}", run_id, model_id=model.model_id)


def _read_registered(client: MlflowClient) -> list[dict[str, Any]]:
    return [
        {
            "name": model.name,
            "description": model.description or "",
            "created_ms": model.creation_timestamp,
            "updated_ms": model.last_updated_timestamp,
            "tags": dict(model.tags),
            "aliases": {alias: int(number) for alias, number in getattr(model, "aliases", {}).items()},
            "versions": [
                {
                    "version": int(version.version),
                    "stage": version.current_stage,
                    "description": version.description or "",
                    "run_id": version.run_id or "",
                    "tags": dict(version.tags),
                    "status": version.status,
                    "user": version.user_id or "",
                    "created_ms": version.creation_timestamp,
                    "updated_ms": version.last_updated_timestamp,
                }
                for version in sorted(_list_versions(client, model.name), key=lambda version: int(version.version))
            ],
        }
        for model in (client.get_registered_model(found.name) for found in client.search_registered_models())
    ]


def _list_versions(client: MlflowClient, name: str) -> list[Any]:
    return list(client.search_model_versions(f'name = "{name}"'))


def _create(client: MlflowClient, experiment: str, start_ms: int, tags: dict[str, str]) -> str:
    return str(client.create_run(experiment, start_ms, tags).info.run_id)


def _log_files(client: MlflowClient, run_id: str, folder: Path) -> None:
    for path, data in FILES.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    client.log_artifacts(run_id, str(folder))


def _has_datasets() -> bool:
    return (MAJOR, int(mlflow.__version__.split(".")[1])) >= (2, 4)


def _log_datasets(client: MlflowClient, parent: str, child: str) -> None:
    from mlflow.entities import Dataset, DatasetInput, InputTag

    train = Dataset("train.csv", "d1", "local", '{"uri": "x"}', '{"columns": []}', '{"rows": 3}')
    test = Dataset("test.csv", "d2", "local", '{"uri": "y"}')
    context = [InputTag("mlflow.data.context", "training"), InputTag("part", "1")]
    client.log_inputs(parent, [DatasetInput(train, context), DatasetInput(test)])
    client.log_inputs(child, [DatasetInput(train)])


def _log_models(client: MlflowClient, experiment: str, run_id: str, other: str, folder: Path) -> None:
    from mlflow.entities import LoggedModelInput, LoggedModelOutput

    model = client.create_logged_model(
        experiment, "forest", run_id, tags={"tag": "1"}, params={"trees": "5"}, model_type="sklearn"
    )
    client.log_model_artifacts(model.model_id, str(folder))
    metrics = [Metric("model/acc", 0.5 + i, START_MS + i, i, model_id=model.model_id) for i in range(3)]
    metrics.append(
        Metric(
            "on data", 0.75, START_MS, 0, model_id=model.model_id, dataset_name="train.csv", dataset_digest="d1",
            run_id=run_id,
        )
    )  # fmt: skip
    client.log_batch(run_id, metrics)
    client.finalize_logged_model(model.model_id, "READY")
    client.log_outputs(run_id, [LoggedModelOutput(model.model_id, 2)])
    client.log_inputs(other, models=[LoggedModelInput(model.model_id)])
    client.create_logged_model(experiment, "pending", run_id)


def _read_run(client: MlflowClient, run: Any) -> dict[str, Any]:
    info = run.info
    facts = {
        "run_id": info.run_id,
        "experiment_id": info.experiment_id,
        "name": info.run_name,
        "status": info.status,
        "user": info.user_id,
        "start_ms": info.start_time,
        "end_ms": info.end_time,
        "lifecycle": info.lifecycle_stage,
        "params": dict(run.data.params),
        "tags": dict(run.data.tags),
        "metrics": {key: _read_history(client, info.run_id, key) for key in run.data.metrics},
        "files": _read_files(info.artifact_uri),
        "datasets": [],
        "model_inputs": [],
        "model_outputs": [],
        "links": [],
    }
    if _has_datasets():
        facts["datasets"] = [
            {
                **{name: getattr(one.dataset, name) for name in ("name", "digest", "source_type", "source")},
                "schema": one.dataset.schema,
                "profile": one.dataset.profile,
                "tags": {tag.key: tag.value for tag in one.tags},
            }
            for one in run.inputs.dataset_inputs
        ]
    if MAJOR >= 3:
        facts["model_inputs"] = [one.model_id for one in run.inputs.model_inputs or ()]
        facts["model_outputs"] = [
            [one.model_id, one.step] for one in (run.outputs.model_outputs if run.outputs else ())
        ]
    return facts


def _read_history(client: MlflowClient, run_id: str, key: str) -> list[list[Any]]:
    return [[m.step, m.timestamp, repr(m.value)] for m in client.get_metric_history(run_id, key)]


def _read_files(uri: str) -> dict[str, str]:
    """Return digests of a local folder's files by their paths in base64, as no console mangles those."""
    root = Path(uri[len("file://") :] if uri.startswith("file://") else uri)
    return {
        base64.b64encode(str(path.relative_to(root)).encode()).decode(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


def _read_models(client: MlflowClient, experiments: list[str]) -> list[dict[str, Any]]:
    return [
        {
            "model_id": m.model_id,
            "experiment_id": m.experiment_id,
            "name": m.name,
            "model_type": m.model_type or "",
            "source_run_id": m.source_run_id or "",
            "status": str(m.status),
            "created_ms": m.creation_timestamp,
            "updated_ms": m.last_updated_timestamp,
            "params": dict(m.params or {}),
            "tags": dict(m.tags or {}),
            "metrics": sorted(
                [x.key, x.step, x.timestamp, x.value, x.run_id or "", x.dataset_name or "", x.dataset_digest or ""]
                for x in m.metrics or ()
            ),
            "files": _read_files(m.artifact_location),
        }
        for m in client.search_logged_models(experiments)
    ]


def main(uri: str, folder: str, what: str) -> None:
    os.environ["MLFLOW_ALLOW_FILE_STORE"] = "true"
    client = MlflowClient(uri)
    {"make": make, "more": more}[what](client, Path(folder))
    (Path(folder) / "facts.json").write_text(json.dumps(read_facts(client)), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
