"""Several clients that ask for the same at once: one of them is first, and nothing is lost."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.services.mlflow_api import Api

CLIENTS = 8
TAKEN = (400, "RESOURCE_ALREADY_EXISTS")
CHANGED = (400, "INVALID_PARAMETER_VALUE")


def ask_at_once(api: Api, path: str, bodies: list[dict[str, Any]]) -> Counter[tuple[int, str]]:
    with ThreadPoolExecutor(len(bodies)) as clients:
        answers = clients.map(lambda body: api.post(path, body), bodies)
        return Counter((answer.status, answer.code if answer.status >= 400 else "") for answer in answers)


@pytest.mark.parametrize("path", ["/experiments/create", "/registered-models/create"])
def test_a_name_is_given_once(api: Api, path: str) -> None:
    said = ask_at_once(api, path, [{"name": "{run}"}] * CLIENTS)
    assert said == {(200, ""): 1, TAKEN: CLIENTS - 1}


def test_each_version_gets_a_number_of_its_own(api: Api) -> None:
    assert api.post("/registered-models/create", {"name": "{run}"}).status == 200
    assert ask_at_once(api, "/model-versions/create", [{"name": "{run}", "source": "s3://bucket/m"}] * CLIENTS) == {
        (200, ""): CLIENTS
    }
    found = api.get("/model-versions/search", {"filter": "name = '{run}'"}).json["model_versions"]
    assert sorted(int(version["version"]) for version in found) == list(range(1, CLIENTS + 1))


def test_a_param_has_the_value_that_came_first_and_no_point_is_lost(api: Api) -> None:
    run: dict[str, Any] = {"run_id": "{run}"}
    params = [{**run, "key": "p", "value": str(i)} for i in range(CLIENTS)]
    assert ask_at_once(api, "/runs/log-parameter", params) == {(200, ""): 1, CHANGED: CLIENTS - 1}
    same = [{**run, "key": "q", "value": "1"}] * CLIENTS
    assert ask_at_once(api, "/runs/log-parameter", same) == {(200, ""): CLIENTS}
    points = [{**run, "key": "m", "value": i, "timestamp": i, "step": i} for i in range(CLIENTS)]
    assert ask_at_once(api, "/runs/log-metric", points) == {(200, ""): CLIENTS}
    tags = [{**run, "key": "t", "value": str(i)} for i in range(CLIENTS)]
    assert ask_at_once(api, "/runs/set-tag", tags) == {(200, ""): CLIENTS}
    history = api.get("/metrics/get-history", {"run_id": "{run}", "metric_key": "m"}).json["metrics"]
    assert [point["step"] for point in history] == list(range(CLIENTS))
