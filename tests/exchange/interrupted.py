"""A transport that breaks off."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

from trackway.api.artifacts import FileEntry
from trackway.api.operations import Operation
from trackway.api.structs import Request, Response
from trackway.base.errors import Unavailable
from trackway.sdk.sources import Source
from trackway.sdk.transport import Transport

Q = TypeVar("Q", bound=Request)
S = TypeVar("S", bound=Response)


class Interrupted:
    """Lets ``calls`` calls and uploads through; the one after them fails, ``late`` when it has been carried out."""

    def __init__(self, transport: Transport, calls: int, late: bool = False) -> None:
        self._transport = transport
        self._late = late
        self.left = calls

    def call(self, operation: Operation[Q, S], request: Q, /) -> S:
        self._count(False)
        response = self._transport.call(operation, request)
        self._count(True)
        return response

    def upload(self, path: str, source: Source, /) -> FileEntry:
        self._count(False)
        entry = self._transport.upload(path, source)
        self._count(True)
        return entry

    def download(self, path: str, start: int = 0, /) -> Iterator[bytes]:
        return self._transport.download(path, start)

    def close(self) -> None:
        self._transport.close()

    def _count(self, done: bool) -> None:
        if done == self._late:
            self.left -= 1
            if self.left < 0:
                raise Unavailable("Interrupted")
