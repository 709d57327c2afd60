"""Whom to ask for a right that one has not."""

from __future__ import annotations

from trackway.api import limits
from trackway.api.operations import Access
from trackway.auth.places import BEYOND_WORKSPACES
from trackway.auth.rights import ALL, Rights
from trackway.base.errors import PermissionDenied
from trackway.store.base import Transaction


def list_administrators(tx: Transaction, rights: Rights, *, of_installation: bool = False) -> list[str]:
    """Return the names of others who can give a caller a role in its workspace; where nobody else, the installation's.

    Names of administrators are what a guesser of passwords looks for, so they are told to people whom the installation
    knows, and only of a workspace that they may enter. A stranger has no rights and does not come here. A service
    account, and a token with a role, belong to programs and get around: they are told nobody's name.

    cost: two statements or three
    """
    if rights.actor.kind != "user" or rights.ceiling != ALL:
        return []
    workspace = "" if of_installation else rights.place.key
    found = tx.access.list_administrators(workspace, limits.ADMINISTRATORS_NAMED + 1)
    return [name for name in found if name != rights.actor.name][: limits.ADMINISTRATORS_NAMED]


def advise(tx: Transaction, rights: Rights, access: Access, error: PermissionDenied) -> None:
    """Have an error say what would help its caller: another credential, or somebody by name."""
    if access.permission not in rights.ceiling:
        error.hint = "this token permits no more than its role: sign in, or send one without a role"
        return
    beyond = access.target in BEYOND_WORKSPACES
    if not beyond and not rights.enters:
        error.hint = f"you have no role in the workspace {rights.place.name!r} yet; its administrators can give you one"
    names = list_administrators(tx, rights, of_installation=beyond)
    if names:
        asked = f"ask {' or '.join(names)}"
        error.hint = f"{error.hint}: {asked}" if error.hint else asked
