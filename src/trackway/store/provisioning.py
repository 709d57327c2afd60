"""What a store tells of people and teams to a directory that keeps them up."""

from __future__ import annotations

from typing import NamedTuple, Protocol


class PersonRow(NamedTuple):
    """A user who is no service account."""

    pk: int
    name: str
    external_id: str
    disabled: bool
    created_ms: int


class TeamRow(NamedTuple):
    """A team."""

    pk: int
    name: str
    external_id: str


class Provisioning(Protocol):
    """People, teams, and what a directory calls them."""

    def list_people(self, after: int, limit: int) -> list[PersonRow]:
        """Return people with larger numbers, in the order of numbers."""

    def find_person(self, pk: int, name: str, external_id: str) -> PersonRow | None:
        """Return a person by number, else by name in whichever case, else by the directory's id."""

    def list_teams_of(self, workspace: str, people: list[int]) -> list[tuple[int, int, str]]:
        """Return number of the person, number and name of the team, for all teams of some people."""

    def set_person_id(self, pk: int, external_id: str) -> None:
        """Keep what a directory calls a person."""

    def list_teams(self, workspace: str) -> list[TeamRow]: ...
    def list_members(self, team_pk: int) -> list[tuple[int, str]]:
        """Return numbers and names of people in a team."""

    def update_team(self, pk: int, name: str, external_id: str) -> None:
        """Give a team a name that no other has, and keep what a directory calls it."""
