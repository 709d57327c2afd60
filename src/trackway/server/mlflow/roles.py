"""Roles as this protocol's clients of 3.x manage them: each is a team here, with its grants and its members.

What this server calls a role is what one grant permits; see ``users`` for how that is told. A role's id is the team's
number, a permission's that of the grant. Both name something in one workspace, whichever a request is for.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

import msgspec

from trackway.api import access as c
from trackway.api import operations as ops
from trackway.api import workspaces as w
from trackway.base.errors import AlreadyExists, InvalidInput, NotFound, PermissionDenied
from trackway.server.calls import Caller
from trackway.server.mlflow.codec import Int64, Message, Needed
from trackway.server.mlflow.encoders import EMPTY, encode
from trackway.server.mlflow.users import ByName, Nothing, find_kind, find_role, find_target, show_permission

T = TypeVar("T")


class Create(Message, frozen=True, kw_only=True):
    """Create a role."""

    name: Needed
    workspace: Needed
    description: str = ""


class ById(Message, frozen=True, kw_only=True):
    """Name a role."""

    role_id: Int64


class InWorkspace(Message, frozen=True, kw_only=True):
    """Name a workspace; none for all."""

    workspace: str = ""


class Update(Message, frozen=True, kw_only=True):
    """Rename or describe a role."""

    role_id: Int64
    name: str | None = None
    description: str | None = None


class Add(Message, frozen=True, kw_only=True):
    """Give a role a permission."""

    role_id: Int64
    resource_type: Needed
    resource_pattern: Needed
    permission: Needed


class ByPermission(Message, frozen=True, kw_only=True):
    """Name a permission of a role."""

    role_permission_id: Int64


class Change(Message, frozen=True, kw_only=True):
    """Change a permission of a role."""

    role_permission_id: Int64
    permission: Needed


class Assign(Message, frozen=True, kw_only=True):
    """Name a user and a role."""

    username: Needed
    role_id: Int64


async def create(call: Caller, m: Create) -> bytes:
    """Create a role."""
    _enter(call, m.workspace)
    return await _tell(call, await call(ops.CREATE_TEAM, c.CreateTeam(team=m.name, description=m.description)))


async def get(call: Caller, m: ById) -> bytes:
    """Get a role."""
    return await _tell(call, await _find(call, m.role_id))


async def list_all(call: Caller, m: InWorkspace) -> bytes:
    """List the roles of a workspace, or of all."""
    roles = []
    for name in [m.workspace] if m.workspace else await _list_places(call):
        _enter(call, name)
        roles += await _show_all(call, lambda _team: True)
    return encode({"roles": roles})


async def update(call: Caller, m: Update) -> bytes:
    """Rename or describe a role."""
    if m.name is None and m.description is None:
        raise InvalidInput("There is nothing to change", hint="send name or description")
    found = await _find(call, m.role_id)
    request = c.UpdateTeam(team=found.team, name=m.name, description=m.description)
    return await _tell(call, await call(ops.UPDATE_TEAM, request))


async def delete(call: Caller, m: ById) -> bytes:
    """Delete a role with what it permits."""
    await call(ops.DELETE_TEAM, c.TeamName(team=(await _find(call, m.role_id)).team))
    return EMPTY


async def add_permission(call: Caller, m: Add) -> bytes:
    """Give a role a permission that it does not have."""
    found = await _find(call, m.role_id)
    kind, role = find_kind(m.resource_type), find_role(m.permission)
    target = find_target(kind, m.resource_pattern)
    if any((one.target_kind, one.target) == (kind, target) for one in await _list_grants(call, found)):
        raise AlreadyExists(f"The role has a permission on that {m.resource_type} already", hint="update it")
    return _tell_permission(found.number, await _give(call, found.team, kind, target, role))


async def remove_permission(call: Caller, m: ByPermission) -> bytes:
    """Take a permission of a role back."""
    _, found = await _find_permission(call, m.role_permission_id)
    await call(ops.DELETE_GRANT, c.GrantId(grant_id=found.grant_id))
    return EMPTY


async def list_permissions(call: Caller, m: ById) -> bytes:
    """List what a role permits."""
    found = await _find(call, m.role_id)
    permissions = [_show_permission(found.number, one) for one in await _list_grants(call, found)]
    return encode({"role_permissions": permissions})


async def update_permission(call: Caller, m: Change) -> bytes:
    """Change a permission of a role."""
    role = find_role(m.permission)
    team, found = await _find_permission(call, m.role_permission_id)
    return _tell_permission(team.number, await _give(call, team.team, found.target_kind, found.target, role))


async def assign(call: Caller, m: Assign) -> bytes:
    """Give a user a role."""
    found = await _find(call, m.role_id)
    if _find_member(found, m.username) is not None:
        raise AlreadyExists(f"{m.username} has the role {found.team!r} already")
    made = await call(ops.ADD_MEMBER, c.TeamMember(team=found.team, user=m.username))
    number = _find_member(made, m.username)
    assert number is not None
    return encode({"assignment": _show_assignment(made, number)})


async def unassign(call: Caller, m: Assign) -> bytes:
    """Take a role from a user."""
    found = await _find(call, m.role_id)
    await call(ops.REMOVE_MEMBER, c.TeamMember(team=found.team, user=m.username))
    return EMPTY


async def list_of_user(call: Caller, m: ByName) -> bytes:
    """List the roles that a user has."""
    roles = []
    for name in await _list_places(call):
        _enter(call, name)
        await call(ops.LIST_GRANTS, c.ListGrants(subject_kind="user", subject=m.username))  # whether there is such one
        roles += await _show_all(call, lambda team: _find_member(team, m.username) is not None)
    return encode({"roles": roles})


async def list_own_permissions(call: Caller, _m: Nothing) -> bytes:
    """List what the caller was given, and by which role; what is everyone's, or one's own, is without one."""
    me = await call(ops.WHO_AM_I, c.WhoAmI())
    permissions = []
    for name in await _list_places(call):
        _enter(call, name)
        for one in (await call(ops.LIST_OWN_GRANTS, c.ListOwnGrants())).grants:
            role = {"role_id": one.team_number or None, "role_name": one.team or None}
            permissions.append({**show_permission(one), **role, "workspace": name})
    return encode({"is_admin": me.is_admin, "permissions": permissions})


async def list_users(call: Caller, m: ById) -> bytes:
    """List who has a role."""
    found = await _find(call, m.role_id)
    return encode({"assignments": [_show_assignment(found, number) for number in found.member_numbers]})


def _enter(call: Caller, workspace: str) -> None:
    call.call = msgspec.structs.replace(call.call, workspace=workspace)


async def _list_places(call: Caller) -> list[str]:
    """Return names of workspaces that the caller has a role in, the one of the request first."""
    here = (await call(ops.WHO_AM_I, c.WhoAmI())).workspace
    found = (await call(ops.LIST_WORKSPACES, w.ListWorkspaces())).workspaces
    return [here, *(one.name for one in found if one.name != here)]


async def _search(call: Caller, what: str, look: Callable[[], Awaitable[T | None]]) -> T:
    """Return what there is in one of the workspaces, which the call is for from then on.

    raises: NotFound; PermissionDenied where the caller may not look into the one of the request
    """
    denied: PermissionDenied | None = None
    for name in await _list_places(call):
        _enter(call, name)
        try:
            found = await look()
        except PermissionDenied as error:
            denied = denied or error
            continue
        if found is not None:
            return found
    raise denied or NotFound(f"There is no {what}")


async def _find(call: Caller, role_id: int) -> c.Team:
    async def look() -> c.Team | None:
        teams = (await call(ops.LIST_TEAMS, c.ListTeams())).teams
        return next((one for one in teams if one.number == role_id), None)

    return await _search(call, f"role with the id {role_id}", look)


async def _find_permission(call: Caller, number: int) -> tuple[c.Team, c.Grant]:
    async def look() -> tuple[c.Team, c.Grant] | None:
        teams = {one.number: one for one in (await call(ops.LIST_TEAMS, c.ListTeams())).teams}
        for one in (await call(ops.LIST_GRANTS, c.ListGrants())).grants:
            if one.grant_id == str(number) and one.subject_kind == "team":
                return teams[one.subject_number], one
        return None

    return await _search(call, f"permission of a role with the id {number}", look)


async def _list_grants(call: Caller, team: c.Team) -> list[c.Grant]:
    return (await call(ops.LIST_GRANTS, c.ListGrants(subject_kind="team", subject=team.team))).grants


async def _give(call: Caller, team: str, kind: c.GrantKind, target: str, role: str) -> c.Grant:
    request = c.CreateGrant(subject_kind="team", subject=team, target_kind=kind, target=target, role=role)
    return await call(ops.CREATE_GRANT, request)


def _find_member(team: c.Team, user: str) -> int | None:
    """Return the number of a member."""
    pairs = zip(team.members, team.member_numbers, strict=True)
    return next((number for name, number in pairs if name.lower() == user.lower()), None)


async def _show_all(call: Caller, wanted: Callable[[c.Team], bool]) -> list[dict[str, object]]:
    teams = [one for one in (await call(ops.LIST_TEAMS, c.ListTeams())).teams if wanted(one)]
    grants = (await call(ops.LIST_GRANTS, c.ListGrants())).grants if teams else []
    return [_show(call, one, grants) for one in teams]


async def _tell(call: Caller, team: c.Team) -> bytes:
    return encode({"role": _show(call, team, await _list_grants(call, team))})


def _tell_permission(role_id: int, grant: c.Grant) -> bytes:
    return encode({"role_permission": _show_permission(role_id, grant)})


def _show(call: Caller, team: c.Team, grants: list[c.Grant]) -> dict[str, object]:
    own = [one for one in grants if (one.subject_kind, one.subject_number) == ("team", team.number)]
    return {
        "id": team.number,
        "name": team.team,
        "workspace": call.call.workspace,
        "description": team.description or None,
        "permissions": [_show_permission(team.number, one) for one in own],
    }


def _show_permission(role_id: int, grant: c.Grant) -> dict[str, object]:
    return {"id": int(grant.grant_id), "role_id": role_id, **show_permission(grant)}


def _show_assignment(team: c.Team, user: int) -> dict[str, int]:
    return {"id": user, "user_id": user, "role_id": team.number}
