"""What a store keeps of legal holds."""

from __future__ import annotations

from typing import Protocol

from trackway.api.holds import Hold, HoldKind


class Holds(Protocol):
    """Legal holds of workspaces."""

    def create(self, workspace: str, hold: Hold) -> Hold:
        """Insert a hold, and return it with its id."""

    def get(self, workspace: str, hold_id: int) -> Hold | None: ...
    def list(self, workspace: str) -> list[Hold]: ...
    def delete(self, workspace: str, hold_id: int) -> None: ...
    def find(self, workspace: str, kind: HoldKind, target: str) -> Hold | None:
        """Return the oldest hold on an object, or on its whole workspace."""
