"""A blob store in this process's memory, for tests."""

from __future__ import annotations

from collections.abc import Iterator

from trackway.artifacts.base import CHUNK_BYTES, BlobStore
from trackway.base.errors import NotFound


class MemoryBlobs(BlobStore):
    """Blobs in a dict; every step on it is one that the interpreter does not interrupt, so it needs no lock."""

    def __init__(self) -> None:
        self._blobs: dict[str, bytes] = {}

    def _write(self, key: str, chunks: Iterator[bytes]) -> None:
        self._blobs[key] = b"".join(chunks)

    def _read(self, key: str, start: int, end: int | None) -> Iterator[bytes]:
        data = self._get(key)[start:end]
        for at in range(0, len(data), CHUNK_BYTES):
            yield data[at : at + CHUNK_BYTES]

    def _size(self, key: str) -> int:
        return len(self._get(key))

    def _delete(self, key: str) -> None:
        self._blobs.pop(key, None)

    def _list(self, folder: str) -> Iterator[tuple[str, int]]:
        below = f"{folder}/" if folder else ""
        for key, data in self._blobs.copy().items():
            if key.startswith(below):
                yield key, len(data)

    def _get(self, key: str) -> bytes:
        try:
            return self._blobs[key]
        except KeyError:
            raise NotFound("No such blob") from None
