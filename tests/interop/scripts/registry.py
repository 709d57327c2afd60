"""The registry: models registered from runs, versions, stages, tags, descriptions; found, renamed, deleted."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from typing import Any


def play(mlflow: Any, mark: str) -> dict[str, Any]:
    client = mlflow.MlflowClient()
    name = f"churn {mark}"
    mlflow.set_experiment(f"registry {mark}")
    with mlflow.start_run() as run, tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "MLmodel")
        with open(path, "w", encoding="utf-8") as file:
            file.write("flavors: {}\n")
        mlflow.log_artifact(path, "model")
    run_id = run.info.run_id
    versions = [mlflow.register_model(f"runs:/{run_id}/model", name) for _ in range(3)]
    read: dict[str, Any] = {"versions": [(one.name, str(one.version), one.current_stage) for one in versions]}
    read["ready"] = [str(one.status) for one in versions]
    read["run"] = [one.run_id == run_id for one in versions]
    read["source"] = [one.source == f"{run.info.artifact_uri}/model" for one in versions]
    read["download"] = client.get_model_version_download_uri(name, "1").partition(":/")[0]
    client.update_registered_model(name, "what it is")
    client.set_registered_model_tag(name, "team", "risk")
    client.set_registered_model_tag(name, "gone", "1")
    client.delete_registered_model_tag(name, "gone")
    client.update_model_version(name, "1", "the first")
    client.set_model_version_tag(name, "1", "passed", "yes")
    client.set_model_version_tag(name, "2", "passed", "no")
    client.delete_model_version_tag(name, "2", "passed")
    client.transition_model_version_stage(name, "1", "Production")
    client.transition_model_version_stage(name, "2", "production", archive_existing_versions=True)
    model = client.get_registered_model(name)
    read["model"] = {"name": model.name, "description": model.description, "tags": model.tags}
    read["latest"] = [(str(one.version), one.current_stage) for one in model.latest_versions]
    one = client.get_model_version(name, "1")
    read["first"] = (one.description, one.tags, one.current_stage)
    read["by stage"] = [str(v.version) for v in client.get_latest_versions(name, ["Production", "Staging"])]
    read["stages"] = list(client.get_model_version_stages(name, "1"))

    def find(text: str) -> list[str]:
        found = client.search_model_versions(text.replace("NAME", name).replace("RUN", run_id))
        return sorted(str(v.version) for v in found)

    read["found"] = {
        text: find(text)
        for text in ("name = 'NAME'", "run_id = 'RUN' AND name = 'NAME'", "name = 'NAME' AND source_path = 'x'")
    }
    read["models"] = [m.name for m in client.search_registered_models(f"name LIKE 'churn {mark}%'")]
    read["other models"] = [m.name for m in client.search_registered_models(f"name = 'nothing {mark}'")]
    client.delete_model_version(name, "3")
    read["next"] = str(client.create_model_version(name, versions[0].source, run_id).version)
    client.rename_registered_model(name, f"{name} new")
    read["renamed"] = [v.name for v in client.get_latest_versions(f"{name} new", ["Production"])]
    client.create_registered_model(name, {"a": "1"}, "again")
    read["refused"] = try_mistakes(mlflow, name, run_id)
    client.delete_registered_model(f"{name} new")
    client.delete_registered_model(name)
    read["left"] = [m.name for m in client.search_registered_models(f"name LIKE 'churn {mark}%'")]
    return read


def try_mistakes(mlflow: Any, name: str, run_id: str) -> dict[str, str]:
    """Return the error code of each mistake."""
    exceptions = __import__(mlflow.__name__ + ".exceptions", fromlist=["MlflowException"])
    client = mlflow.MlflowClient()
    calls: dict[str, Callable[[], Any]] = {
        "taken": lambda: client.create_registered_model(name),
        "rename to a taken name": lambda: client.rename_registered_model(f"{name} new", name),
        "unknown model": lambda: client.get_registered_model(f"no {name}"),
        "unknown version": lambda: client.get_model_version(name, "9"),
        "deleted version": lambda: client.get_model_version(f"{name} new", "3"),
        "no number": lambda: client.get_model_version(name, "x"),
        "stage": lambda: client.transition_model_version_stage(f"{name} new", "1", "Live"),
        "name": lambda: client.create_registered_model("a/b"),
        "source": lambda: client.create_model_version(name, "http://host/x", run_id),
        "tag": lambda: client.set_model_version_tag(f"{name} new", "1", "a$", "x"),
    }
    refused = {}
    for title, call in calls.items():
        try:
            call()
            refused[title] = "nothing"
        except exceptions.MlflowException as error:
            refused[title] = error.error_code
    return refused


INVALID, UNKNOWN, TAKEN = "INVALID_PARAMETER_VALUE", "RESOURCE_DOES_NOT_EXIST", "RESOURCE_ALREADY_EXISTS"
EXPECTED = {
    "versions": [["churn MARK", "1", "None"], ["churn MARK", "2", "None"], ["churn MARK", "3", "None"]],
    "ready": ["READY"] * 3,
    "run": [True] * 3,
    "source": [True] * 3,
    "download": "mlflow-artifacts",
    "model": {"name": "churn MARK", "description": "what it is", "tags": {"team": "risk"}},
    "latest": [["1", "Archived"], ["2", "Production"], ["3", "None"]],
    "first": ["the first", {"passed": "yes"}, "Archived"],
    "by stage": ["2"],
    "stages": ["None", "Staging", "Production", "Archived"],
    "found": {
        "name = 'NAME'": ["1", "2", "3"],
        "run_id = 'RUN' AND name = 'NAME'": ["1", "2", "3"],
        "name = 'NAME' AND source_path = 'x'": [],
    },
    "models": ["churn MARK"],
    "other models": [],
    "next": "4",
    "renamed": ["churn MARK new"],
    "refused": {
        "taken": TAKEN,
        "rename to a taken name": TAKEN,
        "unknown model": UNKNOWN,
        "unknown version": UNKNOWN,
        "deleted version": UNKNOWN,
        "no number": INVALID,
        "stage": INVALID,
        "name": INVALID,
        "source": INVALID,
        "tag": INVALID,
    },
    "left": [],
}
