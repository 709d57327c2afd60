"""Mistakes: what is raised, by its error code; and that nothing was changed by them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

UNKNOWN = "f" * 32


def play(mlflow: Any, mark: str) -> dict[str, Any]:
    exceptions = __import__(mlflow.__name__ + ".exceptions", fromlist=["MlflowException"])
    client = mlflow.MlflowClient()
    experiment_id = client.create_experiment(f"errors {mark}")
    gone_id = client.create_experiment(f"errors, gone {mark}")
    client.delete_experiment(gone_id)
    run_id = client.create_run(experiment_id).info.run_id
    client.log_param(run_id, "p", "1")
    deleted_id = client.create_run(experiment_id).info.run_id
    client.delete_run(deleted_id)

    calls: dict[str, Callable[[], Any]] = {
        "unknown run": lambda: client.get_run(UNKNOWN),
        "unknown experiment": lambda: client.get_experiment("987654321"),
        "same name": lambda: client.create_experiment(f"errors {mark}"),
        "name of the deleted": lambda: client.create_experiment(f"errors, gone {mark}"),
        "choose the deleted": lambda: mlflow.set_experiment(f"errors, gone {mark}"),
        "empty name": lambda: client.create_experiment(""),
        "run in the deleted": lambda: client.create_run(gone_id),
        "delete twice": lambda: client.delete_experiment(gone_id),
        "other value of a param": lambda: client.log_param(run_id, "p", "2"),
        "metric key": lambda: client.log_metric(run_id, "m$", 1.0),
        "param key": lambda: client.log_param(run_id, "a//b", 1),
        "tag key too long": lambda: client.set_tag(run_id, "k" * 251, "v"),
        "write to the deleted": lambda: client.log_metric(deleted_id, "m", 1.0),
        "unknown run, write": lambda: client.log_metric(UNKNOWN, "m", 1.0),
        "tag not there": lambda: client.delete_tag(run_id, "never set"),
        "filter": lambda: client.search_runs([experiment_id], "metrics.rmse <"),
        "filter, no such attribute": lambda: client.search_runs([experiment_id], "attributes.colour = 'red'"),
        "order": lambda: client.search_runs([experiment_id], order_by=["metrics.rmse UPWARDS"]),
        "page token": lambda: client.search_runs([experiment_id], page_token="?"),
        "page too large": lambda: client.search_runs([experiment_id], max_results=50_001),
    }
    read: dict[str, Any] = {}
    for name, call in calls.items():
        try:
            call()
        except exceptions.MlflowException as error:
            read[name] = error.error_code
        else:
            read[name] = "no error"
    run = client.get_run(run_id)
    read["left as it was"] = [dict(run.data.params), dict(run.data.metrics), run.info.lifecycle_stage]
    return read


EXPECTED = {
    "unknown run": "RESOURCE_DOES_NOT_EXIST",
    "unknown experiment": "RESOURCE_DOES_NOT_EXIST",
    "same name": "RESOURCE_ALREADY_EXISTS",
    "name of the deleted": "RESOURCE_ALREADY_EXISTS",
    "choose the deleted": "INVALID_PARAMETER_VALUE",
    "empty name": "INVALID_PARAMETER_VALUE",
    "run in the deleted": "INVALID_PARAMETER_VALUE",
    "delete twice": "RESOURCE_DOES_NOT_EXIST",
    "other value of a param": "INVALID_PARAMETER_VALUE",
    "metric key": "INVALID_PARAMETER_VALUE",
    "param key": "INVALID_PARAMETER_VALUE",
    "tag key too long": "INVALID_PARAMETER_VALUE",
    "write to the deleted": "INVALID_PARAMETER_VALUE",
    "unknown run, write": "RESOURCE_DOES_NOT_EXIST",
    "tag not there": "RESOURCE_DOES_NOT_EXIST",
    "filter": "INVALID_PARAMETER_VALUE",
    "filter, no such attribute": "INVALID_PARAMETER_VALUE",
    "order": "INVALID_PARAMETER_VALUE",
    "page token": "INVALID_PARAMETER_VALUE",
    "page too large": "INVALID_PARAMETER_VALUE",
    "left as it was": [{"p": "1"}, {}, "active"],
}
