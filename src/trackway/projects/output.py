"""What a job writes, kept as files of its run while it goes on: in pieces, and never more than so much."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Final

from trackway.projects.backends import Stream

PIECE_BYTES: Final = 2**20
"""A file of output is closed at this size, and the next one begun."""
PIECES: Final = 64
"""Most files of one stream; what comes later is left out, but for its end."""
SMALL_BYTES: Final = 65_536
QUICK_S: Final = 2.0
"""How often the file that grows is stored again while it is small."""
SLOW_S: Final = 10.0
TAIL_BYTES: Final = 65_536
"""How much of the end is kept for those who ask what a job wrote last."""

Store = Callable[[str, bytes], None]
"""Stores a file of the run: its path and bytes."""


class _Log:
    """One stream of a job."""

    def __init__(self, name: Stream, store: Store) -> None:
        self._name = name
        self._store = store
        self._piece = bytearray()
        self._stored_bytes = 0
        self._stored_s = 0.0
        self._number = 0
        self._left_out = 0
        self.tail = bytearray()

    def write(self, data: bytes) -> None:
        self.tail += data
        del self.tail[:-TAIL_BYTES]
        while data:
            if self._number == PIECES:
                self._left_out += len(data)
                return
            room = PIECE_BYTES - len(self._piece)
            self._piece += data[:room]
            data = data[room:]
            if len(self._piece) == PIECE_BYTES:
                self._save()
                self._piece.clear()
                self._stored_bytes = 0
                self._number += 1

    def flush(self, *, due_only: bool = False) -> None:
        """Store what is new; with ``due_only``, when it was last stored long enough ago."""
        wait_s = QUICK_S if len(self._piece) <= SMALL_BYTES else SLOW_S
        if due_only and time.monotonic() - self._stored_s < wait_s:
            return
        if len(self._piece) > self._stored_bytes:
            self._save()

    def end(self) -> None:
        self.flush()
        if self._left_out > len(self.tail):
            note = f"[{self._left_out - len(self.tail):,} bytes were left out here]\n"
            self._store(f"logs/{self._name}.end.log", note.encode() + bytes(self.tail))
        elif self._left_out:
            self._store(f"logs/{self._name}.end.log", bytes(self.tail[-self._left_out :]))

    def _save(self) -> None:
        self._stored_s = time.monotonic()
        self._stored_bytes = len(self._piece)
        suffix = f".{self._number}" if self._number else ""
        self._store(f"logs/{self._name}{suffix}.log", bytes(self._piece))


class Output:
    """Keeps both streams of a job; any thread may call.

    Files are ``logs/stdout.log``, ``logs/stdout.1.log`` and so on, and the same of stderr. What grows is stored again
    every few seconds, whole, as stores have no way to append.

    limits: 64 files of 1 MiB a stream, then the last 64 KiB
    """

    def __init__(self, store: Store) -> None:
        self._lock = threading.Lock()
        self._logs: dict[Stream, _Log] = {"stdout": _Log("stdout", store), "stderr": _Log("stderr", store)}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="trackway-output", daemon=True)
        self._thread.start()

    def write(self, stream: Stream, data: bytes) -> None:
        """Take what a job wrote."""
        with self._lock:
            self._logs[stream].write(data)

    def read_tail(self, stream: Stream) -> bytes:
        """Return the end of what was written so far, up to 64 KiB."""
        with self._lock:
            return bytes(self._logs[stream].tail)

    def end(self) -> None:
        """Store what is left."""
        self._ended.set()
        self._thread.join()
        with self._lock:
            for log in self._logs.values():
                log.end()

    def _keep(self) -> None:
        while not self._ended.wait(QUICK_S / 2):
            with self._lock:
                for log in self._logs.values():
                    log.flush(due_only=True)
