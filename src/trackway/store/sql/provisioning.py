"""People and teams as a directory sees them."""

from __future__ import annotations

from trackway.store.provisioning import PersonRow, TeamRow
from trackway.store.sql.access import AccessTable
from trackway.store.sql.connection import Connection, Row

_PEOPLE = "SELECT pk, name, external_id, disabled, created_ms FROM users WHERE kind = 'user'"


class ProvisioningTable:
    """See ``store.provisioning.Provisioning``."""

    def __init__(self, db: Connection, access: AccessTable) -> None:
        self._db = db
        self._access = access

    def list_people(self, after: int, limit: int) -> list[PersonRow]:
        """Return people with larger numbers."""
        return [_person(row) for row in self._db.all(f"{_PEOPLE} AND pk > ? ORDER BY pk LIMIT ?", (after, limit))]

    def find_person(self, pk: int, name: str, external_id: str) -> PersonRow | None:
        """Return a person by number, else by name, else by the directory's id."""
        asked: tuple[str, int | str] = ("pk", pk)
        if not pk:
            asked = ("folded", name.lower()) if name else ("external_id", external_id)
        row = self._db.one(f"{_PEOPLE} AND {asked[0]} = ? ORDER BY pk LIMIT 1", asked[1:])
        return _person(row) if row else None

    def list_teams_of(self, workspace: str, people: list[int]) -> list[tuple[int, int, str]]:
        """Return all teams of some people."""
        condition, values = self._db.among(people)
        rows = self._db.all(
            "SELECT m.user_pk, t.pk, t.name FROM team_members m JOIN teams t ON t.pk = m.team_pk"
            f" WHERE m.user_pk {condition} AND t.workspace = ? ORDER BY t.pk",
            (*values, workspace),
        )
        return [(row[0], row[1], row[2]) for row in rows]

    def set_person_id(self, pk: int, external_id: str) -> None:
        """Keep what a directory calls a person."""
        self._db.run("UPDATE users SET external_id = ? WHERE pk = ?", (external_id, pk))

    def list_teams(self, workspace: str) -> list[TeamRow]:
        """Return teams in the order of numbers."""
        rows = self._db.all("SELECT pk, name, external_id FROM teams WHERE workspace = ? ORDER BY pk", (workspace,))
        return [TeamRow(*row) for row in rows]

    def list_members(self, team_pk: int) -> list[tuple[int, str]]:
        """Return people in a team."""
        rows = self._db.all(
            "SELECT u.pk, u.name FROM team_members m JOIN users u ON u.pk = m.user_pk"
            " WHERE m.team_pk = ? AND u.kind = 'user' ORDER BY u.pk",
            (team_pk,),
        )
        return [(row[0], row[1]) for row in rows]

    def update_team(self, pk: int, name: str, external_id: str) -> None:
        """Give a team a name, and keep what a directory calls it."""
        self._db.run("UPDATE teams SET name = ?, external_id = ? WHERE pk = ?", (name, external_id, pk))
        self._access.touch()


def _person(row: Row) -> PersonRow:
    pk, name, external_id, disabled, created_ms = row
    return PersonRow(pk, name, external_id, bool(disabled), created_ms)
