"""Hearing of changes that other processes made to a store."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

TOLD_BYTES: Final = 7_900
"""Longest text that can be told."""
Told = Callable[[str], None]
"""Called on a thread of the store's: with what another process told, or with an empty text for a change of whatever."""


class Watch(Protocol):
    """An ear at a store."""

    tells: bool
    """Whether there may be others that hear what is told."""

    def attend(self, listening: bool) -> None:
        """Say whether changes of whatever are of interest now; to look for them may cost something."""

    def tell(self, text: str) -> None:
        """Tell other processes something; what cannot be delivered is lost, as nothing depends on it.

        text: at most ``TOLD_BYTES`` as UTF-8
        """

    def close(self) -> None:
        """Hear no more."""
