"""What a store keeps of the workspaces themselves."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from trackway.api.workspaces import Workspace


class WorkspaceRow(NamedTuple):
    """A workspace.

    key:  what everything in it carries; it stays when the name is another
    name: what people call it
    """

    key: str
    name: str
    archived: bool


DEFAULT = WorkspaceRow("default", "default", False)
"""The workspace that every database begins with. It keeps its name, and is neither archived nor deleted."""


class Workspaces(Protocol):
    """The workspaces of an installation."""

    def create(self, workspace: Workspace) -> str | None:
        """Insert a workspace and return its key; None when the name is taken."""

    def count(self) -> int: ...
    def find(self, name: str) -> WorkspaceRow | None: ...
    def get(self, key: str) -> WorkspaceRow | None: ...
    def show(self, key: str) -> Workspace: ...
    def list(self) -> list[tuple[str, Workspace]]:
        """Return all workspaces with their keys, by name."""

    def list_entered(self, user_pk: int) -> set[str]:
        """Return the keys of the workspaces in which a user, a team of the user's, or everyone has any role."""

    def update(self, key: str, workspace: Workspace, archived_ms: int | None) -> bool:
        """Change a workspace; False when the new name is taken."""

    def find_content(self, key: str) -> str:
        """Return what kind of thing a workspace has, that would be lost with it; empty when it has nothing."""

    def delete(self, key: str) -> None:
        """Remove a workspace without content, with its teams, roles, grants, settings and audit log."""
