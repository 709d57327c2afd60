"""Clients of other languages: what those for R and Java are known to send, sent without them."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest

from tests.services.mlflow_api import Answer, Api


@pytest.fixture
def api(trackway_port: int) -> Api:
    return Api(trackway_port)


def ok(answer: Answer) -> Any:
    assert answer.status == 200, answer
    return answer.json


def test_a_client_that_writes_whole_numbers_as_texts(api: Api) -> None:
    """As protocol buffers write 64-bit numbers in JSON, and the client for Java therefore does."""
    experiment_id = ok(api.post("/experiments/create", {"name": f"java {uuid.uuid4().hex}"}))["experiment_id"]
    start = {"experiment_id": experiment_id, "user_id": "duke", "start_time": "1600000000123"}
    info = ok(api.post("/runs/create", start))["run"]["info"]
    assert info["start_time"] == 1_600_000_000_123
    run = {"run_uuid": info["run_uuid"], "run_id": info["run_id"]}
    point = {"key": "auc", "value": 0.75, "timestamp": "1600000000500", "step": "7"}
    ok(api.post("/runs/log-metric", {**run, **point}))
    metrics = [{"key": "auc", "value": 0.5, "timestamp": "1600000000400", "step": "6"}]
    ok(api.post("/runs/log-batch", {"run_id": run["run_id"], "metrics": metrics, "params": [], "tags": []}))
    ok(api.post("/runs/log-parameter", {**run, "key": "depth", "value": "3"}))
    ok(api.post("/runs/set-tag", {**run, "key": "host", "value": "jvm"}))
    ok(api.post("/runs/update", {**run, "status": "FINISHED", "end_time": "1600000001000"}))
    found = ok(api.get("/runs/get", run))["run"]
    assert found["info"]["end_time"] == 1_600_000_001_000
    assert found["data"]["metrics"] == [{**point, "timestamp": 1_600_000_000_500, "step": 7}]
    history = ok(api.get("/metrics/get-history", {**run, "metric_key": "auc"}))["metrics"]
    assert sorted(item["step"] for item in history) == [6, 7]
    search = {"experiment_ids": [experiment_id], "filter": "metrics.auc > 0.7", "max_results": "10"}
    assert [item["info"]["run_id"] for item in ok(api.post("/runs/search", search))["runs"]] == [run["run_id"]]


def test_a_client_that_knows_runs_as_run_uuid_only(api: Api) -> None:
    experiment_id = ok(api.post("/experiments/create", {"name": f"old {uuid.uuid4().hex}"}))["experiment_id"]
    run_uuid = ok(api.post("/runs/create", {"experiment_id": experiment_id}))["run"]["info"]["run_uuid"]
    ok(api.post("/runs/log-metric", {"run_uuid": run_uuid, "key": "m", "value": 1, "timestamp": 5}))
    ok(api.post("/runs/log-parameter", {"run_uuid": run_uuid, "key": "p", "value": "1"}))
    ok(api.post("/runs/set-tag", {"run_uuid": run_uuid, "key": "t", "value": "1"}))
    ok(api.post("/runs/update", {"run_uuid": run_uuid, "status": "FINISHED", "end_time": 9}))
    found = ok(api.get("/runs/get", {"run_uuid": run_uuid}))["run"]
    assert found["info"]["run_uuid"] == found["info"]["run_id"] == run_uuid
    assert found["data"]["params"] == [{"key": "p", "value": "1"}]
    assert ok(api.get("/artifacts/list", {"run_uuid": run_uuid})).keys() <= {"root_uri", "files"}


def test_a_client_that_sends_the_body_of_a_get(api: Api) -> None:
    name = f"body {uuid.uuid4().hex}"
    experiment_id = ok(api.post("/experiments/create", {"name": name}))["experiment_id"]
    got = ok(api.post("/experiments/get", {"experiment_id": experiment_id}, method="GET"))
    assert got["experiment"]["name"] == name
    got = ok(api.post("/experiments/get-by-name", {"experiment_name": name}, method="GET"))
    assert got["experiment"]["experiment_id"] == experiment_id


def test_a_client_that_encodes_its_json_twice(api: Api) -> None:
    """As some versions of the client for R do."""
    name = f"twice {uuid.uuid4().hex}"
    body = json.dumps(json.dumps({"name": name, "tags": [{"key": "lang", "value": "R"}]})).encode()
    experiment_id = ok(api.post("/experiments/create", body))["experiment_id"]
    experiment = ok(api.get("/experiments/get", {"experiment_id": experiment_id}))["experiment"]
    assert (experiment["name"], experiment["tags"]) == (name, [{"key": "lang", "value": "R"}])


@pytest.mark.parametrize("prefix", ["/api/2.0/preview/mlflow", "/ajax-api/2.0/mlflow", "/ajax-api/2.0/preview/mlflow"])
def test_a_client_that_knows_another_prefix(trackway_port: int, prefix: str) -> None:
    api = Api(trackway_port, prefix)
    experiment_id = ok(api.post("/experiments/create", {"name": f"prefix {uuid.uuid4().hex}"}))["experiment_id"]
    run_id = ok(api.post("/runs/create", {"experiment_id": experiment_id, "start_time": 1}))["run"]["info"]["run_id"]
    ok(api.post("/runs/log-metric", {"run_id": run_id, "key": "m", "value": "NaN", "timestamp": 1, "step": 0}))
    assert ok(api.get("/runs/get", {"run_id": run_id}))["run"]["data"]["metrics"][0]["value"] == "NaN"
    found = ok(api.get("/experiments/search", {"max_results": 1, "order_by": "experiment_id DESC"}))
    assert len(found["experiments"]) == 1


def test_names_of_artifacts_that_clients_encode_well(trackway_port: int) -> None:
    """Names with signs that mean something in addresses, which the Python clients cannot send."""
    api = Api(trackway_port, "/api/2.0/mlflow-artifacts/artifacts")
    names = ["100%25.txt", "a%2Bb%3Dc.txt", "%E2%9C%93/%2B%26%3D.txt"]
    for name in names:
        assert api.send("PUT", f"{api.prefix}/rest/{name}", name.encode()).status == 200
        assert api.send("GET", f"{api.prefix}/rest/{name}").body == name.encode()
    listed = ok(api.get("", {"path": "rest"}))["files"]
    assert [file["path"] for file in listed] == ["100%.txt", "a+b=c.txt", "✓"]
