"""Counts of our own function calls and of SQL statements: budgets that do not wobble as times do."""

from __future__ import annotations

import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import CodeType, FrameType

import trackway

PACKAGE = str(Path(trackway.__file__).parent)
_STATEMENTS = ("Connection._execute", "Connection.many")
_UNNAMED = ("<genexpr>", "<listcomp>", "<dictcomp>", "<setcomp>", "<lambda>")


class Calls:
    """What was called since the last ``clear``; a coroutine counts again each time it goes on."""

    def __init__(self) -> None:
        self._codes: Counter[CodeType] = Counter()

    @property
    def counts(self) -> dict[str, int]:
        """Calls of each function of the package, by its file and name; of what has no name, none."""
        found = ((code, count) for code, count in list(self._codes.items()) if code.co_name not in _UNNAMED)
        return {f"{Path(code.co_filename).stem}.{code.co_qualname}": count for code, count in found}

    @property
    def statements(self) -> int:
        """SQL statements sent, but for the beginning and the end of a transaction."""
        return sum(count for name, count in self.counts.items() if name.removeprefix("connection.") in _STATEMENTS)

    def clear(self) -> None:
        """Begin anew."""
        self._codes.clear()

    def note(self, frame: FrameType, event: str, _: object) -> None:
        """Count one call: a function for ``sys.setprofile``."""
        if event == "call" and frame.f_code.co_filename.startswith(PACKAGE):
            self._codes[frame.f_code] += 1


@contextmanager
def count_calls() -> Iterator[Calls]:
    """Count calls on this thread, and on threads that start from here on, until the block ends."""
    calls = Calls()
    threading.setprofile(calls.note)
    sys.setprofile(calls.note)
    try:
        yield calls
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
