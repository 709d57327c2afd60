"""Users and what they show, teams, roles, grants."""

from __future__ import annotations

from typing import Any

import pytest

from trackway.api.access import Team
from trackway.base.ids import new_id
from trackway.store.access import CredentialRow, Given, GrantRow
from trackway.testing.store.fixtures import StoreFixtures
from trackway.testing.store.space import Space


def make_user(space: Space, password: str = "", is_admin: bool = False) -> tuple[str, int]:
    """Create a user; return its name and number."""
    name = f"U{new_id()}"
    pk = space.write(lambda tx: tx.access.create_user(name, "user", password, is_admin, 1, "user:ann"))
    assert pk is not None
    return name, pk


def make_credential(user_pk: int, kind: Any = "token", expires_ms: int = 0) -> CredentialRow:
    """Return a row of its own."""
    return CredentialRow(new_id(), kind, new_id(), user_pk, "ci", "reader", "", 1, expires_ms)


def give(space: Space, pk: int, kind: Any, target: str, role: str = "reader", subject: Any = "user") -> str:
    """Give a role, and return the grant's id."""
    row = GrantRow(space.workspace, subject, pk, kind, target, role, 1, "user:ann")
    return str(space.write(lambda tx: tx.access.put_grant(row)).grant_id)


class AccessContract(StoreFixtures):
    """Access control."""

    def test_a_user_is_found_in_whichever_case_and_its_name_is_taken_in_every(self, space: Space) -> None:
        name, pk = make_user(space, "hash", is_admin=True)
        for asked in (name, name.lower(), name.upper()):
            found = space.read(lambda tx, asked=asked: tx.access.find_user(asked))
            assert found == (pk, name, "user", "hash", True, False, False, "")
            again = space.write(
                lambda tx, asked=asked: tx.access.create_user(asked, "service", "", False, 2, "user:bob")
            )
            assert again is None
        shown = space.read(lambda tx: tx.access.show_user(pk))
        assert (shown.name, shown.has_password, shown.created_by) == (name, True, "user:ann")
        assert "hash" not in repr(shown)

    def test_users_are_listed_page_by_page(self, space: Space) -> None:
        names = sorted((make_user(space)[0] for _ in range(3)), key=str.lower)
        page = space.read(lambda tx: tx.access.list_users(2, names[0]))
        assert page[0].name > names[0]
        assert [one.name.lower() for one in page] == sorted(one.name.lower() for one in page)

    def test_administrators_are_those_of_the_workspace_or_else_of_the_installation(self, space: Space) -> None:
        everybody, pk = make_user(space, is_admin=True)
        for limit in (1, 1_000):
            found = space.read(lambda tx, limit=limit: tx.access.list_administrators(space.workspace, limit))
            assert found == space.read(lambda tx, limit=limit: tx.access.list_administrators("", limit))
        assert everybody in found
        (direct, one), (member, other), (disabled, gone), (_, manager) = (make_user(space) for _ in range(4))
        team = space.write(lambda tx: tx.access.create_team(space.workspace, f"t{new_id()}"))
        assert team is not None
        space.write(lambda tx: tx.access.set_role(space.workspace, "keeper", ["admin"]))
        space.write(lambda tx: tx.access.add_member(team, other))
        give(space, one, "workspace", "", "admin")
        give(space, gone, "workspace", "", "admin")
        give(space, manager, "workspace", "", "manager")
        give(space, manager, "registered_model", "churn", "admin")
        give(space, team, "workspace", "", "keeper", "team")
        space.write(lambda tx: tx.access.update_user(gone, False, True))
        found = space.read(lambda tx: tx.access.list_administrators(space.workspace, 10))
        assert found == sorted((direct, member), key=str.lower)
        assert disabled not in found
        space.write(lambda tx: tx.access.update_user(pk, False, None))
        assert everybody not in space.read(lambda tx: tx.access.list_administrators("", 1_000))

    def test_a_sessions_last_use_is_kept_and_changes_nobodys_rights(self, space: Space) -> None:
        _, pk = make_user(space)
        row = make_credential(pk, "session")._replace(client="Firefox", address="10.0.0.1", used_ms=5)
        space.write(lambda tx: tx.access.add_credential(row))
        before = space.read(lambda tx: tx.access.version())
        space.write(lambda tx: tx.access.note_use(row.digest, "10.0.0.2", 9))
        space.write(lambda tx: tx.access.note_use(row.digest, "10.0.0.3", 7))  # what came late
        assert space.read(lambda tx: tx.access.version()) == before
        [kept] = space.read(lambda tx: tx.access.list_credentials(pk, "session"))
        assert (kept.client, kept.address, kept.used_ms) == ("Firefox", "10.0.0.2", 9)
        assert space.read(lambda tx: tx.access.list_credentials(pk, "token")) == []

    def test_every_change_raises_the_version_and_a_new_credential_does_not(self, space: Space) -> None:
        _, pk = make_user(space)
        space.write(lambda tx: tx.access.create_team(space.workspace, "team"))
        team = space.read(lambda tx: tx.access.find_team(space.workspace, "team"))
        row = make_credential(pk)
        changes: list[Any] = [
            lambda tx: tx.access.suspend_user(pk, True),
            lambda tx: tx.access.suspend_user(pk, False),
            lambda tx: tx.access.update_user(pk, False, True),
            lambda tx: tx.access.set_home(pk, space.workspace),
            lambda tx: tx.access.set_password(pk, "other"),
            lambda tx: tx.access.add_member(team, pk),
            lambda tx: tx.access.remove_member(team, pk),
            lambda tx: tx.access.set_role(space.workspace, "own", ["read"]),
            lambda tx: tx.access.delete_role(space.workspace, "own"),
            lambda tx: tx.access.delete_named(pk, "token", row.public_id),
            lambda tx: tx.access.delete_credentials(pk, ["session"]),
            lambda tx: tx.access.follow_target(space.workspace, "experiment", "1", None),
            lambda tx: tx.access.delete_team(team),
            lambda tx: tx.access.touch(),
            lambda tx: tx.access.delete_user(pk),
        ]
        before = space.read(lambda tx: tx.access.version())
        space.write(lambda tx: tx.access.add_credential(row))
        assert space.read(lambda tx: tx.access.version()) == before
        for change in changes:
            before = space.read(lambda tx: tx.access.version())
            space.write(change)
            assert space.read(lambda tx: tx.access.version()) > before

    def test_what_a_directory_disables_it_gives_back_and_what_somebody_disabled_it_does_not(self, space: Space) -> None:
        _, pk = make_user(space)

        def change(work: Any) -> tuple[bool, bool]:
            space.write(work)
            user = space.read(lambda tx: tx.access.get_user(pk))
            return user.disabled, user.suspended

        assert change(lambda tx: tx.access.suspend_user(pk, True)) == (True, True)
        assert change(lambda tx: tx.access.update_user(pk, True, None)) == (True, True)
        assert change(lambda tx: tx.access.suspend_user(pk, False)) == (False, False)
        assert change(lambda tx: tx.access.update_user(pk, True, True)) == (True, False)
        assert change(lambda tx: tx.access.suspend_user(pk, True)) == (True, False)
        assert change(lambda tx: tx.access.suspend_user(pk, False)) == (True, False)

    def test_a_transaction_says_whether_it_has_changed_anything(self, space: Space) -> None:
        def work(tx: Any) -> tuple[bool, int, bool, int]:
            before = tx.access.changed, tx.access.version()
            tx.access.touch()
            return (*before, tx.access.changed, tx.access.version())

        changed, version, changed_then, version_then = space.write(work)
        assert (changed, changed_then, version_then) == (False, True, version + 1)
        assert not space.write(lambda tx: tx.access.changed)

    def test_credentials_are_found_by_digest_and_end(self, space: Space) -> None:
        _, pk = make_user(space)
        _, other = make_user(space)
        token, session, old = (
            make_credential(pk),
            make_credential(pk, "session"),
            make_credential(pk, "session", expires_ms=5),
        )
        for row in (token, session, old):
            space.write(lambda tx, row=row: tx.access.add_credential(row))
            assert space.read(lambda tx, row=row: tx.access.find_credential(row.digest)) == row
        assert space.read(lambda tx: tx.access.list_credentials(pk, "token")) == [token]
        assert not space.write(lambda tx: tx.access.delete_named(other, "token", token.public_id))
        assert space.write(lambda tx: tx.access.forget_credentials(6, 1_000)) >= 1
        assert space.read(lambda tx: tx.access.find_credential(old.digest)) is None
        space.write(lambda tx: tx.access.delete_credentials(pk, ["session", "invitation"]))
        assert space.read(lambda tx: tx.access.find_credential(session.digest)) is None
        assert space.write(lambda tx: tx.access.delete_named(pk, "token", token.public_id))
        assert space.read(lambda tx: tx.access.list_credentials(pk, "token")) == []

    def test_a_subject_of_a_provider_is_bound_to_one_user_until_that_is_deleted(self, space: Space) -> None:
        issuer, (_, pk) = f"https://{new_id()}", make_user(space)
        assert not space.read(lambda tx: tx.access.has_identity(pk))
        space.write(lambda tx: tx.access.add_identity(issuer, "s", pk))
        assert space.read(lambda tx: tx.access.has_identity(pk))
        assert space.read(lambda tx: tx.access.find_identity(issuer, "s")) == pk
        assert space.read(lambda tx: tx.access.list_identities(issuer)) == [("s", pk)]
        assert space.read(lambda tx: tx.access.find_identity(issuer, "S")) is None
        space.write(lambda tx: tx.access.delete_user(pk))
        assert space.read(lambda tx: tx.access.find_identity(issuer, "s")) is None

    def test_sessions_end_by_user_and_by_the_providers_session(self, space: Space) -> None:
        (_, one), (_, other) = make_user(space), make_user(space)
        sid = new_id()
        rows = [make_credential(pk, "session")._replace(name=name) for pk in (one, other) for name in (sid, "")]
        rows.append(make_credential(one)._replace(name=sid))
        for row in rows:
            space.write(lambda tx, row=row: tx.access.add_credential(row))

        def left() -> list[bool]:
            return [space.read(lambda tx, row=row: tx.access.find_credential(row.digest)) is not None for row in rows]

        assert space.write(lambda tx: tx.access.end_sessions(None, "")) == []
        before = space.read(lambda tx: tx.access.version())
        assert space.write(lambda tx: tx.access.end_sessions(one, sid)) == [one]
        assert space.read(lambda tx: tx.access.version()) > before
        assert left() == [False, True, True, True, True]
        assert space.write(lambda tx: tx.access.end_sessions(None, sid)) == [other]
        assert space.write(lambda tx: tx.access.end_sessions(one, "")) == [one]
        assert left() == [False, False, False, True, True]

    def test_roles_come_from_grants_to_the_user_its_teams_and_everyone(self, space: Space) -> None:
        _, pk = make_user(space)
        _, other = make_user(space)
        space.write(lambda tx: tx.access.create_team(space.workspace, "team"))
        team = space.read(lambda tx: tx.access.find_team(space.workspace, "team"))
        assert team is not None
        space.write(lambda tx: tx.access.add_member(team, pk))
        give(space, pk, "workspace", "")
        give(space, pk, "workspace", "", "editor")  # in place of the first
        give(space, team, "experiment", "7", subject="team")
        give(space, 0, "registered_model", "m*", subject="everyone")
        given = space.read(lambda tx: tx.access.list_given(space.workspace, pk))
        assert sorted(given) == [
            Given("everyone", "", "registered_model", "m*", "reader"),
            Given("team", "team", "experiment", "7", "reader", team),
            Given("user", "", "workspace", "", "editor"),
        ]
        assert len(space.read(lambda tx: tx.access.list_given(space.workspace, other))) == 1
        assert Space(space.store).read(lambda tx: tx.access.list_given("elsewhere", pk)) == []
        space.write(lambda tx: tx.access.delete_user(pk))
        assert len(space.read(lambda tx: tx.access.list_given(space.workspace, pk))) == 1
        assert space.read(lambda tx: tx.access.list_members(team)) == []

    def test_a_team_keeps_its_number_with_another_name(self, space: Space) -> None:
        name, pk = make_user(space)
        number = space.write(lambda tx: tx.access.create_team(space.workspace, "team", "cameras"))
        assert number is not None
        assert space.write(lambda tx: tx.access.create_team(space.workspace, "team")) is None
        before = space.read(lambda tx: tx.access.version())
        space.write(lambda tx: tx.access.add_member(number, pk))
        space.write(lambda tx: tx.access.update_team(number, "seeing", "eyes"))
        assert space.read(lambda tx: tx.access.version()) > before
        shown = Team(team="seeing", members=[name], number=number, member_numbers=[pk], description="eyes")
        assert space.read(lambda tx: tx.access.show_team(number)) == shown
        assert space.read(lambda tx: tx.access.list_teams(space.workspace)) == [shown]

    def test_grants_follow_an_object_to_its_new_name_and_end_with_it(self, space: Space) -> None:
        _, pk = make_user(space)
        give(space, pk, "registered_model", "old")
        give(space, pk, "registered_model", "new", "editor")  # of one that had this name before
        space.write(lambda tx: tx.access.follow_target(space.workspace, "registered_model", "old", "new"))
        grants = space.read(lambda tx: tx.access.list_grants(space.workspace, ("user", pk), None))
        assert [(one.target, one.role) for one in grants] == [("new", "reader")]
        space.write(lambda tx: tx.access.follow_target(space.workspace, "registered_model", "new", None))
        assert space.read(lambda tx: tx.access.list_grants(space.workspace, None, None)) == []

    @pytest.mark.parametrize(
        ("pattern", "expected"),
        [("churn*", {"churn", "churn_a", "churn-b"}), ("churn_*", {"churn_a"}), ("*%*", {"100%"}), ("*", None)],
    )
    def test_a_pattern_has_one_sign(self, space: Space, pattern: str, expected: set[str] | None) -> None:
        names = ("churn", "churn_a", "churn-b", "Churn", "100%", "x~y")
        numbers = {space.make_experiment(name): name for name in names}
        found = space.read(lambda tx: tx.access.match_experiments(space.workspace, pattern))
        assert {numbers[one] for one in found} == (set(names) if expected is None else expected)
