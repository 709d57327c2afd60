"""Where the bytes of an artifact come from."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from typing import Protocol, runtime_checkable

from trackway.base.errors import InvalidInput

CHUNK_BYTES = 1 << 20


class Source(Protocol):
    """Bytes to upload: each iteration yields all ``size_bytes`` of them in chunks, from the first on."""

    @property
    def size_bytes(self) -> int:
        """How many bytes there are."""

    def __iter__(self) -> Iterator[bytes]:
        """Begin anew, as a broken upload does."""


@runtime_checkable
class CutSource(Source, Protocol):
    """A source that can be read from anywhere, and so be sent in parts."""

    def cut(self, start: int, size_bytes: int) -> CutSource:
        """Return ``size_bytes`` of the bytes from ``start`` on; both lie within the source."""


class BytesSource:
    """Bytes in memory."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    @property
    def size_bytes(self) -> int:
        return len(self._data)

    def __iter__(self) -> Iterator[bytes]:
        view = memoryview(self._data)
        return (bytes(view[start : start + CHUNK_BYTES]) for start in range(0, len(view), CHUNK_BYTES))

    def cut(self, start: int, size_bytes: int) -> BytesSource:
        return BytesSource(self._data[start : start + size_bytes])


class FileSource:
    """The bytes that a file has when this is made, or those of them that ``cut`` gives.

    raises: InvalidInput, when it is made or read, if the file is not there, not readable, not a file, or became shorter
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._start = 0
        with _open(path) as file:
            self._size_bytes = os.fstat(file.fileno()).st_size

    @property
    def size_bytes(self) -> int:
        return self._size_bytes

    def __iter__(self) -> Iterator[bytes]:
        left = self._size_bytes
        with _open(self._path) as file:
            file.seek(self._start)
            while left:
                chunk = file.read(min(CHUNK_BYTES, left))
                if not chunk:
                    raise InvalidInput(
                        f"{self._path} ended {left} bytes early", hint="do not change a file while it is logged"
                    )
                left -= len(chunk)
                yield chunk

    def cut(self, start: int, size_bytes: int) -> FileSource:
        piece = FileSource.__new__(FileSource)
        piece._path, piece._start, piece._size_bytes = self._path, self._start + start, size_bytes
        return piece


def _open(path: str) -> io.FileIO:
    try:
        return io.FileIO(path)
    except OSError as error:
        raise InvalidInput(f"Cannot read {path}: {error.strerror}", hint="name a file that is there") from error
