"""Logged models' records through the compatible front door."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.services.mlflow_api import Api

INVALID = "INVALID_PARAMETER_VALUE"
UNKNOWN = "RESOURCE_DOES_NOT_EXIST"
TWICE = [{"key": "a", "value": "1"}, {"key": "a", "value": "1"}]
READY = {"model_id": "{model}", "status": "LOGGED_MODEL_READY"}

CALLS: dict[str, tuple[str, str, dict[str, Any], int, str, str]] = {
    "create: no experiment": ("POST", "", {"name": "x"}, 400, INVALID, "'experiment_id'"),
    "create: unknown experiment": ("POST", "", {"experiment_id": "987654"}, 404, UNKNOWN, "987654"),
    "create: bad experiment": ("POST", "", {"experiment_id": "abc"}, 400, INVALID, "experiment"),
    "create: in the trash": ("POST", "", {"experiment_id": "{gone_exp}"}, 400, INVALID, "'active'"),
    "create: slash": ("POST", "", {"experiment_id": "{exp}", "name": "a/b"}, 400, INVALID, "a/b"),
    "create: colon": ("POST", "", {"experiment_id": "{exp}", "name": "a:b"}, 400, INVALID, "a:b"),
    "create: dot": ("POST", "", {"experiment_id": "{exp}", "name": "a.b"}, 400, INVALID, "a.b"),
    "create: percent": ("POST", "", {"experiment_id": "{exp}", "name": "a%b"}, 400, INVALID, "a%b"),
    "create: quote": ("POST", "", {"experiment_id": "{exp}", "name": "a'b"}, 400, INVALID, "name"),
    "create: param twice": ("POST", "", {"experiment_id": "{exp}", "params": TWICE}, 400, "BAD_REQUEST", "params"),
    "create: tag twice": ("POST", "", {"experiment_id": "{exp}", "tags": TWICE}, 400, "BAD_REQUEST", "tags"),
    "get: unknown": ("GET", "/m-none", {}, 404, UNKNOWN, "m-none"),
    "get: in the trash": ("GET", "/{gone}", {}, 404, UNKNOWN, ""),
    "finalize: id not in the body": ("PATCH", "/{model}", {"status": 2}, 400, INVALID, "'model_id'"),
    "finalize: another id": ("PATCH", "/{model}", {**READY, "model_id": "m-x"}, 400, INVALID, "'model_id'"),
    "finalize: a number for the id": ("PATCH", "/{model}", {**READY, "model_id": 0}, 400, INVALID, "'model_id'"),
    "finalize: id twice": ("PATCH", "/{model}", {**READY, "modelId": "{model}"}, 400, INVALID, "'modelId'"),
    "tags: a list for the id": (
        "PATCH",
        "/{model}/tags",
        {"model_id": [], "tags": TWICE[:1]},
        400,
        INVALID,
        "model_id",
    ),
    "finalize: no status": ("PATCH", "/{model}", {"model_id": "{model}"}, 400, INVALID, "'status'"),
    "finalize: unknown status": ("PATCH", "/{model}", {**READY, "status": "DONE"}, 400, INVALID, '"DONE"'),
    "finalize: status 4": ("PATCH", "/{model}", {**READY, "status": 4}, 400, INVALID, "'status'"),
    "finalize: unknown": ("PATCH", "/m-none", {**READY, "model_id": "m-none"}, 404, UNKNOWN, "m-none"),
    "delete: unknown": ("DELETE", "/m-none", {}, 404, UNKNOWN, "m-none"),
    "tags: unknown": ("PATCH", "/m-none/tags", {"tags": [{"key": "a", "value": "1"}]}, 404, UNKNOWN, "m-none"),
    "tags: key of 251": ("PATCH", "/{model}/tags", {"tags": [{"key": "k" * 251, "value": "1"}]}, 400, INVALID, "250"),
    "tags: no key": ("PATCH", "/{model}/tags", {"tags": [{"value": "1"}]}, 400, INVALID, "'tags[0].key'"),
    "untag: not there": ("DELETE", "/{model}/tags/none", {}, 404, UNKNOWN, "none"),
    "untag: unknown": ("DELETE", "/m-none/tags/none", {}, 404, UNKNOWN, "m-none"),
    "params: id not in the body": ("POST", "/{model}/params", {"params": TWICE[:1]}, 400, INVALID, "'model_id'"),
    "params: twice": (
        "POST",
        "/{model}/params",
        {"model_id": "{model}", "params": TWICE},
        400,
        "BAD_REQUEST",
        "params",
    ),
    "params: unknown": ("POST", "/m-none/params", {"model_id": "m-none", "params": []}, 404, UNKNOWN, "m-none"),
    "search: no ids": ("POST", "/search", {}, 400, INVALID, "'experiment_ids'"),
    "search: bad id": ("POST", "/search", {"experiment_ids": ["abc"]}, 400, INVALID, "Invalid experiment ID"),
    "search: page of -1": ("POST", "/search", {"experiment_ids": ["{exp}"], "max_results": -1}, 400, INVALID, ""),
    "search: bad filter": ("POST", "/search", {"experiment_ids": ["{exp}"], "filter": "bad bad"}, 400, INVALID, ""),
    "search: bad token": ("POST", "/search", {"experiment_ids": ["{exp}"], "page_token": "zz"}, 400, INVALID, "token"),
    "search: order without field": (
        "POST",
        "/search",
        {"experiment_ids": ["{exp}"], "order_by": [{"ascending": True}]},
        400,
        INVALID,
        "'order_by[0].field_name'",
    ),
    "search: unknown order": (
        "POST",
        "/search",
        {"experiment_ids": ["{exp}"], "order_by": [{"field_name": "colour"}]},
        400,
        INVALID,
        "",
    ),
    "search: data set without name": (
        "POST",
        "/search",
        {"experiment_ids": ["{exp}"], "datasets": [{"dataset_digest": "d"}]},
        400,
        INVALID,
        "'datasets[0].dataset_name'",
    ),
}


@pytest.mark.parametrize("method, path, body, status, code, says", CALLS.values(), ids=list(CALLS))
def test_a_wrong_request_is_told_what_is_wrong(
    trash: Api, method: str, path: str, body: dict[str, Any], status: int, code: str, says: str
) -> None:
    trash.made["model"] = trash.make_model(trash.made["exp"])
    trash.made["gone"] = trash.make_model(trash.made["exp"])
    trash.post("/logged-models/{gone}", {}, method="DELETE")
    path = f"/logged-models{path}"
    answer = trash.get(path) if method == "GET" else trash.post(path, body, method=method)
    assert (answer.status, answer.code) == (status, code), answer
    assert says in answer.message


def test_params_and_tags_of_a_model_have_any_key(api: Api) -> None:
    """As clients take them from the arguments of a model, whatever these are called."""
    pairs = [{"key": "a$b[0]", "value": "1"}, {"key": "c d/e", "value": "v" * 8_001}]
    model = api.make_model(api.made["exp"], params=pairs, tags=pairs)
    more = {"model_id": model, "params": [{"key": "x>y", "value": "2"}], "tags": [{"key": "x>y", "value": "2"}]}
    assert api.post(f"/logged-models/{model}/params", more).status == 200
    assert api.post(f"/logged-models/{model}/tags", more, method="PATCH").status == 200
    shown = api.get(f"/logged-models/{model}").json["model"]
    assert shown["data"]["params"] == shown["info"]["tags"] == [*pairs, {"key": "x>y", "value": "2"}]


def test_a_new_model_shows_what_was_sent_and_what_was_made_up(api: Api) -> None:
    full = {
        "experiment_id": "{exp}",
        "name": "my model",
        "model_type": "agent",
        "source_run_id": "{run}",
        "params": [{"key": "b", "value": "2"}, {"key": "a", "value": "1"}],
        "tags": [{"key": "t", "value": "1"}],
    }
    model = api.post("/logged-models", full).json["model"]
    info = model["info"]
    model_id = info["model_id"]
    assert re.fullmatch("m-[0-9a-f]{32}", model_id)
    assert info == {
        "model_id": model_id,
        "experiment_id": api.made["exp"],
        "name": "my model",
        "creation_timestamp_ms": info["creation_timestamp_ms"],
        "last_updated_timestamp_ms": info["creation_timestamp_ms"],
        "artifact_uri": f"mlflow-artifacts:/{api.made['exp']}/models/{model_id}/artifacts",
        "status": "LOGGED_MODEL_PENDING",
        "model_type": "agent",
        "source_run_id": api.made["run"],
        "tags": [{"key": "t", "value": "1"}],
    }
    assert model["data"] == {"params": [{"key": "a", "value": "1"}, {"key": "b", "value": "2"}]}
    assert api.get(f"/logged-models/{model_id}").json["model"] == model
    bare = api.post("/logged-models", {"experiment_id": "{exp}"}).json["model"]
    assert (bare["info"]["model_type"], bare["info"]["source_run_id"], bare["data"]) == ("", "", {})
    assert re.fullmatch(r"[a-z]+-[a-z]+-\d{1,3}", bare["info"]["name"])


def test_a_model_is_finalized_tagged_and_deleted(api: Api) -> None:
    model = api.made["model"] = api.make_model(api.made["exp"])
    path = f"/logged-models/{model}"
    statuses = {2: "READY", "LOGGED_MODEL_UPLOAD_FAILED": "UPLOAD_FAILED", 1: "PENDING", 0: "STATUS_UNSPECIFIED"}
    for sent, shown in statuses.items():
        answer = api.post(path, {"model_id": model, "status": sent}, method="PATCH")
        assert answer.json["model"]["info"]["status"] == f"LOGGED_MODEL_{shown}"
    tags = [{"key": "a/b", "value": "1"}, {"key": "a/b", "value": "2"}, {"key": "bare"}]
    assert api.post(f"{path}/tags", {"tags": tags}, method="PATCH").body == b"{}"
    assert api.post(f"{path}/tags", {"model_id": model, "tags": []}, method="PATCH").body == b"{}"
    tagged = api.get(path).json["model"]["info"]["tags"]
    assert tagged == [{"key": "a/b", "value": "2"}, {"key": "bare", "value": ""}]
    assert api.send("DELETE", f"{api.prefix}{path}/tags/a%2Fb").body == b"{}"
    assert api.get(path).json["model"]["info"]["tags"] == [{"key": "bare", "value": ""}]
    for _ in range(2):
        assert api.send("DELETE", api.prefix + path).body == b"{}"
    assert api.get(path).status == 404
    assert api.get(path, {"allow_deleted": "true"}).json["model"]["info"]["model_id"] == model


def test_params_are_added_once(api: Api) -> None:
    model = api.make_model(api.made["exp"])
    path = f"/logged-models/{model}"
    params = [{"key": f"p{i:03}", "value": str(i)} for i in range(100)]
    assert api.post(f"{path}/params", {"model_id": model, "params": params}).body == b"{}"
    answer = api.post(f"{path}/params", {"model_id": model, "params": params[:1]})
    assert (answer.status, answer.code) == (400, "BAD_REQUEST")
    assert api.get(path).json["model"]["data"]["params"] == params


def test_a_search_finds_live_models_newest_first(api: Api) -> None:
    ids = [api.make_model(api.made["exp"], name=f"n{i}", tags=[{"key": "i", "value": str(i)}]) for i in range(4)]
    api.send("DELETE", f"{api.prefix}/logged-models/{ids[3]}")

    def find(**fields: Any) -> Any:
        answer = api.post("/logged-models/search", {"experiment_ids": ["{exp}"], **fields})
        assert answer.status == 200, answer
        return answer.json

    def names(page: Any) -> list[str]:
        return [model["info"]["name"] for model in page.get("models", [])]

    assert sorted(names(find())) == ["n0", "n1", "n2"]
    assert names(find(order_by=[{"field_name": "name"}])) == ["n0", "n1", "n2"]
    assert names(find(order_by=[{"field_name": "name", "ascending": False}], max_results=2)) == ["n2", "n1"]
    assert names(find(filter="tags.i = '1'")) == ["n1"]
    assert names(find(max_results=0)) == names(find(max_results=1_000_000)) == names(find())
    order = [{"field_name": "name"}]
    page = find(max_results=2, order_by=order)
    assert names(find(max_results=2, order_by=order, page_token=page["next_page_token"])) == ["n2"]
    changed = {"experiment_ids": ["{exp}"], "filter": "name = 'n1'", "page_token": page["next_page_token"]}
    assert api.post("/logged-models/search", changed).status == 400
    assert find(experiment_ids=[]) == {}
