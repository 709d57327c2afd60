"""What went wrong while logging: counted, told once of each kind, raised only when the user wants that."""

from __future__ import annotations

import logging
import os
import threading

from trackway.base.errors import TrackwayError
from trackway.sdk import settings

_logger = logging.getLogger("trackway")


class Problems:
    """The problems of one process's logging.

    Training must not end because its tracking does: what a logging call or the delivery behind it cannot do is noted
    here. The first of each kind is a warning of the logger ``trackway``; all are counted for ``trackway.status()``.
    """

    def __init__(self) -> None:
        self._strict: bool | None = None
        self._lock = threading.Lock()
        self._owed: Exception | None = None
        self.counts: dict[str, int] = {}
        self.last = ""

    @property
    def strict(self) -> bool:
        """Whether logging calls raise: as set here, else as TRACKWAY_STRICT says."""
        if self._strict is None:
            self._strict = settings.get_switch("TRACKWAY_STRICT")
        return self._strict

    @strict.setter
    def strict(self, value: bool | None) -> None:
        self._strict = value

    def note(self, kind: str, problem: str) -> None:
        """Count a problem; warn when it is the first of its kind."""
        with self._lock:
            count = self.counts[kind] = self.counts.get(kind, 0) + 1
            self.last = problem
        if count == 1:
            _logger.warning("%s. Training goes on; more of this kind is only counted: trackway.status()", problem)

    def note_refusal(self, error: TrackwayError, problem: str) -> None:
        """Count what the store refused after its call had returned; when strict, ``raise_owed`` raises the first."""
        if self.strict and self._owed is None:
            self._owed = error
        self.note(f"refused {error.code}", problem)

    def raise_owed(self) -> None:
        """Raise, once, what the store refused meanwhile."""
        owed, self._owed = self._owed, None
        if owed is not None:
            raise owed

    def raise_or_note(self, kind: str, error: Exception) -> None:
        """Raise a logging call's error when strict, else count it."""
        if self.strict:
            raise error
        self.note(kind, str(error) if isinstance(error, TrackwayError) else f"{type(error).__name__}: {error}")

    def clear(self) -> None:
        """Begin anew."""
        with self._lock:
            self.counts.clear()
            self.last = ""
            self._owed = None


PROBLEMS = Problems()
"""Those of this process."""


def _forget_in_child() -> None:
    PROBLEMS._lock = threading.Lock()


os.register_at_fork(after_in_child=_forget_in_child)
