"""The active model: what metrics belong to when a call does not say."""

from __future__ import annotations

from typing import Any


def play(mlflow: Any, mark: str) -> dict[str, Any]:
    mlflow.set_experiment(f"active models {mark}")
    read: dict[str, Any] = {"none": mlflow.get_active_model_id()}
    made = mlflow.create_external_model(name="made")
    with mlflow.set_active_model(name="named") as named:
        read["named"] = (named.name, mlflow.get_active_model_id() == named.model_id)
        with mlflow.set_active_model(model_id=made.model_id), mlflow.start_run():
            mlflow.log_metric("a", 1.0, step=1)
            mlflow.log_metrics({"b": 2.0, "c": 3.0})
            mlflow.log_metric("d", 4.0, model_id=named.model_id)
            mlflow.log_model_params({"p": "1"})
        read["back"] = mlflow.get_active_model_id() == named.model_id
    read["again"] = mlflow.set_active_model(name="named").model_id == named.model_id
    mlflow.clear_active_model()
    read["cleared"] = mlflow.get_active_model_id()
    with mlflow.start_run():
        mlflow.log_metric("e", 5.0)
    for name, model in (("made", made), ("named", named)):
        found = mlflow.get_logged_model(model.model_id)
        read[f"of {name}"] = (sorted((m.key, m.value, m.step) for m in found.metrics), found.params)
    return read


EXPECTED = {
    "none": None,
    "named": ("named", True),
    "back": True,
    "again": True,
    "cleared": None,
    "of made": ([("a", 1.0, 1), ("b", 2.0, 0), ("c", 3.0, 0)], {"p": "1"}),
    "of named": ([("d", 4.0, 0)], {}),
}
