"""Limits of the server as a whole: many at once, slow ones, and bodies at, past and far past what is allowed."""

from __future__ import annotations

import asyncio
import gzip
import os
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.server.wire import HEAD, Wire, connect
from tests.services.mlflow_api import Api
from tests.services.trackway_server import TrackwayServer, measure_bytes, run_server
from tests.services.waiting import LONG_S, Stopwatch
from trackway.api import limits
from trackway.base.errors import InvalidInput, TooLarge, Unavailable
from trackway.http import messages
from trackway.http.messages import BodyMemory, HttpRequest
from trackway.server.uploads import UPLOADS_AT_ONCE

MIB = 1 << 20
SEARCH = b"POST /api/v1/runs/search HTTP/1.1\r\n" + HEAD


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TrackwayServer]:
    """A server of its own, whose memory is measured."""
    with run_server(tmp_path_factory.mktemp("load")) as server:
        yield server


def pad(size: int) -> bytes:
    """Return a request of so many bytes."""
    return b"{" + b" " * (size - 2) + b"}"


@pytest.mark.parametrize("route", ["/api/v1/runs/search", "/api/2.0/mlflow/runs/search"])
def test_a_body_may_be_as_large_as_is_published(server: TrackwayServer, route: str) -> None:
    api = Api(server.port)
    answer = api.send("POST", route, pad(limits.BODY_BYTES), {"Content-Type": "application/json"})
    assert answer.status == 200, answer


@pytest.mark.parametrize("size", [limits.BODY_BYTES + 1, 10 * limits.BODY_BYTES])
@pytest.mark.parametrize("route", [b"/api/v1/runs/search", b"/api/2.0/mlflow/runs/search"])
def test_a_body_that_is_announced_as_too_large_is_refused_at_once(
    server: TrackwayServer, route: bytes, size: int
) -> None:
    with connect(server.port) as wire:
        watch = Stopwatch()
        wire.send(b"POST " + route + b" HTTP/1.1\r\n" + HEAD + b"Content-Length: %d\r\n\r\n" % size)
        status, _, body = wire.read_answer()
        assert watch.read_s() < 0.5
    assert (status, b"67108864 are allowed" in body) == (413, True)


def test_a_body_that_is_too_large_without_saying_so_is_refused_at_the_limit(server: TrackwayServer) -> None:
    block = b"%x\r\n%s\r\n" % (MIB, b" " * MIB)
    with connect(server.port) as wire:
        wire.send(SEARCH + b"Transfer-Encoding: chunked\r\n\r\n", *([block] * (limits.BODY_BYTES // MIB + 1)))
        assert wire.read_answer()[0] == 413


def test_a_hundred_large_bodies_at_once_are_held_within_a_budget(server: TrackwayServer) -> None:
    before = measure_bytes(server)
    sent = 12 * MIB
    with ExitStack() as clients:
        wires = [clients.enter_context(connect(server.port)) for _ in range(100)]
        for wire in wires:
            wire.send(SEARCH + b"Content-Length: %d\r\n\r\n" % limits.BODY_BYTES, bytes(sent))
        refused = [wire for wire in wires if has_answer(wire)]
        used = measure_bytes(server) - before
        assert used < limits.BODIES_BYTES + 256 * MIB
        assert 20 <= len(refused) <= 50, "as many as do not fit"
        for wire in refused:
            status, headers, _ = wire.read_answer()
            assert (status, int(headers["retry-after"]) >= 1) == (503, True)
        assert Api(server.port).send("GET", "/health").status == 200
        assert Api(server.port).send("POST", "/api/v1/runs/search", b"{}").status == 200, "small ones go on"
    body, deadline = pad(20 * MIB), time.monotonic() + LONG_S
    while Api(server.port).send("POST", "/api/v1/runs/search", body).status != 200:
        assert time.monotonic() < deadline, "what is not held any more is free for others"


def has_answer(wire: Wire) -> bool:
    wire.socket.settimeout(0.02)
    try:
        return bool(wire.socket.recv(1, 2))  # MSG_PEEK
    except TimeoutError:
        return False
    finally:
        wire.socket.settimeout(20)


def test_a_hundred_slow_uploads_hold_up_no_download(server: TrackwayServer) -> None:
    api = Api(server.port)
    path, data = "/api/v1/files/0/load/artifacts/large.bin", os.urandom(2 * MIB)
    assert api.send("PUT", path, data).status == 200
    with ExitStack() as clients:
        for number in range(UPLOADS_AT_ONCE):
            wire = clients.enter_context(connect(server.port))
            head = f"PUT {path}.{number} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000000\r\n\r\n"
            wire.send(head.encode(), bytes(2 * limits.INLINE_FILE_BYTES))
        watch = Stopwatch()
        assert api.send("GET", path).body == data
        assert api.send("PUT", f"{path}.small", b"small").status == 200
        assert api.send("GET", "/api/v1/archives/0/load/artifacts").status == 200
        assert watch.read_s() < 5
    deadline = time.monotonic() + LONG_S
    while (answer := api.send("PUT", f"{path}.after", data)).status != 200:
        assert time.monotonic() < deadline, answer
    listed = api.send("POST", "/api/v1/artifacts/list", b'{"folder": "0/load/artifacts"}').json["files"]
    assert len(listed) == 3, "of the uploads that broke off there is nothing"


@pytest.mark.parametrize("change", [-1, 0, 1])
def test_a_file_is_the_same_wherever_its_bytes_are_kept(server: TrackwayServer, change: int) -> None:
    api, data = Api(server.port), os.urandom(limits.INLINE_FILE_BYTES + change)
    path = f"/api/v1/files/0/sizes/artifacts/{change}.bin"
    assert api.send("PUT", path, data).status == 200
    assert api.send("GET", path).body == data
    assert api.send("GET", path, None, {"Range": "bytes=65530-"}).body == data[65_530:]


@pytest.mark.parametrize(
    "number, status", [("1", 200), ("10000", 200), ("0", 400), ("10001", 400), ("100000", 400), ("-1", 400), ("x", 400)]
)
def test_parts_have_numbers_within_the_limit(server: TrackwayServer, number: str, status: int) -> None:
    api, path = Api(server.port), "0/parts/artifacts/a"
    upload = api.send("POST", f"/api/v1/uploads/{path}").json["upload_id"]
    assert api.send("PUT", f"/api/v1/uploads/{upload}/{number}/{path}", b"x").status == status


# One request


def make_request(*chunks: bytes, memory: BodyMemory, stalls: bool = False, **headers: str) -> HttpRequest:
    """Return a request whose body comes in pieces, and then stops (``stalls``) or ends."""
    left = list(chunks)

    async def receive() -> Any:
        if not left:
            await asyncio.Event().wait()
        return {"type": "http.request", "body": left.pop(0), "more_body": bool(left) or stalls}

    names = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    scope = {"method": "POST", "path": "/", "query_string": b"", "headers": names}
    return HttpRequest(scope, receive, memory)


def test_a_body_is_counted_until_it_is_let_go() -> None:
    memory = BodyMemory(100)
    first, second = (make_request(b"a" * 40, b"b" * 20, memory=memory) for _ in range(2))
    assert len(asyncio.run(first.body())) == 60
    with pytest.raises(Unavailable) as refusal:
        asyncio.run(second.body())
    assert refusal.value.retry_after_s == 1
    second.release()
    first.release()
    third = make_request(b"a" * 50, b"b" * 50, memory=memory)
    assert len(asyncio.run(third.body())) == 100


def test_what_a_body_inflates_to_is_counted() -> None:
    body = gzip.compress(b"x" * 1_000)
    assert asyncio.run(make_request(body, memory=BodyMemory(1_000), content_encoding="gzip").body()) == b"x" * 1_000
    with pytest.raises(Unavailable):
        asyncio.run(make_request(body, memory=BodyMemory(999), content_encoding="gzip").body())


@pytest.mark.parametrize("size, fits", [(999, True), (1_000, True), (1_001, False), (10_000, False)])
def test_a_body_inflates_up_to_the_limit(size: int, fits: bool) -> None:
    request = make_request(gzip.compress(b"x" * size), memory=BodyMemory(), content_encoding="gzip")
    if fits:
        assert len(asyncio.run(request.body(inflated_bytes=1_000))) == size
    else:
        with pytest.raises(TooLarge):
            asyncio.run(request.body(inflated_bytes=1_000))


@pytest.mark.parametrize("whole", [True, False], ids=["a body", "a file"])
def test_a_body_that_stalls_is_given_up(monkeypatch: pytest.MonkeyPatch, whole: bool) -> None:
    monkeypatch.setattr(messages, "IDLE_S", 0.05)
    request = make_request(b"begin", memory=BodyMemory(), stalls=True)

    async def read() -> None:
        if whole:
            await request.body()
        else:
            async for _ in request.stream():
                pass

    with pytest.raises(Unavailable, match="Nothing came"):
        asyncio.run(read())


def test_a_body_that_comes_too_slowly_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """One byte now and then would hold a connection, and a thread for a file, as long as somebody likes."""
    now_s = 1_000.0

    def tick() -> float:
        nonlocal now_s
        now_s += 10.0
        return now_s

    monkeypatch.setattr(messages, "monotonic", tick)
    with pytest.raises(Unavailable, match="slower than 256 bytes/s"):
        asyncio.run(make_request(*[b"x"] * 100, memory=BodyMemory()).body())
    assert len(asyncio.run(make_request(*[b"x" * 10_000] * 100, memory=BodyMemory()).body())) == 1_000_000


def test_a_client_that_is_gone_is_told_from_one_that_is_slow() -> None:
    async def receive() -> Any:
        return {"type": "http.disconnect"}

    scope = {"method": "POST", "path": "/", "query_string": b"", "headers": []}
    with pytest.raises(InvalidInput, match="went away"):
        asyncio.run(HttpRequest(scope, receive, BodyMemory()).body())
