"""Workspaces themselves."""

from __future__ import annotations

import msgspec

from trackway.api.workspaces import Workspace
from trackway.base.ids import new_id
from trackway.store.workspaces import DEFAULT, WorkspaceRow
from trackway.testing.store.access import give, make_user
from trackway.testing.store.fixtures import StoreFixtures
from trackway.testing.store.space import Space


def make_workspace(space: Space, name: str = "") -> str:
    """Create a workspace, and return its key."""
    made = Workspace(name=name or space.workspace, description="d", created_ms=5, created_by="user:ann")
    key: str | None = space.write(lambda tx: tx.workspaces.create(made))
    assert key is not None
    return key


class WorkspaceContract(StoreFixtures):
    """Workspaces."""

    def test_a_store_begins_with_the_default_one(self, space: Space) -> None:
        assert space.read(lambda tx: tx.workspaces.find("default")) == DEFAULT
        assert space.read(lambda tx: tx.workspaces.get("default")) == DEFAULT

    def test_a_name_is_taken_once_and_a_key_stays(self, space: Space) -> None:
        key = make_workspace(space)
        assert key == space.workspace
        shown = space.read(lambda tx: tx.workspaces.show(key))
        assert (shown.name, shown.description, shown.created_ms, shown.archived) == (key, "d", 5, False)
        assert space.write(lambda tx: tx.workspaces.create(shown)) is None
        other = f"w-{new_id()}"
        renamed = msgspec.structs.replace(shown, name=other)
        assert space.write(lambda tx: tx.workspaces.update(key, renamed, 7))
        assert space.read(lambda tx: tx.workspaces.find(other)) == WorkspaceRow(key, other, True)
        assert space.read(lambda tx: tx.workspaces.find(key)) is None
        second = make_workspace(space, key)  # the first name is free again, and its key is not
        assert second != key
        assert not space.write(lambda tx: tx.workspaces.update(second, renamed, None))
        listed = dict(space.read(lambda tx: tx.workspaces.list()))
        assert (listed[key].name, listed[second].name) == (other, key)
        number = space.make_experiment()
        found = space.read(lambda tx: tx.experiments.get(key, number))
        assert found is not None
        assert found.workspace == other

    def test_one_enters_where_one_has_a_role(self, space: Space) -> None:
        key = make_workspace(space)
        _, own = make_user(space)
        _, member = make_user(space)
        _, stranger = make_user(space)
        give(space, own, "experiment", "1")
        space.write(lambda tx: tx.access.create_team(key, "team"))
        team = space.read(lambda tx: tx.access.find_team(key, "team"))
        assert team is not None
        space.write(lambda tx: tx.access.add_member(team, member))
        give(space, team, "workspace", "", subject="team")
        entered = [space.read(lambda tx, pk=pk: tx.workspaces.list_entered(pk)) for pk in (own, member, stranger)]
        assert [key in one for one in entered] == [True, True, False]
        give(space, 0, "workspace", "", subject="everyone")
        assert key in space.read(lambda tx: tx.workspaces.list_entered(stranger))

    def test_nothing_is_left_of_a_workspace_that_is_deleted(self, space: Space) -> None:
        key = make_workspace(space)
        name, pk = make_user(space)
        give(space, pk, "workspace", "")
        space.write(lambda tx: tx.access.create_team(key, "team"))
        space.write(lambda tx: tx.access.set_role(key, "own", ["read"]))
        space.write(lambda tx: tx.access.set_home(pk, key))
        assert space.read(lambda tx: tx.workspaces.find_content(key)) == ""
        space.make_experiment()
        assert space.read(lambda tx: tx.workspaces.find_content(key)) == "experiments"
        space.write(lambda tx: tx.workspaces.delete(key))
        assert space.read(lambda tx: tx.workspaces.get(key)) is None
        assert space.read(lambda tx: tx.access.list_teams(key)) == []
        assert space.read(lambda tx: tx.access.list_roles(key)) == {}
        assert space.read(lambda tx: tx.access.list_grants(key, None, None)) == []
        user = space.read(lambda tx: tx.access.find_user(name))
        assert user is not None
        assert user.home == ""
