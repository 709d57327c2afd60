"""Webhooks through the compatible front door."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.services.mlflow_api import Api
from tests.services.trackway_server import run_trackway
from tests.webhooks.receivers import run_receiver

INVALID = "INVALID_PARAMETER_VALUE"
UNKNOWN = "RESOURCE_DOES_NOT_EXIST"
URL = "https://hooks.example.org/x"
CREATED = {"entity": "MODEL_VERSION", "action": "CREATED"}
NEW: dict[str, Any] = {"name": "ci", "url": URL, "events": [CREATED]}


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """A server that may send webhooks to this machine, with one webhook ``{webhook}``."""
    folder: Path = tmp_path_factory.mktemp("webhooks")
    with run_trackway(folder, "--webhook-networks", "127.0.0.1") as port:
        api = Api(port)
        api.made["webhook"] = api.post("/webhooks", NEW | {"secret": "hush"}).json["webhook"]["webhook_id"]
        yield api


REFUSED: dict[str, tuple[str, str, dict[str, Any], int, str, str]] = {
    "create: no name": ("POST", "/webhooks", {**NEW, "name": ""}, 400, INVALID, "'name'"),
    "create: no url": ("POST", "/webhooks", {**NEW, "url": ""}, 400, INVALID, "'url'"),
    "create: no events": ("POST", "/webhooks", {**NEW, "events": []}, 400, INVALID, "event"),
    "create: bad name": ("POST", "/webhooks", {**NEW, "name": "-a"}, 400, INVALID, "-a"),
    "create: private": ("POST", "/webhooks", {**NEW, "url": "http://169.254.169.254/"}, 400, INVALID, "169.254"),
    "create: bad entity": (
        "POST",
        "/webhooks",
        {**NEW, "events": [{**CREATED, "entity": "X"}]},
        400,
        INVALID,
        "entity",
    ),
    "create: no such pair": (
        "POST",
        "/webhooks",
        {**NEW, "events": [{**CREATED, "action": "SET"}]},
        400,
        INVALID,
        "set",
    ),
    "create: half a pair": ("POST", "/webhooks", {**NEW, "events": [{"action": "SET"}]}, 400, INVALID, "entity"),
    "create: bad status": ("POST", "/webhooks", {**NEW, "status": "ON"}, 400, INVALID, "status"),
    "get: unknown": ("GET", "/webhooks/nope", {}, 404, UNKNOWN, "nope"),
    "update: unknown": ("PATCH", "/webhooks/nope", {"name": "a"}, 404, UNKNOWN, "nope"),
    "update: private": ("PATCH", "/webhooks/{webhook}", {"url": "https://10.0.0.1"}, 400, INVALID, "10.0.0.1"),
    "update: another": ("PATCH", "/webhooks/{webhook}", {"webhook_id": "nope"}, 400, INVALID, "webhook_id"),
    "delete: unknown": ("DELETE", "/webhooks/nope", {}, 404, UNKNOWN, "nope"),
    "test: unknown": ("POST", "/webhooks/nope/test", {}, 404, UNKNOWN, "nope"),
    "list: none": ("GET", "/webhooks?max_results=0", {}, 400, INVALID, "max_results"),
    "list: too many": ("GET", "/webhooks?max_results=1001", {}, 400, INVALID, "max_results"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_wrong_request_is_refused(api: Api, case: str) -> None:
    method, path, body, status, code, words = REFUSED[case]
    answer = api.send("GET", api.prefix + path) if method == "GET" else api.post(path, body, method)
    assert (answer.status, answer.code) == (status, code), answer
    assert words in answer.message


def test_a_webhook_is_created_read_changed_and_deleted(api: Api) -> None:
    events = [CREATED, {"entity": 5, "action": 1}]
    made = api.post("/webhooks", {**NEW, "events": events, "secret": "hush", "description": "d"}).json["webhook"]
    assert made["events"] == [CREATED, {"entity": "PROMPT", "action": "CREATED"}]
    assert (made["status"], made["description"], made["url"]) == ("ACTIVE", "d", URL)
    assert isinstance(made["creation_timestamp"], int)
    path = f"/webhooks/{made['webhook_id']}"
    assert api.get(path).json["webhook"] == made
    assert made in api.get("/webhooks").json["webhooks"]
    first = api.get("/webhooks", {"max_results": 1}).json
    rest = api.get("/webhooks", {"page_token": first["next_page_token"]}).json
    assert made in rest["webhooks"]
    assert "next_page_token" not in rest
    changed = api.post(path, {"name": "cd", "status": "DISABLED"}, "PATCH").json["webhook"]
    same = {"webhook_id", "description", "url", "events", "creation_timestamp"}
    assert {key: changed[key] for key in same} == {key: made[key] for key in same}
    assert (changed["name"], changed["status"]) == ("cd", "DISABLED")
    assert "hush" not in repr(api.get("/webhooks"))
    assert api.post(path, {}, "DELETE").json == {}
    assert api.get(path).status == 404


def test_events_that_this_protocol_has_not_are_left_out(api: Api) -> None:
    native = {"name": "own", "url": URL, "events": ["run.created", "model_version.created"]}
    made = api.post("/webhooks", native, prefix="/api/v1").json
    shown = api.get(f"/webhooks/{made['webhook_id']}").json["webhook"]
    assert shown["events"] == [CREATED]


def test_a_test_says_what_came_of_it_but_nothing_of_what_was_answered(api: Api) -> None:
    with run_receiver(b"HTTP/1.1 418 No\r\n\r\nsecret of the inside") as receiver:
        url = f"http://127.0.0.1:{receiver.port}/"
        made = api.post("/webhooks", {**NEW, "url": url, "status": "DISABLED"}).json["webhook"]
        path = f"/webhooks/{made['webhook_id']}/test"
        assert api.post(path).json == {"result": {"success": False, "response_status": 418}}
        receiver.answers = [b"HTTP/1.1 200 OK\r\n\r\n"]
        answer = api.post(path, {"event": {"entity": "MODEL_VERSION_TAG", "action": "SET"}})
        assert answer.json == {"result": {"success": True, "response_status": 200}}
        assert b'"key":"team"' in receiver.received[1].body
    failed = api.post(path).json["result"]
    assert failed == {"success": False, "error_message": "no connection, or it was closed without an answer"}
