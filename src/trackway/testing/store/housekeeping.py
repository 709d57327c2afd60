"""Policies, leases of jobs, the audit log."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import msgspec
import pytest

from trackway.api.jobs import Job
from trackway.api.retention import AuditEntry, SearchAudit, VerifyAudit
from trackway.base.ids import new_id
from trackway.store.base import Page
from trackway.store.housekeeping import ChainPart
from trackway.store.quotas import Amounts
from trackway.testing.store.fixtures import StoreFixtures
from trackway.testing.store.space import Space


def make_entry(n: int, operation: str = "runs.delete", object_id: str = "r1") -> AuditEntry:
    """Return an entry that says which one it is."""
    return AuditEntry(
        time_ms=n, actor="user:ann", operation=operation, object=object_id, request_id=f"q{n}", detail=f"d{n}"
    )


class QuotaContract(StoreFixtures):
    """Quotas."""

    def test_a_quota_is_kept_and_what_has_passed_it(self, space: Space) -> None:
        workspace = space.workspace
        assert space.read(lambda tx: tx.quotas.get(workspace)) is None
        assert space.read(lambda tx: tx.quotas.get_exceeded(workspace)) == {}
        for quota in (Amounts(1, None, 2**62, 60), Amounts(None, 0, None)):
            space.write(lambda tx, quota=quota: tx.quotas.set(workspace, quota))
            assert space.read(lambda tx: tx.quotas.get(workspace)) == quota
        space.write(lambda tx: tx.quotas.set_exceeded(workspace, {"points": 5}))
        assert space.read(lambda tx: tx.quotas.get_exceeded(workspace)) == {"points": 5}
        assert workspace in space.read(lambda tx: tx.quotas.list_workspaces())
        assert space.read(lambda tx: tx.quotas.measure(workspace)) == Amounts(0, 0, 0)


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

    def test_a_job_is_counted_and_keeps_its_last_failure(self, space: Space) -> None:
        name = f"seal {new_id()}"
        for began_ms, error in ((1, ""), (5, "full"), (9, "")):
            job = Job(
                name=name,
                purpose="",
                interval_ms=1_000,
                began_ms=began_ms,
                ended_ms=began_ms + 1,
                times=1,
                failures=int(bool(error)),
                error=error,
                error_ms=began_ms + 1 if error else None,
            )
            space.write(lambda tx, job=job: tx.housekeeping.note_job(job))
        [found] = [one for one in space.read(lambda tx: tx.housekeeping.list_jobs()) if one.name == name]
        assert (found.began_ms, found.ended_ms, found.times, found.failures) == (9, 10, 3, 1)
        assert (found.error, found.error_ms) == ("full", 6)

    def test_the_audit_log_is_read_newest_first_and_page_by_page(self, space: Space) -> None:
        for n in range(10):
            space.write(lambda tx, n=n: tx.housekeeping.append_audit(space.workspace, make_entry(n)))
        read, after = [], None
        while True:
            page = Page(4, after)
            rows = space.read(lambda tx, p=page: tx.housekeeping.search_audit(space.workspace, SearchAudit(), p))
            if not rows:
                break
            read += rows
            after = [rows[-1].number]
        assert [msgspec.structs.replace(one, number=0, salt="", sealed="", hash="") for one in read] == [
            make_entry(n) for n in range(9, -1, -1)
        ]

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
        asked = SearchAudit(operation=operation, object=object_id)
        rows = space.read(lambda tx: tx.housekeeping.search_audit(space.workspace, asked, Page(10)))
        assert [entry.time_ms for entry in rows] == expected
        other = Space(space.store)
        assert other.read(lambda tx: tx.housekeeping.search_audit(other.workspace, SearchAudit(), Page(10))) == []

    def test_the_chain_of_the_audit_log_holds_for_those_who_write_at_once(self, space: Space) -> None:
        with ThreadPoolExecutor(8) as threads:
            for n in range(100):
                threads.submit(
                    space.write, lambda tx, n=n: tx.housekeeping.append_audit(space.workspace, make_entry(n))
                )
        verdict = space.read(lambda tx: tx.housekeeping.verify_audit(space.workspace, VerifyAudit()))
        assert (verdict.intact, verdict.first, verdict.last) == (True, 1, 100)

    @pytest.mark.parametrize(
        ("harm", "fault"),
        [
            ("UPDATE audit SET actor = 'user:eve' WHERE workspace = ? AND number = 3", "entry 3 is not"),
            ("UPDATE audit SET hash = 'x' WHERE workspace = ? AND number = 5", "entry 5 is not"),
            ("DELETE FROM audit WHERE workspace = ? AND number = 2", "entry 2 is missing"),
            ("DELETE FROM audit WHERE workspace = ? AND number > 3", "entry 4 is missing"),
            ("DELETE FROM audit WHERE workspace = ?", "entry 1 is missing"),
            ("UPDATE audit_heads SET number = 4 WHERE workspace = ?", "the last entry is not"),
            ("UPDATE audit SET number = -1 WHERE workspace = ? AND number = 1", "entry 1 is missing"),
        ],
    )
    def test_what_was_changed_or_removed_is_told(self, space: Space, harm: str, fault: str) -> None:
        for n in range(5):
            space.write(lambda tx, n=n: tx.housekeeping.append_audit(space.workspace, make_entry(n)))
        space.write(lambda tx: tx.db.run(harm, (space.workspace,)))
        verdict = space.read(lambda tx: tx.housekeeping.verify_audit(space.workspace, VerifyAudit()))
        assert not verdict.intact
        assert fault in verdict.fault
        for limit in (1, 2, 5, 6):
            assert check(space, limit).fault == verdict.fault, limit

    def test_a_chain_that_was_cut_at_its_beginning_goes_on(self, space: Space) -> None:
        for n in range(5):
            space.write(lambda tx, n=n: tx.housekeeping.append_audit(space.workspace, make_entry(n)))
        for before_ms, removed in ((0, 0), (2, 2), (100, 3)):
            assert space.write(lambda tx, ms=before_ms: tx.housekeeping.trim_audit(space.workspace, ms)) == removed
            verdict = space.read(lambda tx: tx.housekeeping.verify_audit(space.workspace, VerifyAudit()))
            assert verdict.intact, verdict.fault
        space.write(lambda tx: tx.housekeeping.append_audit(space.workspace, make_entry(9)))
        verdict = space.read(lambda tx: tx.housekeeping.verify_audit(space.workspace, VerifyAudit()))
        assert (verdict.intact, verdict.first, verdict.last) == (True, 6, 6)

    @pytest.mark.parametrize("limit", [1, 2, 3, 4, 5, 6])
    def test_a_chain_is_checked_in_parts_from_its_first_entry_to_its_last(self, space: Space, limit: int) -> None:
        assert check(space, limit) == ChainPart(0, "", "", more=False), "there is none yet"
        assert space.workspace not in space.read(lambda tx: tx.housekeeping.list_audited())
        for n in range(5):
            space.write(lambda tx, n=n: tx.housekeeping.append_audit(space.workspace, make_entry(n)))
        assert space.workspace in space.read(lambda tx: tx.housekeeping.list_audited())
        verdict = space.read(lambda tx: tx.housekeeping.verify_audit(space.workspace, VerifyAudit()))
        assert check(space, limit) == ChainPart(5, verdict.hash, "", more=False)
        first = space.read(lambda tx: tx.housekeeping.check_audit(space.workspace, None, limit))
        assert (first.number, first.more) == (min(limit, 5), limit <= 5)

    @pytest.mark.parametrize("trimmed", [1, 2, 3, 4, 5])
    def test_what_is_appended_and_trimmed_between_two_parts_is_no_fault(self, space: Space, trimmed: int) -> None:
        for n in range(5):
            space.write(lambda tx, n=n: tx.housekeeping.append_audit(space.workspace, make_entry(n)))
        part = space.read(lambda tx: tx.housekeeping.check_audit(space.workspace, None, 2))
        space.write(lambda tx: tx.housekeeping.trim_audit(space.workspace, trimmed))
        space.write(lambda tx: tx.housekeeping.append_audit(space.workspace, make_entry(9)))
        rest = check(space, 2, part)
        assert (rest.number, rest.fault) == (6, "")
        assert check(space, 2).fault == ""

    def test_a_chain_that_went_with_its_workspace_is_no_fault(self, space: Space) -> None:
        for n in range(5):
            space.write(lambda tx, n=n: tx.housekeeping.append_audit(space.workspace, make_entry(n)))
        part = space.read(lambda tx: tx.housekeeping.check_audit(space.workspace, None, 2))
        for statement in ("DELETE FROM audit WHERE workspace = ?", "DELETE FROM audit_heads WHERE workspace = ?"):
            space.write(lambda tx, statement=statement: tx.db.run(statement, (space.workspace,)))
        assert check(space, 2, part) == ChainPart(0, "", "", more=False)


def check(space: Space, limit: int, part: ChainPart | None = None) -> ChainPart:
    """Check the chain, or what of it is behind a part, so many entries at a time; return the last part."""
    while part is None or part.more:
        part = space.read(lambda tx, p=part: tx.housekeeping.check_audit(space.workspace, p, limit))
    return part
