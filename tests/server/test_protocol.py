"""How long a connection may take until its next request's headers are there."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvicorn
from uvicorn.server import ServerState

from trackway.http import protocol
from trackway.http.protocol import BoundedProtocol

HEAD_S = 0.2
MUCH_BYTES = 32 * 1024 * 1024
REQUEST = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
Act = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def answer(scope: Any, receive: Any, send: Any) -> None:
    """Read a body and answer."""
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


@asynccontextmanager
async def connect(app: Any = answer) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """Open a connection to a server of that protocol."""
    config = uvicorn.Config(app, lifespan="off", log_config=None)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: BoundedProtocol(config, ServerState(), {}), "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection("127.0.0.1", server.sockets[0].getsockname()[1])
    try:
        yield reader, writer
    finally:
        writer.close()
        server.close()


async def say_nothing(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    """Open a connection and wait."""


async def begin(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(REQUEST[:-2])


async def begin_again(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(REQUEST)
    assert (await reader.readuntil(b"ok")).startswith(b"HTTP/1.1 200")
    writer.write(REQUEST[:-2])


@pytest.mark.parametrize("act", [say_nothing, begin, begin_again], ids=lambda act: act.__name__)
def test_a_connection_whose_headers_do_not_come_is_closed(monkeypatch: pytest.MonkeyPatch, act: Act) -> None:
    monkeypatch.setattr(protocol, "HEAD_S", HEAD_S)

    async def run() -> None:
        async with connect() as (reader, writer):
            await act(reader, writer)
            assert await asyncio.wait_for(reader.read(), 20) == b""

    asyncio.run(run())


def test_a_body_may_take_longer_and_so_may_the_next_request(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "HEAD_S", HEAD_S)

    async def run() -> None:
        async with connect() as (reader, writer):
            writer.write(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{")
            await asyncio.sleep(2 * HEAD_S)
            writer.write(b"}")
            assert (await reader.readuntil(b"ok")).startswith(b"HTTP/1.1 200")
            await asyncio.sleep(2 * HEAD_S)
            writer.write(REQUEST)
            assert (await reader.readuntil(b"ok")).startswith(b"HTTP/1.1 200")

    asyncio.run(run())


async def answer_much(scope: Any, receive: Any, send: Any) -> None:
    """Answer with more than fits into the buffers between the two."""
    headers = [(b"content-length", str(MUCH_BYTES).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": bytes(MUCH_BYTES)})


def test_a_client_that_takes_nothing_of_an_answer_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "STALL_S", 0.2)

    async def run() -> None:
        gone = asyncio.Event()
        monkeypatch.setattr(BoundedProtocol, "connection_lost", lambda _self, _error: gone.set())
        async with connect(answer_much) as (_reader, writer):
            writer.write(REQUEST)
            await asyncio.wait_for(gone.wait(), 30)

    asyncio.run(run())


def test_a_client_that_reads_slowly_gets_all_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "STALL_S", 0.5)

    async def run() -> None:
        async with connect(answer_much) as (reader, writer):
            writer.write(REQUEST)
            got = 0
            while got < MUCH_BYTES:
                data = await asyncio.wait_for(reader.read(MUCH_BYTES // 64), 30)
                assert data, f"it was cut off after {got} bytes"
                got += len(data)
                await asyncio.sleep(0.01)  # longer in all than the server waits for a client that takes nothing

    asyncio.run(run())


async def break_a_header(_scope: Any, _receive: Any, send: Any) -> None:
    """Answer with a header that would begin another one."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"x-name", b"a\r\nset-cookie: b")]})
    await send({"type": "http.response.body", "body": b"ok"})


async def fail(_scope: Any, _receive: Any, _send: Any) -> None:
    raise ValueError


async def say_nothing_at_all(_scope: Any, _receive: Any, _send: Any) -> None:
    """Return without an answer."""


@pytest.mark.parametrize("app", [break_a_header, fail, say_nothing_at_all], ids=lambda app: app.__name__)
def test_an_application_that_fails_is_answered_for(app: Any) -> None:
    async def run() -> bytes:
        async with connect(app) as (reader, writer):
            writer.write(REQUEST)
            return await asyncio.wait_for(reader.read(), 30)

    answer = asyncio.run(run())
    assert answer.startswith(b"HTTP/1.1 500 ")
    assert b"connection: close" in answer
    assert b"set-cookie" not in answer


async def answer_too_little(_scope: Any, _receive: Any, send: Any) -> None:
    """Answer with less than was announced, and go on."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"3")]})
    await send({"type": "http.response.body", "body": b"ok"})


async def answer_and_fail(_scope: Any, _receive: Any, send: Any) -> None:
    """Fail amid an answer."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"ok", "more_body": True})
    raise ValueError


@pytest.mark.parametrize("app", [answer_too_little, answer_and_fail], ids=lambda app: app.__name__)
def test_an_answer_that_is_not_whole_ends_its_connection(app: Any) -> None:
    async def run() -> bytes:
        async with connect(app) as (reader, writer):
            writer.write(REQUEST)
            return await asyncio.wait_for(reader.read(), 30)

    assert not asyncio.run(run()).endswith(b"0\r\n\r\n")


def test_requests_that_are_sent_ahead_are_answered_in_order() -> None:
    async def echo(scope: Any, _receive: Any, send: Any) -> None:
        await asyncio.sleep(0)
        path = scope["raw_path"]
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": path})

    async def run() -> bytes:
        async with connect(echo) as (reader, writer):
            writer.write(b"".join(b"GET /%d HTTP/1.1\r\nHost: a\r\n\r\n" % n for n in range(9)))
            return await asyncio.wait_for(reader.readuntil(b"/8"), 30)

    assert re.findall(rb"\r\n\r\n/(\d)", asyncio.run(run())) == [b"%d" % n for n in range(9)]


def test_a_client_that_asks_is_told_to_send_its_body() -> None:
    async def run() -> bytes:
        async with connect() as (reader, writer):
            writer.write(b"POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
            told = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 30)
            writer.write(b"{}")
            return told + await asyncio.wait_for(reader.readuntil(b"ok"), 30)

    answer = asyncio.run(run())
    assert answer.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 ")
