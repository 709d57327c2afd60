"""How far a long transfer is, for somebody who waits for it."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from types import TracebackType

from trackway.sdk import settings
from trackway.sdk.sources import CutSource

SHOWN_BYTES = 32 * 1024 * 1024
"""Less than this is moved before anybody wonders."""
REFRESH_S = 0.5


class Progress:
    """One line on the standard error stream that says how far a transfer is, written anew at most twice a second.

    what:         such as ``fetching``
    total_bytes:  of all that is moved; None when nobody knows
    muted:        write nothing

    Nothing is written either for less than ``SHOWN_BYTES``, when the stream is neither a terminal nor a notebook's, and
    when TRACKWAY_PROGRESS is off. Not thread-safe.
    """

    def __init__(self, what: str, total_bytes: int | None, *, muted: bool = False) -> None:
        self._what = what
        self._total_bytes = total_bytes
        self._moved_bytes = 0
        self._begin_s = self._written_s = time.monotonic()
        self._width = 0
        self._shown = not muted and _is_watched() and settings.get_switch("TRACKWAY_PROGRESS")

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._width:
            self._write("\n")

    def add(self, moved_bytes: int) -> None:
        """Say that so many more bytes were moved."""
        self.reach(self._moved_bytes + moved_bytes)

    def reach(self, moved_bytes: int) -> None:
        """Say that so many bytes were moved altogether; a smaller number than before does not count."""
        self._moved_bytes = max(self._moved_bytes, moved_bytes)
        large = (self._total_bytes or self._moved_bytes) >= SHOWN_BYTES
        if self._shown and large and time.monotonic() - self._written_s >= REFRESH_S:
            self._write("")

    def watch(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """Yield the chunks of a file that is fetched, and count them."""
        for chunk in chunks:
            yield chunk
            self.add(len(chunk))

    def watch_source(self, source: CutSource) -> CutSource:
        """Return a source that counts what is read of it; what is read again, as after a broken line, counts once."""
        start = self._moved_bytes
        return WatchedSource(source, lambda position: self.reach(start + position))

    def _write(self, end: str) -> None:
        self._written_s = time.monotonic()
        speed = self._moved_bytes / max(self._written_s - self._begin_s, 0.001)
        total = "" if self._total_bytes is None else f" of {format_bytes(self._total_bytes)}"
        line = f"{self._what}: {format_bytes(self._moved_bytes)}{total}, {format_bytes(int(speed))}/s"
        sys.stderr.write(f"\r{line.ljust(self._width)}{end}")
        sys.stderr.flush()
        self._width = len(line)


class WatchedSource:
    """A source that tells how far it was read.

    tell:  called with the position behind each chunk; positions are those of the whole source also in pieces cut of it
    """

    def __init__(self, source: CutSource, tell: Callable[[int], None], start: int = 0) -> None:
        self._source = source
        self._tell = tell
        self._start = start

    @property
    def size_bytes(self) -> int:
        return self._source.size_bytes

    def __iter__(self) -> Iterator[bytes]:
        position = self._start
        for chunk in self._source:
            yield chunk
            position += len(chunk)
            self._tell(position)

    def cut(self, start: int, size_bytes: int) -> WatchedSource:
        return WatchedSource(self._source.cut(start, size_bytes), self._tell, self._start + start)


def format_bytes(size: int) -> str:
    """Return a size for people."""
    amount = float(size)
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 1000:
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} TB"


def tell(text: str) -> None:
    """Say at once what somebody at a terminal or a notebook waits for, unless TRACKWAY_PROGRESS is off."""
    if _is_watched() and settings.get_switch("TRACKWAY_PROGRESS"):
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()


def _is_watched() -> bool:
    return sys.stderr.isatty() or "ipykernel" in sys.modules
