"""A request with an idempotency key, sent again: it is answered as it was, and does nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.server.access import Site, Visitor, bearer, on_site
from tests.services.cutting import LEFT_BYTES, run_cutting
from tests.services.mlflow_api import Answer, Api
from tests.services.trackway_server import run_trackway
from trackway.api import operations as ops
from trackway.api.holds import CreateHold, Hold, ListHolds
from trackway.api.operations import OPERATIONS
from trackway.base.ids import new_id
from trackway.sdk.transport import HttpTransport

HOLD = {"target_kind": "workspace", "reason": "a court's order"}
HOLDS = "/api/v1/holds"


@pytest.fixture(scope="module")
def server_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of a server of one's own: who shares one may not delete what is held."""
    with run_trackway(tmp_path_factory.mktemp("server")) as port:
        yield port


@pytest.fixture
def api(server_port: int) -> Api:
    return Api(server_port, "/api/v1")


def send(api: Api, key: str | None, body: Any = HOLD, path: str = HOLDS, **headers: str) -> Answer:
    if key is not None:
        headers["Idempotency-Key"] = key
    return api.send("POST", path, json.dumps(body).encode(), {"Content-Type": "application/json", **headers})


def count_holds(api: Api) -> int:
    return len(api.get("/holds").json["holds"])


def key_of(name: str) -> tuple[bytes, bytes]:
    return b"idempotency-key", name.encode()


def test_a_repeat_is_answered_as_the_first_whichever_way_it_is_written(api: Api) -> None:
    key, before = new_id(), count_holds(api)
    first, repeat, quoted = send(api, key), send(api, key), send(api, f'"{key}"')
    assert first.status == 200
    assert first.json == repeat.json == quoted.json
    packed = send(api, key, Accept="application/msgpack")
    assert msgspec.msgpack.decode(packed.body) == first.json
    assert count_holds(api) == before + 1
    assert send(api, None).json["hold_id"] != first.json["hold_id"]
    assert count_holds(api) == before + 2


def test_a_key_with_another_request_is_refused(api: Api) -> None:
    key = new_id()
    assert send(api, key).status == 200
    before = count_holds(api)
    other = send(api, key, {**HOLD, "reason": "another"})
    assert (other.status, other.json["error"]["code"]) == (409, "conflict")
    assert "another request" in other.json["error"]["message"]
    assert count_holds(api) == before


def test_what_was_refused_may_be_sent_again_with_its_key(api: Api) -> None:
    key, before = new_id(), count_holds(api)
    wrong = {**HOLD, "target_kind": "experiment", "target": "999999999"}
    assert [send(api, key, wrong).status for _ in range(2)] == [404, 404]
    assert send(api, key).status == 200
    assert count_holds(api) == before + 1


@pytest.mark.parametrize("key", ["", '""', "a b", "é", "x" * 256, "x" * 5_000], ids=range(6))
def test_a_key_that_is_none_is_refused_and_nothing_is_done(api: Api, key: str) -> None:
    before = count_holds(api)
    answer = send(api, key)
    assert (answer.status, answer.json["error"]["code"]) == (400, "invalid_input")
    assert count_holds(api) == before


def test_an_operation_that_is_the_same_however_often_it_is_sent_takes_no_heed_of_one(api: Api) -> None:
    key, names = new_id(), (new_id(), new_id())
    made = [send(api, key, {"name": name}, "/api/v1/experiments").json["name"] for name in names]
    assert made == list(names)


def test_the_api_says_what_takes_a_key(api: Api) -> None:
    paths = api.get("/openapi.json").json["paths"]
    told = {
        operation["operationId"]
        for methods in paths.values()
        for operation in methods.values()
        if "Idempotency-Key" in [one["name"] for one in operation["parameters"]]
    }
    assert told == {operation.name for operation in OPERATIONS if operation.adds}


def test_answers_that_are_lost_on_their_way_to_the_sdk_double_nothing(server_port: int) -> None:
    with run_cutting(server_port) as front:
        front.cut_paths.add(HOLDS)
        transport = HttpTransport(f"http://127.0.0.1:{front.port}")
        request = CreateHold(target_kind="workspace", reason=new_id())
        made: Hold = transport.call(ops.CREATE_HOLD, request)
        held = transport.call(ops.LIST_HOLDS, ListHolds()).holds
        transport.close()
    assert [hold for hold in held if hold.reason == request.reason] == [made]
    assert max(times for (path, _), times in front.seen.items() if path == HOLDS) == len(LEFT_BYTES) + 1


def test_a_secret_is_shown_once_and_a_repeat_says_what_was_made(tmp_path: Path) -> None:
    async def work(site: Site) -> None:
        asked = ("POST", "/api/v1/tokens", {"name": "ci"}, key_of("one"))
        status, made = await site.admin.ask(*asked)
        assert status == 200
        status, told = await site.admin.ask(*asked)
        assert (status, told["error"]["code"]) == (409, "conflict")
        assert "shown once" in told["error"]["message"]
        assert told["error"]["details"] == {"answer": {"token": made["token"]}}
        listed = await site.admin.get("GET", "/api/v1/tokens")
        assert [one["token_id"] for one in listed["tokens"]] == [made["token"]["token_id"]]
        assert (await Visitor(site.app, bearer(made["secret"])).ask("GET", "/api/v1/me"))[0] == 200
        for file in tmp_path.glob("t.db*"):
            assert made["secret"].encode() not in file.read_bytes()

    on_site(tmp_path, work)


def test_a_key_is_of_one_actor_workspace_and_operation(tmp_path: Path) -> None:
    async def work(site: Site) -> None:
        await site.admin.get("POST", "/api/v1/workspaces", {"name": "vision"})
        chief = await site.add("chief", "admin")
        key, there = key_of("guessed"), (b"x-trackway-workspace", b"vision")
        made = [
            await site.admin.ask("POST", HOLDS, HOLD, key),
            await chief.ask("POST", HOLDS, HOLD, key),
            await site.admin.ask("POST", HOLDS, HOLD, key, there),
        ]
        webhook = {"name": "w", "url": "https://example.com/", "events": ["run.created"], "enabled": False}
        made.append(await site.admin.ask("POST", "/api/v1/webhooks", webhook, key))
        assert [status for status, _ in made] == [200] * 4
        assert made[1][1]["created_by"] == "service:chief"
        assert len({hold["hold_id"] for _, hold in made[:3]}) == 3
        reader = await site.add("reader", "reader")
        assert (await reader.ask("POST", HOLDS, HOLD, key))[0] == 403

    on_site(tmp_path, work)


def test_who_may_not_do_it_any_more_is_not_told_what_was_answered(tmp_path: Path) -> None:
    async def work(site: Site) -> None:
        chief = await site.add("chief")
        grant = await site.give("chief", "admin")
        assert (await chief.ask("POST", HOLDS, HOLD, key_of("k")))[0] == 200
        await site.admin.get("DELETE", f"/api/v1/grants/{grant}")
        status, told = await chief.ask("POST", HOLDS, HOLD, key_of("k"))
        assert status == 403
        assert HOLD["reason"] not in json.dumps(told)

    on_site(tmp_path, work)


def test_answers_are_forgotten_with_who_they_name_and_with_what_is_purged(tmp_path: Path) -> None:
    async def work(site: Site) -> None:
        await site.add("bob", "admin")
        model, text = "/api/v1/registered-models", "a canary that bob wrote"
        await site.admin.get("POST", model, {"name": "churn"})
        comment = ("POST", f"{model}/churn/comments", {"text": text})
        for key, forget in (("erased", "users/bob/erase"), ("purged", "retention/purge")):
            status, made = await site.admin.ask(*comment, key_of(key))
            assert status == 200
            assert (await site.admin.ask(*comment, key_of(key)))[1] == made
            await site.admin.get("DELETE", f"{model}/churn/comments/{made['comment_id']}")
            await site.admin.get("POST", f"/api/v1/{forget}", {})
            status, told = await site.admin.ask(*comment, key_of(key))
            assert (status, "forgotten" in told["error"]["message"]) == (409, True)

    on_site(tmp_path, work)
