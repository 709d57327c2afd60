"""Legal holds."""

from __future__ import annotations

from typing import Any

from trackway.api.holds import Hold
from trackway.testing.store.fixtures import StoreFixtures
from trackway.testing.store.space import Space


def hold(space: Space, kind: Any, target: str) -> Hold:
    """Place a hold."""
    made = Hold(hold_id="", target_kind=kind, target=target, reason="r", created_ms=5, created_by="user:ann")
    kept: Hold = space.write(lambda tx: tx.holds.create(space.workspace, made))
    return kept


class HoldContract(StoreFixtures):
    """Legal holds."""

    def test_a_hold_is_found_on_its_object_and_on_all_of_its_workspace(self, space: Space) -> None:
        def find(kind: Any, target: str, workspace: str = "") -> Hold | None:
            found: Hold | None = space.read(lambda tx: tx.holds.find(workspace or space.workspace, kind, target))
            return found

        assert find("experiment", "7") is None
        first = hold(space, "experiment", "7")
        second = hold(space, "experiment", "7")
        assert find("experiment", "7") == first
        assert find("experiment", "8") is None
        assert find("registered_model", "7") is None
        assert find("experiment", "7", "elsewhere") is None
        assert space.read(lambda tx: tx.holds.list(space.workspace)) == [first, second]
        assert space.read(lambda tx: tx.holds.get(space.workspace, int(first.hold_id))) == first
        assert space.read(lambda tx: tx.holds.get("elsewhere", int(first.hold_id))) is None
        space.write(lambda tx: tx.holds.delete(space.workspace, int(first.hold_id)))
        assert find("experiment", "7") == second
        everywhere = hold(space, "workspace", "")
        assert find("registered_model", "any") == everywhere
