"""The rules of what a directory keeps up here: who is a person, which teams there are, who is in them."""

from __future__ import annotations

import hashlib
from typing import TypeVar

import msgspec

from trackway.api import limits
from trackway.api import operations as ops
from trackway.api import provisioning as p
from trackway.api.calls import Call
from trackway.api.structs import Empty
from trackway.auth.users import check_user_name, keep_an_administrator
from trackway.base.errors import AlreadyExists, Conflict, InvalidInput, NotFound
from trackway.rules.checks import check_page, check_text
from trackway.rules.handlers import Handlers
from trackway.rules.tokens import decode_token, encode_token
from trackway.store.base import Transaction
from trackway.store.provisioning import PersonRow, TeamRow

R = TypeVar("R", p.ProvisionedUser, p.ProvisionedTeam)


class ProvisioningService:
    """Handlers of the operations by which a directory keeps people and teams up."""

    def handlers(self) -> Handlers:
        """Return the handler of each operation."""
        return {
            ops.FIND_PROVISIONED_USERS: self.find_users,
            ops.SET_PROVISIONED_USER: self.set_user,
            ops.DELETE_PROVISIONED_USER: self.delete_user,
            ops.FIND_PROVISIONED_TEAMS: self.find_teams,
            ops.SET_PROVISIONED_TEAM: self.set_team,
            ops.DELETE_PROVISIONED_TEAM: self.delete_team,
        }

    def find_users(self, tx: Transaction, call: Call, q: p.FindProvisionedUsers) -> p.ProvisionedUserPage:
        """Find people."""
        check_page(q.limit, limits.SEARCH_PAGE)
        if q.number or q.name or q.external_id:
            found = tx.provisioning.find_person(q.number, q.name, q.external_id)
            return p.ProvisionedUserPage(users=_show_people(tx, call, [found] if found else []))
        key = decode_token(call, "people", q.page_token) or [0]
        after = key[0] if len(key) == 1 else None
        if not isinstance(after, int):
            raise InvalidInput("Invalid page token", hint="send next_page_token as it was received")
        rows = tx.provisioning.list_people(after, q.limit + 1)
        following = [rows[q.limit - 1].pk] if len(rows) > q.limit else None
        users = _show_people(tx, call, rows[: q.limit])
        return p.ProvisionedUserPage(users=users, next_page_token=encode_token(call, "people", following))

    def set_user(self, tx: Transaction, call: Call, q: p.SetProvisionedUser) -> p.ProvisionedUser:
        """Create or change a person; who is not active any more is out at once."""
        check_text("The external id", q.external_id, limits.EXTERNAL_ID_CHARS)
        number = q.number
        if not number:
            check_user_name(q.name)
            made = tx.access.create_user(q.name, "user", "", False, call.now_ms, call.actor.label)
            if made is None:
                raise AlreadyExists(f"There is a user {q.name!r} already, perhaps in another case")
            number = made
        known = _find_person(tx, call, number, q.revision)
        if q.name.lower() != known.name.lower():
            raise InvalidInput("The name of a user stays", hint="delete the user, and create one of the new name")
        if q.external_id != known.external_id:
            tx.provisioning.set_person_id(number, q.external_id)
        if q.active != known.active:
            self._activate(tx, number, q.active)
        return _find_person(tx, call, number)

    def delete_user(self, tx: Transaction, call: Call, q: p.DeleteProvisionedUser) -> Empty:
        """Delete a person with all that hangs on it."""
        known = _find_person(tx, call, q.number, q.revision)
        if known.name != q.name:
            raise Conflict(f"The user {q.number} is not {q.name[:80]!r}", hint="read it again")
        user = tx.access.get_user(q.number)
        if user is not None and user.is_admin and not user.disabled:
            keep_an_administrator(tx, user)
        tx.access.delete_user(q.number)
        return Empty()

    def find_teams(self, tx: Transaction, call: Call, q: p.FindProvisionedTeams) -> p.ProvisionedTeamList:
        """Find teams."""
        wanted = [
            team
            for team in tx.provisioning.list_teams(call.workspace)
            if q.number in (0, team.pk) and q.name in ("", team.name)
        ]
        return p.ProvisionedTeamList(teams=[_show_team(tx, team) for team in wanted])

    def set_team(self, tx: Transaction, call: Call, q: p.SetProvisionedTeam) -> p.ProvisionedTeam:
        """Create or change a team."""
        check_user_name(q.name)
        check_text("The external id", q.external_id, limits.EXTERNAL_ID_CHARS)
        there = tx.access.find_team(call.workspace, q.name)
        if there not in (None, q.number):
            raise AlreadyExists(f"There is a team {q.name!r} already", hint="choose another name")
        number = q.number
        if not number:
            if len(tx.access.list_teams(call.workspace)) >= limits.TEAMS:
                raise Conflict(f"There are {limits.TEAMS:,} teams, which is the most", hint="delete one")
            tx.access.create_team(call.workspace, q.name)
            number = tx.access.find_team(call.workspace, q.name) or 0
        known = _find_team(tx, call, number, q.revision)
        if (known.name, known.external_id) != (q.name, q.external_id):
            tx.provisioning.update_team(number, q.name, q.external_id)
        before, after = {one.number for one in known.members}, set(q.members)
        for pk in sorted(after - before):
            if tx.provisioning.find_person(pk, "", "") is None:
                raise InvalidInput(f"There is no person of the number {pk}", hint="create the user first")
            tx.access.add_member(number, pk)
        for pk in sorted(before - after):
            tx.access.remove_member(number, pk)
        return _find_team(tx, call, number)

    def delete_team(self, tx: Transaction, call: Call, q: p.DeleteProvisionedTeam) -> Empty:
        """Delete a team with its grants."""
        if _find_team(tx, call, q.number, q.revision).name != q.name:
            raise Conflict(f"The team {q.number} is not {q.name[:80]!r}", hint="read it again")
        tx.access.delete_team(q.number)
        return Empty()

    def _activate(self, tx: Transaction, number: int, active: bool) -> None:
        user = tx.access.get_user(number)
        assert user is not None
        if not active and user.is_admin:
            keep_an_administrator(tx, user)
        tx.access.update_user(number, user.is_admin, not active)
        if not active:
            tx.access.delete_credentials(number, ["session", "invitation"])


def _find_person(tx: Transaction, call: Call, number: int, revision: str = "") -> p.ProvisionedUser:
    row = tx.provisioning.find_person(number, "", "") if number > 0 else None
    if row is None:
        raise NotFound(f"There is no person of the number {number}")
    return _check_revision(_show_people(tx, call, [row])[0], revision)


def _find_team(tx: Transaction, call: Call, number: int, revision: str = "") -> p.ProvisionedTeam:
    row = next((team for team in tx.provisioning.list_teams(call.workspace) if team.pk == number), None)
    if row is None:
        raise NotFound(f"There is no team of the number {number}")
    return _check_revision(_show_team(tx, row), revision)


def _check_revision(known: R, revision: str) -> R:
    if revision and revision != known.revision:
        raise Conflict("It was changed meanwhile", hint="read it again", details={"revision": known.revision})
    return known


def _show_people(tx: Transaction, call: Call, rows: list[PersonRow]) -> list[p.ProvisionedUser]:
    teams: dict[int, list[p.Ref]] = {row.pk: [] for row in rows}
    if rows:
        for pk, number, name in tx.provisioning.list_teams_of(call.workspace, list(teams)):
            teams[pk].append(p.Ref(number=number, name=name))
    return [
        _number_revision(
            p.ProvisionedUser(
                number=row.pk,
                name=row.name,
                external_id=row.external_id,
                active=not row.disabled,
                created_ms=row.created_ms,
                teams=teams[row.pk],
                revision="",
            )
        )
        for row in rows
    ]


def _show_team(tx: Transaction, team: TeamRow) -> p.ProvisionedTeam:
    members = [p.Ref(number=pk, name=name) for pk, name in tx.provisioning.list_members(team.pk)]
    shown = p.ProvisionedTeam(
        number=team.pk, name=team.name, external_id=team.external_id, members=members, revision=""
    )
    return _number_revision(shown)


def _number_revision(shown: R) -> R:
    digest = hashlib.sha256(msgspec.json.encode(shown)).hexdigest()[:24]
    return msgspec.structs.replace(shown, revision=digest)
