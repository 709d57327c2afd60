"""What the C library does with memory that was freed: some is kept for the next request, and no more."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from threading import Event, Thread
from typing import Any

ARENAS = 2
"""Heaps that threads share. Each keeps what was freed in it, and the interpreter lets one thread work at a time."""
MAPPED_BYTES = 8 * 1024 * 1024
"""A block as large is given back as soon as it is freed."""
KEPT_BYTES = 2 * MAPPED_BYTES
"""So much of what was freed at the end of a heap is kept by itself."""
GIVE_BACK_S = 10.0
"""So often the rest is given back."""

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8


class FreedMemory:
    """Has glibc keep what small requests free, in few heaps, and give back the rest, now and then between them.

    By itself it gives back what is free beyond 128 KiB, and to get that again, page by page, takes a third of the time
    of curves; as soon as a large block was freed, it keeps twice as much in each of eight heaps a processor; and what
    lies between blocks in use it never gives back. With another C library this does nothing. Sources: mallopt(3),
    malloc_trim(3).

    cost: a millisecond every ten seconds
    """

    def __init__(self) -> None:
        library = ctypes.CDLL(None)
        self._trim: Callable[[int], Any] | None = getattr(library, "malloc_trim", None)
        self._stopped = Event()
        self._thread: Thread | None = None
        if self._trim is not None:
            for what, value in (
                (_M_ARENA_MAX, ARENAS),
                (_M_MMAP_THRESHOLD, MAPPED_BYTES),
                (_M_TRIM_THRESHOLD, KEPT_BYTES),
            ):
                library.mallopt(what, value)

    def start(self) -> None:
        """Begin to give back."""
        if self._trim is not None:
            self._thread = Thread(target=self._give_back, args=(self._trim,), name="trackway-memory", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """End it."""
        self._stopped.set()
        if self._thread is not None:
            self._thread.join()

    def _give_back(self, trim: Callable[[int], Any]) -> None:
        while not self._stopped.wait(GIVE_BACK_S):
            trim(0)
