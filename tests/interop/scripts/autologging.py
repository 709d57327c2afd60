"""What a client logs on its own while scikit-learn trains: params, scores, a search with a run for each candidate."""

from __future__ import annotations

from typing import Any

import numpy as np


def play(mlflow: Any, mark: str) -> dict[str, Any]:
    from sklearn.linear_model import ElasticNet
    from sklearn.model_selection import GridSearchCV

    client = mlflow.MlflowClient()
    experiment = mlflow.set_experiment(f"autologging {mark}")
    x = np.arange(40.0).reshape(20, 2)
    y = x @ [1.0, -0.5]
    mlflow.sklearn.autolog(log_models=False)
    try:
        with mlflow.start_run() as alone:
            model = ElasticNet(alpha=0.25, max_iter=50).fit(x, y)
        with mlflow.start_run() as searched:
            GridSearchCV(ElasticNet(), {"alpha": [0.1, 1.0, 10.0]}, cv=2).fit(x, y)
    finally:
        mlflow.sklearn.autolog(disable=True)
    name = {"name": "model"} if mlflow.__version__.startswith("3.") else {"artifact_path": "model"}
    with mlflow.start_run() as saved:
        mlflow.sklearn.log_model(model, **name, pip_requirements=["scikit-learn"])  # or it would look for them
    loaded = mlflow.sklearn.load_model(f"runs:/{saved.info.run_id}/model")
    run = client.get_run(alone.info.run_id)
    children = client.search_runs(
        [experiment.experiment_id],
        f"tags.mlflow.parentRunId = '{searched.info.run_id}'",
        order_by=["params.alpha DESC"],
    )
    return {
        "params": {key: run.data.params[key] for key in ("alpha", "max_iter", "l1_ratio")},
        "scores": sorted(key for key in run.data.metrics if key.startswith("training_")),
        "inputs": len(run.inputs.dataset_inputs),
        "candidates": [child.data.params["alpha"] for child in children],
        "best": client.get_run(searched.info.run_id).data.params["best_alpha"],
        "files": sorted(file.path for file in client.list_artifacts(searched.info.run_id) if "csv" in file.path),
        "loaded": np.allclose(loaded.predict(x), model.predict(x)),
    }


EXPECTED = {
    "params": {"alpha": "0.25", "max_iter": "50", "l1_ratio": "0.5"},
    "scores": [
        *("training_mean_absolute_error", "training_mean_squared_error", "training_r2_score"),
        *("training_root_mean_squared_error", "training_score"),
    ],
    "inputs": 1,
    "candidates": ["10.0", "1.0", "0.1"],
    "best": "0.1",
    "files": ["cv_results.csv"],
    "loaded": True,
}
