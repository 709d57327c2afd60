"""Lists that a store answers page by page."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeVar

import msgspec

from trackway.api.operations import Operation
from trackway.api.structs import Request, Response
from trackway.sdk.transport import Transport

Q = TypeVar("Q", bound=Request)
S = TypeVar("S", bound=Response)


def read_pages(transport: Transport, operation: Operation[Q, S], request: Q) -> Iterator[S]:
    """Yield each page that an operation answers with; its request has a ``page_token``, its response the next one."""
    while True:
        page: Any = transport.call(operation, request)
        yield page
        if not page.next_page_token:
            return
        request = msgspec.structs.replace(request, page_token=page.next_page_token)
