"""Times that tell an order, although a millisecond holds several calls and clocks are set back."""

from __future__ import annotations

AHEAD_MS = 100


class Moments:
    """Hands out times of creation, each later than the one before, so that an order by them is the order of creation.

    They run at most ``AHEAD_MS`` ahead of the clock: ties come back when more is created than one a millisecond for
    long, and between servers that share a store.
    """

    def __init__(self) -> None:
        self._last_ms = 0

    def next_ms(self, now_ms: int) -> int:
        """Return the time of a creation."""
        self._last_ms = min(max(now_ms, self._last_ms + 1), now_ms + AHEAD_MS)
        return self._last_ms


def later_ms(now_ms: int, before_ms: int) -> int:
    """Return the time of a change, which is later than that of the change before."""
    return max(now_ms, before_ms + 1)
