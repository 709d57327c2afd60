"""Log through a client that has to send everything again; run under any client.

python retries.py MARK
"""

from __future__ import annotations

import json
import math
import sys

import mlflow
from mlflow.entities import Metric, Param, RunTag


def main(mark: str) -> None:
    client = mlflow.MlflowClient()
    experiment_id = client.create_experiment(f"retries {mark}")
    run_id = client.create_run(experiment_id).info.run_id
    client.log_metric(run_id, "single", 0.5, timestamp=1_000, step=1)
    client.log_metric(run_id, "single", math.nan, timestamp=2_000, step=2)
    client.log_param(run_id, "p", "1")
    client.set_tag(run_id, "t", "1")
    client.set_experiment_tag(experiment_id, "e", "1")
    for start in (0, 500):
        client.log_batch(
            run_id,
            metrics=[Metric("batch", step / 7, 1_000 + step, step) for step in range(start, start + 500)],
            params=[Param(f"p{start}", "x")],
            tags=[RunTag("t", str(start))],
        )
    client.set_terminated(run_id, "FINISHED", end_time=5_000)
    run = client.get_run(run_id)
    read = {
        "single": [(point.step, str(point.value)) for point in client.get_metric_history(run_id, "single")],
        "batch": sorted(point.step for point in client.get_metric_history(run_id, "batch")) == list(range(1_000)),
        "params": dict(run.data.params),
        "tag": run.data.tags["t"],
        "experiment's tag": client.get_experiment(experiment_id).tags["e"],
        "end": (run.info.status, run.info.end_time),
        "runs": len(client.search_runs([experiment_id])),
    }
    print(json.dumps(read))


if __name__ == "__main__":
    main(*sys.argv[1:])
