"""Which workspace a call is for, and what may be done there whoever calls."""

from __future__ import annotations

from typing import Any

from trackway.api import limits
from trackway.api.operations import Operation
from trackway.base.errors import Conflict, NotFound
from trackway.store.access import UserRow
from trackway.store.base import Transaction
from trackway.store.workspaces import DEFAULT, WorkspaceRow

BEYOND_WORKSPACES = ("system", "provisioning", "self")
"""Targets of which a role in a workspace says nothing."""


def find_workspace(tx: Transaction, name: str) -> WorkspaceRow:
    """Return a workspace by name.

    raises: NotFound
    """
    found = DEFAULT if name == DEFAULT.name else tx.workspaces.find(name)
    if found is None:
        raise miss_workspace(name)
    return found


def miss_workspace(name: str) -> NotFound:
    """Make the one error for a workspace that is not there, and for one that the caller has no role in.

    name: "" where a request named none, and is for the one that its caller chose before
    """
    if not name:
        return NotFound(
            "You have no role any more in the workspace that you chose for your requests",
            hint="choose another: `trackway workspaces choose default --workspace default`",
        )
    return NotFound(
        f"There is no workspace {name[: limits.WORKSPACE_NAME_CHARS]!r}",
        hint="see which there are for you with `trackway workspaces list`",
    )


def check_open(workspace: WorkspaceRow, operation: Operation[Any, Any]) -> None:
    """Refuse to change what an archived workspace has.

    raises: Conflict
    """
    access = operation.access
    if workspace.archived and access.writes and access.target not in BEYOND_WORKSPACES:
        raise Conflict(
            f"The workspace {workspace.name!r} is archived: nothing in it is changed",
            hint="an administrator can open it again: `trackway workspaces update --restore`",
        )


def list_entered(tx: Transaction, user: UserRow) -> set[str]:
    """Return the keys of the workspaces that a user may enter: the default one, and those with any role."""
    if user.is_admin:
        return {key for key, _ in tx.workspaces.list()}
    return tx.workspaces.list_entered(user.pk) | {DEFAULT.key}
