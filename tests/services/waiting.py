"""Waiting for what is about to be so, and measuring how long something took, on a machine that may be busy."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")
LONG_S = 150.0


def wait_until(condition: Callable[[], T], within_s: float = LONG_S, pause_s: float = 0.02) -> T:
    """Ask again and again until the answer is a true one, and return it; fail when it has not come in time."""
    deadline_s = time.monotonic() + within_s
    while not (found := condition()):
        assert time.monotonic() < deadline_s, f"it did not come within {within_s} s"
        time.sleep(pause_s)
    return found


class Stopwatch:
    """Measures from its making on, but not while any process of the machine waits for a processor or a disk.

    So a limit is strict on a quiet machine, and on a busy one a test does not fail for what others do.
    """

    def __init__(self) -> None:
        self._begun_s, self._waited_s = time.monotonic(), _read_waited_s()

    def read_s(self) -> float:
        """Return how long it has been."""
        return time.monotonic() - self._begun_s - (_read_waited_s() - self._waited_s)


def _read_waited_s() -> float:
    """Read for how long any process of this machine has waited for a processor or a disk, if its kernel counts that."""
    with suppress(OSError):
        counted = [Path(f"/proc/pressure/{name}").read_text().splitlines()[0] for name in ("cpu", "io")]
        return sum(int(line.rpartition("total=")[2]) for line in counted) / 1e6
    return 0.0
