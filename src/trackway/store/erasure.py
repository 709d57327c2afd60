"""What a store does to forget: a workspace with all that it has, and a person's name."""

from __future__ import annotations

from typing import Final, Protocol

from trackway.api.workspaces import ErasedWorkspace

PSEUDONYM: Final = "erased-"
"""What a pseudonym begins with; no user's name does."""


class Erasure(Protocol):
    """Forgets for good."""

    def measure(self, workspace: str) -> ErasedWorkspace:
        """Count what a workspace has."""

    def erase_some(self, workspace: str, most: int) -> ErasedWorkspace:
        """Remove so many things and files of a workspace at most, and say what went; runs go first."""

    def replace_name(self, name: str, pseudonym: str, *, dry_run: bool) -> dict[str, int]:
        """Put a pseudonym wherever a user is named, and return how many rows of each table that changed, or would."""
