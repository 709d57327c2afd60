"""Page tokens as this protocol writes them: base64 of a JSON object that says how many rows came before.

Beside that offset ours say where the page begins by our own token, so that page 1,000 costs what page 1 costs. One that
gives an offset alone, as clients make them who know the form, is gone to page by page.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

from trackway.api.operations import Operation
from trackway.api.structs import Request, Response
from trackway.base.errors import InvalidInput
from trackway.server.calls import Caller

Q = TypeVar("Q", bound=Request)
S = TypeVar("S", bound=Response)

STEP = 1_000
"""Rows that are passed over at once on the way to an offset."""


async def fetch_page(
    call: Caller, operation: Operation[Q, S], request: Q, bound: Mapping[str, Any] | None = None
) -> tuple[S | None, str]:
    """Carry out a search whose ``page_token`` is one of this protocol; return the page and the token of the next.

    request:  one with a limit and a page token, whose answer says the next page's
    bound:    fields of the request that a token carries, and for which alone it counts
    returns:  no page when the token's offset is past the end
    raises:   InvalidInput for a token that is none, or of another request
    """
    bound = bound or {}
    sent: Any = request
    text, limit = sent.page_token, sent.limit
    offset, after = _read(text, bound) if text else (0, "")
    if offset and not after:
        after = await _pass_over(call, operation, request, offset)
        if not after:
            return None, ""
    page = await call(operation, msgspec.structs.replace(request, page_token=after))
    following = _next(page)
    if not following:
        return page, ""
    token = {**bound, "offset": offset + limit, "after": following}
    return page, base64.b64encode(msgspec.json.encode(token)).decode()


async def _pass_over(call: Caller, operation: Operation[Q, S], request: Q, rows: int) -> str:
    """Return our token of the page after so many rows; empty when there are no more."""
    after = ""
    while rows:
        step = min(rows, STEP)
        page = await call(operation, msgspec.structs.replace(request, limit=step, page_token=after))
        after = _next(page)
        if not after:
            return ""
        rows -= step
    return after


def _next(page: Any) -> str:
    return str(page.next_page_token)


def _read(text: str, bound: Mapping[str, Any]) -> tuple[int, str]:
    try:
        token = msgspec.json.decode(base64.b64decode(text, validate=True), type=dict[str, Any])
    except (binascii.Error, ValueError, msgspec.DecodeError):
        raise _invalid("could not base64-decode") from None
    offset, after = token.get("offset"), token.get("after", "")
    if not isinstance(offset, int) or isinstance(offset, bool) or offset < 1 or not isinstance(after, str):
        raise _invalid(f"parsed value {str(offset)[:40]}")
    if any(token.get(name) != value for name, value in bound.items()):
        raise _invalid("it belongs to another search")
    return offset, after


def _invalid(fault: str) -> InvalidInput:
    return InvalidInput(f"Invalid page token, {fault}", hint="send next_page_token as it was received")
