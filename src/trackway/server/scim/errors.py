"""Errors as SCIM tells them: RFC 7644, section 3.12."""

from __future__ import annotations

from typing import Final

import msgspec

from trackway.base.errors import AlreadyExists, InvalidInput, TrackwayError
from trackway.http.messages import HttpResponse, retry_after

MEDIA_TYPE: Final = b"application/scim+json"
_SCHEMA: Final = "urn:ietf:params:scim:api:messages:2.0:Error"


class Refusal(TrackwayError):
    """A refusal that names its reason in the protocol's own word."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason


def encode_error(error: TrackwayError) -> HttpResponse:
    """Return the answer that carries an error."""
    reason = error.reason if isinstance(error, Refusal) else _find_reason(error)
    said = f"{error.message} ({error.hint})" if error.hint else error.message
    body = {"schemas": [_SCHEMA], "status": str(error.status), "detail": said}
    if reason:
        body["scimType"] = reason
    return HttpResponse(
        status=error.status, body=msgspec.json.encode(body), content_type=MEDIA_TYPE, headers=retry_after(error)
    )


def _find_reason(error: TrackwayError) -> str:
    if isinstance(error, AlreadyExists):
        return "uniqueness"
    return "invalidValue" if isinstance(error, InvalidInput) else ""
