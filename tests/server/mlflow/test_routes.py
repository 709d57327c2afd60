"""Where the compatible front door is found, and what it says of the rest."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.services.mlflow_api import Api

FIRST = ["/api/2.0/mlflow", "/ajax-api/2.0/mlflow", "/api/2.0/preview/mlflow", "/ajax-api/2.0/preview/mlflow"]


@pytest.mark.parametrize("prefix", FIRST)
def test_the_whole_life_of_a_run_works_under_every_prefix(server_port: int, prefix: str) -> None:
    api = Api(server_port, prefix)
    experiment = api.make_experiment()
    run = api.make_run(experiment)
    changes: dict[str, dict[str, Any]] = {
        "log-metric": {"key": "m", "value": 1, "timestamp": 1},
        "log-parameter": {"key": "p", "value": "1"},
        "set-tag": {"key": "t", "value": "1"},
        "log-batch": {"params": [{"key": "q", "value": "2"}]},
        "delete-tag": {"key": "t"},
        "update": {"status": "FINISHED", "end_time": 2},
        "delete": {},
        "restore": {},
    }
    for path, fields in changes.items():
        assert api.post(f"/runs/{path}", {"run_id": run, **fields}).status == 200, path
    assert len(api.run(run)["data"]["params"]) == 2
    assert api.get("/metrics/get-history", {"run_id": run, "metric_key": "m"}).json["metrics"]
    assert api.post("/runs/search", {"experiment_ids": [experiment]}).json["runs"]
    assert api.get("/artifacts/list", {"run_id": run}).json["root_uri"].endswith(f"{run}/artifacts")
    assert api.post("/experiments/delete", {"experiment_id": experiment}).status == 200
    assert api.post("/experiments/restore", {"experiment_id": experiment}).status == 200


@pytest.mark.parametrize("prefix", ["/api/3.0/mlflow", "/ajax-api/3.0/mlflow"])
def test_the_server_says_which_optional_features_it_has(api: Api, prefix: str) -> None:
    answer = api.get("/server-info", prefix=prefix)
    assert answer.status == 200
    info = answer.json
    assert info.pop("store_type") == "SqlStore"
    assert info.pop("features_enabled") == {"gateway": False}
    assert info == {
        "workspaces_enabled": True,
        "trace_archival_enabled": False,
        "multipart_uploads_enabled": False,
        "multipart_downloads_enabled": False,
        "presigned_upload_run_id_supported": True,
        "presigned_upload_model_id_supported": True,
    }


MISSING = [
    ("POST", "/api/3.0/mlflow/traces", "protocol: tracing"),
    ("POST", "/ajax-api/3.0/mlflow/traces/search", "protocol: tracing"),
    ("PATCH", "/api/2.0/mlflow/traces/tr-1", "protocol: tracing"),
    ("POST", "/v1/traces", "protocol: trace export"),
    ("POST", "/api/3.0/mlflow/datasets/create", "protocol: evaluation data sets"),
    ("GET", "/api/3.0/mlflow/scorers/list", "protocol: scorers"),
    ("GET", "/api/3.0/mlflow/gateway/secrets/list", "protocol: the AI gateway"),
    ("POST", "/graphql", "protocol: GraphQL"),
]


@pytest.mark.parametrize("method, path, feature", MISSING)
def test_a_feature_that_is_not_offered_is_named(api: Api, method: str, path: str, feature: str) -> None:
    answer = api.send(method, path, b"{}", {"Content-Type": "application/json"})
    assert (answer.status, answer.code) == (501, "NOT_IMPLEMENTED")
    assert feature in answer.message


@pytest.mark.parametrize(
    "path", ["/api/2.0/mlflow/none", "/api/2.0/mlflow/runs/none", "/ajax-api/3.0/mlflow/none", "/api/2.0mlflow/x"]
)
def test_what_is_nowhere_is_told_in_json(api: Api, path: str) -> None:
    for method in ("GET", "POST"):
        answer = api.send(method, path, b"{}", {"Content-Type": "application/json"})
        assert answer.status == 404
        if path.startswith(("/api/2.0/", "/ajax-api/")):
            assert answer.code == "ENDPOINT_NOT_FOUND"


@pytest.mark.parametrize(
    "method, path", [("GET", "/runs/create"), ("POST", "/runs/get"), ("PUT", "/experiments/search")]
)
def test_a_method_that_a_path_does_not_have_is_refused(api: Api, method: str, path: str) -> None:
    assert api.send(method, api.prefix + path, b"{}", {"Content-Type": "application/json"}).status == 405


def test_errors_are_json_with_a_code_and_a_message(api: Api) -> None:
    answer = api.get("/experiments/get", {"experiment_id": "987654"})
    assert answer.headers["content-type"] == "application/json"
    assert set(json.loads(answer.body)) == {"error_code", "message"}


def test_a_body_beyond_all_limits_is_refused_by_its_length(api: Api) -> None:
    answer = api.send(
        "POST",
        f"{api.prefix}/runs/log-batch",
        None,
        {"Content-Type": "application/json", "Content-Length": str(10**10)},
    )
    assert answer.status == 413
    assert answer.code == "INVALID_PARAMETER_VALUE"
