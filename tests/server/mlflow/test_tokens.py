"""Page tokens: base64 of a JSON object with the offset of the page, which clients may read and make."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.services.mlflow_api import Answer, Api

ROWS = 5


def encode(token: Any) -> str:
    return base64.b64encode(json.dumps(token).encode()).decode()


def decode(token: str) -> Any:
    return json.loads(base64.b64decode(token, validate=True))


def make_experiments(api: Api) -> tuple[Callable[..., Answer], str]:
    mark = api.made["run"]
    for i in range(ROWS):
        api.make_experiment(name=f"{mark} {i}")
    query = {"filter": f"name LIKE '{mark}%'", "order_by": ["name"]}
    return lambda **page: api.post("/experiments/search", {**query, **page}), "experiments"


def make_runs(api: Api) -> tuple[Callable[..., Answer], str]:
    experiment = api.make_experiment()
    for i in range(ROWS):
        api.make_run(experiment, start_time=i)
    return lambda **page: api.post("/runs/search", {"experiment_ids": [experiment], **page}), "runs"


def make_points(api: Api) -> tuple[Callable[..., Answer], str]:
    points = [{"key": "m", "value": i, "timestamp": i} for i in range(ROWS)]
    assert api.post("/runs/log-batch", {"run_id": "{run}", "metrics": points}).status == 200
    return lambda **page: api.get("/metrics/get-history", {"run_id": "{run}", "metric_key": "m", **page}), "metrics"


def make_models(api: Api) -> tuple[Callable[..., Answer], str]:
    experiment = api.make_experiment()
    for i in range(ROWS):
        api.make_model(experiment, name=f"n{i}")
    query = {"experiment_ids": [experiment], "order_by": [{"field_name": "name"}]}
    return lambda **page: api.post("/logged-models/search", {**query, **page}), "models"


def make_registered_models(api: Api) -> tuple[Callable[..., Answer], str]:
    mark = api.made["run"]
    for i in range(ROWS):
        assert api.post("/registered-models/create", {"name": f"{mark}-{i}"}).status == 200
    query = {"filter": f"name LIKE '{mark}%'"}
    return lambda **page: api.get("/registered-models/search", {**query, **page}), "registered_models"


def make_versions(api: Api) -> tuple[Callable[..., Answer], str]:
    name = api.made["run"]
    assert api.post("/registered-models/create", {"name": name}).status == 200
    for _ in range(ROWS):
        assert api.post("/model-versions/create", {"name": name, "source": "s3://bucket/m"}).status == 200
    return lambda **page: api.get("/model-versions/search", {"filter": f"name = '{name}'", **page}), "model_versions"


MAKERS = (make_experiments, make_runs, make_points, make_models, make_registered_models, make_versions)


@pytest.fixture(params=MAKERS, ids=lambda maker: maker.__name__[5:])
def search(request: pytest.FixtureRequest, api: Api) -> tuple[Callable[..., Answer], str]:
    """A search that finds five rows, and what they are called in its answer."""
    made: tuple[Callable[..., Answer], str] = request.param(api)
    return made


def test_a_token_says_how_many_rows_came_before(search: tuple[Callable[..., Answer], str]) -> None:
    find, name = search
    rows = find(max_results=ROWS).json[name]
    assert len(rows) == ROWS
    first = find(max_results=2).json
    second = find(max_results=2, page_token=first["next_page_token"]).json
    last = find(max_results=2, page_token=second["next_page_token"]).json
    assert [decode(page["next_page_token"])["offset"] for page in (first, second)] == [2, 4]
    assert [*first[name], *second[name], *last[name]] == rows
    assert "next_page_token" not in last


def test_a_token_with_an_offset_alone_begins_there(search: tuple[Callable[..., Answer], str]) -> None:
    find, name = search
    rows = find(max_results=ROWS).json[name]
    token = decode(find(max_results=1).json["next_page_token"])
    del token["after"]
    for offset in range(1, ROWS):
        page = find(max_results=2, page_token=encode({**token, "offset": offset}))
        assert page.json[name] == rows[offset : offset + 2]
    for offset in (ROWS, 10**12):
        page = find(max_results=2, page_token=encode({**token, "offset": offset}))
        assert (page.status, page.body) == (200, b"{}")


def test_what_comes_between_two_pages_shows_no_run_twice(api: Api) -> None:
    """As newest runs come first, a page that began at an offset alone would begin with what was shown already."""
    find, name = make_runs(api)
    rows = find().json[name]
    page = find(max_results=2).json
    api.make_run(rows[0]["info"]["experiment_id"], start_time=ROWS)
    seen = [*page[name], *find(max_results=ROWS, page_token=page["next_page_token"]).json[name]]
    assert seen == rows


WRONG: dict[str, Any] = {
    "no offset": encode({}),
    "offset 0": encode({"offset": 0}),
    "offset -1": encode({"offset": -1}),
    "offset of text": encode({"offset": "2"}),
    "offset true": encode({"offset": True}),
    "offset 1.5": encode({"offset": 1.5}),
    "no object": encode([2]),
    "no JSON": base64.b64encode(b"offset").decode(),
    "no base64": "!!",
    "half": encode({"offset": 2})[:-3],
    "another place": encode({"offset": 2, "after": "zz"}),
    "a place that is no text": encode({"offset": 2, "after": 2}),
    "deep": base64.b64encode(b"[" * 100_000).decode(),
}


@pytest.mark.parametrize("token", WRONG.values(), ids=list(WRONG))
def test_what_is_no_token_is_refused(api: Api, token: str) -> None:
    answer = api.post("/runs/search", {"experiment_ids": ["{exp}"], "page_token": token})
    assert (answer.status, answer.code) == (400, "INVALID_PARAMETER_VALUE"), answer
    assert "Invalid page token" in answer.message


def test_a_token_of_logged_models_says_the_search_that_it_belongs_to(api: Api) -> None:
    find, _ = make_models(api)
    token = decode(find(max_results=1).json["next_page_token"])
    assert token.keys() == {"experiment_ids", "filter_string", "order_by", "offset", "after"}
    del token["after"]
    assert find(max_results=1, page_token=encode({**token, "filter_string": "name = 'x'"})).status == 400
