"""What a logging call that need not wait returns: something to wait for."""

from __future__ import annotations

from collections.abc import Callable

from trackway.base.errors import Unavailable


class RunOperations:
    """Logging on its way to the store."""

    def __init__(self, wait: Callable[[float], bool] | None = None) -> None:
        self._wait = wait

    def wait(self, timeout_s: float = 60.0) -> None:
        """Wait until it has arrived.

        raises: Unavailable when it has not in time; it stays in the journal, and will
        """
        if self._wait is not None and not self._wait(timeout_s):
            raise Unavailable(f"Not everything was delivered within {timeout_s:g} s", hint="it is in the journal")


DONE = RunOperations()
"""Of a call that has waited."""
