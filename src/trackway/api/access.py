"""Who may use an installation, and what they may do there: users, tokens, teams, roles, grants."""

from __future__ import annotations

from typing import Literal

from trackway.api.calls import Permission
from trackway.api.structs import Request, Response

UserKind = Literal["user", "service"]
SubjectKind = Literal["user", "team", "everyone"]
GrantKind = Literal["workspace", "experiment", "registered_model", "endpoint", "schedule"]
NamedKind = Literal["registered_model", "endpoint", "schedule"]
"""Kinds of objects that grants name by their names."""

ROLES: dict[str, frozenset[Permission]] = {
    "contributor": frozenset(("create",)),
    "reader": frozenset(("read",)),
    "editor": frozenset(("read", "write", "create")),
    "manager": frozenset(("read", "write", "create", "delete", "manage")),
    "admin": frozenset(("read", "write", "create", "delete", "manage", "admin")),
}
"""The roles that every workspace has. Who makes an experiment, a model, an endpoint or a schedule is its manager."""
SignInOutcome = Literal["opened", "joined", "refused"]
PROVISIONER = "provisioner"
"""What a token may be for, in place of a role: to keep people and teams up by SCIM, and nothing else."""


class User(Response, frozen=True, kw_only=True):
    """A person, or a service account, which has tokens and no password.

    number:       never another's, even when the name comes again
    has_password: False until the link of the invitation was used
    workspace:    the one that requests are for that name none
    """

    number: int
    name: str
    kind: UserKind
    is_admin: bool
    disabled: bool
    has_password: bool
    created_ms: int
    created_by: str
    workspace: str = "default"


class CreateUser(Request, frozen=True, kw_only=True):
    """Create a user. Without a password, a person gets an invitation: a link that sets one, valid for a week."""

    name: str
    kind: UserKind = "user"
    is_admin: bool = False
    password: str = ""


class CreatedUser(Response, frozen=True, kw_only=True):
    """The user; ``invitation`` is the secret of the link ``/join#<invitation>``, shown this once."""

    user: User
    invitation: str = ""


class UserName(Request, frozen=True, kw_only=True):
    """Name a user."""

    name: str


class ListUsers(Request, frozen=True, kw_only=True):
    """List users by name."""

    limit: int = 1_000
    page_token: str = ""


class UserPage(Response, frozen=True, kw_only=True):
    """One page; an empty token means that it is the last."""

    users: list[User]
    next_page_token: str = ""


class EraseUser(Request, frozen=True, kw_only=True):
    """Delete a user, and put a pseudonym where the name is; ``dry_run`` only counts.

    name: of a user, or of somebody who was one, or is named in an imported history
    """

    name: str
    dry_run: bool = False


class ErasedUser(Response, frozen=True, kw_only=True):
    """What came of it.

    pseudonym: what stands where the name was, the same everywhere; empty for a dry run
    changed:   rows of each table in which it stands now, or would
    """

    pseudonym: str
    changed: dict[str, int]
    dry_run: bool = False


class UpdateUser(Request, frozen=True, kw_only=True):
    """Change a user; None leaves a field as it is. Who is disabled is signed out at once."""

    name: str
    is_admin: bool | None = None
    disabled: bool | None = None


class SetPassword(Request, frozen=True, kw_only=True):
    """Set another user's password, as an administrator does: it ends all of that user's sessions."""

    name: str
    password: str


class ChangePassword(Request, frozen=True, kw_only=True):
    """Change one's own password: it ends all of one's sessions."""

    current: str
    password: str


class WhoAmI(Request, frozen=True, kw_only=True):
    """Ask who one is to the server."""


class Identity(Response, frozen=True, kw_only=True):
    """Who calls, by which means, and what the caller may do in the whole workspace. ``number`` 0 for no user.

    has_role:       on anything in the workspace; without one nothing in it can be seen
    administrators: names of who can give the caller a role there; none to who administers it, to service accounts, and
                    to a token that has a role
    """

    number: int
    name: str
    kind: str
    is_admin: bool
    means: str
    workspace: str
    permissions: list[Permission]
    has_role: bool = True
    administrators: list[str] = []


class CreateToken(Request, frozen=True, kw_only=True):
    """Make a token of one's own, or, as an administrator, of a service account.

    user:       "" for oneself
    role:       the most that the token may do, whatever its user may; "" for all of it; "provisioner" for SCIM and
                nothing else, which administrators of the installation alone can give
    workspace:  the only one that it is for, also where a request names none; "" for all of its user's
    expires_ms: when it ends; None for in 90 days, 0 for never. One that a token makes for its own user ends no later
                than that token
    """

    name: str
    user: str = ""
    role: str = ""
    workspace: str = ""
    expires_ms: int | None = None


class Token(Response, frozen=True, kw_only=True):
    """A token without its secret; ``expires_ms`` 0 for never, ``workspace`` "" for all of its user's."""

    token_id: str
    name: str
    user: str
    role: str
    created_ms: int
    expires_ms: int
    workspace: str = ""


class CreatedToken(Response, frozen=True, kw_only=True):
    """The token; ``secret`` is what is sent, shown this once."""

    token: Token
    secret: str


class ListTokens(Request, frozen=True, kw_only=True):
    """List one's own tokens, or, as an administrator, those of another user."""

    user: str = ""


class TokenList(Response, frozen=True, kw_only=True):
    """Tokens, oldest first."""

    tokens: list[Token]


class TokenId(Request, frozen=True, kw_only=True):
    """Name a token; ``user`` as in the list."""

    token_id: str
    user: str = ""


class ListSessions(Request, frozen=True, kw_only=True):
    """List one's own sessions, or, as an administrator, those of another user."""

    user: str = ""


class OpenSession(Response, frozen=True, kw_only=True):
    """Where somebody is signed in with a browser. What the browser sends is not told.

    client:  what the browser calls itself; whoever signs in can say anything
    address: where it was last used from; used_ms is right to five minutes
    current: whether this is the one that asks
    """

    session_id: str
    user: str
    client: str
    address: str
    created_ms: int
    used_ms: int
    expires_ms: int
    current: bool


class SessionList(Response, frozen=True, kw_only=True):
    """Sessions, the one that was used last first."""

    sessions: list[OpenSession]


class SessionId(Request, frozen=True, kw_only=True):
    """Name a session; ``user`` as in the list."""

    session_id: str
    user: str = ""


class DeleteOtherSessions(Request, frozen=True, kw_only=True):
    """End all sessions but the one that asks; ``user`` as in the list."""

    user: str = ""


class EndedSessions(Response, frozen=True, kw_only=True):
    """How many sessions ended."""

    ended: int


class ListSignIns(Request, frozen=True, kw_only=True):
    """List one's own sign-ins, good and refused, or, as an administrator, those of another user."""

    user: str = ""
    limit: int = 50


class SignIn(Response, frozen=True, kw_only=True):
    """A sign-in: a session was opened, an invitation used, or a password refused.

    means: ``oidc`` for single sign-on, empty for a password
    """

    time_ms: int
    outcome: SignInOutcome
    address: str
    means: str = ""


class SignInList(Response, frozen=True, kw_only=True):
    """Sign-ins, newest first, as far back as the audit log goes."""

    sign_ins: list[SignIn]


class TeamName(Request, frozen=True, kw_only=True):
    """Name a team."""

    team: str


class CreateTeam(Request, frozen=True, kw_only=True):
    """Create a team without members."""

    team: str
    description: str = ""


class UpdateTeam(Request, frozen=True, kw_only=True):
    """Rename or describe a team; None leaves a field as it is. Grants and members stay with it."""

    team: str
    name: str | None = None
    description: str | None = None


class ListTeams(Request, frozen=True, kw_only=True):
    """List the teams of the workspace."""


class Team(Response, frozen=True, kw_only=True):
    """A team and its members' names.

    number:         never another's, even when the name comes again
    member_numbers: the members once more, by the numbers of users, in the same order
    """

    team: str
    members: list[str]
    number: int = 0
    member_numbers: list[int] = []
    description: str = ""


class TeamList(Response, frozen=True, kw_only=True):
    """Teams by name."""

    teams: list[Team]


class TeamMember(Request, frozen=True, kw_only=True):
    """Name a member of a team."""

    team: str
    user: str


class SetRole(Request, frozen=True, kw_only=True):
    """Create a role of one's own, or change what it permits."""

    role: str
    permissions: list[Permission]


class RoleName(Request, frozen=True, kw_only=True):
    """Name a role."""

    role: str


class Role(Response, frozen=True, kw_only=True):
    """What a role permits; ``built_in`` ones are the same everywhere."""

    role: str
    permissions: list[Permission]
    built_in: bool


class ListRoles(Request, frozen=True, kw_only=True):
    """List the roles of the workspace."""


class RoleList(Response, frozen=True, kw_only=True):
    """Roles, the built-in ones first."""

    roles: list[Role]


class Grant(Response, frozen=True, kw_only=True):
    """A role that somebody has on something.

    subject: name of a user or team; "" for everyone who is signed in
    target:  an experiment's id, or the name of another object; "" for the whole workspace. With ``*`` in it, it is
             a pattern of names, also of those that come later
    """

    grant_id: str
    subject_kind: SubjectKind
    subject: str
    subject_number: int
    target_kind: GrantKind
    target: str
    role: str
    created_ms: int
    created_by: str


class CreateGrant(Request, frozen=True, kw_only=True):
    """Give a role; in place of the one that the same subject has on the same target. See ``Grant``."""

    subject_kind: SubjectKind
    subject: str = ""
    target_kind: GrantKind
    target: str = ""
    role: str


class GrantId(Request, frozen=True, kw_only=True):
    """Name a grant."""

    grant_id: str


class ListGrants(Request, frozen=True, kw_only=True):
    """List grants of the workspace, perhaps of one subject or on one kind of target."""

    subject_kind: SubjectKind | None = None
    subject: str = ""
    target_kind: GrantKind | None = None
    target: str = ""


class GrantList(Response, frozen=True, kw_only=True):
    """Grants, oldest first."""

    grants: list[Grant]


class ListOwnGrants(Request, frozen=True, kw_only=True):
    """Ask what one was given in the workspace."""


class OwnGrant(Response, frozen=True, kw_only=True):
    """A role that one has on something, by name, as a member of a team, or with everyone. See ``Grant``."""

    subject_kind: SubjectKind
    team: str
    team_number: int
    target_kind: GrantKind
    target: str
    role: str


class OwnGrantList(Response, frozen=True, kw_only=True):
    """What one was given; an administrator of the installation needs none of it."""

    grants: list[OwnGrant]


class Explain(Request, frozen=True, kw_only=True):
    """Ask whether a user may do something to an object, and why.

    operation: name of an operation
    target:    what its request would name: an id or a name; "" for the workspace
    """

    user: str
    operation: str
    target: str = ""


class Explanation(Response, frozen=True, kw_only=True):
    """The answer: what is needed, and each way in which the user has it."""

    allowed: bool
    permission: Permission
    reasons: list[str]
