"""One request and its answer on a connection: the two functions that ASGI calls ``receive`` and ``send``."""

from __future__ import annotations

import asyncio
import logging
from typing import Final, Protocol

from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from trackway.http.messages import Message, Receive, Scope, Send

HELD_BYTES: Final = 262_144
"""A body of which so much waits is not read on until somebody takes it: as much as is read from the network at once."""
_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
_FAILED: Final = b"Internal Server Error"
_log = logging.getLogger("trackway.http")


class Connection(Protocol):
    """What an exchange needs of its connection."""

    transport: asyncio.Transport

    def encode_head(self) -> bytes:
        """Return the headers that every answer has."""

    def hold_reading(self, held: bool) -> None: ...
    async def drain(self) -> None:
        """Wait until more may be written."""

    def end_exchange(self) -> None:
        """Go on to the next request."""


class Application(Protocol):
    """An ASGI application."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send, /) -> None: ...


class Exchange:
    """In place of uvicorn's cycle, with less to do for each request.

    A body that has come is handed over without waiting. The head of an answer waits for the beginning of its body, and
    both leave with one call of the system.
    """

    __slots__ = (
        "_awaited",
        "_connection",
        "_expects_continue",
        "_fresh",
        "_head",
        "_held_bytes",
        "_is_chunked",
        "_left_bytes",
        "_pieces",
        "_scope",
        "disconnected",
        "keep_alive",
        "more_body",
        "response_complete",
    )

    def __init__(self, connection: Connection, scope: Scope, keep_alive: bool, expects_continue: bool) -> None:
        self._connection = connection
        self._scope = scope
        self._expects_continue = expects_continue
        self._pieces: list[bytes] = []
        self._held_bytes = 0
        self._fresh = False
        """Something has come that ``receive`` has not told."""
        self._awaited: asyncio.Future[None] | None = None
        self._head: bytes | None = None
        self._is_chunked = False
        self._left_bytes: int | None = None
        self.keep_alive = keep_alive
        self.more_body = True
        self.disconnected = False
        self.response_complete = False

    @property
    def scope(self) -> Scope:
        """What the application was told of the request."""
        return self._scope

    @property
    def message_event(self) -> Exchange:
        """What uvicorn sets when something has come, or the client is gone."""
        return self

    def set(self) -> None:
        """Wake ``receive``."""
        self._fresh = True
        if self._awaited is not None and not self._awaited.done():
            self._awaited.set_result(None)

    def add_body(self, piece: bytes) -> None:
        """Take a piece of the body that has come."""
        self._pieces.append(piece)
        self._held_bytes += len(piece)
        if self._held_bytes > HELD_BYTES:
            self._connection.hold_reading(True)
        self.set()

    async def run_asgi(self, app: Application) -> None:
        """Have the application answer, and end the exchange whatever it does."""
        try:
            await app(self._scope, self.receive, self.send)
        except asyncio.CancelledError:  # the server stops, and has waited as long as it says
            _log.warning("Stopped amid %s %s", self._scope["method"], self._scope["path"])
        except BaseException:  # noqa: BLE001 - the task's edge
            _log.exception("The application failed")
        if not self.response_complete and not self.disconnected:
            if self._left_bytes is None and self._head is None and not self._is_chunked:
                self.keep_alive = False
                head = {"type": "http.response.start", "status": 500, "headers": [(b"content-type", b"text/plain")]}
                await self.send(head)
                await self.send({"type": "http.response.body", "body": _FAILED})
            else:
                self._connection.transport.close()

    async def receive(self) -> Message:
        """Return what has come of the body since the last call, or that there is nobody to be answered any more."""
        connection = self._connection
        if self._expects_continue and not connection.transport.is_closing():
            connection.transport.write(_CONTINUE)
            self._expects_continue = False
        while not self._fresh and not self.disconnected and not self.response_complete:
            connection.hold_reading(False)
            self._awaited = asyncio.get_running_loop().create_future()
            try:
                await self._awaited
            finally:
                self._awaited = None
        self._fresh = False
        if self.disconnected or self.response_complete:
            return {"type": "http.disconnect"}
        body = b"".join(self._pieces)
        self._pieces.clear()
        self._held_bytes = 0
        return {"type": "http.request", "body": body, "more_body": self.more_body}

    async def send(self, message: Message) -> None:
        """Write the head of an answer, or a piece of its body.

        raises: RuntimeError for what is no answer: a line break in a header, more or fewer bytes than were announced
        """
        await self._connection.drain()
        if self.disconnected:
            return
        if message["type"] == "http.response.start":
            self._expects_continue = False
            self._head = self._encode_head(message["status"], message["headers"])
        else:
            self._write(message.get("body", b""), message.get("more_body", False))

    def _encode_head(self, status: int, headers: list[tuple[bytes, bytes]]) -> bytes:
        lines = b"".join([b"%b: %b\r\n" % header for header in headers])
        count = len(headers)
        if not lines.count(b"\r\n") == lines.count(b"\n") == lines.count(b"\r") == count or b"\0" in lines:
            raise RuntimeError("A header holds a line break")
        fields = dict(headers)
        length = fields.get(b"content-length")
        if length is not None:
            self._left_bytes = int(length)
        elif status not in (204, 304) and self._scope["method"] != "HEAD":
            self._is_chunked = True
            lines += b"transfer-encoding: chunked\r\n"
        if fields.get(b"connection", b"").lower() == b"close":
            self.keep_alive = False
        elif not self.keep_alive:
            lines += b"connection: close\r\n"
        return b"%b%b%b\r\n" % (STATUS_LINE[status], self._connection.encode_head(), lines)

    def _write(self, body: bytes, more: bool) -> None:
        head, self._head = self._head or b"", None
        if self._scope["method"] == "HEAD":
            body = b""
        elif self._is_chunked:
            framed = b"%x\r\n%b\r\n" % (len(body), body) if body else b""
            body = framed if more else framed + b"0\r\n\r\n"
        elif self._left_bytes is not None:
            self._left_bytes -= len(body)
            if self._left_bytes < 0 or (self._left_bytes and not more):
                raise RuntimeError("A body is not as long as it was announced")
        if head or body:
            transport = self._connection.transport
            if len(body) > HELD_BYTES:  # which is dearer to copy than to send apart
                transport.write(head)
                transport.write(body)
            else:
                transport.write(head + body)
        if not more:
            self.response_complete = True
            self.set()
            if not self.keep_alive:
                self._connection.transport.close()
            self._connection.end_exchange()
