"""The server's HTTP protocol: uvicorn's, with limits on what comes before a body."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_BYTES = 65_536
"""Most bytes of a request line and headers, give or take one read from the network."""
HEAD_S = 60.0
"""A connection may take so long until its next request's headers are there, once it was opened or they have begun."""
STALL_S = 60.0
"""A client that takes nothing of an answer for so long is gone, or wants to hold our memory."""
_TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"


JOINED_BYTES = 65_536
"""What is written at once and is no longer than this waits for what follows in the same turn of the loop."""


class JoiningTransport:
    """A transport that sends what is written in one turn of the loop with one call of the system.

    uvicorn writes the head of a response and its body apart, which costs the server and the client a call each.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._waiting: list[bytes] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Send bytes, in order."""
        if len(data) > JOINED_BYTES:
            self._flush()
            self._transport.write(data)
            return
        if not self._waiting:
            self._loop.call_soon(self._flush)
        self._waiting.append(data)

    def close(self) -> None:
        """Send what waits, and close."""
        self._flush()
        self._transport.close()

    def _flush(self) -> None:
        if self._waiting:
            waiting, self._waiting = self._waiting, []
            self._transport.write(b"".join(waiting))


class BoundedProtocol(HttpToolsProtocol):
    """Without the limits, one connection could take all memory with headers, and many could stay open for ever.

    That covers answers that nobody reads: what waits to be sent is held in memory.
    """

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(JoiningTransport(transport, self.loop))  # type: ignore[arg-type]
        self._in_head = False
        self._head_bytes = 0
        self._stalled: asyncio.TimerHandle | None = None
        self._deadline: asyncio.TimerHandle | None = self.loop.call_later(HEAD_S, self.transport.close)

    def connection_lost(self, exc: Exception | None) -> None:
        self._end_head()
        self._end_stall()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        begun = self._in_head
        super().data_received(data)
        if not self._in_head or self.transport.is_closing():
            return
        if begun:
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_BYTES:
                self.transport.write(_TOO_LARGE)
                self.transport.close()
        elif self._deadline is None:
            self._deadline = self.loop.call_later(HEAD_S, self.transport.close)

    def on_message_begin(self) -> None:
        self._in_head = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._end_head()
        super().on_headers_complete()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._watch_stall(self.transport.get_write_buffer_size())

    def resume_writing(self) -> None:
        self._end_stall()
        super().resume_writing()

    def _watch_stall(self, size_bytes: int) -> None:
        """Look again in a while whether less waits to be sent than now."""
        self._end_stall()
        self._stalled = self.loop.call_later(STALL_S, self._look_at_stall, size_bytes)

    def _look_at_stall(self, size_bytes: int) -> None:
        now_bytes = self.transport.get_write_buffer_size()
        if now_bytes >= size_bytes:
            self.transport.abort()
        else:
            self._watch_stall(now_bytes)

    def _end_stall(self) -> None:
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None

    def _end_head(self) -> None:
        self._in_head = False
        self._head_bytes = 0
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
