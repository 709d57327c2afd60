"""Files that are elsewhere, as sources of an upload."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from functools import partial

from trackway.api.artifacts import FileEntry
from trackway.exchange.history import PastFile
from trackway.sdk.sources import FileSource
from trackway.sdk.transport import Transport


class Download:
    """The bytes of a file that each call of ``read`` fetches anew.

    They pass through as they come; a file that is sent in parts is kept on disk meanwhile, as parts are read twice.
    """

    def __init__(self, read: Callable[[], Iterator[bytes]], size_bytes: int) -> None:
        self._read = read
        self._size_bytes = size_bytes
        self._copy: tempfile._TemporaryFileWrapper[bytes] | None = None

    @property
    def size_bytes(self) -> int:
        return self._size_bytes

    def __iter__(self) -> Iterator[bytes]:
        return self._read()

    def cut(self, start: int, size_bytes: int) -> FileSource:
        """Return some of the bytes."""
        if self._copy is None:
            self._copy = tempfile.NamedTemporaryFile(prefix="trackway-")  # noqa: SIM115 lives as long as this does
            self._copy.writelines(self._read())
            self._copy.flush()
        return FileSource(self._copy.name).cut(start, size_bytes)


def open_stored(transport: Transport, file: FileEntry, path: str) -> PastFile:
    """Return a file of a store's file tree as one of a history.

    path: what the history calls it
    """
    source = Download(partial(transport.download, file.path), file.size_bytes or 0)
    return PastFile(path, source, file.modified_ms, file.sha256)
