"""Zip archives made while they are sent."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime

from trackway.artifacts.paths import check_artifact_path

Entry = tuple[str, int, int, Callable[[], Iterator[bytes]]]
"""(path in the archive, size_bytes, modified_ms, opens the bytes)."""

_FIRST_MS = 315_532_800_000
_LAST_MS = 4_354_819_198_000


def zip_stream(entries: Iterable[Entry]) -> Iterator[bytes]:
    """Yield a zip archive of ``entries``, each opened only when its turn comes.

    The bytes are stored, not compressed: what takes space in a run is compressed already. An entry's sizes and CRC
    follow its bytes (APPNOTE 6.3.10, section 4.4.4, bit 3), in Zip64 form when they are near 2 GiB or more; readers
    take them from the directory at the end. Times are UTC, from 1980 to 2107, in steps of 2 s.

    memory:  one chunk of an entry, and about 200 bytes an entry for the directory
    raises:  InvalidInput for a path that leaves the archive's folder; what an entry's bytes raise passes through, and
             the archive then has no directory, so that no reader takes it for whole
    """
    sink = _Sink()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_STORED) as archive:
        for path, size_bytes, modified_ms, open_bytes in entries:
            info = make_info(path, modified_ms)
            info.file_size = size_bytes  # chooses between the two forms
            with archive.open(info, "w") as member:
                for chunk in open_bytes():
                    member.write(chunk)
                    yield sink.take()
    yield sink.take()


def make_info(path: str, modified_ms: int) -> zipfile.ZipInfo:
    """Return what an archive says of a file before it knows its size; see ``zip_stream`` for the times."""
    info = zipfile.ZipInfo(check_artifact_path(path), _get_date_time(modified_ms))
    info.external_attr = 0o100644 << 16
    return info


class _Sink(io.RawIOBase):
    """A file that cannot seek, and hands over what was written to it since the last time."""

    def __init__(self) -> None:
        super().__init__()
        self._written: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: bytes, /) -> int:  # type: ignore[override]
        self._written.append(bytes(data))
        return len(data)

    def take(self) -> bytes:
        taken = b"".join(self._written)
        self._written.clear()
        return taken


def _get_date_time(modified_ms: int) -> tuple[int, int, int, int, int, int]:
    moment = datetime.fromtimestamp(min(max(modified_ms, _FIRST_MS), _LAST_MS) / 1000, UTC)
    return moment.year, moment.month, moment.day, moment.hour, moment.minute, moment.second
