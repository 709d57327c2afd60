"""An ASGI application: guard and router. One dictionary look-up finds most routes."""

from __future__ import annotations

import asyncio
import itertools
import logging
import re
import time
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any, Generic
from urllib.parse import quote

from trackway.base.errors import InvalidInput, NotFound, TrackwayError
from trackway.base.ids import is_id, new_id
from trackway.http.guard import Gate, Guard
from trackway.http.lanes import Leave
from trackway.http.messages import (
    END,
    BodyMemory,
    C,
    ErrorEncoder,
    HttpRequest,
    HttpResponse,
    Receive,
    Route,
    Scope,
    Send,
)
from trackway.http.observe import Observer

log = logging.getLogger("trackway.http")
_SEGMENT = re.compile(r"\{(\w+)(:path)?\}")
_WAY_BACK_BYTES = 2_000
_SECURITY = [
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"SAMEORIGIN"),
    (b"referrer-policy", b"no-referrer"),
]


class App(Generic[C]):
    """Serves routes.

    open_call: makes what handlers are given beside a request, of the request and its id
    errors:    how errors are told where no route matches, by what the path begins with; one is for the empty text
    lifespan:  what runs while the server does

    Subclasses may serve every route below a ``prefix``, too: of a path that begins with it ``enter`` makes a plain one.
    """

    prefix = ""

    def __init__(
        self,
        open_call: Callable[[HttpRequest, str], C],
        routes: Iterable[Route[C]],
        errors: Mapping[str, ErrorEncoder],
        guard: Guard,
        observer: Observer,
        lifespan: AbstractAsyncContextManager[None],
    ) -> None:
        self._gate = guard.gate
        self._open_call = open_call
        self._errors = sorted(errors.items(), key=lambda item: -len(item[0]))
        self._guard = guard
        self._observer = observer
        self._lifespan = lifespan
        self._memory = BodyMemory()
        self._request_ids = _number_requests()
        self._exact: dict[tuple[str, str], Route[C]] = {}
        self._patterns: dict[str, list[tuple[re.Pattern[str], Route[C]]]] = {}
        for route in routes:
            if "{" in route.path:
                begin = route.path[: route.path.index("{")]
                self._patterns.setdefault(begin, []).append((_compile(route.path), route))
            else:
                self._exact[route.method, route.path] = route
        self._begins = sorted({len(begin) for begin in self._patterns}, reverse=True)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection's scope."""
        if scope["type"] == "http":
            if self.prefix and scope["path"].startswith(self.prefix):
                scope = self.enter(scope)
            await self._serve(HttpRequest(scope, receive, self._memory), send)
        elif scope["type"] == "lifespan":
            await self._live(receive, send)
        else:
            await send({"type": "websocket.close", "code": 1003})

    def enter(self, scope: Scope) -> Scope:
        """Return the scope of a request below ``prefix`` as the routes know it."""
        return scope

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        async with self._lifespan:
            await send({"type": "lifespan.startup.complete"})
            await receive()
        await send({"type": "lifespan.shutdown.complete"})

    async def _serve(self, request: HttpRequest, send: Send) -> None:
        started = time.perf_counter()
        given = request.headers.get(b"x-request-id", b"").decode("latin-1")
        request_id = given if given and is_id(given) else next(self._request_ids)
        route = self._exact.get((request.method, request.path))
        errors = route.errors if route else self._errors_at(request.path)
        leave: Leave | None = None
        try:
            refusal = self._guard.refuse(request)
            if refusal:
                response = HttpResponse(status=403, body=refusal.encode(), content_type=b"text/plain; charset=utf-8")
            else:
                call = self._open_call(request, request_id)
                if route is None:
                    route = self._match(request) if self._gate is None else await self._find(self._gate, request, call)
                    errors = route.errors
                leave = await self._guard.enter(request, route.streams) if route.waits else None
                if self._gate is not None:
                    await self._gate.admit(request, call, route)
                response = await route.handler(request, call)
        except _MethodNotAllowed as error:
            asked = request.method == "OPTIONS"  # which is answered, and tells a page of another site nothing
            response = HttpResponse(status=204) if asked else errors(error)
            response.headers = [*response.headers, (b"allow", error.allowed.encode())]
        except TrackwayError as error:
            response = errors(_withhold(error, request_id) if error.public_message else error)
            if error.status == 401:
                response = _challenge(request, response)
        except Exception:
            path = request.raw_path.decode("latin-1")  # as it was sent: a decoded one could pretend to be other lines
            log.exception("request %s failed: %s %s", request_id, request.method, path)
            response = errors(TrackwayError("The server failed", details={"request_id": request_id}))
        finally:
            request.release()
        response.headers = [*response.headers, (b"x-request-id", request_id.encode())]
        try:
            sent = await _send(request, response, send)
        finally:
            if leave is not None:
                leave()
        answered = (response.status, sent, time.perf_counter() - started)
        self._observer.observe(request, route.path if route else "", request_id, *answered)

    async def _find(self, gate: Gate, request: HttpRequest, call: C) -> Route[C]:
        """Find the route of a path with parameters; who is not let in is not told what is there."""
        try:
            return self._match(request)
        except TrackwayError:
            await gate.admit(request, call, None)
            raise

    def _match(self, request: HttpRequest) -> Route[C]:
        """Find the route of a path with parameters; HEAD goes where GET goes.

        raises: NotFound, or InvalidInput for a path that is not UTF-8 or a method that it does not have
        """
        if "\ufffd" in request.path:
            raise InvalidInput("Invalid path: it is not UTF-8", hint="percent-encode the path's UTF-8 bytes")
        method = "GET" if request.method == "HEAD" else request.method
        if route := self._exact.get((method, request.path)):
            return route
        allowed = set()
        for pattern, route in self._list_patterns(request.path):
            if found := pattern.fullmatch(request.path):
                if route.method == method:
                    request.params = found.groupdict()
                    return route
                allowed.add(route.method)
        allowed |= {known for known, path in self._exact if path == request.path}
        if allowed:
            more = {"HEAD", "OPTIONS"} if "GET" in allowed else {"OPTIONS"}
            raise _MethodNotAllowed(request.method, allowed | more)
        raise NotFound(f"There is nothing at {request.path[:200]!r}", details={"endpoint": True})

    def _list_patterns(self, path: str) -> Iterator[tuple[re.Pattern[str], Route[C]]]:
        """Yield the routes that begin like a path, those that say most of it first."""
        for size in self._begins:
            yield from self._patterns.get(path[:size], ())

    def _errors_at(self, path: str) -> ErrorEncoder:
        return next(encoder for prefix, encoder in self._errors if path.startswith(prefix))


class _MethodNotAllowed(InvalidInput):
    """The path is there, the method is not."""

    status = 405

    def __init__(self, method: str, allowed: Collection[str]) -> None:
        self.allowed = ", ".join(sorted(allowed))
        super().__init__(f"{method} is not possible here", hint=f"use one of {self.allowed}")


def _withhold(error: TrackwayError, request_id: str) -> TrackwayError:
    """Log what an error says, and return one of its class that says what callers may know, and where the rest is."""
    log.error("request %s failed: %s", request_id, error)
    hint = f"nothing was written; try again; the server's log has the reason under request {request_id}"
    return type(error)(
        error.public_message, hint=hint, details={"request_id": request_id}, retry_after_s=error.retry_after_s
    )


def _challenge(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """Say how to sign in: a page's visitor is led there, a program is told, a page's own request gets no dialogue."""
    if request.method == "GET" and request.headers.get(b"sec-fetch-mode") == b"navigate":
        return HttpResponse(
            status=303, headers=[(b"location", _sign_in_from(request)), (b"cache-control", b"no-store")]
        )
    if b"sec-fetch-mode" not in request.headers:
        response.headers = [*response.headers, (b"www-authenticate", b'Basic realm="trackway"')]
    return response


def _number_requests() -> Iterator[str]:
    """Yield ids that no other request has, and that cost the event loop no call of the system."""
    begin = new_id()[:20]
    return (f"{begin}{number:012x}" for number in itertools.count())


def _compile(path: str) -> re.Pattern[str]:
    pieces, end = [], 0
    for found in _SEGMENT.finditer(path):
        pieces.append(re.escape(path[end : found.start()]))
        pieces.append(f"(?P<{found[1]}>{'.+' if found[2] else '[^/]+'})")
        end = found.end()
    return re.compile("".join(pieces) + re.escape(path[end:]), re.DOTALL)


async def _send(request: HttpRequest, response: HttpResponse, send: Send) -> int:
    """Send a response; return how many bytes of body were sent."""
    body = response.body
    headers: list[tuple[bytes, bytes]] = [(b"content-type", response.content_type), *_SECURITY, *response.headers]
    if isinstance(body, bytes | bytearray):
        if response.status not in (204, 304):  # which have no body, and a length would be that of one
            headers.append((b"content-length", str(len(body)).encode()))
        await send({"type": "http.response.start", "status": response.status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if request.method == "HEAD" else body})
        return len(body)
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    return await _stream(request, body, send)


async def _stream(request: HttpRequest, chunks: AsyncIterator[bytes], send: Send) -> int:
    """Send chunks until they end or the client is gone; return how many bytes were sent."""
    sent = 0
    gone = asyncio.ensure_future(request.wait_until_gone())
    if end := request.scope.get(END):
        gone.add_done_callback(lambda _gone: end())
    try:
        if request.method != "HEAD":
            async for chunk in chunks:
                if gone.done():
                    break
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
                sent += len(chunk)
    finally:
        gone.cancel()
        close: Any = getattr(chunks, "aclose", None)
        if close is not None:
            await close()
    await send({"type": "http.response.body", "body": b""})
    return sent


def _sign_in_from(request: HttpRequest) -> bytes:
    """Return the address of the page to sign in, which leads back to the one that was asked for."""
    asked = request.raw_path + (b"?" + request.query if request.query else b"")
    if asked == b"/" or len(asked) > _WAY_BACK_BYTES:
        return b"/sign-in"
    return b"/sign-in?then=" + quote(asked, safe="/").encode()
