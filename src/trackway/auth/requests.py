"""The quota of a workspace on requests: counted in memory, by each process for itself."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Final

from trackway.base.errors import RateLimited

BURST_S: Final = 10.0
"""So many seconds' worth may come at once, after a time without any."""
KEPT: Final = 10_000
"""Most workspaces that are counted at a time."""


class _Count:
    """What one workspace has asked for: what it may still do at once, and how many came in this minute and the last."""

    __slots__ = ("at_s", "before", "left", "minute", "now")

    def __init__(self, at_s: float) -> None:
        self.at_s = at_s
        self.left = math.inf
        self.minute = int(at_s // 60)
        self.now = self.before = 0


class RequestCounts:
    """Counts requests of workspaces, and refuses those beyond a quota.

    processes: how many serve beside one another on this machine: each lets its share through
    """

    def __init__(self, processes: int = 1, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._processes = processes
        self._clock_s = clock_s
        self._counts: dict[str, _Count] = {}

    def take(self, workspace: str, per_minute: int | None) -> None:
        """Count a request of a workspace.

        raises: RateLimited when its quota is used up, with the time after which there is some again
        """
        now_s = self._clock_s()
        rate = None if per_minute is None else per_minute / 60 / self._processes
        count = self._counts.get(workspace)
        if count is None:
            if len(self._counts) >= KEPT:
                self._counts.clear()
            count = self._counts[workspace] = _Count(now_s)
        self._turn(count, now_s)
        if rate is None:
            count.left = math.inf
        else:
            count.left = min(max(1.0, rate * BURST_S), count.left + (now_s - count.at_s) * rate)
            if count.left < 1:
                count.at_s = now_s
                raise RateLimited(
                    f"The workspace has used up its quota of {per_minute:,} requests a minute",
                    hint="send fewer and larger requests, or ask an administrator for more",
                    details={"quota": "requests", "limit": per_minute},
                    retry_after_s=min(60.0, max(1.0, (1 - count.left) / rate)),
                )
            count.left -= 1
        count.at_s = now_s
        count.now += 1

    def count(self, workspace: str) -> int:
        """Return how many requests were let through in the last full minute, by this process."""
        count = self._counts.get(workspace)
        if count is None:
            return 0
        self._turn(count, self._clock_s())
        return count.before

    def _turn(self, count: _Count, now_s: float) -> None:
        minute = int(now_s // 60)
        if minute != count.minute:
            count.before = count.now if minute == count.minute + 1 else 0
            count.now, count.minute = 0, minute
