"""People and teams as a directory sees them."""

from __future__ import annotations

from trackway.base.ids import new_id
from trackway.testing.store.access import make_user
from trackway.testing.store.fixtures import StoreFixtures
from trackway.testing.store.space import Space


class ProvisioningContract(StoreFixtures):
    """What a directory of identities keeps up."""

    def test_people_are_found_by_number_name_and_the_directorys_id(self, space: Space) -> None:
        name, pk = make_user(space)
        robot = space.write(lambda tx: tx.access.create_user(f"R{new_id()}", "service", "", False, 1, "user:ann"))
        assert robot is not None
        external = new_id()
        space.write(lambda tx: tx.provisioning.set_person_id(pk, external))
        for asked in ((pk, "", ""), (0, name.upper(), ""), (0, "", external)):
            found = space.read(lambda tx, asked=asked: tx.provisioning.find_person(*asked))
            assert found == (pk, name, external, False, 1)
        assert space.read(lambda tx: tx.provisioning.find_person(robot, "", "")) is None
        assert space.read(lambda tx: tx.provisioning.find_person(0, "", new_id())) is None
        listed = space.read(lambda tx: tx.provisioning.list_people(pk - 1, 1_000))
        assert listed[0].pk == pk
        assert robot not in [one.pk for one in listed]

    def test_teams_have_numbers_names_and_members_who_are_people(self, space: Space) -> None:
        _, pk = make_user(space)
        name, other = make_user(space)
        robot = space.write(lambda tx: tx.access.create_user(f"R{new_id()}", "service", "", False, 1, "user:ann"))
        space.write(lambda tx: tx.access.create_team(space.workspace, "vision"))
        [team] = space.read(lambda tx: tx.provisioning.list_teams(space.workspace))
        assert (team.name, team.external_id) == ("vision", "")
        for member in (other, robot):
            space.write(lambda tx, member=member: tx.access.add_member(team.pk, member))
        assert space.read(lambda tx: tx.provisioning.list_members(team.pk)) == [(other, name)]
        teams = space.read(lambda tx: tx.provisioning.list_teams_of(space.workspace, [pk, other]))
        assert teams == [(other, team.pk, "vision")]
        assert space.read(lambda tx: tx.provisioning.list_teams_of(f"{space.workspace}-x", [other])) == []
        before = space.read(lambda tx: tx.access.version())
        space.write(lambda tx: tx.provisioning.update_team(team.pk, "seeing", "g1"))
        assert space.read(lambda tx: tx.provisioning.list_teams(space.workspace)) == [(team.pk, "seeing", "g1")]
        assert space.read(lambda tx: tx.access.version()) > before
