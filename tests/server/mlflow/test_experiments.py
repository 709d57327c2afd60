"""Experiments through the compatible front door."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from tests.services.mlflow_api import Api

INVALID = "INVALID_PARAMETER_VALUE"
UNKNOWN = "RESOURCE_DOES_NOT_EXIST"
EXISTS = "RESOURCE_ALREADY_EXISTS"

POSTS: dict[str, tuple[str, dict[str, Any], int, str, str]] = {
    "create: no name": ("create", {}, 400, INVALID, "Missing value for required parameter 'name'"),
    "create: empty name": ("create", {"name": ""}, 400, INVALID, "Missing value for required parameter 'name'"),
    "create: number as name": ("create", {"name": 7}, 400, INVALID, "Hint: Value was of type 'int'"),
    "create: name of 501": ("create", {"name": "x" * 501}, 400, INVALID, "500"),
    "create: name of 5000": ("create", {"name": "x" * 5000}, 400, INVALID, "500"),
    "create: taken name": ("create", {"name": "Default"}, 400, EXISTS, "already exists"),
    "create: name in the trash": ("create", {"name": "{gone_name}"}, 400, EXISTS, "already exists"),
    "create: bad tag": ("create", {"name": "{new}", "tags": [{"key": "a$", "value": "1"}]}, 400, INVALID, "a$"),
    "create: tag without key": ("create", {"name": "{new}", "tags": [{"value": "1"}]}, 400, INVALID, "'tags[0].key'"),
    "create: tag twice": (
        "create",
        {"name": "{new}", "tags": [{"key": "a", "value": "1"}, {"key": "a", "value": "2"}]},
        400,
        "BAD_REQUEST",
        "Duplicate",
    ),
    "create: tags are no list": ("create", {"name": "{new}", "tags": {"a": "1"}}, 400, INVALID, "'tags'"),
    "create: location with a fragment": (
        "create",
        {"name": "{new}", "artifact_location": "s3://bucket/a#../../etc"},
        400,
        INVALID,
        "location",
    ),
    "create: location on a host": (
        "create",
        {"name": "{new}", "artifact_location": "http://169.254.169.254/a"},
        400,
        INVALID,
        "location",
    ),
    "create: location in a run": (
        "create",
        {"name": "{new}", "artifact_location": "runs:/abc/model"},
        400,
        INVALID,
        "location",
    ),
    "create: location of 2049": (
        "create",
        {"name": "{new}", "artifact_location": "s3://bucket/" + "x" * 2037},
        400,
        INVALID,
        "location",
    ),
    "update: no id": ("update", {"new_name": "x"}, 400, INVALID, "'experiment_id'"),
    "update: no name": ("update", {"experiment_id": "{exp}"}, 400, INVALID, "'new_name'"),
    "update: empty name": ("update", {"experiment_id": "{exp}", "new_name": ""}, 400, INVALID, "'new_name'"),
    "update: unknown": ("update", {"experiment_id": "987654", "new_name": "{new}"}, 404, UNKNOWN, "987654"),
    "update: bad id": ("update", {"experiment_id": "abc", "new_name": "{new}"}, 400, INVALID, "Invalid experiment ID"),
    "update: taken name": ("update", {"experiment_id": "{exp}", "new_name": "Default"}, 400, "BAD_REQUEST", "exists"),
    "update: name in the trash": (
        "update",
        {"experiment_id": "{exp}", "new_name": "{gone_name}"},
        400,
        "BAD_REQUEST",
        "already exists",
    ),
    "update: in the trash": ("update", {"experiment_id": "{gone_exp}", "new_name": "{new}"}, 400, INVALID, "'active'"),
    "delete: no id": ("delete", {}, 400, INVALID, "'experiment_id'"),
    "delete: number as id": ("delete", {"experiment_id": 1}, 400, INVALID, "Invalid value 1"),
    "delete: bad id": ("delete", {"experiment_id": "1.0"}, 400, INVALID, "Invalid experiment ID"),
    "delete: unknown": ("delete", {"experiment_id": "987654"}, 404, UNKNOWN, "987654"),
    "delete: twice": ("delete", {"experiment_id": "{gone_exp}"}, 404, UNKNOWN, "trash"),
    "restore: live": ("restore", {"experiment_id": "{exp}"}, 404, UNKNOWN, "trash"),
    "restore: unknown": ("restore", {"experiment_id": "987654"}, 404, UNKNOWN, "987654"),
    "tag: no key": ("set-experiment-tag", {"experiment_id": "{exp}", "value": "v"}, 400, INVALID, "'key'"),
    "tag: number as value": (
        "set-experiment-tag",
        {"experiment_id": "{exp}", "key": "k", "value": 1},
        400,
        INVALID,
        "'value'",
    ),
    "tag: key of 251": ("set-experiment-tag", {"experiment_id": "{exp}", "key": "k" * 251}, 400, INVALID, "250"),
    "tag: value of 20001": (
        "set-experiment-tag",
        {"experiment_id": "{exp}", "key": "k", "value": "v" * 20_001},
        400,
        INVALID,
        "20000",
    ),
    "tag: value of 200000": (
        "set-experiment-tag",
        {"experiment_id": "{exp}", "key": "k", "value": "v" * 200_000},
        400,
        INVALID,
        "20000",
    ),
    "tag: in the trash": ("set-experiment-tag", {"experiment_id": "{gone_exp}", "key": "k"}, 400, INVALID, "'active'"),
    "tag: unknown": ("set-experiment-tag", {"experiment_id": "987654", "key": "k"}, 404, UNKNOWN, "987654"),
    "untag: not there": ("delete-experiment-tag", {"experiment_id": "{exp}", "key": "k"}, 404, UNKNOWN, "'k'"),
    "untag: no key": ("delete-experiment-tag", {"experiment_id": "{exp}"}, 400, INVALID, "'key'"),
    "untag: in the trash": (
        "delete-experiment-tag",
        {"experiment_id": "{gone_exp}", "key": "k"},
        400,
        INVALID,
        "'active'",
    ),
    "search: no page size": ("search", {}, 400, INVALID, "Invalid value 0 for parameter 'max_results'"),
    "search: page of 0": ("search", {"max_results": 0}, 400, INVALID, "'max_results'"),
    "search: page of -1": ("search", {"max_results": -1}, 400, INVALID, "'max_results'"),
    "search: page of 50001": ("search", {"max_results": 50_001}, 400, INVALID, "50000"),
    "search: page of 500000": ("search", {"max_results": 500_000}, 400, INVALID, "50000"),
    "search: bad token": ("search", {"max_results": 1, "page_token": "!"}, 400, INVALID, "Invalid page token"),
    "search: foreign token": ("search", {"max_results": 1, "page_token": "e30="}, 400, INVALID, "Invalid page token"),
    "search: bad filter": ("search", {"max_results": 1, "filter": "name ="}, 400, INVALID, ""),
    "search: OR": ("search", {"max_results": 1, "filter": "name = 'a' OR name = 'b'"}, 400, INVALID, ""),
    "search: bad order": ("search", {"max_results": 1, "order_by": ["colour"]}, 400, INVALID, ""),
    "search: order is no list": ("search", {"max_results": 1, "order_by": "name"}, 400, INVALID, "'order_by'"),
}


@pytest.mark.parametrize("path, body, status, code, says", POSTS.values(), ids=list(POSTS))
def test_a_wrong_request_is_told_what_is_wrong(
    trash: Api, path: str, body: dict[str, Any], status: int, code: str, says: str
) -> None:
    trash.made["gone_name"] = trash.get("/experiments/get", {"experiment_id": "{gone_exp}"}).json["experiment"]["name"]
    trash.made["new"] = f"new-{uuid.uuid4().hex}"
    answer = trash.post(f"/experiments/{path}", body)
    assert (answer.status, answer.code) == (status, code), answer
    assert says in answer.message
    assert trash.get("/experiments/get-by-name", {"experiment_name": "{new}"}).status == 404


def test_a_new_experiment_is_live_and_empty_and_has_a_place_for_files(api: Api) -> None:
    name = f"größe {uuid.uuid4().hex}"
    number = api.post("/experiments/create", {"name": name, "tags": [{"key": "b", "value": "2"}, {"key": "a"}]}).json[
        "experiment_id"
    ]
    assert number.isdigit()
    by_id = api.get("/experiments/get", {"experiment_id": number}).json["experiment"]
    assert list(by_id) == [
        *("experiment_id", "name", "artifact_location", "lifecycle_stage", "last_update_time", "creation_time"),
        *("tags", "workspace"),
    ]
    assert by_id["name"] == name
    assert by_id["artifact_location"] == f"mlflow-artifacts:/{number}"
    assert by_id["lifecycle_stage"] == "active"
    assert by_id["last_update_time"] == by_id["creation_time"] > 1_600_000_000_000
    assert {tag["key"]: tag["value"] for tag in by_id["tags"]} == {"a": "", "b": "2"}
    assert by_id["workspace"] == "default"
    assert api.get("/experiments/get-by-name", {"experiment_name": name}).json["experiment"] == by_id
    assert "tags" not in api.get("/experiments/get", {"experiment_id": "{exp}"}).json["experiment"]


LOCATIONS = [
    "s3://bucket/path",
    "s3://b/with space",
    "gs://bucket/path",
    "dbfs:/path",
    "file:///path",
    "/path",
    "mlflow-artifacts:/some/path",
]


@pytest.mark.parametrize("location", LOCATIONS)
def test_a_location_is_kept_as_it_was_sent(api: Api, location: str) -> None:
    number = api.make_experiment(artifact_location=location)
    experiment = api.get("/experiments/get", {"experiment_id": number}).json["experiment"]
    assert experiment["artifact_location"] == location
    run_id = api.make_run(number)
    assert api.run(run_id)["info"]["artifact_uri"] == f"{location}/{run_id}/artifacts"


@pytest.mark.parametrize("size", [1, 255, 500])
def test_a_name_may_have_up_to_500_characters(api: Api, size: int) -> None:
    name = (uuid.uuid4().hex * 20)[:size] if size > 1 else "é"
    assert api.post("/experiments/create", {"name": name}).status == 200
    assert api.post("/experiments/create", {"name": name}).code == EXISTS


def test_the_default_experiment_is_there(api: Api) -> None:
    experiment = api.get("/experiments/get", {"experiment_id": "0"}).json["experiment"]
    assert (experiment["name"], experiment["experiment_id"]) == ("Default", "0")


def test_names_that_are_not_there_are_told_as_clients_expect(api: Api) -> None:
    answer = api.get("/experiments/get-by-name", {"experiment_name": "no such name"})
    assert (answer.status, answer.code) == (404, UNKNOWN)
    assert "Could not find experiment with name" in answer.message
    assert "no such name" in answer.message
    assert api.get("/experiments/get-by-name").code == INVALID
    assert api.get("/experiments/get-by-name", {"experiment_name": "default"}).status == 404  # letters have a case


def test_tags_and_runs_do_not_touch_the_time_of_change_but_a_new_name_does(api: Api) -> None:
    before = api.get("/experiments/get", {"experiment_id": "{exp}"}).json["experiment"]
    for value in ("1", "2"):
        body = {"experiment_id": "{exp}", "key": "k", "value": value}
        assert api.post("/experiments/set-experiment-tag", body).body == b"{}"
    tagged = api.get("/experiments/get", {"experiment_id": "{exp}"}).json["experiment"]
    assert tagged["tags"] == [{"key": "k", "value": "2"}]
    assert tagged["last_update_time"] == before["last_update_time"]
    assert api.post("/experiments/delete-experiment-tag", {"experiment_id": "{exp}", "key": "k"}).body == b"{}"
    name = f"renamed-{uuid.uuid4().hex}"
    assert api.post("/experiments/update", {"experiment_id": "{exp}", "new_name": name}).body == b"{}"
    after = api.get("/experiments/get", {"experiment_id": "{exp}"}).json["experiment"]
    assert after["name"] == name
    assert "tags" not in after
    assert after["last_update_time"] > before["last_update_time"]
    assert after["creation_time"] == before["creation_time"]
    assert api.post("/experiments/update", {"experiment_id": "{exp}", "new_name": name}).status == 200  # its own


@pytest.mark.parametrize("size", [20_000])
def test_a_tag_holds_up_to_its_limit(api: Api, size: int) -> None:
    body = {"experiment_id": "{exp}", "key": "k" * 250, "value": "v" * size}
    assert api.post("/experiments/set-experiment-tag", body).status == 200


def test_an_experiment_has_up_to_50_custom_views(api: Api) -> None:
    def views(count: int) -> list[dict[str, str]]:
        return [{"key": f"mlflow.customView.view{i}", "value": "{}"} for i in range(count)]

    answer = api.post("/experiments/create", {"name": f"views {uuid.uuid4().hex}", "tags": views(51)})
    assert (answer.status, answer.code) == (400, INVALID)
    number = api.make_experiment(tags=views(50))
    for key, status in (("mlflow.customView.view7", 200), ("mlflow.customView.view50", 400), ("other", 200)):
        body = {"experiment_id": number, "key": key, "value": "v"}
        assert api.post("/experiments/set-experiment-tag", body).status == status


def test_deleting_and_restoring_takes_the_runs_along(api: Api) -> None:
    assert api.post("/experiments/delete", {"experiment_id": "{exp}"}).body == b"{}"
    assert api.get("/experiments/get", {"experiment_id": "{exp}"}).json["experiment"]["lifecycle_stage"] == "deleted"
    assert api.run(api.made["run"])["info"]["lifecycle_stage"] == "deleted"
    assert api.post("/runs/create", {"experiment_id": "{exp}"}).code == INVALID
    assert api.post("/experiments/restore", {"experiment_id": "{exp}"}).body == b"{}"
    for run in ("run", "gone_run"):  # also the one that was in the trash before
        assert api.run(api.made[run])["info"]["lifecycle_stage"] == "active"


def test_a_deleted_experiment_is_found_by_id_and_by_name(trash: Api) -> None:
    by_id = trash.get("/experiments/get", {"experiment_id": "{gone_exp}"}).json["experiment"]
    by_name = trash.get("/experiments/get-by-name", {"experiment_name": by_id["name"]}).json["experiment"]
    assert by_name == by_id
    assert by_id["lifecycle_stage"] == "deleted"


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_search_pages_through_all_newest_first(api: Api, method: str) -> None:
    mark = uuid.uuid4().hex
    numbers = [api.make_experiment(name=f"{mark}-{i}") for i in range(5)]
    api.post("/experiments/delete", {"experiment_id": numbers[2]})

    def search(**fields: Any) -> Any:
        fields = {"filter": f"name LIKE '{mark}%'", **fields}
        answer = api.get("/experiments/search", fields) if method == "GET" else api.post("/experiments/search", fields)
        assert answer.status == 200, answer
        return answer.json

    def ids(page: Any) -> list[str]:
        return [experiment["experiment_id"] for experiment in page.get("experiments", [])]

    live = [numbers[4], numbers[3], numbers[1], numbers[0]]
    assert sorted(ids(search(max_results=50))) == sorted(live)
    assert ids(search(max_results=50, order_by=["name DESC"])) == live
    assert ids(search(max_results=50, view_type="DELETED_ONLY")) == [numbers[2]]
    assert len(ids(search(max_results=50, view_type="ALL"))) == 5
    found: list[str] = []
    token, pages = "", 0
    while pages == 0 or token:
        page = search(max_results=2, order_by=["name DESC"], **({"page_token": token} if token else {}))
        found += ids(page)
        token = page.get("next_page_token", "")
        pages += 1
    assert (found, pages) == (live, 2)
    assert search(max_results=1, filter=f"name = '{mark}'") == {}


@pytest.mark.parametrize("prefix", ["/api/2.0/mlflow", "/api/2.0/preview/mlflow"])
def test_clients_of_the_first_generation_list_without_paging(api: Api, prefix: str) -> None:
    listed = api.get("/experiments/list", prefix=prefix).json["experiments"]
    assert api.made["exp"] in [experiment["experiment_id"] for experiment in listed]
    assert len(api.get("/experiments/list", {"max_results": 1, "view_type": "ALL"}).json["experiments"]) == 1


def test_data_sets_of_experiments_are_listed_for_pages(api: Api) -> None:
    ajax = "/ajax-api/2.0/mlflow"
    datasets = [
        {"dataset": {"name": "a", "digest": "1"}, "tags": [{"key": "mlflow.data.context", "value": "train"}]},
        {"dataset": {"name": "b", "digest": "2"}},
    ]
    assert api.post("/runs/log-inputs", {"run_id": "{run}", "datasets": datasets}).status == 200
    found = api.post("/experiments/search-datasets", {"experiment_ids": ["{exp}"]}, prefix=ajax).json
    assert found == {
        "dataset_summaries": [
            {"experiment_id": api.made["exp"], "name": "a", "digest": "1", "context": "train"},
            {"experiment_id": api.made["exp"], "name": "b", "digest": "2"},
        ]
    }
    for ids, status in ((["{exp}"] * 20, 200), (["{exp}"] * 21, 400), ([], 400), (["abc"], 400), (["987654"], 200)):
        assert api.post("/experiments/search-datasets", {"experiment_ids": ids}, prefix=ajax).status == status
    assert api.post("/experiments/search-datasets", {"experiment_ids": ["0"]}).status == 404  # pages alone have it
