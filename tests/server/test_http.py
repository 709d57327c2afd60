"""The native door as HTTP: methods, bodies, encodings, errors, connections."""

from __future__ import annotations

import asyncio
import gzip
import json
import re
import sqlite3
import uuid
import zlib
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.server.asgi import run_app
from tests.server.wire import HEAD, connect
from tests.services.mlflow_api import Answer, Api
from tests.services.waiting import Stopwatch
from trackway.api import limits
from trackway.api.operations import OPERATIONS
from trackway.http.protocol import HEAD_BYTES

JSON = {"Content-Type": "application/json"}
PACKED = {"Content-Type": "application/msgpack"}


@pytest.fixture
def http(server_port: int) -> Api:
    return Api(server_port, "/api/v1")


@pytest.fixture
def run_id(http: Api) -> str:
    """A run of one test's own."""
    answer = http.post("/runs", {"experiment_id": "0"})
    assert answer.status == 200, answer
    return str(answer.json["run_id"])


def read_error(answer: Answer) -> dict[str, Any]:
    """Return an error in the one form that this door has."""
    assert answer.headers["content-type"] == "application/json"
    assert answer.json.keys() == {"error"}
    error: dict[str, Any] = answer.json["error"]
    assert error.keys() == {"code", "message", "hint", "details", "retry_after_s"}
    return error


# Methods and paths


@pytest.mark.parametrize(
    "path", ["/", "/nothing", "/runs/a/nothing", "/runs/search/", "//runs", "/runs/a%2Fb", "/runs/%00/tree/x"]
)
def test_what_is_nowhere_is_told_as_such(http: Api, path: str) -> None:
    for method in ("GET", "POST", "DELETE"):
        answer = http.send(method, http.prefix + path, b"{}", JSON)
        assert answer.status in (404, 405), answer
        assert read_error(answer)["code"] in ("not_found", "invalid_input")


@pytest.mark.parametrize("operation", [one for one in OPERATIONS if not one.internal], ids=lambda one: one.name)
def test_a_method_that_a_path_does_not_have_is_refused_and_the_others_are_named(http: Api, operation: Any) -> None:
    path = re.sub(r"\{\w+\}", "x", operation.path)
    matching = [one for one in OPERATIONS if not one.internal and re.sub(r"\{\w+\}", "x", one.path) == path]
    expected = {one.method for one in matching}
    answer = http.send("PROPFIND", http.prefix + path)
    allowed = set(answer.headers["allow"].split(", "))
    assert answer.status == 405
    assert expected <= allowed
    assert ("HEAD" in allowed) == ("GET" in allowed)
    assert ", ".join(sorted(allowed)) in read_error(answer)["hint"]
    options = http.send("OPTIONS", http.prefix + path)
    assert (options.status, options.headers["allow"], options.body) == (204, answer.headers["allow"], b"")
    assert not any(name.startswith("access-control") for name in options.headers)
    for method in {"GET", "POST", "PUT", "PATCH", "DELETE"} - allowed:
        assert http.send(method, http.prefix + path, b"{}", JSON).status == 405, method
    for method in expected - {"GET"}:
        assert http.send(method, http.prefix + path, b"?", JSON).status == 400, method


def test_head_answers_a_reading_operation_without_its_body(http: Api, run_id: str) -> None:
    get, head = (http.send(method, f"/api/v1/runs/{run_id}") for method in ("GET", "HEAD"))
    assert (head.status, head.body) == (200, b"")
    assert head.headers["content-length"] == str(len(get.body)) == get.headers["content-length"]
    assert http.send("HEAD", "/api/v1/runs/nothing").status == 404


# Bodies

MALFORMED: dict[str, tuple[dict[str, str], bytes, str]] = {
    "cut": (JSON, b'{"name": "x"', "The body is not valid JSON: Input data was truncated"),
    "no value": (JSON, b'{"name": }', r"JSON: .* \(byte 9\)"),
    "more behind": (JSON, b'{"name": "x"} y', r"JSON: .*trailing characters \(byte 15\)"),
    "no JSON": (JSON, b"name=x", r"JSON: .* \(byte \d\)"),
    "no UTF-8": (JSON, b'{"name": "\xff"}', "JSON: .*utf-8"),
    "half a surrogate pair": (JSON, b'{"name": "\\ud800"}', "JSON: "),
    "cut msgpack": (PACKED, b"\x81\xa4name\xa5ab", "msgpack: Input data was truncated"),
    "more behind msgpack": (PACKED, msgspec.msgpack.encode({"name": "x"}) + b"y", r"msgpack: .*\(byte 8\)"),
    "no UTF-8 in msgpack": (PACKED, b"\x81\xa4name\xa1\xff", "msgpack: .*utf-8"),
    "no msgpack": (PACKED, b"\xc1", r"msgpack: .*\(byte 0\)"),
    "JSON that is said to be msgpack": (PACKED, b'{"name": "x"}', ""),
    "a number for a text": (JSON, b'{"name": 7}', r"Expected `str`, got `int` - at `\$.name`"),
    "a number for a text, packed": (PACKED, b"\x81\xa4name\x07", r"Expected `str`, got `int` - at `\$.name`"),
    "a number in an object": (JSON, b'{"name": "x", "tags": {"a": 1}}', r"at `\$.tags\[...\]`"),
    "a choice that there is not": (JSON, b'{"if_exists": "maybe"}', r"'maybe' - at `\$.if_exists`"),
    "null for a text": (JSON, b'{"name": null}', r"got `null` - at `\$.name`"),
    "a name that is unknown": (JSON, b'{"name": "x", "colour": "red"}', "unknown field `colour`"),
    "a list": (JSON, b"[]", "Expected `object`, got `array`"),
    "too large a number": (JSON, b'{"name": "x", "created_ms": 1' + b"0" * 30 + b"}", "time"),
    "half a number": (JSON, b'{"created_ms": 1.5}', r"Expected `int.*`, got `float` - at `\$.created_ms`"),
}


@pytest.mark.parametrize("headers, body, says", MALFORMED.values(), ids=list(MALFORMED))
def test_a_body_that_cannot_be_read_is_refused_with_the_place(
    http: Api, headers: dict[str, str], body: bytes, says: str
) -> None:
    answer = http.send("POST", "/api/v1/experiments", body, headers)
    error = read_error(answer)
    assert (answer.status, error["code"]) == (400, "invalid_input"), answer
    assert re.search(says, error["message"]), error


NESTED: dict[str, tuple[str, str]] = {
    "in a list": ('{"datasets": [{"dataset": {"name": "a", "digest": 1}}]}', r"at `\$.datasets\[0\].dataset.digest`"),
    "a field that is missing": ('{"datasets": [{"dataset": {"name": "a"}}]}', r"required field `digest`"),
    "a column that is no text": ('{"series": [["m", 1, "", ""]]}', r"at `\$.series\[0\]\[1\]`"),
    "a column that is no base64": ('{"series": [["m", "?", "", ""]]}', r"at `\$.series\[0\]\[1\]`"),
    "another run than the path's": ('{"run_id": "other"}', "run_id is not the one of the path"),
    "no text for the path's run": ('{"run_id": 7}', "run_id is not the one of the path"),
    "very deep": ('{"tags": ' + "[" * 100_000, ""),
    "very deep and whole": ('{"tags": ' + "[" * 100_000 + "]" * 100_000 + "}", ""),
    "a list": ("[]", "Expected `object`|must be an object"),
    "no UTF-8": ('{"tags": {"a": "\udcff"}}', "utf-8"),
}


@pytest.mark.parametrize("body, says", NESTED.values(), ids=list(NESTED))
def test_a_field_deep_in_a_body_is_named_with_its_path(http: Api, run_id: str, body: str, says: str) -> None:
    data = body.encode(errors="surrogateescape")
    answer = http.send("POST", f"/api/v1/runs/{run_id}/ingest", data, JSON)
    assert answer.status == 400, answer
    assert re.search(says, read_error(answer)["message"]), answer
    assert len(answer.body) < 2_000


def test_an_empty_body_is_one_without_fields(http: Api) -> None:
    assert http.send("POST", "/api/v1/runs/search").status == 200
    assert http.send("POST", "/api/v1/runs/search", b"", JSON).status == 200


@pytest.mark.parametrize(
    "query", ["unknown=1", "depth=1&depth=1", "depth=abc", "depth=1.5", "run_id=other", "depth=%ff", "=1"]
)
def test_a_query_string_that_cannot_be_read_is_refused(http: Api, run_id: str, query: str) -> None:
    answer = http.send("GET", f"/api/v1/runs/{run_id}/tree?{query}")
    assert (answer.status, read_error(answer)["code"]) == (400, "invalid_input"), answer


KINDS = {
    "application/json": 200,
    "Application/JSON; charset=utf-8": 200,
    "": 200,
    "text/json": 400,
    "text/plain": 400,
    "application/x-www-form-urlencoded": 400,
    "application/x-msgpack": 400,
    "application/json, text/plain": 400,
}


@pytest.mark.parametrize("kind, status", KINDS.items())
def test_a_body_is_of_a_kind_that_this_door_reads(http: Api, kind: str, status: int) -> None:
    answer = http.send("POST", "/api/v1/runs/search", b'{"limit": 1}', {"Content-Type": kind} if kind else {})
    assert answer.status == status, answer
    if status == 400:
        assert "application/json or application/msgpack" in read_error(answer)["hint"]


def test_an_answer_is_msgpack_for_who_accepts_it_and_json_for_everybody_else(http: Api, run_id: str) -> None:
    path = f"/api/v1/runs/{run_id}"
    packed = http.send("GET", path, None, {"Accept": "application/msgpack"})
    assert packed.headers["content-type"] == "application/msgpack"
    assert msgspec.msgpack.decode(packed.body) == http.send("GET", path).json
    for other in ("*/*", "text/html", "application/json"):
        assert http.send("GET", path, None, {"Accept": other}).headers["content-type"] == "application/json"
    refused = http.send("GET", "/api/v1/runs/nothing", None, {"Accept": "application/msgpack"})
    assert read_error(refused)["code"] == "not_found"


# Encodings of the transfer

BODY = b'{"limit": 1}'
ENCODED: dict[str, tuple[str, bytes, int, str]] = {
    "gzip": ("gzip", gzip.compress(BODY), 200, ""),
    "in capitals": ("GZIP", gzip.compress(BODY), 200, ""),
    "deflate": ("deflate", zlib.compress(BODY), 200, ""),
    "identity": ("identity", BODY, 200, ""),
    "unknown": ("br", BODY, 400, "'br' is not known"),
    "twice": ("gzip, gzip", gzip.compress(gzip.compress(BODY)), 400, "is not known"),
    "not encoded": ("gzip", BODY, 400, "not valid gzip"),
    "cut": ("gzip", gzip.compress(BODY)[:-5], 400, "cut short"),
    "damaged": ("gzip", gzip.compress(BODY)[:-8] + b"\0" * 8, 400, "not valid gzip"),
    "more behind": ("gzip", gzip.compress(BODY) + b"more", 400, "more behind"),
    "in two pieces": ("gzip", gzip.compress(BODY[:4]) + gzip.compress(BODY[4:]), 400, "more behind"),
    "empty": ("gzip", b"", 400, "cut short"),
}


@pytest.mark.parametrize("encoding, body, status, says", ENCODED.values(), ids=list(ENCODED))
def test_a_body_may_be_compressed(http: Api, encoding: str, body: bytes, status: int, says: str) -> None:
    answer = http.send("POST", "/api/v1/runs/search", body, {**JSON, "Content-Encoding": encoding})
    assert answer.status == status, answer
    if says:
        assert says in read_error(answer)["message"]


def test_answers_are_sent_plain_to_those_too_who_accept_compressed_ones(http: Api) -> None:
    answer = http.send("POST", "/api/v1/runs/search", BODY, {**JSON, "Accept-Encoding": "gzip, br"})
    assert "content-encoding" not in answer.headers
    assert answer.json["runs"] == [] or answer.json["runs"]


def test_a_chunked_body_is_put_together_whatever_its_chunks(server_port: int, http: Api) -> None:
    name = f"chunks {uuid.uuid4().hex}"
    body = json.dumps({"name": name, "tags": {"t": "x" * 50_000}}).encode()
    for size in (7, 1_000, 1_000_000):
        chunks = [body[at : at + size] for at in range(0, len(body), size)]
        with connect(server_port) as wire:
            wire.send(b"POST /api/v1/experiments HTTP/1.1\r\n" + HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
            wire.send(b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks), b"0\r\n\r\n")
            status, _, answer = wire.read_answer()
        assert status == (200 if size == 7 else 409), answer
    found = http.send("GET", f"/api/v1/experiments-by-name?name={name.replace(' ', '+')}")
    assert found.json["tags"] == {"t": "x" * 50_000}


FORGED = {
    "a length and chunks": b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "two lengths": b"Content-Length: 2\r\nContent-Length: 4\r\n\r\n{}{}",
    "a negative length": b"Content-Length: -1\r\n\r\n",
    "a length that is none": b"Content-Length: two\r\n\r\n{}",
    "a chunk without a size": b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n{}\r\n0\r\n\r\n",
    "a folded header": b"X-A: b\r\n c\r\n\r\n",
    "a header without a colon": b"nothing\r\n\r\n",
}


@pytest.mark.parametrize("rest", FORGED.values(), ids=list(FORGED))
def test_a_request_that_two_servers_could_read_differently_ends_its_connection(server_port: int, rest: bytes) -> None:
    with connect(server_port) as wire:
        wire.send(b"POST /api/v1/runs/search HTTP/1.1\r\n" + HEAD + rest)
        status, headers, _ = wire.read_answer()
        assert (status, headers["connection"]) == (400, "close")
        assert wire.is_closed()


def test_a_body_is_asked_for_before_it_is_sent(server_port: int) -> None:
    with connect(server_port) as wire:
        expecting = HEAD + b"Expect: 100-continue\r\nContent-Length: 12\r\n\r\n"
        wire.send(b"POST /api/v1/runs/search HTTP/1.1\r\n" + expecting)
        assert wire.read_line() == b"HTTP/1.1 100 Continue\r\n"
        assert wire.read_line() == b"\r\n"
        wire.send(BODY)
        assert wire.read_answer()[0] == 200


def test_a_body_that_will_be_refused_is_not_asked_for(server_port: int) -> None:
    for path, length, status in ((b"/api/v1/nothing", 5, 404), (b"/api/v1/runs/search", 10**10, 413)):
        with connect(server_port) as wire:
            wire.send(
                b"POST %s HTTP/1.1\r\n%sExpect: 100-continue\r\nContent-Length: %d\r\n\r\n" % (path, HEAD, length)
            )
            assert wire.read_answer()[0] == status


def test_a_slow_body_holds_up_nobody(server_port: int, http: Api) -> None:
    with connect(server_port) as wire:
        wire.send(b"POST /api/v1/runs/search HTTP/1.1\r\n" + HEAD + b"Content-Length: 12\r\n\r\n")
        for at in range(len(BODY)):
            assert http.send("GET", "/health").status == 200
            wire.send(BODY[at : at + 1])
        assert wire.read_answer()[0] == 200


# Connections


def test_requests_that_are_sent_at_once_are_answered_in_order(server_port: int) -> None:
    paths = [f"/api/v1/runs/{uuid.uuid4().hex}" for _ in range(20)]
    with connect(server_port) as wire:
        wire.send(b"".join(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode() for path in paths))
        for path in paths:
            status, _, body = wire.read_answer()
            assert status == 404
            assert path.rpartition("/")[2].encode() in body
        wire.send(b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
        assert wire.read_answer()[1]["connection"] == "close"
        assert wire.is_closed()


def test_a_connection_is_kept_after_a_refused_body(server_port: int) -> None:
    with connect(server_port) as wire:
        for _ in range(3):
            wire.send(b"POST /api/v1/nothing HTTP/1.1\r\n" + HEAD + b"Content-Length: 12\r\n\r\n" + BODY)
            assert wire.read_answer()[0] == 404
            wire.send(b"POST /api/v1/runs/search HTTP/1.1\r\n" + HEAD + b"Content-Length: 12\r\n\r\n" + BODY)
            assert wire.read_answer()[0] == 200


@pytest.mark.parametrize("method", [b"FOO", b"get", b"", b"\x00"])
def test_a_method_that_http_does_not_know_ends_the_connection(server_port: int, method: bytes) -> None:
    with connect(server_port) as wire:
        wire.send(method + b" /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert wire.read_answer()[0] == 400
        assert wire.is_closed()


HEADS = {
    "one header without end": [b"GET /health HTTP/1.1\r\nX: ", b"a"],
    "headers without end": [b"GET /health HTTP/1.1\r\n", b"X-Y: z\r\n"],
    "a path without end": [b"GET /", b"a"],
}


@pytest.mark.parametrize("begin, repeated", HEADS.values(), ids=list(HEADS))
def test_headers_without_end_are_refused_at_a_limit(server_port: int, begin: bytes, repeated: bytes) -> None:
    sent = 0
    with connect(server_port) as wire:
        try:
            wire.send(begin)
            while sent < 64 * 1024 * 1024:
                wire.send(repeated * (16_384 // len(repeated)))
                sent += 16_384
        except ConnectionError:
            pass
    assert sent < 32 * 1024 * 1024, "what the network's buffers hold, and no more, is sent before the connection ends"


def test_headers_within_the_limit_are_read(server_port: int) -> None:
    with connect(server_port) as wire:
        wire.send(b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n")
        for n in range(HEAD_BYTES // 2_000):
            wire.send(b"X-%d: %s\r\n" % (n, b"a" * 1_000))
        wire.send(b"\r\n")
        assert wire.read_answer()[0] == 200


# What is the same for every answer


def test_a_request_keeps_its_id_and_gets_one_when_it_has_none(http: Api) -> None:
    own = uuid.uuid4().hex
    seen = set()
    for path in ("/api/v1/runs/nothing", "/api/v1/nothing", "/health", "/api/v1/retention"):
        assert http.send("GET", path, None, {"X-Request-Id": own}).headers["x-request-id"] == own
        for bad in ("", "x" * 300, "a b", "<script>"):
            given = http.send("GET", path, None, {"X-Request-Id": bad}).headers["x-request-id"]
            assert re.fullmatch("[0-9a-f]{32}", given)
            seen.add(given)
    assert len(seen) == 16


def test_a_change_is_in_the_audit_log_under_its_requests_id(http: Api) -> None:
    own = uuid.uuid4().hex
    made = http.send("POST", "/api/v1/experiments", json.dumps({"name": own}).encode(), {**JSON, "X-Request-Id": own})
    assert made.status == 200
    entries = http.post("/audit/search", {"object": made.json["experiment_id"]}).json["entries"]
    assert [one["request_id"] for one in entries] == [own]


def test_every_answer_forbids_what_browsers_would_guess(http: Api, run_id: str) -> None:
    for method, path in (("GET", f"/api/v1/runs/{run_id}"), ("GET", "/api/v1/nothing"), ("PROPFIND", "/health")):
        headers = http.send(method, path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "SAMEORIGIN"
        assert headers["referrer-policy"] == "no-referrer"


ORIGINS: dict[str, tuple[dict[str, str], int]] = {
    "no browser": ({}, 200),
    "its own page": ({"Origin": "http://{host}", "Sec-Fetch-Site": "same-origin"}, 200),
    "its own page, encrypted by a proxy": ({"Origin": "https://{host}"}, 200),
    "another page": ({"Origin": "http://evil.test"}, 403),
    "another port": ({"Origin": "http://127.0.0.1:1"}, 403),
    "a sandbox": ({"Origin": "null"}, 403),
    "no origin at all": ({"Origin": ""}, 403),
    "another host": ({"Host": "evil.test"}, 403),
    "another host with our port": ({"Host": "evil.test:5000"}, 403),
    "a private address": ({"Host": "10.1.2.3:5000"}, 200),
    "a public address": ({"Host": "8.8.8.8"}, 403),
}


@pytest.mark.parametrize("headers, status", ORIGINS.values(), ids=list(ORIGINS))
@pytest.mark.parametrize("method, path", [("GET", "/api/v1/retention"), ("POST", "/api/v1/runs/search")])
def test_pages_of_other_sites_are_kept_out(
    http: Api, method: str, path: str, headers: dict[str, str], status: int
) -> None:
    host = f"127.0.0.1:{http.port}"
    sent = {name: value.replace("{host}", host) for name, value in headers.items()}
    answer = http.send(method, path, b"{}" if method == "POST" else None, {**JSON, **sent})
    assert answer.status == status, answer
    assert not [name for name in answer.headers if name.startswith("access-control-")]


def test_a_page_of_another_site_may_not_ask_what_it_may_do(http: Api) -> None:
    asking = {"Origin": "http://evil.test", "Access-Control-Request-Method": "POST"}
    answer = http.send("OPTIONS", "/api/v1/runs/search", None, asking)
    assert answer.status == 403
    assert not [name for name in answer.headers if name.startswith("access-control-")]


@pytest.mark.parametrize("name", [b"Host", b"Origin"])
def test_a_host_or_origin_is_there_once(server_port: int, name: bytes) -> None:
    own = b"127.0.0.1:%d" % server_port
    good, evil = (own, b"evil.test") if name == b"Host" else (b"http://" + own, b"http://evil.test")
    rest = b"" if name == b"Host" else b"Host: " + own + b"\r\n"
    for pair in ((evil, good), (good, evil), (good, good)):
        with connect(server_port) as wire:
            lines = b"".join(b"%s: %s\r\n" % (name, value) for value in pair)
            wire.send(b"GET /api/v1/retention HTTP/1.1\r\n" + rest + lines + b"\r\n")
            assert wire.read_answer()[0] == 403


def test_a_refusal_by_a_limit_comes_at_once(http: Api) -> None:
    for name, size in (("x" * (10 * limits.EXPERIMENT_NAME_CHARS), 0), ("x", 10 * limits.TAG_VALUE_CHARS)):
        body = {"name": name, "tags": {"t": "y" * size}}
        http.post("/experiments", body)
        watch = Stopwatch()
        assert http.post("/experiments", body).status == 400
        assert watch.read_s() < 0.5


# Faults


@pytest.mark.parametrize(
    "path", ["/api/v1/registered-models", "/api/2.0/mlflow/registered-models/create"], ids=["native", "compatible"]
)
def test_what_the_database_says_of_a_fault_is_for_the_log_and_the_caller_gets_the_requests_id(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, path: str
) -> None:
    async def ask() -> None:
        async with run_app(tmp_path) as app:
            with closing(sqlite3.connect(tmp_path / "t.db")) as db:
                db.execute("ALTER TABLE registered_models RENAME TO elsewhere")
            for method, asked in (("POST", path), ("GET", "/api/2.0/mlflow/registered-models/get")):
                caplog.clear()
                status, body = await app.send(method, asked, b'{"name": "m"}', query="name=m" * (method == "GET"))
                request_id = app.told[b"x-request-id"].decode()
                assert status == 503
                assert int(app.told[b"retry-after"]) >= 1
                assert request_id in body.decode()
                for secret in ("registered_models", "no such table", "sqlite", "OperationalError"):
                    assert secret not in body.decode()
                assert f"request {request_id} failed" in caplog.text
                assert "no such table: registered_models" in caplog.text

    asyncio.run(ask())
