"""What a store keeps of its upkeep: policies, leases of jobs, and the audit log."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from trackway.api.jobs import Job
from trackway.api.retention import AuditEntry, AuditVerdict, SearchAudit, StoreReport, VerifyAudit
from trackway.store.paging import Page


class ChainPart(NamedTuple):
    """A part of an audit log's chain that was checked.

    number, hash: of the last entry that is as it was written
    fault:        what is wrong behind that; empty when nothing is
    more:         whether there are entries that were not looked at
    """

    number: int
    hash: str
    fault: str
    more: bool


class Housekeeping(Protocol):
    """Policies, leases of jobs, and the audit log."""

    def get_retention(self, workspace: str) -> int | None: ...
    def set_retention(self, workspace: str, trash_ms: int | None) -> None: ...
    def list_retention(self) -> list[tuple[str, int]]: ...
    def count_trash(self, workspace: str) -> tuple[int, int]: ...
    def list_trash_ages(self, workspace: str) -> dict[int, tuple[str, bool, int]]:
        """Return, by the number of an experiment, its name, whether it is in the trash, and since when anything is.

        The experiment whose first thing went there first comes first.
        """

    def acquire_lease(self, name: str, holder: str, now_ms: int, until_ms: int) -> bool: ...
    def note_job(self, job: Job) -> None: ...
    def list_jobs(self) -> list[Job]: ...
    def append_audit(self, workspace: str, entry: AuditEntry) -> None: ...
    def search_audit(self, workspace: str, q: SearchAudit, page: Page) -> list[AuditEntry]: ...
    def verify_audit(self, workspace: str, q: VerifyAudit) -> AuditVerdict: ...
    def list_audited(self) -> list[str]:
        """Return the workspaces that have an audit log, in order."""

    def check_audit(self, workspace: str, before: ChainPart | None, limit: int) -> ChainPart:
        """Check up to so many entries behind a part that was found whole; the first ones without.

        What was trimmed or removed with its workspace since then is no fault: it is begun where the log begins now.

        cost: O(limit) time, by the primary key; O(1) memory
        """

    def trim_audit(self, workspace: str, before_ms: int) -> int: ...
    def find_trimmed(self, workspace: str) -> tuple[int, str]:
        """Return number and hash of the last entry of the audit log that was removed; 0 and "" when none was."""

    def inspect(self) -> StoreReport: ...
