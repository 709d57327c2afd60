"""Policies, leases of jobs, the audit log."""

from __future__ import annotations

import pytest

from trackway.api.retention import AuditEntry
from trackway.base.ids import new_id
from trackway.store.base import Page
from trackway.testing.store.fixtures import StoreFixtures
from trackway.testing.store.space import Space


def make_entry(n: int, operation: str = "runs.delete", object_id: str = "r1") -> AuditEntry:
    """Return an entry that says which one it is."""
    return AuditEntry(
        time_ms=n, actor="user:ann", operation=operation, object=object_id, request_id=f"q{n}", detail=f"d{n}"
    )


class HousekeepingContract(StoreFixtures):
    """Housekeeping."""

    def test_a_retention_policy_is_set_changed_and_taken_away(self, space: Space) -> None:
        def listed() -> dict[str, int]:
            return dict(space.read(lambda tx: tx.housekeeping.list_retention()))

        for trash_ms in (5, 2**53):
            space.write(lambda tx, ms=trash_ms: tx.housekeeping.set_retention("default", ms))
            assert space.read(lambda tx: tx.housekeeping.get_retention("default")) == trash_ms
            assert listed()["default"] == trash_ms
        space.write(lambda tx: tx.housekeeping.set_retention("default", None))
        assert space.read(lambda tx: tx.housekeeping.get_retention("default")) is None
        assert "default" not in listed()
        assert space.read(lambda tx: tx.housekeeping.get_retention(space.workspace)) is None

    def test_the_trash_is_counted(self, space: Space) -> None:
        first, second = space.make_experiment(), space.make_experiment()
        runs = [space.make_run(first), space.make_run(first), space.make_run(second)]
        space.write(lambda tx: tx.runs.delete(runs[0].pk, 5))
        assert space.read(lambda tx: tx.housekeeping.count_trash(space.workspace)) == (0, 1)
        space.write(lambda tx: tx.experiments.delete(second, 6))
        assert space.read(lambda tx: tx.housekeeping.count_trash(space.workspace)) == (1, 2)

    def test_a_lease_has_one_holder_until_it_ends(self, space: Space) -> None:
        name = f"task:{new_id()}"
        steps = [
            ("a", 0, 10, True),
            ("b", 5, 15, False),
            ("a", 8, 20, True),
            ("b", 20, 30, False),
            ("b", 21, 31, True),
            ("a", 22, 40, False),
        ]
        for holder, now_ms, until_ms, expected in steps:
            got = space.write(lambda tx, s=(holder, now_ms, until_ms): tx.housekeeping.acquire_lease(name, *s))
            assert got is expected, (holder, now_ms)

    def test_the_audit_log_is_read_newest_first_and_page_by_page(self, space: Space) -> None:
        for n in range(10):
            space.write(lambda tx, n=n: tx.housekeeping.append_audit(space.workspace, make_entry(n)))
        read, after = [], None
        while True:
            page = Page(4, after)
            rows = space.read(lambda tx, p=page: tx.housekeeping.search_audit(space.workspace, "", "", p))
            if not rows:
                break
            read += [entry for _, entry in rows]
            after = [rows[-1][0]]
        assert read == [make_entry(n) for n in range(9, -1, -1)]

    @pytest.mark.parametrize(
        ("operation", "object_id", "expected"),
        [("runs.delete", "", [3, 1]), ("", "r2", [3, 2]), ("runs.delete", "r2", [3]), ("runs.purge", "r1", [])],
    )
    def test_the_audit_log_is_searched_by_operation_and_object(
        self, space: Space, operation: str, object_id: str, expected: list[int]
    ) -> None:
        for n, (op, obj) in enumerate((("runs.delete", "r1"), ("runs.purge", "r2"), ("runs.delete", "r2")), 1):
            entry = make_entry(n, op, obj)
            space.write(lambda tx, entry=entry: tx.housekeeping.append_audit(space.workspace, entry))
        rows = space.read(lambda tx: tx.housekeeping.search_audit(space.workspace, operation, object_id, Page(10)))
        assert [entry.time_ms for _, entry in rows] == expected
        other = Space(space.store)
        assert other.read(lambda tx: tx.housekeeping.search_audit(other.workspace, "", "", Page(10))) == []
