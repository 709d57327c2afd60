"""The rules of teams, roles and grants, and the answer to why somebody may do something."""

from __future__ import annotations

from typing import Any, cast, get_args

from trackway.api import access as c
from trackway.api import limits
from trackway.api import operations as ops
from trackway.api.calls import Call, Permission, Target
from trackway.api.operations import BY_NAME, Operation
from trackway.api.trash import Trashed
from trackway.auth.rights import ALL, Permissions, join, load_rights
from trackway.auth.targets import missing
from trackway.auth.users import check_user_name, find_user
from trackway.base.errors import AlreadyExists, Conflict, InvalidInput, NotFound, PermissionDenied
from trackway.rules.checks import check_text, parse_experiment_id
from trackway.rules.handlers import Handlers
from trackway.store.access import Given, GrantRow, UserRow
from trackway.store.base import Transaction
from trackway.store.trash import Deleted
from trackway.store.workspaces import DEFAULT

_Named = tuple[c.NamedKind, str]
"""Kind and name of an object."""


class GrantService:
    """Handlers of the operations on teams, roles and grants."""

    def handlers(self) -> Handlers:
        """Return the handler of each operation."""
        return {
            ops.CREATE_TEAM: self.create_team,
            ops.LIST_TEAMS: self.list_teams,
            ops.UPDATE_TEAM: self.update_team,
            ops.DELETE_TEAM: self.delete_team,
            ops.ADD_MEMBER: self.add_member,
            ops.REMOVE_MEMBER: self.remove_member,
            ops.SET_ROLE: self.set_role,
            ops.LIST_ROLES: self.list_roles,
            ops.DELETE_ROLE: self.delete_role,
            ops.CREATE_GRANT: self.create_grant,
            ops.LIST_GRANTS: self.list_grants,
            ops.LIST_OWN_GRANTS: self.list_own,
            ops.DELETE_GRANT: self.delete_grant,
            ops.EXPLAIN_ACCESS: self.explain,
        }

    def create_team(self, tx: Transaction, call: Call, q: c.CreateTeam) -> c.Team:
        """Create a team without members."""
        check_user_name(q.team)
        check_text("The description", q.description, limits.COMMENT_CHARS)
        if len(tx.access.list_teams(call.workspace)) >= limits.TEAMS:
            raise Conflict(f"There are {limits.TEAMS:,} teams, which is the most", hint="delete one")
        number = tx.access.create_team(call.workspace, q.team, q.description)
        if number is None:
            raise _refuse_team_name(q.team)
        return tx.access.show_team(number)

    def list_teams(self, tx: Transaction, call: Call, _q: c.ListTeams) -> c.TeamList:
        """List teams."""
        return c.TeamList(teams=tx.access.list_teams(call.workspace))

    def update_team(self, tx: Transaction, call: Call, q: c.UpdateTeam) -> c.Team:
        """Rename or describe a team."""
        team = tx.access.show_team(_find_team(tx, call, q.team))
        name = team.team if q.name is None else q.name
        description = team.description if q.description is None else q.description
        if name != team.team:
            check_user_name(name)
            if tx.access.find_team(call.workspace, name) is not None:
                raise _refuse_team_name(name)
        check_text("The description", description, limits.COMMENT_CHARS)
        tx.access.update_team(team.number, name, description)
        return tx.access.show_team(team.number)

    def delete_team(self, tx: Transaction, call: Call, q: c.TeamName) -> Trashed:
        """Move a team with its grants to the trash."""
        team = _find_team(tx, call, q.team)
        trashed = tx.trash.keep(call, Deleted("team", q.team, team))
        tx.access.delete_team(team)
        return trashed

    def add_member(self, tx: Transaction, call: Call, q: c.TeamMember) -> c.Team:
        """Add a user to a team."""
        team = _find_team(tx, call, q.team)
        tx.access.add_member(team, find_user(tx, q.user).pk)
        return tx.access.show_team(team)

    def remove_member(self, tx: Transaction, call: Call, q: c.TeamMember) -> c.Team:
        """Remove a user from a team."""
        team = _find_team(tx, call, q.team)
        if not tx.access.remove_member(team, find_user(tx, q.user).pk):
            raise NotFound(f"{q.user!r} is not in the team {q.team!r}")
        return tx.access.show_team(team)

    def set_role(self, tx: Transaction, call: Call, q: c.SetRole) -> c.Role:
        """Create or change a role."""
        check_user_name(q.role)
        if q.role in (*c.ROLES, c.PROVISIONER):
            raise InvalidInput(f"The role {q.role!r} is built in", hint="choose another name")
        known = tx.access.list_roles(call.workspace)
        if q.role not in known and len(known) >= limits.ROLES:
            raise Conflict(f"There are {limits.ROLES} roles, which is the most", hint="delete one")
        permissions = sorted(set(q.permissions))
        if not permissions:
            raise InvalidInput("A role permits something", hint=f"any of {', '.join(sorted(ALL))}")
        if not set(permissions) <= _permitted(tx, call, "workspace", ""):
            raise PermissionDenied("You cannot make a role that permits more than you may")
        tx.access.set_role(call.workspace, q.role, permissions)
        return c.Role(role=q.role, permissions=permissions, built_in=False)

    def list_roles(self, tx: Transaction, call: Call, _q: c.ListRoles) -> c.RoleList:
        """List roles."""
        built_in = [c.Role(role=name, permissions=sorted(those), built_in=True) for name, those in c.ROLES.items()]
        own = tx.access.list_roles(call.workspace).items()
        return c.RoleList(
            roles=built_in + [c.Role(role=name, permissions=those, built_in=False) for name, those in own]
        )

    def delete_role(self, tx: Transaction, call: Call, q: c.RoleName) -> Trashed:
        """Move a role of one's own to the trash, with the grants of it."""
        if q.role not in tx.access.list_roles(call.workspace):
            hint = "built-in roles stay" if q.role in c.ROLES else ""
            raise NotFound(f"There is no role {q.role[:80]!r} of your own", hint=hint)
        trashed = tx.trash.keep(call, Deleted("role", q.role))
        tx.access.delete_role(call.workspace, q.role)
        return trashed

    def create_grant(self, tx: Transaction, call: Call, q: c.CreateGrant) -> c.Grant:
        """Give a role, of which the caller has every permission on the target."""
        target = _check_target(tx, call, q.target_kind, q.target)
        role = c.ROLES.get(q.role) or frozenset(tx.access.list_roles(call.workspace).get(q.role, ()))
        if not role:
            raise InvalidInput(f"There is no role {q.role[:80]!r}", hint=f"one of {', '.join(c.ROLES)}, or your own")
        if not role <= _permitted(tx, call, q.target_kind, target):
            raise PermissionDenied("You cannot give more than you may do yourself", hint="give a smaller role")
        subject = _find_subject(tx, call, q.subject_kind, q.subject)
        row = GrantRow(
            call.workspace, q.subject_kind, subject, q.target_kind, target, q.role, call.now_ms, call.actor.label
        )
        return tx.access.put_grant(row)

    def list_grants(self, tx: Transaction, call: Call, q: c.ListGrants) -> c.GrantList:
        """List grants."""
        subject = None
        if q.subject_kind is not None:
            subject = (q.subject_kind, _find_subject(tx, call, q.subject_kind, q.subject))
        target = None if q.target_kind is None else (q.target_kind, q.target)
        return c.GrantList(grants=tx.access.list_grants(call.workspace, subject, target))

    def list_own(self, tx: Transaction, call: Call, _q: c.ListOwnGrants) -> c.OwnGrantList:
        """List what the caller was given; nothing to who is no user."""
        user = tx.access.find_user(call.actor.name) if call.actor.name else None
        given = tx.access.list_given(call.workspace, user.pk) if user is not None else []
        return c.OwnGrantList(
            grants=[
                c.OwnGrant(
                    subject_kind=one.subject_kind,
                    team=one.through,
                    team_number=one.team,
                    target_kind=one.target_kind,
                    target=one.target,
                    role=one.role,
                )
                for one in given
            ]
        )

    def delete_grant(self, tx: Transaction, call: Call, q: c.GrantId) -> Trashed:
        """Take a role back."""
        number = int(q.grant_id) if q.grant_id.isascii() and q.grant_id.isdigit() and len(q.grant_id) <= 18 else 0
        grant = tx.access.get_grant(call.workspace, number)
        if grant is None:
            raise NotFound(f"There is no grant {q.grant_id[:40]!r}")
        who = grant.subject or grant.subject_kind
        title = f"{grant.role} for {who} on {grant.target_kind} {grant.target}".strip()
        trashed = tx.trash.keep(call, Deleted("grant", title, number, 0, grant.target_kind, grant.target))
        tx.access.delete_grant(call.workspace, number)
        return trashed

    def explain(self, tx: Transaction, call: Call, q: c.Explain) -> c.Explanation:
        """Say whether a user may do something, and through what."""
        if call.credential and q.user.lower() != call.actor.name.lower():
            shown = load_rights(tx, call.credential, call.workspace, call.now_ms)
            if "admin" not in shown.workspace:
                raise PermissionDenied("Only administrators of the workspace ask about others", hint="name yourself")
        operation = BY_NAME.get(q.operation)
        if operation is None:
            raise InvalidInput(f"There is no operation {q.operation[:80]!r}", hint="such as runs.get or models.create")
        user = find_user(tx, q.user)
        needed = operation.access.permission
        reasons = _list_reasons(tx, call, user, operation, q.target)
        enters = user.is_admin or call.workspace == DEFAULT.key or bool(tx.access.list_given(call.workspace, user.pk))
        allowed = bool(reasons) and enters and not user.disabled
        if user.disabled:
            reasons = [f"{user.name} is disabled", *reasons]
        elif not enters:
            reasons = [f"{user.name} has no role in this workspace, which is not there for them"]
        elif not reasons:
            first = "" if needed == "read" or operation.access.target == "workspace" else " together with 'read'"
            reasons = [f"no role of {user.name}, of its teams or of everyone has {needed!r} there{first}"]
        return c.Explanation(allowed=allowed, permission=needed, reasons=reasons)


def _refuse_team_name(name: str) -> AlreadyExists:
    return AlreadyExists(f"There is a team {name!r} already", hint="choose another name")


def _find_team(tx: Transaction, call: Call, name: str) -> int:
    team = tx.access.find_team(call.workspace, name)
    if team is None:
        raise NotFound(f"There is no team {name[:80]!r}")
    return team


def _find_subject(tx: Transaction, call: Call, kind: c.SubjectKind, name: str) -> int:
    if kind == "everyone":
        if name:
            raise InvalidInput("Everyone has no name", hint="leave it out")
        return 0
    return find_user(tx, name).pk if kind == "user" else _find_team(tx, call, name)


def _check_target(tx: Transaction, call: Call, kind: c.GrantKind, target: str) -> str:
    """Return a target in its one form.

    raises: InvalidInput, NotFound
    """
    if kind == "workspace":
        if target:
            raise InvalidInput("The workspace is the one that is called in", hint="leave the target out")
        return ""
    check_text("The target", target, limits.EXPERIMENT_NAME_CHARS)
    if "*" in target:
        return target
    if kind == "experiment":
        number = parse_experiment_id(target)
        if tx.experiments.ref(call.workspace, number) is None:
            raise NotFound(f"No experiment with id {target}")
        return str(number)
    if not tx.access.match_names(call.workspace, kind, target):
        raise missing(kind, target)
    return target


def _permitted(tx: Transaction, call: Call, kind: c.GrantKind, target: str) -> Permissions:
    """Return what the caller may do to a target."""
    if not call.credential:
        return ALL
    rights = load_rights(tx, call.credential, call.workspace, call.now_ms)
    if kind == "workspace" or "*" in target:
        return rights.workspace
    return rights.on_experiment(int(target)) if kind == "experiment" else rights.on_named(kind, target)


def _list_reasons(tx: Transaction, call: Call, user: UserRow, operation: Operation[Any, Any], target: str) -> list[str]:
    access = operation.access
    if access.target == "self":
        return ["everybody may, for what is their own"]
    reasons = [f"{user.name} is an administrator of the installation"] if user.is_admin else []
    if access.target in ("system", "provisioning"):
        return reasons
    if access.lists:
        return [*reasons, "everybody may; the answer shows what they may read"]
    experiment, named = _locate(tx, call, access.target, target)
    roles = {**c.ROLES, **{name: frozenset(those) for name, those in tx.access.list_roles(call.workspace).items()}}
    given = [one for one in tx.access.list_given(call.workspace, user.pk) if _covers(tx, call, one, experiment, named)]
    if access.target != "workspace" and "read" not in join(roles, given):
        return reasons  # of what may not even be seen nothing is permitted
    return reasons + [
        _describe(user, one, access.permission) for one in given if access.permission in roles.get(one.role, ())
    ]


def _locate(tx: Transaction, call: Call, kind: Target, target: str) -> tuple[int | None, _Named | None]:
    """Return the number of the experiment, or kind and name of what else an operation would be about."""
    if kind == "experiment" and target:
        return parse_experiment_id(target), None
    if kind in ("run", "runs") and target:
        ref = tx.runs.ref(call.workspace, target)
        return (ref.experiment if ref else None), None
    if kind == "logged_model" and target:
        found = tx.logged_models.get(call.workspace, target, deleted=True)
        return (int(found.experiment_id) if found else None), None
    if kind == "file":
        begin = target.partition("/")[0]
        return (int(begin) if begin.isascii() and begin.isdigit() and len(begin) <= 18 else None), None
    return None, (cast(c.NamedKind, kind), target) if kind in get_args(c.NamedKind) and target else None


def _covers(tx: Transaction, call: Call, given: Given, experiment: int | None, named: _Named | None) -> bool:
    if given.target_kind == "workspace":
        return True
    if given.target_kind == "experiment":
        if "*" in given.target:
            return experiment in tx.access.match_experiments(call.workspace, given.target)
        return experiment == int(given.target)
    if named is None or named[0] != given.target_kind:
        return False
    return any(name == named[1] for _, name in tx.access.match_names(call.workspace, given.target_kind, given.target))


def _describe(user: UserRow, given: Given, permission: Permission) -> str:
    who = {"user": user.name, "everyone": "everyone", "team": f"the team {given.through}"}[given.subject_kind]
    kind = given.target_kind.replace("_", " ")
    where = "the workspace" if given.target_kind == "workspace" else f"the {kind} {given.target}"
    pattern = "s named" if "*" in given.target else ""
    where = where.replace(kind, f"{kind}{pattern}", 1) if pattern else where
    return f"{who} has the role {given.role} on {where}, which has {permission!r}"
