"""Users and their permissions, as this protocol's basic-auth application has them, on top of users and grants.

Its permissions are roles here: READ and USE that of a reader, EDIT an editor's, MANAGE a manager's. What nobody was
given is not permitted, so that NO_PERMISSIONS is the absence of a grant.
"""

from __future__ import annotations

from typing import Literal

from trackway.api import access as c
from trackway.api import operations as ops
from trackway.base.errors import AlreadyExists, InvalidInput, NotFound
from trackway.server.calls import Caller
from trackway.server.mlflow.codec import Message, Needed
from trackway.server.mlflow.encoders import EMPTY, encode
from trackway.server.mlflow.errors import missing_value

ROLES = {"READ": "reader", "USE": "reader", "EDIT": "editor", "MANAGE": "manager"}
PERMISSIONS = {"reader": "READ", "editor": "EDIT", "manager": "MANAGE", "admin": "MANAGE"}
"""What a role is told as; one of an installation's own is not told."""
KINDS: dict[str, c.GrantKind] = {
    "experiment": "experiment",
    "registered_model": "registered_model",
    "workspace": "workspace",
}
_NOT_GIVEN = {
    "NO_PERMISSIONS": "take the permission back",
    "DENY": "nothing is denied here, as nothing is permitted that was not given: take back what permits it",
}
"""What to do instead of giving a permission that this server has not."""


class Create(Message, frozen=True, kw_only=True):
    """Create a user."""

    username: Needed
    password: Needed


class ByName(Message, frozen=True, kw_only=True):
    """Name a user."""

    username: Needed


class Nothing(Message, frozen=True, kw_only=True):
    """Ask about oneself, or about all."""


class SetPassword(Message, frozen=True, kw_only=True):
    """Set a password: one's own with the current one, or as an administrator."""

    username: Needed
    password: Needed
    current_password: str = ""


class SetAdmin(Message, frozen=True, kw_only=True):
    """Make somebody an administrator, or not."""

    username: Needed
    is_admin: bool


class OnExperiment(Message, frozen=True, kw_only=True):
    """Name a user's permission on an experiment; ``permission`` where it is set."""

    experiment_id: Needed
    username: Needed
    permission: str = ""


class OnModel(Message, frozen=True, kw_only=True):
    """Name a user's permission on a registered model; ``permission`` where it is set."""

    name: Needed
    username: Needed
    permission: str = ""


class OnResource(Message, frozen=True, kw_only=True):
    """Name a user's permission on something."""

    username: Needed
    resource_type: Needed
    resource_id: Needed
    permission: str = ""


async def create(call: Caller, m: Create) -> bytes:
    """Create a user with a password."""
    made = await call(ops.CREATE_USER, c.CreateUser(name=m.username, password=m.password))
    return encode({"user": _show(made.user) | {"experiment_permissions": [], "registered_model_permissions": []}})


async def get(call: Caller, m: ByName) -> bytes:
    """Get a user, with what was given to it; everybody may ask about themselves."""
    me = await call(ops.WHO_AM_I, c.WhoAmI())
    if not me.is_admin and me.name.lower() == m.username.lower():
        own = {"id": me.number, "username": me.name, "is_admin": me.is_admin}
        return encode({"user": {**own, "experiment_permissions": [], "registered_model_permissions": []}})
    user = await call(ops.GET_USER, c.UserName(name=m.username))
    grants = (await call(ops.LIST_GRANTS, c.ListGrants(subject_kind="user", subject=user.name))).grants
    experiments = [_show_grant(one, user.number) for one in grants if one.target_kind == "experiment"]
    models = [_show_grant(one, user.number) for one in grants if one.target_kind == "registered_model"]
    shown = _show(user) | {"experiment_permissions": experiments, "registered_model_permissions": models}
    return encode({"user": shown})


async def list_all(call: Caller, _m: Nothing) -> bytes:
    """List users."""
    page = await call(ops.LIST_USERS, c.ListUsers(limit=50_000))
    return encode({"users": [_show(one) for one in page.users]})


async def get_current(call: Caller, _m: Nothing) -> bytes:
    """Get who calls."""
    me = await call(ops.WHO_AM_I, c.WhoAmI())
    user = {"id": me.number, "username": me.name, "is_admin": me.is_admin}
    return encode({"user": user, "is_basic_auth": me.means == "password"})


async def set_password(call: Caller, m: SetPassword) -> bytes:
    """Set a password; one's own needs the current one, unless an administrator sets it."""
    me = await call(ops.WHO_AM_I, c.WhoAmI())
    if me.name.lower() == m.username.lower() and (m.current_password or not me.is_admin):
        if not m.current_password:
            raise missing_value("current_password")
        await call(ops.CHANGE_PASSWORD, c.ChangePassword(current=m.current_password, password=m.password))
        return EMPTY
    await call(ops.SET_PASSWORD, c.SetPassword(name=m.username, password=m.password))
    return EMPTY


async def set_admin(call: Caller, m: SetAdmin) -> bytes:
    """Make somebody an administrator, or not."""
    await call(ops.UPDATE_USER, c.UpdateUser(name=m.username, is_admin=m.is_admin))
    return EMPTY


async def delete(call: Caller, m: ByName) -> bytes:
    """Delete a user."""
    await call(ops.DELETE_USER, c.UserName(name=m.username))
    return EMPTY


class Permissions:
    """The four routes of permissions on one kind of object."""

    def __init__(self, kind: Literal["experiment", "registered_model"]) -> None:
        self._kind: c.GrantKind = kind
        self._answer = f"{kind}_permission"

    async def create(self, call: Caller, m: OnExperiment | OnModel) -> bytes:
        """Give a permission that the user does not have yet."""
        if await _find(call, m.username, self._kind, _name(m)) is not None:
            raise AlreadyExists(f"{m.username} has a permission there already", hint="update it")
        made = await _give(call, m.username, self._kind, _name(m), m.permission)
        return self._tell(made)

    async def get(self, call: Caller, m: OnExperiment | OnModel) -> bytes:
        """Get a permission."""
        return self._tell(await _require(call, m.username, self._kind, _name(m)))

    async def update(self, call: Caller, m: OnExperiment | OnModel) -> bytes:
        """Change a permission that is there."""
        await _require(call, m.username, self._kind, _name(m))
        await _give(call, m.username, self._kind, _name(m), m.permission)
        return EMPTY

    async def delete(self, call: Caller, m: OnExperiment | OnModel) -> bytes:
        """Take a permission back."""
        found = await _require(call, m.username, self._kind, _name(m))
        await call(ops.DELETE_GRANT, c.GrantId(grant_id=found.grant_id))
        return EMPTY

    def _tell(self, grant: c.Grant) -> bytes:
        return encode({self._answer: _show_grant(grant, grant.subject_number)})


async def grant(call: Caller, m: OnResource) -> bytes:
    """Give a permission, in place of another."""
    await _give(call, m.username, _kind(m), _resource(m), m.permission)
    return EMPTY


async def revoke(call: Caller, m: OnResource) -> bytes:
    """Take a permission back."""
    found = await _require(call, m.username, _kind(m), _resource(m))
    await call(ops.DELETE_GRANT, c.GrantId(grant_id=found.grant_id))
    return EMPTY


async def get_permission(call: Caller, m: OnResource) -> bytes:
    """Get a permission that a user was given."""
    found = await _find(call, m.username, _kind(m), _resource(m))
    permission = PERMISSIONS.get(found.role) if found else None
    return encode({"allowed": permission is not None, "permission": permission or "NO_PERMISSIONS"})


async def list_permissions(call: Caller, m: ByName) -> bytes:
    """List what a user was given."""
    grants = (await call(ops.LIST_GRANTS, c.ListGrants(subject_kind="user", subject=m.username))).grants
    return encode({"permissions": [show_permission(one) for one in grants]})


def find_role(permission: str) -> str:
    """Return the role that stands for a permission.

    raises: InvalidInput for one that there is not
    """
    role = ROLES.get(permission)
    if role is None:
        hint = _NOT_GIVEN.get(permission, f"one of {', '.join(ROLES)}")
        raise InvalidInput(f"Invalid permission {permission[:40]!r}", hint=hint)
    return role


def find_kind(resource_type: str) -> c.GrantKind:
    """Return what a type of resource is called here.

    raises: InvalidInput for one that nothing is given on
    """
    kind = KINDS.get(resource_type)
    if kind is None:
        raise InvalidInput(f"Invalid resource type {resource_type[:40]!r}", hint=f"one of {', '.join(KINDS)}")
    return kind


def find_target(kind: c.GrantKind, pattern: str) -> str:
    """Return what a pattern of resources stands for: an id or name, or many names by ``*``.

    raises: InvalidInput for a part of a workspace
    """
    if kind != "workspace":
        return pattern
    if pattern != "*":
        raise InvalidInput(f"Invalid resource pattern {pattern[:40]!r} of a workspace", hint="the one there is is *")
    return ""


def show_permission(grant: c.Grant | c.OwnGrant) -> dict[str, object]:
    """Return a grant as a permission on a pattern of resources."""
    return {
        "resource_type": grant.target_kind,
        "resource_pattern": grant.target or "*",
        "permission": PERMISSIONS.get(grant.role, "NO_PERMISSIONS"),
    }


async def _give(call: Caller, user: str, kind: c.GrantKind, target: str, permission: str) -> c.Grant:
    role = find_role(permission)
    request = c.CreateGrant(subject_kind="user", subject=user, target_kind=kind, target=target, role=role)
    return await call(ops.CREATE_GRANT, request)


async def _find(call: Caller, user: str, kind: c.GrantKind, target: str) -> c.Grant | None:
    request = c.ListGrants(subject_kind="user", subject=user, target_kind=kind, target=target)
    return next(iter((await call(ops.LIST_GRANTS, request)).grants), None)


async def _require(call: Caller, user: str, kind: c.GrantKind, target: str) -> c.Grant:
    found = await _find(call, user, kind, target)
    if found is None:
        raise NotFound(f"{user[:80]!r} has no permission of its own on the {kind.replace('_', ' ')} {target[:80]!r}")
    return found


def _name(m: OnExperiment | OnModel) -> str:
    return m.experiment_id if isinstance(m, OnExperiment) else m.name


def _kind(m: OnResource) -> c.GrantKind:
    return find_kind(m.resource_type)


def _resource(m: OnResource) -> str:
    return "" if m.resource_type == "workspace" else m.resource_id


def _show(user: c.User) -> dict[str, object]:
    return {"id": user.number, "username": user.name, "is_admin": user.is_admin}


def _show_grant(grant: c.Grant, user: int) -> dict[str, object]:
    name = "experiment_id" if grant.target_kind == "experiment" else "name"
    return {name: grant.target, "user_id": user, "permission": PERMISSIONS.get(grant.role, "NO_PERMISSIONS")}
