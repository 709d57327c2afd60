"""Logged models: what they are, their params, tags, metrics and files; found, ended, deleted."""

from __future__ import annotations

from typing import Any


def play(mlflow: Any, mark: str) -> dict[str, Any]:
    client = mlflow.MlflowClient()
    experiment_id = mlflow.set_experiment(f"models {mark}").experiment_id
    read: dict[str, Any] = {}
    with mlflow.start_run() as run:
        made = mlflow.initialize_logged_model(
            name="churn", params={"depth": "3"}, tags={"team": "risk"}, model_type="classifier"
        )
        read["pending"] = str(made.status)
        mlflow.log_model_params({"rate": "0.1"}, model_id=made.model_id)
        mlflow.log_metric("auc", 0.875, step=2, model_id=made.model_id)
        mlflow.finalize_logged_model(made.model_id, "READY")
        mlflow.set_logged_model_tags(made.model_id, {"stage": "dev", "soon": "gone"})
        mlflow.delete_logged_model_tag(made.model_id, "soon")
        other = mlflow.create_external_model(name="other", model_type="agent")
    found = mlflow.get_logged_model(made.model_id)
    read["made"] = {
        "name": found.name,
        "type": found.model_type,
        "status": str(found.status),
        "params": found.params,
        "tags": {key: value for key, value in found.tags.items() if not key.startswith("mlflow.")},
        "metrics": [(metric.key, metric.value, metric.step) for metric in found.metrics],
        "run": found.source_run_id == run.info.run_id,
    }
    for text in (
        "name = 'churn'",
        "params.depth = '3' AND metrics.auc > 0.8",
        "tags.team = 'none'",
        "model_type != 'agent'",
    ):
        models = mlflow.search_logged_models([experiment_id], text, output_format="list")
        read.setdefault("found", []).append([model.name for model in models])
    client.delete_logged_model(other.model_id)
    left = mlflow.search_logged_models([experiment_id], output_format="list")
    read["left"] = [model.name for model in left]

    class Doubled(mlflow.pyfunc.PythonModel):  # type: ignore[misc]
        def predict(self, context: Any, model_input: Any, params: Any = None) -> Any:
            return model_input * 2

    with mlflow.start_run() as run:
        info = mlflow.pyfunc.log_model(name="doubled", python_model=Doubled(), pip_requirements=["mlflow"])
    read["predicted"] = mlflow.pyfunc.load_model(info.model_uri).predict(21)
    read["by run"] = mlflow.pyfunc.load_model(f"runs:/{run.info.run_id}/doubled").predict(4)
    outputs = client.get_run(run.info.run_id).outputs.model_outputs
    read["output"] = [output.model_id == info.model_id for output in outputs]
    return read


EXPECTED = {
    "pending": "PENDING",
    "made": {
        "name": "churn",
        "type": "classifier",
        "status": "READY",
        "params": {"depth": "3", "rate": "0.1"},
        "tags": {"team": "risk", "stage": "dev"},
        "metrics": [["auc", 0.875, 2]],
        "run": True,
    },
    "found": [["churn"], ["churn"], [], ["churn"]],
    "left": ["churn"],
    "predicted": 42,
    "by run": 8,
    "output": [True],
}
