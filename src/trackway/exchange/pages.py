"""What a store answers: lists page by page, and that something is not there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import msgspec

from trackway.api.operations import Operation
from trackway.api.structs import Request, Response
from trackway.base.errors import NotFound
from trackway.sdk.transport import Transport

Q = TypeVar("Q", bound=Request)
S = TypeVar("S", bound=Response)
T = TypeVar("T")


def read_pages(transport: Transport, operation: Operation[Q, S], request: Q) -> Iterator[S]:
    """Yield each page that an operation answers with; its request has a ``page_token``, its response the next one."""
    while True:
        page: Any = transport.call(operation, request)
        yield page
        if not page.next_page_token:
            return
        request = msgspec.structs.replace(request, page_token=page.next_page_token)


def find(read: Callable[[], T]) -> T | None:
    """Return what is read; None when it is not there."""
    try:
        return read()
    except NotFound:
        return None
