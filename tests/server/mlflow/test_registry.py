"""Registered models and versions through the compatible front door."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest

from tests.services.mlflow_api import Answer, Api

INVALID = "INVALID_PARAMETER_VALUE"
UNKNOWN = "RESOURCE_DOES_NOT_EXIST"
TAKEN = "RESOURCE_ALREADY_EXISTS"
MODEL, VERSION = "/registered-models", "/model-versions"
PLACE = "s3://bucket/model"
LONG = "x" * 100_001

Call = tuple[str, str, dict[str, Any], int, str, str]
N: dict[str, Any] = {"name": "{name}"}
V: dict[str, Any] = {"name": "{name}", "version": "1"}
MODELS: dict[str, Call] = {
    "create: no name": ("POST", "/create", {}, 400, INVALID, "Missing value for required parameter 'name'"),
    "create: empty": ("POST", "/create", {"name": ""}, 400, INVALID, "'name'"),
    "create: blank": ("POST", "/create", {"name": " "}, 400, INVALID, "name"),
    "create: slash": ("POST", "/create", {"name": "a/b"}, 400, INVALID, "Names cannot contain '/' or ':'."),
    "create: colon": ("POST", "/create", {"name": "a:b"}, 400, INVALID, "Names cannot contain '/' or ':'."),
    "create: above": ("POST", "/create", {"name": ".."}, 400, INVALID, "'..'"),
    "create: another's name, encoded": ("POST", "/create", {"name": "my%6Dodel"}, 400, INVALID, "my%6Dodel"),
    "create: taken": ("POST", "/create", N, 400, TAKEN, "Registered Model (name={name}) already exists."),
    "create: bad tag": ("POST", "/create", {"name": "t", "tags": [{"key": "a$"}]}, 400, INVALID, "a$"),
    "create: no tag key": ("POST", "/create", {"name": "t", "tags": [{"value": "a"}]}, 400, INVALID, "key"),
    "create: long tag": (
        "POST",
        "/create",
        {"name": "t", "tags": [{"key": "a", "value": LONG}]},
        400,
        INVALID,
        "100000 are",
    ),
    "get: no name": ("GET", "/get", {}, 400, INVALID, "'name'"),
    "get: unknown": ("GET", "/get", {"name": "none"}, 404, UNKNOWN, "Registered Model with name=none not found"),
    "get: what no model can be called": ("GET", "/get", {"name": "a/b"}, 400, INVALID, "a/b"),
    "get: blank": ("GET", "/get", {"name": " "}, 400, INVALID, "model name"),
    "rename: what no model can be called": ("POST", "/rename", {"name": "..", "new_name": "x"}, 400, INVALID, "'..'"),
    "rename: no new name": ("POST", "/rename", N, 400, INVALID, "'new_name'"),
    "rename: unknown": ("POST", "/rename", {"name": "none", "new_name": "x"}, 404, UNKNOWN, "none"),
    "rename: slash": ("POST", "/rename", {**N, "new_name": "a/b"}, 400, INVALID, "a/b"),
    "rename: taken": ("POST", "/rename", {**N, "new_name": "{other}"}, 400, TAKEN, "{other}"),
    "update: unknown": ("PATCH", "/update", {"name": "none", "description": "d"}, 404, UNKNOWN, "none"),
    "delete: no name": ("DELETE", "/delete", {}, 400, INVALID, "'name'"),
    "delete: unknown": ("DELETE", "/delete", {"name": "none"}, 404, UNKNOWN, "none"),
    "search: page of 0": ("GET", "/search", {"max_results": 0}, 400, INVALID, "max_results"),
    "search: page of 1001": ("GET", "/search", {"max_results": 1001}, 400, INVALID, "1001"),
    "search: bad filter": ("GET", "/search", {"filter": "description = 'x'"}, 400, INVALID, "description"),
    "search: attributes": ("GET", "/search", {"filter": "attributes.name = 'x'"}, 400, INVALID, "attributes"),
    "search: list of tags": ("GET", "/search", {"filter": "tags.a IN ('x')"}, 400, INVALID, "tag"),
    "search: null": ("GET", "/search", {"filter": "tags.a IS NULL"}, 400, INVALID, "tag"),
    "search: or": ("GET", "/search", {"filter": "name = 'a' OR name = 'b'"}, 400, INVALID, "OR"),
    "search: order by creation": (
        "GET",
        "/search",
        {"order_by": "creation_timestamp"},
        400,
        INVALID,
        "creation_timestamp",
    ),
    "search: order twice": ("GET", "/search", {"order_by": ["name", "name"]}, 400, INVALID, "twice"),
    "search: bad token": ("GET", "/search", {"page_token": "zz"}, 400, INVALID, "token"),
    "latest: unknown": ("GET", "/get-latest-versions", {"name": "none"}, 404, UNKNOWN, "none"),
    "latest: no stage": (
        "POST",
        "/get-latest-versions",
        {**N, "stages": ["Live"]},
        400,
        INVALID,
        "Invalid Model Version stage: Live. Value must be one of None, Staging, Production, Archived.",
    ),
    "tag: no key": ("POST", "/set-tag", N, 400, INVALID, "'key'"),
    "tag: unknown": ("POST", "/set-tag", {"name": "none", "key": "a"}, 404, UNKNOWN, "none"),
    "untag: unknown": ("DELETE", "/delete-tag", {"name": "none", "key": "a"}, 404, UNKNOWN, "none"),
    "untag: what no tag can be called": ("DELETE", "/delete-tag", {**N, "key": "a$"}, 400, INVALID, "a$"),
    "alias: latest": ("POST", "/alias", {**V, "alias": "Latest"}, 400, INVALID, "reserved"),
    "alias: a number": ("POST", "/alias", {**V, "alias": "v12"}, 400, INVALID, "reserved"),
    "alias: blank": ("POST", "/alias", {**V, "alias": "a b"}, 400, INVALID, "Invalid alias name: 'a b'"),
    "alias: long": ("POST", "/alias", {**V, "alias": "x" * 256}, 400, INVALID, "255"),
    "alias: no version": ("POST", "/alias", {**N, "alias": "a"}, 400, INVALID, "'version'"),
    "alias: version as number": ("POST", "/alias", {**N, "alias": "a", "version": 1}, 400, INVALID, "'int'"),
    "alias: no number": ("POST", "/alias", {**N, "alias": "a", "version": "x"}, 400, INVALID, "must be an integer"),
    "alias: unknown version": ("POST", "/alias", {**N, "alias": "a", "version": "9"}, 404, UNKNOWN, "version=9"),
    "alias: unknown": ("GET", "/alias", {**N, "alias": "a"}, 400, INVALID, "Registered model alias a not found."),
    "alias: unknown model": ("GET", "/alias", {"name": "none", "alias": "a"}, 404, UNKNOWN, "none"),
    "alias: newest of none": ("GET", "/alias", {"name": "{other}", "alias": "latest"}, 404, UNKNOWN, "Latest version"),
    "unalias: unknown model": ("DELETE", "/alias", {"name": "none", "alias": "a"}, 404, UNKNOWN, "none"),
    "unalias: blank": ("DELETE", "/alias", {**N, "alias": "a b"}, 400, INVALID, "a b"),
}
VERSIONS: dict[str, Call] = {
    "create: no source": ("POST", "/create", N, 400, INVALID, "'source'"),
    "create: unknown model": ("POST", "/create", {"name": "none", "source": PLACE}, 404, UNKNOWN, "none"),
    "create: unknown logged model": ("POST", "/create", {**N, "source": PLACE, "model_id": "m-x"}, 404, UNKNOWN, "m-x"),
    "create: alias that is none": ("POST", "/create", {**N, "source": "models:/{name}@a"}, 400, INVALID, "alias a"),
    "create: version that is none": ("POST", "/create", {**N, "source": "models:/{name}/9"}, 404, UNKNOWN, "version=9"),
    "create: zero for the run": ("POST", "/create", {**N, "source": PLACE, "run_id": 0}, 400, INVALID, "'run_id'"),
    "create: another's run": ("POST", "/create", {**N, "source": "runs:/{run}/m"}, 400, INVALID, "run_id"),
    "get: no number": ("GET", "/get", {**N, "version": "x"}, 400, INVALID, "must be an integer, got 'x'"),
    "get: fraction": ("GET", "/get", {**N, "version": "1.0"}, 400, INVALID, "must be an integer"),
    "get: negative": ("GET", "/get", {**N, "version": "-1"}, 404, UNKNOWN, "version=-1"),
    "get: huge": ("GET", "/get", {**N, "version": "9" * 30}, 404, UNKNOWN, "not found"),
    "get: endless": ("GET", "/get", {**N, "version": "9" * 5_000}, 404, UNKNOWN, "not found"),
    "get: unknown": ("GET", "/get", {**N, "version": "9"}, 404, UNKNOWN, "Model Version (name={name}, version=9)"),
    "get: unknown model": ("GET", "/get", {"name": "none", "version": "1"}, 404, UNKNOWN, "(name=none, version=1)"),
    "update: unknown": ("PATCH", "/update", {**N, "version": "9"}, 404, UNKNOWN, "version=9"),
    "delete: unknown": ("DELETE", "/delete", {**N, "version": "9"}, 404, UNKNOWN, "version=9"),
    "stage: none": ("POST", "/transition-stage", V, 400, INVALID, "'stage'"),
    "stage: unknown": ("POST", "/transition-stage", {**V, "stage": "Live"}, 400, INVALID, "Live"),
    "stage: archive as text": (
        "POST",
        "/transition-stage",
        {**V, "stage": "Staging", "archive_existing_versions": "true"},
        400,
        INVALID,
        "'archive_existing_versions'",
    ),
    "stage: archive into the archive": (
        "POST",
        "/transition-stage",
        {**V, "stage": "Archived", "archive_existing_versions": True},
        400,
        INVALID,
        "Archived",
    ),
    "search: page of 0": ("GET", "/search", {"max_results": 0}, 400, INVALID, "max_results"),
    "search: page of 200001": ("GET", "/search", {"max_results": 200_001}, 400, INVALID, "200001"),
    "search: fraction": ("GET", "/search", {"filter": "version_number = 1.0"}, 400, INVALID, "integer"),
    "search: stage": ("GET", "/search", {"filter": "current_stage = 'None'"}, 400, INVALID, "current_stage"),
    "search: list of places": ("GET", "/search", {"filter": "source_path IN ('x')"}, 400, INVALID, "source_path"),
    "search: order by run": ("GET", "/search", {"order_by": "run_id"}, 400, INVALID, "run_id"),
    "search: order by tag": ("GET", "/search", {"order_by": "tags.a"}, 400, INVALID, "tag"),
    "place: unknown": ("GET", "/get-download-uri", {**N, "version": "9"}, 404, UNKNOWN, "version=9"),
    "place: no version": ("GET", "/get-download-uri", N, 400, INVALID, "'version'"),
    "tag: no version": ("POST", "/set-tag", {**N, "key": "a"}, 400, INVALID, "'version'"),
    "tag: unknown": ("POST", "/set-tag", {**N, "version": "9", "key": "a"}, 404, UNKNOWN, "version=9"),
    "tag: bad key": ("POST", "/set-tag", {**V, "key": "a$"}, 400, INVALID, "a$"),
    "untag: unknown": ("DELETE", "/delete-tag", {**N, "version": "9", "key": "a"}, 404, UNKNOWN, "version=9"),
    "untag: what no tag can be called": ("DELETE", "/delete-tag", {**V, "key": "a$"}, 400, INVALID, "a$"),
    "get: of what no model can be called": ("GET", "/get", {"name": "a:b", "version": "1"}, 400, INVALID, "a:b"),
}
CALLS = {
    f"{root} {title}": (root, *call)
    for root, calls in ((MODEL, MODELS), (VERSION, VERSIONS))
    for title, call in calls.items()
}
PLACES = (
    "/etc",
    "file:///etc",
    "FILE:///etc",
    "file:etc",
    ":///etc",
    ".//etc",
    "rel/path",
    "http://inside/x",
    "ftp://inside/x",
    "hdfs://inside/x",
    "s3://bucket/../x",
    "s3://bucket/%2e%2e/x",
    "s3://bucket/x?y=1",
    "s3://bucket/x#y",
    "mlflow-artifacts:/{exp}/other/artifacts",
    "mlflow-artifacts://host/{exp}/{run}/artifacts",
    "models:/",
    "models:/{name}",
    "C:\\x",
)


@pytest.fixture
def registry(api: Api) -> Api:
    """The server with a registered model ``{name}`` that has a version, and ``{other}`` that has none."""
    for word in ("name", "other"):
        api.made[word] = f"{word}-{uuid.uuid4().hex}"
        assert ask(api, "POST", MODEL, "/create", {"name": api.made[word]}).status == 200
    make_version(api)
    return api


def ask(api: Api, method: str, root: str, path: str, fields: dict[str, Any]) -> Answer:
    """Send one request: GET by query, all others by body."""
    return api.get(root + path, fields) if method == "GET" else api.post(root + path, fields, method=method)


def make_version(api: Api, **fields: Any) -> dict[str, Any]:
    answer = ask(api, "POST", VERSION, "/create", {"name": "{name}", "source": PLACE, **fields})
    assert answer.status == 200, answer
    made: dict[str, Any] = answer.json["model_version"]
    return made


def get(api: Api, method: str, root: str, path: str, **fields: Any) -> Any:
    answer = ask(api, method, root, path, fields)
    assert answer.status == 200, answer
    return answer.json


@pytest.mark.parametrize("root, method, path, fields, status, code, says", CALLS.values(), ids=list(CALLS))
def test_a_wrong_request_is_told_what_is_wrong(
    registry: Api, root: str, method: str, path: str, fields: dict[str, Any], status: int, code: str, says: str
) -> None:
    answer = ask(registry, method, root, path, fields)
    assert (answer.status, answer.code) == (status, code), answer
    assert registry.fill(says) in answer.message


@pytest.mark.parametrize("source", PLACES)
@pytest.mark.parametrize("named", ["", "{run}"])
def test_a_source_that_is_no_place_for_models_is_refused_and_not_repeated(
    registry: Api, source: str, named: str
) -> None:
    answer = ask(registry, "POST", VERSION, "/create", {"name": "{name}", "source": source, "run_id": named})
    assert (answer.status, answer.code) == (400, INVALID), answer
    assert "etc" not in answer.message
    assert (
        get(registry, "GET", MODEL, "/get", name="{name}")["registered_model"]["latest_versions"][0]["version"] == "1"
    )


def test_a_registered_model_shows_what_was_sent(api: Api) -> None:
    name = f"ä {uuid.uuid4().hex}"
    tags = [{"key": "a", "value": "1"}, {"key": "b"}, {"key": "a", "value": "2"}]
    model = get(api, "POST", MODEL, "/create", name=name, tags=tags, description="d")["registered_model"]
    assert model == {
        "name": name,
        "creation_timestamp": model["creation_timestamp"],
        "last_updated_timestamp": model["creation_timestamp"],
        "description": "d",
        "tags": [{"key": "a", "value": "2"}, {"key": "b", "value": ""}],
    }
    assert get(api, "GET", MODEL, "/get", name=name)["registered_model"] == model
    assert "description" not in get(api, "PATCH", MODEL, "/update", name=name)["registered_model"]


def test_a_version_shows_what_was_sent_and_its_aliases_where_it_is_asked_for(registry: Api) -> None:
    source = "mlflow-artifacts:/{exp}/{run}/artifacts/my model"
    fields = {"run_id": "{run}", "run_link": "http://ci/1", "description": "d", "tags": [{"key": "a", "value": "1"}]}
    version = make_version(registry, source=source, **fields)
    assert version == {
        "name": registry.made["name"],
        "version": "2",
        "creation_timestamp": version["creation_timestamp"],
        "last_updated_timestamp": version["creation_timestamp"],
        "current_stage": "None",
        "description": "d",
        "source": registry.fill(source),
        "run_id": registry.made["run"],
        "status": "READY",
        "tags": [{"key": "a", "value": "1"}],
        "run_link": "http://ci/1",
    }
    get(registry, "POST", MODEL, "/alias", name="{name}", alias="best", version="2")
    shown = {**version, "aliases": ["best"]}
    assert get(registry, "GET", VERSION, "/get", name="{name}", version="02")["model_version"] == shown
    for alias in ("best", "latest", "LATEST"):
        assert get(registry, "GET", MODEL, "/alias", name="{name}", alias=alias)["model_version"] == shown
    assert get(registry, "GET", MODEL, "/get-latest-versions", name="{name}") == {"model_versions": [shown]}
    model = get(registry, "GET", MODEL, "/get", name="{name}")["registered_model"]
    assert (model["latest_versions"], model["aliases"]) == ([version], [{"alias": "best", "version": "2"}])
    found = get(registry, "GET", VERSION, "/search", filter="name = '{name}' AND version_number = '2'")
    assert found["model_versions"] == [version]
    place = get(registry, "GET", VERSION, "/get-download-uri", name="{name}", version="2")
    assert place == {"artifact_uri": version["source"]}
    for path, method, change in (
        ("/update", "PATCH", {"description": "e"}),
        ("/transition-stage", "POST", {"stage": "None"}),
    ):
        changed = get(registry, method, VERSION, path, name="{name}", version="2", **change)["model_version"]
        assert changed["aliases"] == ["best"]
    assert get(registry, "DELETE", MODEL, "/alias", name="{name}", alias="best") == {}
    assert get(registry, "DELETE", MODEL, "/alias", name="{name}", alias="best") == {}
    bare = make_version(registry)
    assert (bare["description"], bare["run_id"], bare["run_link"], "tags" in bare) == ("", "", "", False)


def test_a_source_that_names_a_version_is_resolved(registry: Api) -> None:
    make_version(registry, run_id="{run}")
    get(registry, "POST", MODEL, "/alias", name="{name}", alias="best", version="2")
    get(registry, "POST", VERSION, "/transition-stage", name="{name}", version="2", stage="Staging")
    for text in ("{name}/2", "{name}@best", "{name}/staging"):
        made = make_version(registry, source=f"models:/{text}")
        assert (made["source"], made["run_id"]) == (registry.fill("models:/{name}/2"), registry.made["run"])
        place = get(registry, "GET", VERSION, "/get-download-uri", name="{name}", version=made["version"])
        assert place == {"artifact_uri": PLACE}


def test_stages_move_and_archive_what_was_there(registry: Api) -> None:
    def stages() -> list[tuple[str, str]]:
        found = get(registry, "GET", VERSION, "/search", filter="name = '{name}'", order_by="version_number")
        return [(one["version"], one["current_stage"]) for one in found["model_versions"]]

    make_version(registry)
    for version, stage, archive in (("1", "production", False), ("2", "PRODUCTION", True), ("1", "staging", False)):
        fields = {"name": "{name}", "version": version, "stage": stage, "archive_existing_versions": archive}
        get(registry, "POST", VERSION, "/transition-stage", **fields)
    assert stages() == [("1", "Staging"), ("2", "Production")]
    latest = get(registry, "POST", MODEL, "/get-latest-versions", name="{name}", stages=["production"])
    assert [one["version"] for one in latest["model_versions"]] == ["2"]
    assert get(registry, "POST", MODEL, "/get-latest-versions", name="{name}", stages=["None"]) == {}


def test_tags_are_set_replaced_and_deleted(registry: Api) -> None:
    for root, named in ((MODEL, {"name": "{name}"}), (VERSION, V)):
        kind = "registered_model" if root == MODEL else "model_version"
        for value in ({}, {"value": "1"}):
            assert get(registry, "POST", root, "/set-tag", **named, key="a/b", **value) == {}
        assert get(registry, "GET", root, "/get", **named)[kind]["tags"] == [{"key": "a/b", "value": "1"}]
        for _ in range(2):
            assert get(registry, "DELETE", root, "/delete-tag", **named, key="a/b") == {}
        assert "tags" not in get(registry, "GET", root, "/get", **named)[kind]


def test_a_rename_takes_versions_along_and_a_delete_too(registry: Api) -> None:
    new = f"new-{uuid.uuid4().hex}"
    model = get(registry, "POST", MODEL, "/rename", name="{name}", new_name=new)["registered_model"]
    assert (model["name"], model["latest_versions"][0]["name"]) == (new, new)
    assert model["latest_versions"][0]["last_updated_timestamp"] == model["last_updated_timestamp"]
    assert get(registry, "DELETE", VERSION, "/delete", name=new, version="1") == {}
    registry.made["name"] = new
    assert make_version(registry)["version"] == "2"
    assert get(registry, "DELETE", MODEL, "/delete", name=new) == {}
    assert ask(registry, "GET", VERSION, "/get", {"name": new, "version": "2"}).status == 404


def test_searches_find_filter_order_and_page(api: Api) -> None:
    mark = uuid.uuid4().hex
    for n, kind in enumerate("abcba"):
        api.made["name"] = f"{mark}-{n}"
        get(api, "POST", MODEL, "/create", name="{name}", tags=[{"key": "kind", "value": kind}])
        make_version(api, run_id=kind)
    get(api, "POST", MODEL, "/create", name=f"{mark}-p", tags=[{"key": "mlflow.prompt.is_prompt", "value": "true"}])

    def find(root: str, name: str, **query: Any) -> str:
        found: list[str] = []
        while True:
            page = get(api, "GET", root, "/search", **query)
            found += [one["name"].removeprefix(f"{mark}-") for one in page.get(name, ())]
            if "next_page_token" not in page:
                return "".join(found)
            query["page_token"] = page["next_page_token"]

    mine = f"name LIKE '{mark}-%'"
    models = {
        mine: "01234",
        f"{mine} AND tags.kind = 'a'": "04",
        f"{mine} AND tag.kind != 'b'": "024",
        f"{mine} AND tags.`mlflow.prompt.is_prompt` = 'true'": "p",
        f"{mine} AND tags.`mlflow.prompt.is_prompt` != 'true'": "01234",
        f"attribute.name IN ('{mark}-1', '{mark}-3')": "13",
        f"name ILIKE '{mark.upper()}-4'": "4",
    }
    for text, expected in models.items():
        assert find(MODEL, "registered_models", filter=text, max_results=2) == expected, text
    assert find(MODEL, "registered_models", filter=mine, order_by="name DESC", max_results=3) == "43210"
    assert find(MODEL, "registered_models", filter=mine, order_by=["timestamp DESC", "name"], max_results=3) == "43210"
    versions = {
        mine: "43210",
        f"{mine} AND run_id = 'b'": "31",
        f"{mine} AND run_id IN ('a', 'c')": "420",
        f"{mine} AND version_number > 1": "",
        f"{mine} AND source_path LIKE 's3:%' AND tags.none = 'x'": "",
    }
    for text, expected in versions.items():
        assert find(VERSION, "model_versions", filter=text, max_results=2) == expected, text
    assert find(VERSION, "model_versions", filter=mine, order_by=["name ASC"], max_results=2) == "01234"


def test_clients_of_the_first_generation_list_models_and_find_all_under_preview_paths(server_port: int) -> None:
    api = Api(server_port, "/api/2.0/preview/mlflow")
    name = f"old-{uuid.uuid4().hex}"
    get(api, "POST", MODEL, "/create", name=name)
    get(api, "POST", VERSION, "/create", name=name, source=PLACE)
    names: list[str] = []
    token: dict[str, str] = {}
    while True:
        page = get(api, "GET", MODEL, "/list", max_results="50", **token)
        names += [model["name"] for model in page["registered_models"]]
        if "next_page_token" not in page:
            break
        token = {"page_token": page["next_page_token"]}
    assert name in names
    assert get(api, "GET", MODEL, "/get-latest-versions", name=name)["model_versions"][0]["version"] == "1"


@pytest.mark.parametrize("source", ["runs:/{run}/model", "mlflow-artifacts:/{exp}/{run}/artifacts/model"])
def test_files_of_a_version_are_read_where_they_are_kept_here(registry: Api, source: str) -> None:
    path = registry.fill("/api/2.0/mlflow-artifacts/artifacts/{exp}/{run}/artifacts/model/MLmodel")
    assert registry.send("PUT", path, b"flavors: {}").status == 200
    version = make_version(registry, source=source, run_id="{run}")["version"]
    query = {"name": "{name}", "version": version}
    file = registry.get("/model-versions/get-artifact", {**query, "path": "MLmodel"}, prefix="")
    assert (file.status, file.body) == (200, b"flavors: {}")
    for path, status in (("../MLmodel", 400), ("%2e%2e/x", 400), ("none", 404)):
        assert registry.get("/model-versions/get-artifact", {**query, "path": path}, prefix="").status == status
    elsewhere = registry.get("/model-versions/get-artifact", {**V, "path": "MLmodel"}, prefix="")
    assert (elsewhere.status, elsewhere.code) == (501, "NOT_IMPLEMENTED")


def test_answers_have_the_keys_of_the_protocol_in_its_order(registry: Api) -> None:
    get(registry, "POST", MODEL, "/alias", name="{name}", alias="best", version="1")
    body = ask(registry, "GET", VERSION, "/get", V).body
    keys = list(json.loads(body)["model_version"])
    order = [
        "name",
        "version",
        "creation_timestamp",
        "last_updated_timestamp",
        "current_stage",
        "description",
        "source",
    ]
    assert keys == [*order, "run_id", "status", "run_link", "aliases"]


def test_a_logged_model_says_which_versions_were_registered_of_it(api: Api) -> None:
    model = api.make_model(api.made["exp"])
    path = f"/logged-models/{model}/tags"
    names = [f"said-{uuid.uuid4().hex}" for _ in range(2)]

    def register(name: str, **fields: str) -> None:
        request = {"name": name, "source": f"models:/{model}", "model_id": model, **fields}
        assert api.post("/model-versions/create", request).status == 200

    def said() -> Any:
        tags = api.get(f"/logged-models/{model}").json["model"]["info"].get("tags", [])
        return next((json.loads(tag["value"]) for tag in tags if tag["key"] == "mlflow.modelVersions"), None)

    for name in names:
        assert api.post("/registered-models/create", {"name": name}).status == 200
    assert said() is None
    register(names[0])
    first = {"name": names[0], "version": 1}
    assert said() == [first]
    # As the Python client does, after the server has.
    again = [first, {"name": names[0], "version": "1"}]
    tag = {"key": "mlflow.modelVersions", "value": json.dumps(again)}
    assert api.post(path, {"tags": [tag]}, method="PATCH").status == 200
    register(names[1])
    assert said() == [*again, {"name": names[1], "version": 1}]
    # What is no list of versions is somebody else's.
    for text in ('"mine"', "{", "[]]"):
        assert api.post(path, {"tags": [tag | {"value": text}]}, method="PATCH").status == 200
        register(names[0])
        kept = api.get(f"/logged-models/{model}").json["model"]["info"]["tags"]
        assert kept == [tag | {"value": text}]
