"""Tables that grow, images of a series, and what is logged without waiting: the later calls of the fluent API."""

from __future__ import annotations

import json
import re
from typing import Any

# Clients divide the parts of an image's name by + or, the older ones, by %, which some addresses then lose a part to.
UNIQUE = re.compile(r"(?<=timestamp[+]5[+])[^+]+?(?=[+]|[.]png)")


def play(mlflow: Any, mark: str) -> dict[str, Any]:
    import numpy as np

    client = mlflow.MlflowClient()
    experiment = mlflow.set_experiment(f"tables {mark}")
    with mlflow.start_run() as run:
        mlflow.log_table({"a": [1, 2], "b": ["x", "ü"]}, "tables/t.json")
        mlflow.log_table({"a": [3], "b": ["z"]}, "tables/t.json")
        mlflow.log_image(np.zeros((300, 8, 3), dtype=np.uint8), key="i", step=3, timestamp=5, synchronous=True)
        for step in range(20):
            mlflow.log_metric("m", step / 2, step=step, timestamp=step + 1, synchronous=False)
        mlflow.log_params({"p": 1, "q": [1, 2]}, synchronous=False)
        mlflow.set_tags({"t": "1", "u": "2"}, synchronous=False)
        mlflow.flush_async_logging()
    run_id = run.info.run_id
    data = client.get_run(run_id).data
    table = mlflow.load_table("tables/t.json", run_ids=[run_id], extra_columns=["run_id"])
    return {
        "table": table.drop(columns="run_id").to_dict("list"),
        "of runs": sorted(set(table["run_id"])) == [run_id],
        "images": sorted(
            UNIQUE.sub("U", file.path.replace("%", "+")) for file in client.list_artifacts(run_id, "images")
        ),
        "noted": [json.loads(data.tags["mlflow.loggedArtifacts"]), data.tags["mlflow.loggedImages"]],
        "history": [(point.step, point.value) for point in client.get_metric_history(run_id, "m")],
        "params": dict(data.params),
        "tags": {key: data.tags[key] for key in ("t", "u")},
        "found": len(client.search_runs([experiment.experiment_id], "metrics.m = 9.5 AND params.p = '1'")),
    }


EXPECTED = {
    "table": {"a": [1, 2, 3], "b": ["x", "ü", "z"]},
    "of runs": True,
    "images": ["images/i+step+3+timestamp+5+U+compressed.webp", "images/i+step+3+timestamp+5+U.png"],
    "noted": [[{"path": "tables/t.json", "type": "table"}], "True"],
    "history": [(step, step / 2) for step in range(20)],
    "params": {"p": "1", "q": "[1, 2]"},
    "tags": {"t": "1", "u": "2"},
    "found": 1,
}
