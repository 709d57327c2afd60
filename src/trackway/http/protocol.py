"""The server's HTTP protocol: uvicorn's, with limits on what comes before a body, and less done for each request."""

from __future__ import annotations

import asyncio
import ssl
from typing import Any
from urllib.parse import unquote

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from trackway.http.certificates import CERTIFICATE
from trackway.http.encryption import ServerContext
from trackway.http.exchange import Exchange
from trackway.http.revocation import RevokedLists, Serial, read_serial

HEAD_BYTES = 65_536
"""Most bytes of a request line and headers, give or take one read from the network."""
HEAD_S = 60.0
"""A connection may take so long until its next request's headers are there, once it was opened or they have begun."""
STALL_S = 60.0
"""A client that takes nothing of an answer for so long is gone, or wants to hold our memory."""
_TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"


class BoundedProtocol(HttpToolsProtocol):
    """Without the limits, one connection could take all memory with headers, and many could stay open for ever.

    That covers answers that nobody reads: what waits to be sent is held in memory.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._in_head = False
        self._head_bytes = 0
        self._stalled: asyncio.TimerHandle | None = None
        self._deadline: asyncio.TimerHandle | None = None
        self._default_headers: list[tuple[bytes, bytes]] = []
        self._default_head = b""
        self._expects_continue = False
        self._certificate: dict[str, Any] | None = None
        self._revocable: tuple[RevokedLists, Serial] | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._deadline = self.loop.call_later(HEAD_S, self.transport.close)
        self._certificate = transport.get_extra_info("peercert")  # of a client, when one was asked for and is good
        secure: ssl.SSLObject | None = transport.get_extra_info("ssl_object")
        if self._certificate and secure and isinstance(secure.context, ServerContext) and secure.context.revoked:
            shown = secure.getpeercert(binary_form=True)
            self._revocable = (secure.context.revoked, read_serial(shown)) if shown else None

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
        self._expects_continue = False
        self.url = b""
        self.headers = []

    def on_header(self, name: bytes, value: bytes) -> None:
        name = name.lower()
        if name == b"expect" and value.lower() == b"100-continue":
            self._expects_continue = True
        self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        self._end_head()
        url = httptools.parse_url(self.url)
        path = url.path.decode("ascii")
        version = self.parser.get_http_version()
        scope: dict[str, Any] = {
            "type": "http",
            "http_version": version,
            "method": self.parser.get_method().decode("ascii"),
            "scheme": self.scheme,
            "client": self.client,
            "server": self.server,
            "path": unquote(path) if "%" in path else path,
            "raw_path": url.path,
            "query_string": url.query or b"",
            "headers": self.headers,
        }
        if self._certificate and not (self._revocable and self._revocable[0].refuses(self._revocable[1])):
            scope[CERTIFICATE] = self._certificate
        keep_alive = version != "1.0" and self.parser.should_keep_alive()
        before, exchange = self.cycle, Exchange(self, scope, keep_alive, self._expects_continue)
        self.cycle: Any = exchange
        if before is None or before.response_complete:
            self._start_asgi_task(exchange, self.app)  # type: ignore[arg-type]
        else:  # requests that were sent before the answer came wait for it
            self.flow.pause_reading()
            self.pipeline.appendleft((exchange, self.app))  # type: ignore[arg-type]

    def on_body(self, body: bytes) -> None:
        if not self.cycle.response_complete:
            self.cycle.add_body(body)

    def encode_head(self) -> bytes:
        """Return the headers of every answer, which change once a second."""
        headers = self.server_state.default_headers
        if headers is not self._default_headers:
            self._default_headers = headers
            self._default_head = b"".join([b"%b: %b\r\n" % header for header in headers])
        return self._default_head

    def hold_reading(self, held: bool) -> None:
        """Let what a client sends wait in the network, or no more."""
        if held:
            self.flow.pause_reading()
        else:
            self.flow.resume_reading()

    async def drain(self) -> None:
        """Wait until more may be written."""
        if self.flow.write_paused:
            await self.flow.drain()

    def end_exchange(self) -> None:
        """Go on to the next request."""
        self.on_response_complete()

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
