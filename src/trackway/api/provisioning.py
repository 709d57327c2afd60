"""What a directory of identities keeps up here by SCIM: people and teams, by numbers that are never given again."""

from __future__ import annotations

from trackway.api.structs import Request, Response


class Ref(Response, frozen=True, kw_only=True):
    """A team or a person, as a part of the other."""

    number: int
    name: str


class ProvisionedUser(Response, frozen=True, kw_only=True):
    """A person.

    external_id: what the directory calls them
    active:      may sign in
    revision:    another one when anything of this is another
    """

    number: int
    name: str
    external_id: str
    active: bool
    created_ms: int
    teams: list[Ref]
    revision: str


class FindProvisionedUsers(Request, frozen=True, kw_only=True):
    """Find people: one by number, name or the directory's id, or all in the order of numbers."""

    number: int = 0
    name: str = ""
    external_id: str = ""
    limit: int = 1_000
    page_token: str = ""


class ProvisionedUserPage(Response, frozen=True, kw_only=True):
    """One page; an empty token means that it is the last."""

    users: list[ProvisionedUser]
    next_page_token: str = ""


class SetProvisionedUser(Request, frozen=True, kw_only=True):
    """Create a person, or change one; the name stays, as what somebody did is known by it.

    number:   0 for a new one
    revision: which one is changed; empty for whichever it is by now
    """

    name: str
    number: int = 0
    external_id: str = ""
    active: bool = True
    revision: str = ""


class DeleteProvisionedUser(Request, frozen=True, kw_only=True):
    """Delete a person with all tokens and grants."""

    name: str
    number: int
    revision: str = ""


class ProvisionedTeam(Response, frozen=True, kw_only=True):
    """A team with those of its members who are people."""

    number: int
    name: str
    external_id: str
    members: list[Ref]
    revision: str


class FindProvisionedTeams(Request, frozen=True, kw_only=True):
    """Find teams: one by number or name, or all."""

    number: int = 0
    name: str = ""


class ProvisionedTeamList(Response, frozen=True, kw_only=True):
    """Teams in the order of numbers."""

    teams: list[ProvisionedTeam]


class SetProvisionedTeam(Request, frozen=True, kw_only=True):
    """Create a team, or change its name and its members; service accounts in it stay in it.

    members: numbers of people
    others:  as for people
    """

    name: str
    members: list[int]
    number: int = 0
    external_id: str = ""
    revision: str = ""


class DeleteProvisionedTeam(Request, frozen=True, kw_only=True):
    """Delete a team with its grants."""

    name: str
    number: int
    revision: str = ""
