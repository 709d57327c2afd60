"""The client of every measurement: plain HTTP on kept-alive connections, cheap next to the servers."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, NamedTuple, TypeVar

import msgspec

T = TypeVar("T")
JSON = "application/json"
ANSWER_S = 60
"""Longest silence of a server until measuring it is given up."""
READ_BYTES = 1 << 26
"""Most bytes of an answer's head and of one line in it, and how much is read ahead."""


class Rate(NamedTuple):
    """What a closed loop of requests came to."""

    per_s: float
    median_ms: float
    p99_ms: float


class Address(NamedTuple):
    """Where a server listens."""

    host: str
    port: int

    def request(self, method: str, path: str, body: bytes = b"", kind: str = JSON) -> bytes:
        """Return the bytes of a request."""
        head = f"{method} {path} HTTP/1.1\r\nHost: {self.host}:{self.port}\r\nContent-Type: {kind}\r\n"
        accept = "" if kind == JSON else f"Accept: {kind}\r\n"
        return f"{head}{accept}Content-Length: {len(body)}\r\n\r\n".encode() + body

    def post(self, path: str, body: dict[str, Any]) -> bytes:
        """Return the bytes of a request with a JSON body."""
        return self.request("POST", path, msgspec.json.encode(body))


class Connection:
    """One kept-alive connection; one that the server closed while idle is opened again, once.

    ``sent`` counts the requests of all connections.
    """

    sent = 0

    def __init__(self, address: Address) -> None:
        self._address = address

    async def open(self) -> Connection:
        """Connect."""
        self._reader, self._writer = await asyncio.open_connection(*self._address, limit=READ_BYTES)
        return self

    @staticmethod
    async def once(address: Address, raw: bytes) -> tuple[int, bytes]:
        """Send one request on a connection of its own and return the status and the body of its answer.

        raises: TimeoutError
        """
        async with asyncio.timeout(ANSWER_S):
            connection = await Connection(address).open()
            answer = await connection.send(raw)
        connection.close()
        return answer

    async def send(self, raw: bytes) -> tuple[int, bytes]:
        """Send a request and return the status and the body of its answer."""
        Connection.sent += 1
        self._writer.write(raw)
        try:
            head = await self._reader.readuntil(b"\r\n\r\n")
        except (asyncio.IncompleteReadError, ConnectionResetError):
            await self.open()
            self._writer.write(raw)
            head = await self._reader.readuntil(b"\r\n\r\n")
        lower = head.lower()
        body = await self._read_body(lower)
        if b"connection: close" in lower:
            await self.open()
        return int(head[9:12]), body

    async def get_json(self, raw: bytes) -> Any:
        """Send a request that must succeed and return its decoded answer."""
        status, body = await self.send(raw)
        if status != 200:
            raise RuntimeError(f"{raw[:120]!r} was answered with {status}: {body[:300]!r}")
        return json.loads(body) if body else {}

    async def _read_body(self, head: bytes) -> bytes:
        found = head.find(b"content-length:")
        if found >= 0:
            return await self._reader.readexactly(int(head[found + 15 : head.index(b"\r", found)]))
        if b"transfer-encoding: chunked" not in head:
            return b""
        parts = []
        while True:
            size = int((await self._reader.readuntil(b"\r\n")).strip(), 16)
            parts.append((await self._reader.readexactly(size + 2))[:-2])
            if not size:
                return b"".join(parts)

    def close(self) -> None:
        """Hang up."""
        self._writer.close()


async def open_connections(address: Address, count: int) -> list[Connection]:
    """Open several connections."""
    return [await Connection(address).open() for _ in range(count)]


async def drive(address: Address, make: Callable[[int, int], bytes], seconds: float, connections: int = 1) -> Rate:
    """Send requests one after the other on each connection until the time is up.

    make: (connection, turn) -> request
    raises: RuntimeError for any answer but 200; TimeoutError when a server goes silent
    """
    opened = await open_connections(address, connections)
    latencies: list[float] = []
    started = time.perf_counter()
    end = started + seconds

    async def loop(place: int, connection: Connection) -> None:
        turn = 0
        while (sent := time.perf_counter()) < end or not turn:
            raw = make(place, turn)
            status, body = await connection.send(raw)
            latencies.append(time.perf_counter() - sent)
            if status != 200:
                raise RuntimeError(f"{raw[:120]!r} was answered with {status}: {body[:300]!r}")
            turn += 1

    async with asyncio.timeout(seconds + ANSWER_S):
        await asyncio.gather(*(loop(place, one) for place, one in enumerate(opened)))
    elapsed = time.perf_counter() - started
    for one in opened:
        one.close()
    latencies.sort()
    rank = [latencies[int(len(latencies) * share)] * 1e3 for share in (0.5, 0.99)]
    return Rate(len(latencies) / elapsed, *rank)


async def spread(
    address: Address,
    items: Iterator[T],
    work: Callable[[Connection, T], Awaitable[None]],
    connections: int,
    seconds: float = 600,
) -> tuple[int, float]:
    """Work through items on several connections, until they or the seconds are over.

    returns: how many items were done, and in how many seconds
    """
    opened = await open_connections(address, connections)
    started = time.perf_counter()
    done = 0

    async def loop(connection: Connection) -> None:
        nonlocal done
        for item in items:
            await work(connection, item)
            done += 1
            if time.perf_counter() - started > seconds:
                return

    await asyncio.gather(*map(loop, opened))
    elapsed = time.perf_counter() - started
    for one in opened:
        one.close()
    return done, elapsed
