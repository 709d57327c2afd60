"""Scenarios of what a directory keeps up: people and teams by number."""

from __future__ import annotations

from typing import Any

from tests.tracking.scenarios import Scenario, Stage, each, limited, no, ok
from tests.tracking.scenarios_access import make, name
from trackway.api import access as c
from trackway.api import limits
from trackway.api import operations as ops
from trackway.api import provisioning as p
from trackway.base.errors import AlreadyExists, Conflict, InvalidInput, NotFound


def person(s: Stage, **fields: Any) -> p.ProvisionedUser:
    made: p.ProvisionedUser = s.call(ops.SET_PROVISIONED_USER, p.SetProvisionedUser(**({"name": name()} | fields)))
    return made


def team(s: Stage, *members: int) -> p.ProvisionedTeam:
    made: p.ProvisionedTeam = s.call(ops.SET_PROVISIONED_TEAM, p.SetProvisionedTeam(name=name(), members=list(members)))
    return made


def then(*done: Any) -> Any:
    """Return the last of what was made in order."""
    return done[-1]


def again(known: p.ProvisionedUser, **fields: Any) -> p.SetProvisionedUser:
    kept: dict[str, Any] = {
        "name": known.name,
        "number": known.number,
        "external_id": known.external_id,
        "active": known.active,
    }
    return p.SetProvisionedUser(**(kept | fields))


def renamed(known: p.ProvisionedTeam, **fields: Any) -> p.SetProvisionedTeam:
    members = [one.number for one in known.members]
    kept: dict[str, Any] = {"name": known.name, "number": known.number, "members": members}
    return p.SetProvisionedTeam(**(kept | fields))


PEOPLE: list[Scenario] = [
    ok(
        ops.FIND_PROVISIONED_USERS,
        "by the directory's id",
        lambda s: p.FindProvisionedUsers(external_id=person(s, external_id=s.name).external_id),
        lambda s, x: [one.external_id for one in x.users] == [s.name],
    ),
    ok(
        ops.FIND_PROVISIONED_USERS,
        "by name in whichever case",
        lambda s: p.FindProvisionedUsers(name=person(s).name.upper()),
        lambda s, x: len(x.users) == 1,
    ),
    ok(
        ops.FIND_PROVISIONED_USERS,
        "nobody by a number that nobody has",
        lambda s: p.FindProvisionedUsers(number=2**60),
        lambda s, x: x.users == [],
    ),
    ok(
        ops.FIND_PROVISIONED_USERS,
        "no service account",
        lambda s: p.FindProvisionedUsers(name=make(s, kind="service", password="")),
        lambda s, x: x.users == [],
    ),
    ok(
        ops.FIND_PROVISIONED_USERS,
        "by pages",
        lambda s: then(person(s), person(s), p.FindProvisionedUsers(limit=1)),
        lambda s, x: (
            s.call(ops.FIND_PROVISIONED_USERS, p.FindProvisionedUsers(limit=1, page_token=x.next_page_token))
            .users[0]
            .number
            > x.users[0].number
        ),
    ),
    no(
        ops.FIND_PROVISIONED_USERS,
        "refused",
        "a made-up token",
        lambda s: p.FindProvisionedUsers(page_token="x"),
        InvalidInput,
    ),
    ok(
        ops.SET_PROVISIONED_USER,
        "a new one without a password",
        lambda s: p.SetProvisionedUser(name=name(), external_id="00u1"),
        lambda s, x: x.active and not s.call(ops.GET_USER, c.UserName(name=x.name)).has_password,
    ),
    ok(
        ops.SET_PROVISIONED_USER,
        "not active any more",
        lambda s: again(person(s), active=False),
        lambda s, x: not x.active and s.call(ops.GET_USER, c.UserName(name=x.name)).disabled,
    ),
    ok(
        ops.SET_PROVISIONED_USER,
        "as it was read",
        lambda s: again(known := person(s), revision=known.revision),
        lambda s, x: x.active,
    ),
    no(
        ops.SET_PROVISIONED_USER,
        "refused",
        "as it was once",
        lambda s: again(person(s), revision="0" * 24),
        Conflict,
    ),
    no(
        ops.SET_PROVISIONED_USER,
        "refused",
        "another name",
        lambda s: again(person(s), name=name()),
        InvalidInput,
    ),
    no(
        ops.SET_PROVISIONED_USER,
        "refused",
        "a name that differs in case alone",
        lambda s: p.SetProvisionedUser(name=make(s).upper()),
        AlreadyExists,
    ),
    no(
        ops.SET_PROVISIONED_USER,
        "missing",
        "a service account",
        lambda s: p.SetProvisionedUser(
            name=(found := s.call(ops.GET_USER, c.UserName(name=make(s, kind="service", password="")))).name,
            number=found.number,
        ),
        NotFound,
    ),
    *each(
        ops.SET_PROVISIONED_USER,
        "refused",
        "name",
        ("", " ", "a b", "a/b", "<b>", "a\x00"),
        lambda s, bad: p.SetProvisionedUser(name=bad),
        InvalidInput,
    ),
    *limited(
        ops.SET_PROVISIONED_USER,
        "external id",
        limits.EXTERNAL_ID_CHARS,
        lambda s, n: p.SetProvisionedUser(name=name(), external_id="x" * n),
    ),
    ok(
        ops.DELETE_PROVISIONED_USER,
        "with its memberships",
        lambda s: then(
            team(s, (known := person(s)).number), p.DeleteProvisionedUser(name=known.name, number=known.number)
        ),
        lambda s, x: s.call(ops.FIND_PROVISIONED_TEAMS, p.FindProvisionedTeams()).teams[0].members == [],
    ),
    no(
        ops.DELETE_PROVISIONED_USER,
        "missing",
        "an unknown one",
        lambda s: p.DeleteProvisionedUser(name="x", number=2**60),
        NotFound,
    ),
    no(
        ops.DELETE_PROVISIONED_USER,
        "refused",
        "another one's number",
        lambda s: p.DeleteProvisionedUser(name="x", number=person(s).number),
        Conflict,
    ),
]
TEAMS: list[Scenario] = [
    ok(
        ops.FIND_PROVISIONED_TEAMS,
        "all of the workspace",
        lambda s: then(team(s), team(s), p.FindProvisionedTeams()),
        lambda s, x: len(x.teams) == 2,
    ),
    ok(
        ops.FIND_PROVISIONED_TEAMS,
        "by name",
        lambda s: then(team(s), p.FindProvisionedTeams(name=team(s).name)),
        lambda s, x: len(x.teams) == 1,
    ),
    ok(
        ops.SET_PROVISIONED_TEAM,
        "a new one with members",
        lambda s: p.SetProvisionedTeam(name=name(), members=[person(s).number, person(s).number]),
        lambda s, x: (
            sorted(one.name for one in x.members) == sorted(s.call(ops.LIST_TEAMS, c.ListTeams()).teams[0].members)
        ),
    ),
    ok(
        ops.SET_PROVISIONED_TEAM,
        "another name and nobody",
        lambda s: renamed(team(s, person(s).number), name="seeing", members=[]),
        lambda s, x: (
            [(one.team, one.members) for one in s.call(ops.LIST_TEAMS, c.ListTeams()).teams] == [("seeing", [])]
        ),
    ),
    no(
        ops.SET_PROVISIONED_TEAM,
        "refused",
        "a name that is taken",
        lambda s: renamed(team(s), name=team(s).name),
        AlreadyExists,
    ),
    no(
        ops.SET_PROVISIONED_TEAM,
        "refused",
        "nobody's number",
        lambda s: p.SetProvisionedTeam(name=name(), members=[2**60]),
        InvalidInput,
    ),
    no(
        ops.SET_PROVISIONED_TEAM,
        "refused",
        "as it was once",
        lambda s: renamed(team(s), revision="0" * 24),
        Conflict,
    ),
    no(
        ops.SET_PROVISIONED_TEAM,
        "missing",
        "an unknown one",
        lambda s: p.SetProvisionedTeam(name=name(), members=[], number=2**60),
        NotFound,
    ),
    ok(
        ops.DELETE_PROVISIONED_TEAM,
        "a team",
        lambda s: p.DeleteProvisionedTeam(name=(known := team(s)).name, number=known.number),
        lambda s, x: s.call(ops.LIST_TEAMS, c.ListTeams()).teams == [],
    ),
    no(
        ops.DELETE_PROVISIONED_TEAM,
        "missing",
        "an unknown one",
        lambda s: p.DeleteProvisionedTeam(name="x", number=2**60),
        NotFound,
    ),
    no(
        ops.DELETE_PROVISIONED_TEAM,
        "refused",
        "another one's number",
        lambda s: p.DeleteProvisionedTeam(name="x", number=team(s).number),
        Conflict,
    ),
]
SCENARIOS: list[Scenario] = [*PEOPLE, *TEAMS]
