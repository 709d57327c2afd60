"""Metrics: steps, times, numbers that are none, batches, a long history."""

from __future__ import annotations

import math
from typing import Any

BIG_BATCH = 1_000
LONG_HISTORY = 30_000
NUMBERS = [0.0, -0.0, 1.5, -2.25e-300, 1e300, math.pi, math.nan, math.inf, -math.inf, 5e-324]
STEPS = [0, 1, 1, -3, 2**62, 7]


def play(mlflow: Any, mark: str) -> dict[str, Any]:
    from_module = __import__(mlflow.__name__ + ".entities", fromlist=["Metric", "Param", "RunTag"])
    metric, param, tag = from_module.Metric, from_module.Param, from_module.RunTag
    client = mlflow.MlflowClient()
    experiment_id = mlflow.set_experiment(f"metrics {mark}").experiment_id
    read: dict[str, Any] = {}

    with mlflow.start_run() as run:
        for number, value in enumerate(NUMBERS):
            mlflow.log_metric("number", value, step=number)
        mlflow.log_metric("whole", 3)
        mlflow.log_metrics({"train/loss": 0.5, "val loss": 0.25, "метрика": 1.0}, step=4)
    run_id = run.info.run_id
    read["numbers"] = [(point.step, point.value) for point in history(client, run_id, "number")]
    read["zero keeps its sign"] = math.copysign(1.0, history(client, run_id, "number")[1].value)
    read["whole"] = [(point.step, point.value) for point in history(client, run_id, "whole")]
    read["together"] = {key: history(client, run_id, key)[0].step for key in ("train/loss", "val loss", "метрика")}
    read["last"] = client.get_run(run_id).data.metrics

    run_id = client.create_run(experiment_id).info.run_id
    for number, step in enumerate(STEPS):
        client.log_metric(run_id, "steps", float(number), timestamp=1_600_000_000_000 + number, step=step)
    client.log_metric(run_id, "steps", 9.0, timestamp=1_600_000_000_009, step=2**62)
    read["steps"] = sorted((point.step, point.timestamp, point.value) for point in history(client, run_id, "steps"))
    read["steps, last"] = client.get_run(run_id).data.metrics

    points = [metric("m", float(number), 1_700_000_000_000 + number, number) for number in range(BIG_BATCH)]
    client.log_batch(run_id, metrics=points)
    client.log_batch(
        run_id,
        metrics=[metric(f"key.{number}", number / 7, 5, number) for number in range(800)],
        params=[param(f"p{number}", str(number)) for number in range(100)],
        tags=[tag(f"t{number}", f"value {number}") for number in range(100)],
    )
    found = client.get_run(run_id)
    got = history(client, run_id, "m")
    read["batch"] = [
        (point.value, point.timestamp, point.step) for point in sorted(got, key=lambda point: point.step)
    ] == [(float(number), 1_700_000_000_000 + number, number) for number in range(BIG_BATCH)]
    read["batch, wide"] = all(found.data.metrics[f"key.{number}"] == number / 7 for number in range(800))
    read["batch, params"] = all(found.data.params[f"p{number}"] == str(number) for number in range(100))
    read["batch, tags"] = all(found.data.tags[f"t{number}"] == f"value {number}" for number in range(100))

    for start in range(0, LONG_HISTORY, BIG_BATCH):
        steps = range(start, start + BIG_BATCH)
        client.log_batch(run_id, metrics=[metric("long", math.sqrt(step), 1_000 + step, step) for step in steps])
    got = sorted(history(client, run_id, "long"), key=lambda point: point.step)
    read["long"] = len(got)
    read["long, each"] = all(
        (point.step, point.timestamp, point.value) == (step, 1_000 + step, math.sqrt(step))
        for step, point in enumerate(got)
    )
    read["none"] = [point.value for point in history(client, run_id, "never logged")]
    return read


def history(client: Any, run_id: str, key: str) -> list[Any]:
    return list(client.get_metric_history(run_id, key))


EXPECTED = {
    "numbers": [
        [0, 0.0],
        [1, -0.0],
        [2, 1.5],
        [3, -2.25e-300],
        [4, 1e300],
        [5, math.pi],
        [6, "nan"],
        [7, "inf"],
        [8, "-inf"],
        [9, 5e-324],
    ],
    "zero keeps its sign": -1.0,
    "whole": [[0, 3.0]],
    "together": {"train/loss": 4, "val loss": 4, "метрика": 4},
    "last": {"number": 5e-324, "whole": 3.0, "train/loss": 0.5, "val loss": 0.25, "метрика": 1.0},
    "steps": [
        [-3, 1_600_000_000_003, 3.0],
        [0, 1_600_000_000_000, 0.0],
        [1, 1_600_000_000_001, 1.0],
        [1, 1_600_000_000_002, 2.0],
        [7, 1_600_000_000_005, 5.0],
        [2**62, 1_600_000_000_004, 4.0],
        [2**62, 1_600_000_000_009, 9.0],
    ],
    "steps, last": {"steps": 9.0},
    "batch": True,
    "batch, wide": True,
    "batch, params": True,
    "batch, tags": True,
    "long": LONG_HISTORY,
    "long, each": True,
    "none": [],
}
