"""Whose turn it is to write to SQLite, which has one writer at a time: a thread's, or an event loop's."""

from __future__ import annotations

import threading
from collections.abc import Callable


class Turn:
    """A lock for two, that the thread waits for, as a context, and that the loop is called with, as it cannot wait.

    Whoever gives it back gives it to the other one if that waits for it, so that neither has to wait for long.
    """

    def __init__(self) -> None:
        self._free = threading.Condition()
        self._taken = False
        self._waiting: Callable[[], object] | None = None

    def __enter__(self) -> None:
        with self._free:
            while self._taken:
                self._free.wait()
            self._taken = True

    def __exit__(self, *_error: object) -> None:
        self.give()

    def take_or(self, call: Callable[[], object]) -> bool:
        """Take the turn, or else have ``call`` called once there is the turn, with it, on the thread that gives it."""
        with self._free:
            if self._taken:
                self._waiting = call
                return False
            self._taken = True
            return True

    def stop_waiting(self) -> bool:
        """Wait no longer; False when ``call`` was called already, with the turn."""
        with self._free:
            waiting, self._waiting = self._waiting, None
            return waiting is not None

    def give(self) -> None:
        """Give the turn back."""
        with self._free:
            waiting, self._waiting = self._waiting, None
            if waiting is not None:
                waiting()
                return
            self._taken = False
            self._free.notify()
