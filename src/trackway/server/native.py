"""The native front door: ``/api/v1``, made from the table of operations; JSON or msgpack, as the caller likes."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from trackway.api import limits
from trackway.api.operations import OPERATIONS, Operation
from trackway.base.errors import InvalidInput, TrackwayError
from trackway.http.messages import HttpRequest, HttpResponse, retry_after
from trackway.server.calls import Caller, Route

PREFIX = "/api/v1"
MSGPACK = b"application/msgpack"
IDEMPOTENCY_KEY = b"idempotency-key"
_encode_msgpack = msgspec.msgpack.Encoder().encode
_encode_json = msgspec.json.Encoder().encode
_KEY = re.compile(rb"[!-~]+")
_FIELD = re.compile(r"\{(\w+)\}")


def list_routes() -> list[Route]:
    """Return a route for every operation that is no step of a larger call."""
    return [
        Route(op.method, PREFIX + op.path, _Endpoint(op), encode_error, access="operation")
        for op in OPERATIONS
        if not op.internal
    ]


class _Endpoint:
    """Decodes the request of one operation, calls it and encodes its response."""

    def __init__(self, operation: Operation[Any, Any]) -> None:
        self._operation = operation
        self._type = operation.request
        self._fields = {field.name: field for field in msgspec.structs.fields(operation.request)}
        self._in_path = tuple(_FIELD.findall(operation.path))
        self._numbers = frozenset(name for name in self._in_path if self._fields[name].type is int)
        self._decode_json = msgspec.json.Decoder(operation.request).decode
        self._decode_msgpack = msgspec.msgpack.Decoder(operation.request).decode

    async def __call__(self, request: HttpRequest, call: Caller) -> HttpResponse:
        decoded = (
            self._from_query(request) if request.method == "GET" else self._from_body(request, await request.body())
        )
        if self._operation.adds and IDEMPOTENCY_KEY in request.headers:
            key = _read_key(request.headers[IDEMPOTENCY_KEY])
            call.call = msgspec.structs.replace(call.call, idempotency_key=key)
        return encode(request, await call(self._operation, decoded))

    def _from_query(self, request: HttpRequest) -> Any:
        values: dict[str, Any] = dict(request.params)
        for name, value in request.query_items():
            if name in values:
                raise InvalidInput(f"The parameter {name[:40]!r} is there twice", hint="send it once")
            values[name] = value
        try:
            return msgspec.convert(values, self._type, strict=False)
        except msgspec.ValidationError as error:
            raise self._invalid(error) from error

    def _from_body(self, request: HttpRequest, body: bytes) -> Any:
        kind = request.headers.get(b"content-type", b"application/json").split(b";", 1)[0].strip().lower()
        if kind not in (MSGPACK, b"application/json"):
            raise InvalidInput(
                "The body's Content-Type is not known", hint="send application/json or application/msgpack"
            )
        packed = kind == MSGPACK
        try:
            in_path = self._read_path(request)
            if not body:
                return msgspec.convert(in_path, self._type)
            try:
                decoded = (self._decode_msgpack if packed else self._decode_json)(body)
            except msgspec.ValidationError:
                if not self._in_path:
                    raise
                return self._with_path(in_path, body, packed)
        except msgspec.ValidationError as error:
            raise self._invalid(error) from error
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise InvalidInput(f"The body is not valid {'msgpack' if packed else 'JSON'}: {error}") from error
        for name, value in in_path.items():
            if getattr(decoded, name) != value:
                raise _contradicts(name)
        return decoded

    def _with_path(self, in_path: dict[str, Any], body: bytes, packed: bool) -> Any:
        """Decode a body that leaves out the fields of the path."""
        values = msgspec.msgpack.decode(body) if packed else msgspec.json.decode(body)
        if not isinstance(values, dict):
            raise InvalidInput("The body must be an object")
        for name, value in in_path.items():
            if values.get(name, value) != value:
                raise _contradicts(name)
        return msgspec.convert({**values, **in_path}, self._type, builtin_types=(bytes,) if packed else None)

    def _read_path(self, request: HttpRequest) -> dict[str, Any]:
        """Return the fields that the path gives; numbers as numbers."""
        values: dict[str, Any] = dict(request.params)
        for name in self._numbers:
            values[name] = msgspec.convert(values[name], int, strict=False)
        return values

    def _invalid(self, error: msgspec.ValidationError) -> InvalidInput:
        return InvalidInput(
            f"Invalid request for {self._operation.name}: {_shorten(str(error))}",
            hint=f"its fields are: {', '.join(self._fields)}",
        )


def _read_key(value: bytes) -> str:
    """Return the key of a header, with the quotes that the IETF's draft has about it or without."""
    key = value.strip()
    if len(key) > 1 and key[:1] == key[-1:] == b'"':
        key = key[1:-1]
    if not 1 <= len(key) <= limits.IDEMPOTENCY_KEY_CHARS or not _KEY.fullmatch(key):
        raise InvalidInput(
            "The Idempotency-Key is empty, too long, or not all of visible ASCII characters",
            hint=f"send 1 to {limits.IDEMPOTENCY_KEY_CHARS} of them, best a new UUID for each request",
        )
    return key.decode()


def _shorten(text: str) -> str:
    """Cut what a request's own names have made long; where it is, at the end, stays."""
    return text if len(text) <= 500 else f"{text[:300]}…{text[-150:]}"


def _contradicts(name: str) -> InvalidInput:
    return InvalidInput(f"The body's {name} is not the one of the path", hint="leave it out of the body")


def encode(request: HttpRequest, response: msgspec.Struct) -> HttpResponse:
    """Encode a response as the request accepts it: msgpack when it names that, else JSON.

    JSON has no NaN and no infinities: they are null there. msgpack and columns of bytes keep them.
    """
    if MSGPACK in request.headers.get(b"accept", b""):
        return HttpResponse(body=_encode_msgpack(response), content_type=MSGPACK)
    return HttpResponse(body=_encode_json(response))


def encode_error(error: TrackwayError) -> HttpResponse:
    """Tell an error: ``{"error": {"code", "message", "hint", "details", "retry_after_s"}}``, always as JSON."""
    body = {
        "code": error.code,
        "message": error.message,
        "hint": error.hint,
        "details": error.details,
        "retry_after_s": error.retry_after_s,
    }
    return HttpResponse(status=error.status, body=_encode_json({"error": body}), headers=retry_after(error))
