"""Scenarios of users, tokens, teams, roles and grants, on a store without access control: whoever opens it may."""

from __future__ import annotations

from typing import Any

from tests.tracking.scenarios import Scenario, Stage, each, limited, no, ok
from trackway.api import access as c
from trackway.api import limits
from trackway.api import operations as ops
from trackway.base.errors import AlreadyExists, Conflict, InvalidInput, NotFound
from trackway.base.ids import new_id

PASSWORD = "correct horse battery"


def name() -> str:
    """Return the name of a user or team that nobody has."""
    return f"u{new_id()[:20]}"


def make(s: Stage, **fields: Any) -> str:
    """Create a user, and return its name."""
    return str(s.call(ops.CREATE_USER, c.CreateUser(**({"name": name(), "password": PASSWORD} | fields))).user.name)


def caller(s: Stage) -> str:
    """Make who calls a user with a password, and return its name."""
    if not s.actor.name:
        return "nobody, who has no password"
    known = [one.name for one in s.call(ops.LIST_USERS, c.ListUsers()).users]
    if s.actor.name not in known:
        make(s, name=s.actor.name)
    s.call(ops.SET_PASSWORD, c.SetPassword(name=s.actor.name, password=PASSWORD))
    return s.actor.name


def team(s: Stage, *members: str) -> str:
    made = s.call(ops.CREATE_TEAM, c.CreateTeam(team=name())).team
    for member in members:
        s.call(ops.ADD_MEMBER, c.TeamMember(team=made, user=member))
    return str(made)


def token(s: Stage, user: str, **fields: Any) -> c.CreatedToken:
    made: c.CreatedToken = s.call(ops.CREATE_TOKEN, c.CreateToken(name="ci", user=user, **fields))
    return made


def give(s: Stage, user: str, role: str, kind: Any = "workspace", target: str = "") -> c.Grant:
    request = c.CreateGrant(subject_kind="user", subject=user, target_kind=kind, target=target, role=role)
    made: c.Grant = s.call(ops.CREATE_GRANT, request)
    return made


def grants(s: Stage) -> list[c.Grant]:
    return list(s.call(ops.LIST_GRANTS, c.ListGrants()).grants)


USERS: list[Scenario] = [
    ok(
        ops.CREATE_USER,
        "with an invitation",
        lambda s: c.CreateUser(name=name()),
        lambda s, x: x.invitation.startswith("twi_") and not x.user.has_password,
    ),
    ok(
        ops.CREATE_USER,
        "with a password, which is not shown",
        lambda s: c.CreateUser(name=name(), password=PASSWORD, is_admin=True),
        lambda s, x: not x.invitation and x.user.has_password and x.user.is_admin and PASSWORD not in repr(x),
    ),
    ok(
        ops.CREATE_USER,
        "a service account",
        lambda s: c.CreateUser(name=name(), kind="service"),
        lambda s, x: x.user.kind == "service" and not x.invitation,
    ),
    no(
        ops.CREATE_USER,
        "refused",
        "a name that differs in case alone",
        lambda s: c.CreateUser(name=make(s).upper()),
        AlreadyExists,
    ),
    *each(
        ops.CREATE_USER,
        "refused",
        "name",
        ("", " ", "a b", "a/b", "-a", "a-", "ü", "a\n", "a\x00", "<b>", "a:b", "x" * 65),
        lambda s, bad: c.CreateUser(name=bad),
        InvalidInput,
    ),
    *each(
        ops.CREATE_USER,
        "refused",
        "password",
        ("a", "short", "x" * 12, "password1234", "PASSWORD1234", "a" * 1_001),
        lambda s, bad: c.CreateUser(name=name(), password=bad),
        InvalidInput,
    ),
    *each(
        ops.CREATE_USER,
        "refused",
        "service account with",
        ({"password": PASSWORD}, {"is_admin": True}),
        lambda s, fields: c.CreateUser(name=name(), kind="service", **fields),  # type: ignore[arg-type]
        InvalidInput,
    ),
    *limited(
        ops.CREATE_USER, "name", limits.USER_NAME_CHARS, lambda s, n: c.CreateUser(name=new_id() + "x" * (n - 32))
    ),
    ok(ops.GET_USER, "in whichever case", lambda s: c.UserName(name=make(s).upper()), lambda s, x: x.has_password),
    no(ops.GET_USER, "missing", "an unknown one", lambda s: c.UserName(name="nobody"), NotFound),
    ok(
        ops.LIST_USERS,
        "by name",
        lambda s: make(s, name=f"A{new_id()}") and make(s, name=f"a{new_id()}") and c.ListUsers(),
        lambda s, x: [one.name for one in x.users] == sorted((one.name for one in x.users), key=str.lower),
    ),
    ok(
        ops.LIST_USERS,
        "by pages",
        lambda s: make(s) and make(s) and c.ListUsers(limit=1),
        lambda s, x: (
            s.call(ops.LIST_USERS, c.ListUsers(limit=1, page_token=x.next_page_token)).users[0].name.lower()
            > x.users[0].name.lower()
        ),
    ),
    *each(ops.LIST_USERS, "refused", "limit", (0, -1, 50_001), lambda s, n: c.ListUsers(limit=n), InvalidInput),
    no(ops.LIST_USERS, "refused", "a made-up token", lambda s: c.ListUsers(page_token="x"), InvalidInput),
    ok(
        ops.UPDATE_USER,
        "disabled",
        lambda s: c.UpdateUser(name=make(s), disabled=True),
        lambda s, x: x.disabled and not x.is_admin,
    ),
    ok(ops.UPDATE_USER, "nothing", lambda s: c.UpdateUser(name=make(s)), lambda s, x: not x.disabled),
    no(ops.UPDATE_USER, "missing", "an unknown one", lambda s: c.UpdateUser(name="nobody"), NotFound),
    no(
        ops.UPDATE_USER,
        "refused",
        "a service account as administrator",
        lambda s: c.UpdateUser(name=make(s, kind="service", password=""), is_admin=True),
        InvalidInput,
    ),
    ok(
        ops.DELETE_USER,
        "with its grants, tokens and memberships",
        lambda s: c.UserName(name=_with_everything(s)),
        lambda s, x: grants(s) == [] and s.call(ops.LIST_TEAMS, c.ListTeams()).teams[0].members == [],
    ),
    no(ops.DELETE_USER, "missing", "an unknown one", lambda s: c.UserName(name="nobody"), NotFound),
    ok(
        ops.INVITE_USER,
        "again",
        lambda s: c.UserName(name=make(s)),
        lambda s, x: x.invitation.startswith("twi_") and x.user.has_password,
    ),
    no(ops.INVITE_USER, "missing", "an unknown one", lambda s: c.UserName(name="nobody"), NotFound),
    no(
        ops.INVITE_USER,
        "refused",
        "a service account",
        lambda s: c.UserName(name=make(s, kind="service", password="")),
        InvalidInput,
    ),
    ok(ops.SET_PASSWORD, "of a user", lambda s: c.SetPassword(name=make(s), password="another one, longer")),
    no(
        ops.SET_PASSWORD,
        "missing",
        "of an unknown one",
        lambda s: c.SetPassword(name="nobody", password=PASSWORD),
        NotFound,
    ),
    no(
        ops.SET_PASSWORD,
        "refused",
        "a short one",
        lambda s: c.SetPassword(name=make(s), password="short"),
        InvalidInput,
    ),
    ok(
        ops.CHANGE_PASSWORD,
        "one's own",
        lambda s: caller(s) and c.ChangePassword(current=PASSWORD, password="another one, longer"),
    ),
    no(
        ops.CHANGE_PASSWORD,
        "refused",
        "without the current one",
        lambda s: caller(s) and c.ChangePassword(current="wrong", password="another one, longer"),
        InvalidInput,
    ),
    no(
        ops.CHANGE_PASSWORD,
        "refused",
        "to what it is",
        lambda s: caller(s) and c.ChangePassword(current=PASSWORD, password=PASSWORD),
        InvalidInput,
    ),
    ok(
        ops.WHO_AM_I,
        "whoever opens it",
        lambda s: c.WhoAmI(),
        lambda s, x: x.name == "ann" and "admin" in x.permissions,
    ),
]


def _with_everything(s: Stage) -> str:
    user = make(s)
    give(s, user, "reader")
    token(s, user)
    team(s, user)
    return user


TOKENS: list[Scenario] = [
    ok(
        ops.CREATE_TOKEN,
        "which ends in 90 days",
        lambda s: c.CreateToken(name="ci", user=make(s)),
        lambda s, x: x.secret.startswith("twk_") and x.token.expires_ms - x.token.created_ms == 90 * 86_400_000,
    ),
    ok(
        ops.CREATE_TOKEN,
        "of one's own, for ever, which only reads",
        lambda s: caller(s) and c.CreateToken(name="ci", role="reader", expires_ms=0),
        lambda s, x: (x.token.role, x.token.expires_ms, x.token.user) == ("reader", 0, "ann"),
    ),
    no(ops.CREATE_TOKEN, "missing", "of nobody", lambda s: c.CreateToken(name="ci", user="nobody"), NotFound),
    no(
        ops.CREATE_TOKEN,
        "refused",
        "that would have ended",
        lambda s: c.CreateToken(name="ci", user=make(s), expires_ms=1),
        InvalidInput,
    ),
    no(
        ops.CREATE_TOKEN,
        "refused",
        "with an unknown role",
        lambda s: c.CreateToken(name="ci", user=make(s), role="king"),
        InvalidInput,
    ),
    *limited(ops.CREATE_TOKEN, "name", limits.KEY_CHARS, lambda s, n: c.CreateToken(name="x" * n, user=make(s))),
    no(ops.CREATE_TOKEN, "limit", "one too many", lambda s: _one_token_too_many(s), Conflict),
    ok(
        ops.LIST_TOKENS,
        "without their secrets",
        lambda s: c.ListTokens(user=token(s, make(s)).token.user),
        lambda s, x: [one.name for one in x.tokens] == ["ci"] and "twk_" not in repr(x),
    ),
    no(ops.LIST_TOKENS, "missing", "of nobody", lambda s: c.ListTokens(user="nobody"), NotFound),
    ok(ops.DELETE_TOKEN, "one", lambda s: _name_token(token(s, make(s)))),
    no(
        ops.DELETE_TOKEN,
        "missing",
        "of another user",
        lambda s: c.TokenId(token_id=token(s, make(s)).token.token_id, user=make(s)),
        NotFound,
    ),
]


def _name_token(made: c.CreatedToken) -> c.TokenId:
    return c.TokenId(token_id=made.token.token_id, user=made.token.user)


def _one_token_too_many(s: Stage) -> c.CreateToken:
    user = make(s)
    for _ in range(limits.TOKENS):
        token(s, user)
    return c.CreateToken(name="ci", user=user)


ROLES: list[Scenario] = [
    ok(
        ops.SET_ROLE,
        "a new one",
        lambda s: c.SetRole(role="tagger", permissions=["write", "read", "read"]),
        lambda s, x: x.permissions == ["read", "write"] and not x.built_in,
    ),
    ok(
        ops.SET_ROLE,
        "again",
        lambda s: (
            s.call(ops.SET_ROLE, c.SetRole(role="tagger", permissions=["read"]))
            and c.SetRole(role="tagger", permissions=["write"])
        ),
        lambda s, x: x.permissions == ["write"],
    ),
    *each(
        ops.SET_ROLE,
        "refused",
        "role",
        ("admin", "", "a b"),
        lambda s, n: c.SetRole(role=n, permissions=["read"]),
        InvalidInput,
    ),
    no(ops.SET_ROLE, "refused", "that permits nothing", lambda s: c.SetRole(role="x", permissions=[]), InvalidInput),
    ok(
        ops.LIST_ROLES,
        "the built-in ones first",
        lambda s: s.call(ops.SET_ROLE, c.SetRole(role="a", permissions=["read"])) and c.ListRoles(),
        lambda s, x: [one.role for one in x.roles] == [*c.ROLES, "a"],
    ),
    ok(ops.DELETE_ROLE, "with its grants", lambda s: _used_role(s), lambda s, x: grants(s) == []),
    no(ops.DELETE_ROLE, "missing", "a built-in one", lambda s: c.RoleName(role="admin"), NotFound),
]


def _used_role(s: Stage) -> c.RoleName:
    s.call(ops.SET_ROLE, c.SetRole(role="tagger", permissions=["read"]))
    give(s, make(s), "tagger")
    return c.RoleName(role="tagger")


GRANTS: list[Scenario] = [
    ok(
        ops.CREATE_GRANT,
        "on the workspace, in place of another",
        lambda s: _again(s),
        lambda s, x: [one.role for one in grants(s)] == ["editor"],
    ),
    ok(
        ops.CREATE_GRANT,
        "to a team, on an experiment",
        lambda s: c.CreateGrant(
            subject_kind="team", subject=team(s), target_kind="experiment", target=s.exp, role="reader"
        ),
        lambda s, x: (x.target, x.subject_kind) == (s.exp, "team"),
    ),
    ok(
        ops.CREATE_GRANT,
        "to everyone, on what is named like a pattern",
        lambda s: c.CreateGrant(
            subject_kind="everyone", target_kind="registered_model", target="churn-*", role="reader"
        ),
        lambda s, x: (x.subject, x.target) == ("", "churn-*"),
    ),
    *each(
        ops.CREATE_GRANT,
        "refused",
        "with",
        (
            {"role": "king"},
            {"role": ""},
            {"target": "1"},
            {"subject_kind": "everyone", "subject": "x"},
            {"target": "x", "target_kind": "experiment"},
            {"target": "*" * 501, "target_kind": "experiment"},
        ),
        lambda s, fields: c.CreateGrant(**(_grant(s) | fields)),
        InvalidInput,
    ),
    *each(
        ops.CREATE_GRANT,
        "missing",
        "with",
        (
            {"subject": "nobody"},
            {"subject_kind": "team", "subject": "nobody"},
            {"target": "987654321", "target_kind": "experiment"},
            {"target": "nothing", "target_kind": "registered_model"},
        ),
        lambda s, fields: c.CreateGrant(**(_grant(s) | fields)),
        NotFound,
    ),
    ok(
        ops.LIST_GRANTS,
        "of one user on one experiment",
        lambda s: _two_grants(s),
        lambda s, x: [one.target for one in x.grants] == [s.exp],
    ),
    no(
        ops.LIST_GRANTS,
        "missing",
        "of nobody",
        lambda s: c.ListGrants(subject_kind="user", subject="nobody"),
        NotFound,
    ),
    ok(
        ops.DELETE_GRANT,
        "one",
        lambda s: c.GrantId(grant_id=give(s, make(s), "reader").grant_id),
        lambda s, x: grants(s) == [],
    ),
    *each(
        ops.DELETE_GRANT,
        "missing",
        "unknown",
        ("", "0", "-1", "x", "9" * 30, "٣"),
        lambda s, bad: c.GrantId(grant_id=bad),
        NotFound,
    ),
    ok(ops.LIST_OWN_GRANTS, "who was given nothing", lambda s: c.ListOwnGrants(), lambda s, x: x.grants == []),
    ok(
        ops.LIST_OWN_GRANTS,
        "oneself, by a team and with everyone",
        lambda s: _given_to_oneself(s),
        lambda s, x: (
            [(one.subject_kind, one.target_kind, one.target, one.role) for one in x.grants]
            == [
                ("user", "workspace", "", "reader"),
                ("everyone", "registered_model", "m*", "reader"),
                ("team", "experiment", s.exp, "editor"),
            ]
            and [bool(one.team) and one.team_number > 0 for one in x.grants] == [False, False, True]
        ),
    ),
    ok(
        ops.EXPLAIN_ACCESS,
        "through a team and a pattern",
        lambda s: _explained(s),
        lambda s, x: x.allowed and len(x.reasons) == 2 and "team" in x.reasons[1] and x.permission == "read",
    ),
    ok(
        ops.EXPLAIN_ACCESS,
        "no way",
        lambda s: c.Explain(user=give(s, make(s), "reader").subject, operation="runs.delete", target=s.run),
        lambda s, x: not x.allowed and "'delete'" in x.reasons[0],
    ),
    ok(
        ops.EXPLAIN_ACCESS,
        "no role in the workspace, where everybody may who has one",
        lambda s: c.Explain(user=make(s), operation="runs.search"),
        lambda s, x: not x.allowed and "no role in this workspace" in x.reasons[0],
    ),
    ok(
        ops.EXPLAIN_ACCESS,
        "an administrator",
        lambda s: c.Explain(user=make(s, is_admin=True), operation="users.create"),
        lambda s, x: x.allowed,
    ),
    ok(
        ops.EXPLAIN_ACCESS,
        "who is disabled",
        lambda s: c.Explain(user=_disabled(s), operation="runs.search"),
        lambda s, x: not x.allowed and "disabled" in x.reasons[0],
    ),
    no(ops.EXPLAIN_ACCESS, "missing", "nobody", lambda s: c.Explain(user="nobody", operation="runs.get"), NotFound),
    no(
        ops.EXPLAIN_ACCESS,
        "refused",
        "an unknown operation",
        lambda s: c.Explain(user=make(s), operation="runs.fly"),
        InvalidInput,
    ),
]


def _grant(s: Stage) -> dict[str, Any]:
    return {"subject_kind": "user", "subject": make(s), "target_kind": "workspace", "role": "reader"}


def _again(s: Stage) -> c.CreateGrant:
    user = make(s)
    give(s, user, "admin")
    return c.CreateGrant(subject_kind="user", subject=user, target_kind="workspace", role="editor")


def _two_grants(s: Stage) -> c.ListGrants:
    user = make(s)
    give(s, user, "reader")
    give(s, user, "editor", "experiment", s.exp)
    return c.ListGrants(subject_kind="user", subject=user, target_kind="experiment", target=s.exp)


def _given_to_oneself(s: Stage) -> c.ListOwnGrants:
    me = caller(s)
    if s.actor.name:
        give(s, me, "reader")
        for request in (
            c.CreateGrant(subject_kind="everyone", target_kind="registered_model", target="m*", role="reader"),
            c.CreateGrant(
                subject_kind="team", subject=team(s, me), target_kind="experiment", target=s.exp, role="editor"
            ),
        ):
            s.call(ops.CREATE_GRANT, request)
    return c.ListOwnGrants()


def _explained(s: Stage) -> c.Explain:
    user = make(s)
    give(s, user, "reader", "experiment", s.name[:8] + "*")
    request = c.CreateGrant(subject_kind="team", subject=team(s, user), target_kind="workspace", role="reader")
    s.call(ops.CREATE_GRANT, request)
    return c.Explain(user=user, operation="runs.get", target=s.run)


def _disabled(s: Stage) -> str:
    user = make(s)
    give(s, user, "reader")
    s.call(ops.UPDATE_USER, c.UpdateUser(name=user, disabled=True))
    return user


SCENARIOS: list[Scenario] = [*USERS, *TOKENS, *ROLES, *GRANTS]
