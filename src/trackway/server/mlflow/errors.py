"""Errors as this protocol tells them: a code by name, a message, and the HTTP status that belongs to the code."""

from __future__ import annotations

import json
from typing import Final

import msgspec

from trackway.base.errors import InvalidInput, TrackwayError
from trackway.http.messages import HttpResponse, retry_after

STATUS: Final = {
    "INVALID_PARAMETER_VALUE": 400,
    "BAD_REQUEST": 400,
    "RESOURCE_ALREADY_EXISTS": 400,
    "FEATURE_DISABLED": 400,
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "RESOURCE_DOES_NOT_EXIST": 404,
    "ENDPOINT_NOT_FOUND": 404,
    "REQUEST_LIMIT_EXCEEDED": 429,
    "INTERNAL_ERROR": 500,
    "NOT_IMPLEMENTED": 501,
    "TEMPORARILY_UNAVAILABLE": 503,
}
"""HTTP status by code. This protocol has no 409: a name that is taken is a 400, and so is a state that forbids."""

_KEPT_STATUS: Final = frozenset((405, 413))
"""Told by HTTP before this protocol has a say: no such method, too large a body."""
_SHOWN_CHARS = 100


def encode_error(error: TrackwayError) -> HttpResponse:
    """Return the answer that carries ``error``; ``details["error_code"]`` overrides the code of its class."""
    code = error.details.get("error_code") or _find_code(error)
    status = error.status if error.status in _KEPT_STATUS else STATUS[code]
    body = msgspec.json.encode({"error_code": code, "message": str(error)})
    return HttpResponse(status=status, body=body, headers=retry_after(error))


def _find_code(error: TrackwayError) -> str:
    return "ENDPOINT_NOT_FOUND" if "endpoint" in error.details else error.error_code


def bad_request(message: str, hint: str = "") -> InvalidInput:
    """Make the error for which this protocol has a code of its own, where a database would refuse a row."""
    return InvalidInput(message, hint=hint, details={"error_code": "BAD_REQUEST"})


def missing_value(name: str) -> InvalidInput:
    """Make the error for a field that must be sent and was not, or was empty."""
    return InvalidInput(f"Missing value for required parameter '{name}'")


def invalid_value(name: str, value: object, reason: str) -> InvalidInput:
    """Make the error for a value that a field cannot have; a long value is shown cut."""
    return InvalidInput(f"Invalid value {_show(value)} for parameter '{name}' supplied: {reason}")


def _show(value: object) -> str:
    if isinstance(value, (list, dict)):
        return "[…]" if isinstance(value, list) else "{…}"
    shown = json.dumps(value[: _SHOWN_CHARS + 1] if isinstance(value, str) else value)
    return shown if len(shown) <= _SHOWN_CHARS else f"{shown[:_SHOWN_CHARS]}…"
