"""From a message and what is to be done with it to a handler: the part that every JSON route has in common."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from trackway.base.errors import InvalidInput
from trackway.http.messages import HttpRequest, HttpResponse
from trackway.server.calls import Caller, Handler
from trackway.server.mlflow.codec import Codec, Message

M = TypeVar("M", bound=Message)
Act = Callable[[Caller, M], Awaitable[bytes | bytearray]]
"""Does what a message asks and returns the answer's JSON."""

_JSON = b"application/json"


def answer(message: type[M], act: Act[M], path_in_body: bool = False, plain: type[Message] | None = None) -> Handler:
    """Return the handler of a route whose message is the JSON body and the path's parameters. See ``Codec``."""
    decode = Codec(message, path_in_body, plain).decode

    async def handle(request: HttpRequest, call: Caller) -> HttpResponse:
        headers = request.headers
        body = await request.body()
        if headers.get(b"content-type") != _JSON:
            _check_content_type(request)
        return HttpResponse(body=await act(call, decode(body, request.params)))

    return handle


def answer_query(message: type[M], act: Act[M]) -> Handler:
    """Return the handler of a GET route: its message is the query string, or the body when there is none."""
    codec = Codec(message)

    async def handle(request: HttpRequest, call: Caller) -> HttpResponse:
        return HttpResponse(body=await act(call, await read_query(codec, request)))

    return handle


async def read_query(codec: Codec[M], request: HttpRequest) -> M:
    """Return a GET request's message."""
    if request.query:
        return codec.decode_query(request.query_items(), request.params)
    return codec.decode(await request.body(), request.params)


def _check_content_type(request: HttpRequest) -> None:
    """Demand JSON where a form on another site could send what is taken for it, which no form can with DELETE."""
    if request.method == "DELETE":
        return
    kind = request.headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
    if kind != _JSON:
        raise InvalidInput("Bad Request. Content-Type must be one of ['application/json']")
