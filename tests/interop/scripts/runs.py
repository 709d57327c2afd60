"""Runs: names, nesting, params, tags, notes, how they end, resuming, trash."""

from __future__ import annotations

from typing import Any

PARAMS = {
    "alpha": 0.1,
    "layers": [64, 32],
    "none": None,
    "flag": True,
    "empty": "",
    "text": "naïve – ünïcode ✓ 模型",
    "a/b.c-d e": "odd key",
    "long": "x" * 500,
}
TAGS = {"team": "pricing", "unicode ключ": "значение", "number": 7, "lines": "one\ntwo"}


def play(mlflow: Any, mark: str) -> dict[str, Any]:
    client = mlflow.MlflowClient()
    mlflow.set_experiment(f"runs {mark}")
    read: dict[str, Any] = {}
    with mlflow.start_run(run_name="parent", tags={"given": "at start"}, description="What it is *for*") as parent:
        mlflow.log_params(PARAMS)
        mlflow.log_param("alpha", 0.1)
        mlflow.set_tags(TAGS)
        mlflow.set_tag("gone", "soon")
        mlflow.delete_tag("gone")
        for number in range(3):
            with mlflow.start_run(run_name=f"child {number}", nested=True):
                mlflow.log_param("number", number)
                with mlflow.start_run(run_name=f"grandchild {number}", nested=True):
                    mlflow.log_metric("deep", number)
    read["parent"] = describe(client.get_run(parent.info.run_id))
    below = client.search_runs(
        [parent.info.experiment_id], f"tags.mlflow.parentRunId = '{parent.info.run_id}'", order_by=["params.number"]
    )
    read["children"] = [(run.info.run_name, run.data.params, run.info.status) for run in below]
    for child in below:
        found = client.search_runs([parent.info.experiment_id], f"tags.mlflow.parentRunId = '{child.info.run_id}'")
        read.setdefault("grandchildren", []).extend((run.info.run_name, run.data.metrics) for run in found)

    read["failed"] = fail(mlflow, client)
    with mlflow.start_run(run_id=parent.info.run_id):
        read["resumed"] = client.get_run(parent.info.run_id).info.status
        mlflow.log_param("later", "yes")
    again = client.get_run(parent.info.run_id)
    read["ended again"] = (
        again.info.status,
        again.data.params["later"],
        again.info.start_time == parent.info.start_time,
    )

    made = client.create_run(parent.info.experiment_id, start_time=1_500_000_000_123, tags={"made": "by client"})
    client.log_param(made.info.run_id, "p", "1")
    client.set_tag(made.info.run_id, "t", "1")
    client.set_tag(made.info.run_id, "t", "2")
    client.set_terminated(made.info.run_id, "KILLED", end_time=1_500_000_001_456)
    read["made"] = describe(client.get_run(made.info.run_id))
    read["made times"] = times(client, made.info.run_id)
    client.delete_run(made.info.run_id)
    read["deleted"] = client.get_run(made.info.run_id).info.lifecycle_stage
    read["left"] = len(client.search_runs([parent.info.experiment_id]))
    client.restore_run(made.info.run_id)
    read["restored"] = client.get_run(made.info.run_id).info.lifecycle_stage
    read["again"] = len(client.search_runs([parent.info.experiment_id]))
    return read


def describe(run: Any) -> dict[str, Any]:
    tags = {key: value for key, value in run.data.tags.items() if not key.startswith(("mlflow.", "trackway."))}
    note = run.data.tags.get("mlflow.note.content")
    return {
        "name": run.info.run_name if note else None,  # one that was not given differs each time
        "name tag": run.data.tags["mlflow.runName"] == run.info.run_name,
        "status": run.info.status,
        "stage": run.info.lifecycle_stage,
        "ended": run.info.end_time >= run.info.start_time,
        "params": dict(run.data.params),
        "metrics": dict(run.data.metrics),
        "tags": tags,
        "note": note,
    }


def fail(mlflow: Any, client: Any) -> list[Any]:
    try:
        with mlflow.start_run(run_name="fails") as run:
            mlflow.log_metric("before", 1)
            raise RuntimeError("as training code does")
    except RuntimeError:
        found = client.get_run(run.info.run_id)
        return [found.info.status, found.data.metrics]
    return []


def times(client: Any, run_id: str) -> list[int]:
    info = client.get_run(run_id).info
    return [info.start_time, info.end_time]


EXPECTED = {
    "parent": {
        "name": "parent",
        "name tag": True,
        "status": "FINISHED",
        "stage": "active",
        "ended": True,
        "params": {key: str(value) for key, value in PARAMS.items()},
        "metrics": {},
        "tags": {"given": "at start", **{key: str(value) for key, value in TAGS.items()}},
        "note": "What it is *for*",
    },
    "children": [[f"child {number}", {"number": str(number)}, "FINISHED"] for number in range(3)],
    "grandchildren": [[f"grandchild {number}", {"deep": float(number)}] for number in range(3)],
    "failed": ["FAILED", {"before": 1.0}],
    "resumed": "RUNNING",
    "ended again": ["FINISHED", "yes", True],
    "made": {
        "name": None,
        "name tag": True,
        "status": "KILLED",
        "stage": "active",
        "ended": True,
        "params": {"p": "1"},
        "metrics": {},
        "tags": {"made": "by client", "t": "2"},
        "note": None,
    },
    "made times": [1_500_000_000_123, 1_500_000_001_456],
    "deleted": "deleted",
    "left": 8,
    "restored": "active",
    "again": 9,
}
