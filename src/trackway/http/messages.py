"""What a route is given and gives back: a request, a response. No framework, so that hot routes stay short."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from time import monotonic
from typing import Any, Final, Generic, Literal, TypeVar
from urllib.parse import unquote_to_bytes

import msgspec

from trackway.api import limits
from trackway.base.errors import InvalidInput, RateLimited, TooLarge, TrackwayError, Unavailable

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
C = TypeVar("C")
END: Final = "trackway.end"
"""Key of a scope: what an answer that would go on is ended by, when the client is gone or the server stops."""
IDLE_S = 60.0
"""A body of which nothing has come for so long is given up, so that it does not hold memory or a thread for ever."""

SLOW_S = 60.0
SLOW_BYTES_PER_S = 256
"""A body that has come for longer than that, and on average slower than this, is given up for the same reason."""


class BodyMemory:
    """What the bodies of all requests may hold at once; one that does not fit any more is to be sent again later.

    Bodies that come in one piece are not counted: they are at most as large as the network's buffers.
    """

    def __init__(self, limit_bytes: int = limits.BODIES_BYTES) -> None:
        self._left = limit_bytes

    def take(self, size_bytes: int) -> None:
        """Count bytes that are held from now on.

        raises: Unavailable when they do not fit
        """
        if size_bytes > self._left:
            raise Unavailable(
                "The server holds as many large bodies as it can", hint="send it again later", retry_after_s=1.0
            )
        self._left -= size_bytes

    def give_back(self, size_bytes: int) -> None:
        """Count bytes that are held no more."""
        self._left += size_bytes


class HttpRequest:
    """One request. ``path`` is decoded once by the server; ``params`` are the route's ``{name}`` segments.

    memory: what its body is counted in, until ``release``
    """

    __slots__ = (
        "_began_s",
        "_came_bytes",
        "_held_bytes",
        "_memory",
        "_receive",
        "headers",
        "method",
        "params",
        "path",
        "query",
        "raw_path",
        "scope",
    )

    def __init__(self, scope: Scope, receive: Receive, memory: BodyMemory) -> None:
        self.scope = scope
        self._receive = receive
        self._memory = memory
        self._held_bytes = 0
        self._came_bytes = 0
        self._began_s = 0.0
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.raw_path: bytes = scope.get("raw_path") or b""
        self.query: bytes = scope["query_string"]
        self.headers: dict[bytes, bytes] = dict(scope["headers"])
        self.params: dict[str, str] = {}

    def query_items(self) -> list[tuple[str, str]]:
        """Return the query string's pairs in order, decoded as UTF-8; ``+`` is a space."""
        items = []
        for pair in self.query.split(b"&") if self.query else ():
            name, _, value = pair.partition(b"=")
            try:
                items.append((_decode(name), _decode(value)))
            except UnicodeDecodeError as error:
                raise InvalidInput("The query string is not UTF-8") from error
        return items

    async def stream(self) -> AsyncIterator[bytes]:
        """Yield the body's chunks as they arrive, unlimited and as sent."""
        more = True
        while more:
            message = await self._receive_soon()
            if message["type"] == "http.disconnect":
                raise _gone()
            more = message.get("more_body", False)
            if chunk := message.get("body", b""):
                yield chunk

    async def wait_until_gone(self) -> None:
        """Return when the client has closed the connection; what comes of a body before that is dropped."""
        while (await self._receive())["type"] != "http.disconnect":
            pass

    def release(self) -> None:
        """Say that the body is not held any more."""
        if self._held_bytes:
            self._memory.give_back(self._held_bytes)
            self._held_bytes = 0

    async def body(self, most_bytes: int = limits.BODY_BYTES, inflated_bytes: int = limits.INFLATED_BYTES) -> bytes:
        """Return the whole body, inflated when it says ``gzip`` or ``deflate``, within limits."""
        declared = self.headers.get(b"content-length")
        if declared is not None and declared.isdigit() and int(declared) > most_bytes:
            raise _body_too_large(int(declared), most_bytes)
        message = await self._receive()
        if message["type"] == "http.request" and not message.get("more_body", False):
            body: bytes = message.get("body", b"")
        else:
            body = await self._collect(message, most_bytes)
        if len(body) > most_bytes:
            raise _body_too_large(len(body), most_bytes)
        encoding = self.headers.get(b"content-encoding", b"identity").lower()
        if encoding == b"identity":
            return body
        inflated = _inflate(body, encoding, inflated_bytes)
        self._hold(len(inflated))
        return inflated

    async def _collect(self, message: Message, most_bytes: int) -> bytes:
        chunks, size = [], 0
        while message["type"] == "http.request":
            chunk = message.get("body", b"")
            chunks.append(chunk)
            size += len(chunk)
            if size > most_bytes:
                raise _body_too_large(size, most_bytes)
            self._hold(len(chunk))
            if not message.get("more_body", False):
                return b"".join(chunks)
            message = await self._receive_soon()
        raise _gone()

    def _hold(self, size_bytes: int) -> None:
        self._memory.take(size_bytes)
        self._held_bytes += size_bytes

    async def _receive_soon(self) -> Message:
        now_s = monotonic()
        self._began_s = self._began_s or now_s
        try:
            async with asyncio.timeout(IDLE_S):
                message = await self._receive()
        except TimeoutError as error:
            raise Unavailable(f"Nothing came of the body for {IDLE_S:g} s", hint="send it again") from error
        self._came_bytes += len(message.get("body", b""))
        took_s = monotonic() - self._began_s
        if took_s > SLOW_S and self._came_bytes < took_s * SLOW_BYTES_PER_S:
            raise Unavailable(
                f"The body came slower than {SLOW_BYTES_PER_S} bytes/s for {SLOW_S:g} s", hint="send it again"
            )
        return message


class HttpResponse(msgspec.Struct):
    """One response; ``body`` is bytes, or chunks for a stream (then give ``content-length`` when it is known)."""

    status: int = 200
    body: bytes | bytearray | AsyncIterator[bytes] = b""
    content_type: bytes = b"application/json"
    headers: list[tuple[bytes, bytes]] = []


Handler = Callable[[HttpRequest, C], Awaitable[HttpResponse]]
ErrorEncoder = Callable[[TrackwayError], HttpResponse]
RouteAccess = Literal["operation", "known", "anywhere", "reader", "public"]


class Route(msgspec.Struct, Generic[C], frozen=True):
    """One route. Its handler is given the request, and what the application has for each.

    path:    exact, or with ``{name}`` segments, the last of which may be ``{name:path}`` for the rest of the path
    errors:  how errors are told there
    streams: whether what it takes or gives is a file of any size
    access:  who may come, where there is access control: whom the operations that the handler calls let in
             (``operation``), whoever is ``known`` in the workspace that is named, or ``anywhere``, who may read all of
             the default workspace (``reader``), or everybody (``public``)
    waits:   whether it waits for a turn; not an answer that goes on for as long as somebody listens
    """

    method: str
    path: str
    handler: Handler[C]
    errors: ErrorEncoder
    streams: bool = False
    access: RouteAccess = "known"
    waits: bool = True


def retry_after(error: TrackwayError) -> list[tuple[bytes, bytes]]:
    """Return the Retry-After header that 429 and 503 carry."""
    if not isinstance(error, RateLimited | Unavailable):
        return []
    return [(b"retry-after", str(max(1, round(error.retry_after_s or 1))).encode())]


def _decode(raw: bytes) -> str:
    return unquote_to_bytes(raw.replace(b"+", b" ")).decode("utf-8")


def _gone() -> InvalidInput:
    return InvalidInput("The client went away before the body was complete")


def _body_too_large(size: int, most_bytes: int) -> TooLarge:
    return TooLarge(
        f"The body has {size} bytes or more; at most {most_bytes} are allowed",
        hint="send it in smaller batches",
    )


def _inflate(body: bytes, encoding: bytes, most_bytes: int) -> bytes:
    if encoding not in (b"gzip", b"deflate"):
        raise InvalidInput(
            f"Content-Encoding {encoding.decode('latin-1')[:40]!r} is not known", hint="send gzip, deflate or identity"
        )
    inflater = zlib.decompressobj(wbits=47)  # zlib or gzip, by its header
    try:
        inflated = inflater.decompress(body, most_bytes + 1)
    except zlib.error as error:
        raise InvalidInput(f"The body is not valid {encoding.decode()}") from error
    if len(inflated) > most_bytes:
        raise TooLarge(f"The body inflates to more than {most_bytes} bytes", hint="send smaller batches")
    if not inflater.eof:
        raise InvalidInput("The compressed body is cut short")
    if inflater.unused_data:
        raise InvalidInput("There is more behind the compressed body", hint="compress it in one piece")
    return inflated
