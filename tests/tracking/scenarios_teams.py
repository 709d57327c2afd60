"""Scenarios of teams."""

from __future__ import annotations

from tests.tracking.scenarios import Scenario, Stage, each, limited, no, ok
from tests.tracking.scenarios_access import grants, make, name, team
from trackway.api import access as c
from trackway.api import limits
from trackway.api import operations as ops
from trackway.base.errors import AlreadyExists, InvalidInput, NotFound

SCENARIOS: list[Scenario] = [
    ok(
        ops.CREATE_TEAM,
        "empty",
        lambda s: c.CreateTeam(team=name(), description="cameras"),
        lambda s, x: (x.members, x.member_numbers, x.description) == ([], [], "cameras") and x.number > 0,
    ),
    no(ops.CREATE_TEAM, "refused", "again", lambda s: c.CreateTeam(team=team(s)), AlreadyExists),
    *each(ops.CREATE_TEAM, "refused", "name", ("", "a b", "x" * 65), lambda s, n: c.CreateTeam(team=n), InvalidInput),
    *limited(
        ops.CREATE_TEAM,
        "description",
        limits.COMMENT_CHARS,
        lambda s, n: c.CreateTeam(team=name(), description="x" * n),
    ),
    ok(
        ops.UPDATE_TEAM,
        "renamed with its members and grants",
        lambda s: c.UpdateTeam(team=_given_team(s), name=name()),
        lambda s, x: len(x.members) == 1 and [one.subject for one in grants(s)] == [x.team],
    ),
    ok(
        ops.UPDATE_TEAM,
        "described, by the name that it has",
        lambda s: (made := team(s)) and c.UpdateTeam(team=made, name=made, description="cameras"),
        lambda s, x: x.description == "cameras",
    ),
    no(
        ops.UPDATE_TEAM,
        "refused",
        "a name that is taken",
        lambda s: c.UpdateTeam(team=team(s), name=team(s)),
        AlreadyExists,
    ),
    no(ops.UPDATE_TEAM, "missing", "an unknown one", lambda s: c.UpdateTeam(team="x", name="y"), NotFound),
    *each(
        ops.UPDATE_TEAM, "refused", "name", ("", "a b"), lambda s, n: c.UpdateTeam(team=team(s), name=n), InvalidInput
    ),
    *limited(
        ops.UPDATE_TEAM,
        "description",
        limits.COMMENT_CHARS,
        lambda s, n: c.UpdateTeam(team=team(s), description="x" * n),
    ),
    ok(
        ops.LIST_TEAMS,
        "with members",
        lambda s: team(s, make(s)) and c.ListTeams(),
        lambda s, x: [len(one.members) for one in x.teams] == [1],
    ),
    ok(ops.DELETE_TEAM, "one", lambda s: c.TeamName(team=team(s, make(s)))),
    no(ops.DELETE_TEAM, "missing", "an unknown one", lambda s: c.TeamName(team="x"), NotFound),
    ok(
        ops.ADD_MEMBER,
        "twice is once",
        lambda s: _member(s, there=True),
        lambda s, x: len(x.members) == 1,
    ),
    no(ops.ADD_MEMBER, "missing", "nobody", lambda s: c.TeamMember(team=team(s), user="nobody"), NotFound),
    no(ops.ADD_MEMBER, "missing", "to no team", lambda s: c.TeamMember(team="x", user=make(s)), NotFound),
    ok(ops.REMOVE_MEMBER, "one", lambda s: _member(s, there=True), lambda s, x: x.members == []),
    no(ops.REMOVE_MEMBER, "missing", "who is none", lambda s: _member(s, there=False), NotFound),
]


def _given_team(s: Stage) -> str:
    made = team(s, make(s))
    s.call(
        ops.CREATE_GRANT,
        c.CreateGrant(subject_kind="team", subject=made, target_kind="workspace", role="reader"),
    )
    return made


def _member(s: Stage, there: bool) -> c.TeamMember:
    user = make(s)
    return c.TeamMember(team=team(s, *([user] if there else [])), user=user)
