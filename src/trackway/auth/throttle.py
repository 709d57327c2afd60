"""Slowing down who guesses passwords: by name and address, by address, and by name from wherever."""

from __future__ import annotations

from collections.abc import Iterable

from trackway.base.errors import RateLimited

WINDOW_S = 900.0
TRIES = 10
"""Failures with one name from one address within the window, after which it waits."""
TRIES_WIDE = 100
"""Failures from one address with any names, or with one name from any addresses."""
KEPT = 50_000


class Throttle:
    """Counts failures in memory, of this process. What is not known to exist is counted like what is."""

    def __init__(self) -> None:
        self._failures: dict[str, tuple[int, float]] = {}

    def check(self, name: str, address: str, now_s: float) -> None:
        """Let a try pass.

        raises: RateLimited when there were too many failures
        """
        for key, most in _keys(name, address):
            count, since_s = self._failures.get(key, (0, now_s))
            if count >= most and now_s - since_s < WINDOW_S:
                wait_s = WINDOW_S - (now_s - since_s)
                raise RateLimited("Too many wrong passwords", hint="wait, then try again", retry_after_s=wait_s)

    def fail(self, name: str, address: str, now_s: float) -> None:
        """Count a failure; a window begins with its first."""
        if len(self._failures) >= KEPT:
            self._drop(now_s)
        for key, _ in _keys(name, address):
            count, since_s = self._failures.get(key, (0, now_s))
            if now_s - since_s >= WINDOW_S:
                count, since_s = 0, now_s
            self._failures[key] = (count + 1, since_s)

    def succeed(self, name: str, address: str) -> None:
        """Forget the failures with a name from an address."""
        self._failures.pop(next(key for key, _ in _keys(name, address)), None)

    def _drop(self, now_s: float) -> None:
        """Forget windows that have ended; all of them when there are too many still."""
        self._failures = {key: held for key, held in self._failures.items() if now_s - held[1] < WINDOW_S}
        if len(self._failures) >= KEPT:
            self._failures.clear()


def _keys(name: str, address: str) -> Iterable[tuple[str, int]]:
    folded = name.lower()[:100]
    return iter(((f"{folded}\x00{address}", TRIES), (f"\x00{address}", TRIES_WIDE), (f"{folded}\x00", TRIES_WIDE)))
