"""Values at and past the limits of this protocol: kept whole, or refused; never cut."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def play(mlflow: Any, mark: str) -> dict[str, Any]:
    exceptions = __import__(mlflow.__name__ + ".exceptions", fromlist=["MlflowException"])
    client = mlflow.MlflowClient()
    experiment_id = client.create_experiment(f"limits {mark}")
    run_id = client.create_run(experiment_id).info.run_id
    entities = mlflow.entities
    calls: dict[str, Callable[[], Any]] = {
        "param of 6000": lambda: client.log_param(run_id, "p", "v" * 6_000),
        "param of 6001": lambda: client.log_param(run_id, "long", "v" * 6_001),
        "tag of 5000": lambda: client.set_tag(run_id, "t", "v" * 5_000),
        "tag of 8001": lambda: client.set_tag(run_id, "long", "v" * 8_001),
        "batch with a param of 6001": lambda: client.log_batch(
            run_id, metrics=[entities.Metric("m", 1.0, 1, 0)], params=[entities.Param("long", "v" * 6_001)]
        ),
        "experiment's tag of 20001": lambda: client.set_experiment_tag(experiment_id, "long", "v" * 20_001),
        "batch of 1000 points": lambda: client.log_batch(
            run_id, metrics=[entities.Metric("many", float(i), i, i) for i in range(1_000)]
        ),
        "key of 250": lambda: client.log_metric(run_id, "k" * 250, 1.0, timestamp=1, step=0),
    }
    read: dict[str, Any] = {}
    for name, call in calls.items():
        try:
            call()
        except exceptions.MlflowException as error:
            read[name] = error.error_code
        else:
            read[name] = "kept"
    data = client.get_run(run_id).data
    read["params"] = {key: len(value) for key, value in data.params.items()}
    read["tags"] = {key: len(value) for key, value in data.tags.items() if not key.startswith("mlflow.")}
    read["metrics"] = sorted(data.metrics)
    return read


EXPECTED = {
    "param of 6000": "kept",
    "param of 6001": "INVALID_PARAMETER_VALUE",
    "tag of 5000": "kept",
    "tag of 8001": "INVALID_PARAMETER_VALUE",
    "batch with a param of 6001": "INVALID_PARAMETER_VALUE",
    "experiment's tag of 20001": "INVALID_PARAMETER_VALUE",
    "batch of 1000 points": "kept",
    "key of 250": "kept",
    "params": {"p": 6_000},
    "tags": {"t": 5_000},
    "metrics": ["k" * 250, "many"],
}
