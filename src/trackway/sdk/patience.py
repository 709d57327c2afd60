"""Trying again: for how long, at what distance, and when to stop."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

from trackway.base.errors import TrackwayError
from trackway.sdk.problems import Problems
from trackway.sdk.transport import LONGEST_DELAY_S, get_delay_s

T = TypeVar("T")

_WAITED_FOR = frozenset((401, 403, 501))
"""Refusals that are not the data's fault: it waits for a better credential, or for a newer server."""


class Stopped(Exception):
    """Delivery was asked to end, or its patience did, before everything was delivered."""


class Patience:
    """One thread's attempts at what may succeed later. Other threads may call ``wake`` and ``stop`` and read fields.

    limit_s:         for so long a failing attempt is repeated; None for ever
    failing_since_s: on the monotonic clock; None while attempts succeed
    """

    def __init__(self, problems: Problems, limit_s: float | None = None) -> None:
        self.failing_since_s: float | None = None
        self.last_error = ""
        self._problems = problems
        self._limit_s = limit_s
        self._waking = threading.Event()
        self._stopping = False

    def attempt(self, send: Callable[[], T], may_pass: Callable[[TrackwayError], bool]) -> T:
        """Do it until it is done, or refused with an error that will not pass.

        raises: that error; Stopped
        """
        attempts = 0
        while True:
            try:
                answer = send()
            except TrackwayError as error:
                if not may_pass(error):
                    self.failing_since_s = None
                    raise
                delay_s = LONGEST_DELAY_S if error.status in _WAITED_FOR else get_delay_s(error, attempts)
                self._note(error, delay_s)
            else:
                self.failing_since_s = None
                return answer
            self.rest(min(delay_s, LONGEST_DELAY_S))
            attempts += 1

    def rest(self, timeout_s: float) -> None:
        """Wait, but no longer than until somebody calls ``wake`` or ``stop``.

        raises: Stopped
        """
        if not self._stopping:
            self._waking.wait(timeout_s)
        self._waking.clear()
        if self._stopping:
            raise Stopped

    def wake(self) -> None:
        """End a rest, also that between two attempts."""
        self._waking.set()

    def stop(self) -> None:
        """Raise Stopped at this and every later rest."""
        self._stopping = True
        self._waking.set()

    def _note(self, error: TrackwayError, delay_s: float) -> None:
        now_s = time.monotonic()
        self.last_error = str(error)
        if self.failing_since_s is None:
            self.failing_since_s = now_s
        if self._limit_s is not None and now_s + delay_s > self.failing_since_s + self._limit_s:
            raise Stopped(str(error)) from error
        self._problems.note(f"delivery {error.code}", f"Cannot deliver now, and will try again: {error}")


def is_waited_for(error: TrackwayError) -> bool:
    """Tell whether an error is a refusal that is not the data's fault."""
    return error.status in _WAITED_FOR
