"""The registry through the native door: numbers in paths, and what many callers do at once."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.services.mlflow_api import Api
from tests.services.postgres import PostgresServer
from trackway.api import operations as ops
from trackway.api import registry as g
from trackway.api.calls import SYSTEM
from trackway.base.errors import AlreadyExists
from trackway.wiring.platform import Platform

VERSION = "/registered-models/{name}/versions"
CALLERS = 8


@pytest.fixture
def http(server_port: int) -> Api:
    """The native door with a registered model ``{name}`` that has one version."""
    api = Api(server_port, "/api/v1")
    api.made["name"] = f"ä {uuid.uuid4().hex}"
    assert api.post("/registered-models", {"name": "{name}"}).status == 200
    assert api.post(VERSION, {"source": "s3://bucket/model"}).status == 200
    return api


@pytest.mark.parametrize("body", [{}, {"version": 1}, {"name": "{name}"}, {"name": "{name}", "version": 1}])
def test_a_number_in_a_path_may_be_said_again_in_the_body(http: Api, body: dict[str, Any]) -> None:
    answer = http.post(f"{VERSION}/1/transition", {"stage": "Staging", **body})
    assert (answer.status, answer.json["stage"], answer.json["version"]) == (200, "Staging", 1)
    assert http.get(f"{VERSION}/1").json["stage"] == "Staging"
    assert http.post(f"{VERSION}/1", method="DELETE", body=body).status == 200


@pytest.mark.parametrize(
    ("number", "body"),
    [
        ("1", {"version": 2}),
        ("1", {"version": "1"}),
        ("1", {"version": [1]}),
        ("x", {}),
        ("x", {"version": 1}),
        ("1.5", {}),
    ],
)
def test_a_number_that_the_body_contradicts_or_that_is_none_is_refused(
    http: Api, number: str, body: dict[str, Any]
) -> None:
    answer = http.post(f"{VERSION}/{number}/transition", {"stage": "Staging", **body})
    assert (answer.status, answer.json["error"]["code"]) == (400, "invalid_input")
    assert http.get(f"{VERSION}/1").json["stage"] == "None"


@pytest.fixture(params=["sqlite", "postgresql"])
def platform(request: pytest.FixtureRequest, tmp_path: Path, postgres_server: PostgresServer) -> Iterator[Platform]:
    uri = f"sqlite:///{tmp_path}/t.db" if request.param == "sqlite" else postgres_server.create_database()
    platform = Platform(uri, "memory://")
    yield platform
    platform.close()


def test_callers_at_once_get_a_number_each_and_one_of_them_a_name(platform: Platform) -> None:
    dispatch = platform.dispatch

    def call(operation: Any, request: Any) -> Any:
        try:
            return dispatch.call(operation, request, dispatch.open_call(SYSTEM, "default"))
        except AlreadyExists:
            return None

    with ThreadPoolExecutor(CALLERS) as callers:
        create = g.CreateRegisteredModel(name="churn")
        made = list(callers.map(lambda _: call(ops.CREATE_REGISTERED_MODEL, create), range(CALLERS)))
        assert len([model for model in made if model is not None]) == 1
        new = g.CreateModelVersion(name="churn", source="s3://bucket/model")
        versions = list(callers.map(lambda _: call(ops.CREATE_MODEL_VERSION, new), range(50)))
        again = g.CreateModelVersion(name="churn", source="s3://bucket/model", external_key="k")
        same = list(callers.map(lambda _: call(ops.CREATE_MODEL_VERSION, again), range(CALLERS)))
    assert sorted(version.version for version in versions) == list(range(1, 51))
    assert {version.version for version in same} == {51}
