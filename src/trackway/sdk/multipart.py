"""Large files, sent in parts: what has arrived need not be sent again when the connection breaks.

Protocol: POST /uploads/<path> opens, PUT /uploads/<id>/<number>/<path> sends a part, GET /uploads/<id>/<path> lists the
parts that have arrived, PATCH /uploads/<id>/<path> makes the file of them.
"""

from __future__ import annotations

import hashlib
from typing import Any, Protocol, TypeVar
from urllib.parse import quote

import msgspec

from trackway.api.artifacts import FileEntry, Multipart
from trackway.base.errors import NotFound, Unavailable
from trackway.sdk.sources import CutSource, Source

PART_BYTES = 64 * 1024 * 1024
LARGE_BYTES = 4 * PART_BYTES
"""Files from this size on are sent in parts: making the file of its parts costs the server a copy."""

T = TypeVar("T")


class Part(msgspec.Struct, frozen=True):
    """A part that has arrived; numbers run from 1."""

    number: int
    size_bytes: int
    sha256: str


class _Parts(msgspec.Struct, frozen=True):
    parts: list[Part]


class Exchange(Protocol):
    """Makes one exchange with the server, tried again as long as the transport does."""

    def __call__(self, method: str, path: str, response: type[T], body: Any = None, /) -> T:
        """Send ``body`` (a source, JSON as bytes, or nothing) and return the decoded answer."""


class PartedUploads:
    """The uploads of one transport that were begun and not finished, by path."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._open: dict[str, Multipart] = {}

    def upload(self, path: str, source: CutSource) -> FileEntry:
        """Send a file in parts, going on where an earlier call for the same bytes broke off."""
        place = quote(path)
        arrived = self._find_parts(path, place)
        upload = self._open.get(path)
        if upload is None:
            upload = self._open[path] = self._exchange("POST", f"/uploads/{place}", Multipart)
        parts = []
        for number, start in enumerate(range(0, source.size_bytes, PART_BYTES), 1):
            piece = source.cut(start, min(PART_BYTES, source.size_bytes - start))
            wanted = Part(number, piece.size_bytes, _digest(piece))
            if arrived.get(number) != wanted:
                sent = self._exchange("PUT", f"/uploads/{upload.upload_id}/{number}/{place}", Part, piece)
                if sent != wanted:
                    raise Unavailable(f"The bytes of {path} were damaged on their way", hint="send them again")
            parts.append(wanted)
        listed = msgspec.json.encode(_Parts(parts))
        entry = self._exchange("PATCH", f"/uploads/{upload.upload_id}/{place}", FileEntry, listed)
        del self._open[path]
        return entry

    def _find_parts(self, path: str, place: str) -> dict[int, Part]:
        upload = self._open.get(path)
        if upload is None:
            return {}
        try:
            listed = self._exchange("GET", f"/uploads/{upload.upload_id}/{place}", _Parts)
        except NotFound:  # the server gave it up, or has completed it and its answer was lost
            del self._open[path]
            return {}
        return {part.number: part for part in listed.parts}


def _digest(source: Source) -> str:
    digest = hashlib.sha256()
    for chunk in source:
        digest.update(chunk)
    return digest.hexdigest()
