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
READ_BYTES = 1 << 16
"""How much is read ahead at first; as much as an answer has once that is known."""


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


class _Wire(asyncio.BufferedProtocol):
    """What has come on a connection and was not taken yet, in one buffer that the network is read into."""

    def __init__(self) -> None:
        self._buffer = bytearray(READ_BYTES)
        self._start = self._end = 0
        self._wanted = 0
        self._awaited: asyncio.Future[None] | None = None
        self._is_closed = False

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 - as asyncio calls it
        if self._end == len(self._buffer):
            self._make_room(len(self._buffer))
        return memoryview(self._buffer)[self._end :]

    def buffer_updated(self, nbytes: int) -> None:
        self._end += nbytes
        if self._end - self._start >= self._wanted:
            self._wake()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - as asyncio calls it
        self._is_closed = True
        self._wake()

    async def take(self, size: int) -> bytes:
        """Take so many bytes.

        raises: ConnectionResetError
        """
        self._make_room(size - (len(self._buffer) - self._start))
        await self._wait(size)
        taken = bytes(memoryview(self._buffer)[self._start : self._start + size])
        self._start += size
        if self._start == self._end:
            self._start = self._end = 0
        return taken

    async def take_until(self, end: bytes) -> bytes:
        """Take what comes until some bytes, and these.

        raises: ConnectionResetError
        """
        while (found := self._buffer.find(end, self._start, self._end)) < 0:
            await self._wait(self._end - self._start + 1)
        return await self.take(found + len(end) - self._start)

    async def _wait(self, size: int) -> None:
        while self._end - self._start < size:
            if self._is_closed:
                raise ConnectionResetError("The server has hung up")
            self._wanted = size
            self._awaited = asyncio.get_running_loop().create_future()
            await self._awaited

    def _make_room(self, size: int) -> None:
        if size > 0:
            self._buffer[: self._start] = b""
            self._end -= self._start
            self._buffer.extend(bytes(self._start + size))
            self._start = 0

    def _wake(self) -> None:
        if self._awaited is not None and not self._awaited.done():
            self._awaited.set_result(None)


class Connection:
    """One kept-alive connection; one that the server closed while idle is opened again, once.

    ``sent`` counts the requests of all connections.
    """

    sent = 0

    def __init__(self, address: Address) -> None:
        self._address = address

    async def open(self) -> Connection:
        """Connect."""
        self._transport, self._wire = await asyncio.get_running_loop().create_connection(_Wire, *self._address)
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
        self._transport.write(raw)
        try:
            head = await self._wire.take_until(b"\r\n\r\n")
        except ConnectionResetError:
            await self.open()
            self._transport.write(raw)
            head = await self._wire.take_until(b"\r\n\r\n")
        lower = head.lower()
        body = await self._take_body(lower)
        if b"connection: close" in lower:
            await self.open()
        return int(head[9:12]), body

    async def get_json(self, raw: bytes) -> Any:
        """Send a request that must succeed and return its decoded answer."""
        status, body = await self.send(raw)
        if status != 200:
            raise RuntimeError(f"{raw[:120]!r} was answered with {status}: {body[:300]!r}")
        return json.loads(body) if body else {}

    async def _take_body(self, head: bytes) -> bytes:
        found = head.find(b"content-length:")
        if found >= 0:
            return await self._wire.take(int(head[found + 15 : head.index(b"\r", found)]))
        if b"transfer-encoding: chunked" not in head:
            return b""
        parts = []
        while True:
            size = int((await self._wire.take_until(b"\r\n")).strip(), 16)
            parts.append((await self._wire.take(size + 2))[:-2])
            if not size:
                return b"".join(parts)

    def close(self) -> None:
        """Hang up."""
        self._transport.close()


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
