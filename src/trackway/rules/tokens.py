"""Page tokens: where the next page begins, bound to the query and the workspace that they came from."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from hashlib import blake2b

import msgspec

from trackway.api.calls import Call
from trackway.base.errors import InvalidInput


class _Token(msgspec.Struct, array_like=True, frozen=True):
    query: bytes
    after: list[str | int | float | None]


def encode_token(call: Call, query: object, after: Sequence[object] | None) -> str:
    """Return the token of the page after ``after``; empty when there is none."""
    if after is None:
        return ""
    token = _Token(_digest(call, query), list(after))  # type: ignore[arg-type]  # keys are texts and numbers
    return base64.urlsafe_b64encode(msgspec.msgpack.encode(token)).decode()


def decode_token(call: Call, query: object, text: str) -> list[str | int | float | None] | None:
    """Return the key that a page begins after; None for the first page.

    raises: InvalidInput when the token is not one of ours, or of another query
    """
    if not text:
        return None
    try:
        raw = base64.b64decode(text, altchars=b"-_", validate=True)
        token = msgspec.msgpack.decode(raw, type=_Token)
    except (binascii.Error, ValueError, msgspec.DecodeError) as error:
        raise InvalidInput("Invalid page token", hint="send next_page_token as it was received") from error
    if token.query != _digest(call, query):
        raise InvalidInput("Invalid page token: it belongs to another query", hint="repeat filter, order and view")
    return token.after


def _digest(call: Call, query: object) -> bytes:
    return blake2b(msgspec.msgpack.encode((call.workspace, query)), digest_size=9).digest()
