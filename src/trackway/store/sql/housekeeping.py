"""Retention policies, the jobs' leases, and the audit log."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator

import msgspec

from trackway.api.jobs import PURPOSES, Job
from trackway.api.retention import AuditEntry, AuditVerdict, SearchAudit, StoreReport, VerifyAudit
from trackway.store.audit import chain, is_as_written, seal
from trackway.store.base import Page
from trackway.store.housekeeping import ChainPart
from trackway.store.sql.connection import Connection, Row
from trackway.store.sql.inspection import inspect

_AUDIT_FIELDS = ("time_ms", "actor", "operation", "object", "request_id", "detail", "address", "before", "after")
_AUDIT = (
    "workspace, number, time_ms, actor, operation, object, request_id, detail, address,"
    " before_digest, after_digest, salt, sealed, hash"
)


_NONE = -(2**63)
"""Below every number: also entries that somebody put before the first are looked at."""


class HousekeepingTable:
    """See ``store.base.Housekeeping``."""

    def __init__(self, db: Connection) -> None:
        self._db = db

    def inspect(self) -> StoreReport:
        """Look at the database."""
        return inspect(self._db)

    def get_retention(self, workspace: str) -> int | None:
        """Return after how many ms a workspace's trash is purged; None for never."""
        row = self._db.one("SELECT trash_ms FROM workspaces WHERE key = ?", (workspace,))
        return row[0] if row else None

    def set_retention(self, workspace: str, trash_ms: int | None) -> None:
        """Set a workspace's policy."""
        self._db.run("UPDATE workspaces SET trash_ms = ? WHERE key = ?", (trash_ms, workspace))

    def list_retention(self) -> list[tuple[str, int]]:
        """Return the workspaces that have a policy; in an archived one nothing is purged."""
        rows = self._db.all("SELECT key, trash_ms FROM workspaces WHERE trash_ms IS NOT NULL AND archived_ms IS NULL")
        return [(row[0], row[1]) for row in rows]

    def count_trash(self, workspace: str) -> tuple[int, int]:
        """Return how many experiments and runs are in a workspace's trash."""
        row = self._db.one(
            "SELECT (SELECT COUNT(*) FROM experiments WHERE workspace = ? AND deleted_ms IS NOT NULL),"
            " (SELECT COUNT(*) FROM runs WHERE workspace = ? AND deleted_ms IS NOT NULL)",
            (workspace, workspace),
        )
        assert row is not None
        return row[0], row[1]

    def list_trash_ages(self, workspace: str) -> dict[int, tuple[str, bool, int]]:
        """Return the experiments of which something is in the trash, and since when."""
        parts = " UNION ALL ".join(
            f"SELECT {column} AS number, deleted_ms FROM {table} WHERE workspace = ? AND deleted_ms IS NOT NULL"
            for table, column in (("runs", "experiment_pk"), ("logged_models", "experiment_pk"), ("experiments", "pk"))
        )
        rows = self._db.all(
            "SELECT e.pk, e.name, e.deleted_ms, t.oldest_ms FROM"
            f" (SELECT number, MIN(deleted_ms) AS oldest_ms FROM ({parts}) x GROUP BY number) t"
            " JOIN experiments e ON e.pk = t.number ORDER BY t.oldest_ms, e.pk",
            (workspace, workspace, workspace),
        )
        return {row[0]: (row[1], row[2] is not None, row[3]) for row in rows}

    def acquire_lease(self, name: str, holder: str, now_ms: int, until_ms: int) -> bool:
        """Take or renew a named lease; False while another holder's has not ended."""
        return bool(
            self._db.returning(
                "INSERT INTO leases (name, holder, until_ms) VALUES (?, ?, ?) ON CONFLICT (name) DO UPDATE"
                " SET holder = excluded.holder, until_ms = excluded.until_ms"
                " WHERE leases.holder = excluded.holder OR leases.until_ms < ? RETURNING name",
                (name, holder, until_ms, now_ms),
            )
        )

    def note_job(self, job: Job) -> None:
        """Add one more time, or several, to what is known of a job."""
        self._db.run(
            "INSERT INTO jobs (name, interval_ms, began_ms, ended_ms, times, failures, error, error_ms)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (name) DO UPDATE SET interval_ms = excluded.interval_ms,"
            " began_ms = excluded.began_ms, ended_ms = excluded.ended_ms, times = jobs.times + excluded.times,"
            " failures = jobs.failures + excluded.failures,"
            " error = CASE WHEN excluded.error_ms IS NULL THEN jobs.error ELSE excluded.error END,"
            " error_ms = COALESCE(excluded.error_ms, jobs.error_ms)",
            (
                job.name,
                job.interval_ms,
                job.began_ms,
                job.ended_ms,
                job.times,
                job.failures,
                job.error,
                job.error_ms,
            ),
        )

    def list_jobs(self) -> list[Job]:
        """Return all jobs by name."""
        rows = self._db.all(
            "SELECT name, interval_ms, began_ms, ended_ms, times, failures, error, error_ms FROM jobs ORDER BY name"
        )
        return [
            Job(
                name=row[0],
                purpose=PURPOSES.get(row[0], ""),
                interval_ms=row[1],
                began_ms=row[2],
                ended_ms=row[3],
                times=row[4],
                failures=row[5],
                error=row[6],
                error_ms=row[7],
            )
            for row in rows
        ]

    def append_audit(self, workspace: str, entry: AuditEntry) -> None:
        """Write an entry behind the last one; whoever writes one at the same time waits."""
        [(number, before)] = self._db.returning(
            "INSERT INTO audit_heads (workspace, number, hash, trimmed, trimmed_hash) VALUES (?, 1, '', 0, '')"
            " ON CONFLICT (workspace) DO UPDATE SET number = audit_heads.number + 1 RETURNING number, hash",
            (workspace,),
        )
        salt = secrets.token_hex(16)
        entry = msgspec.structs.replace(entry, number=number, salt=salt, sealed=seal(salt, entry))
        own = chain(before, workspace, entry)
        told = (getattr(entry, field) for field in _AUDIT_FIELDS)
        self._db.run(
            f"INSERT INTO audit ({_AUDIT}) VALUES ({', '.join('?' * 14)})",
            (workspace, number, *told, salt, entry.sealed, own),
        )
        self._db.run("UPDATE audit_heads SET hash = ? WHERE workspace = ?", (own, workspace))

    def search_audit(self, workspace: str, q: SearchAudit, page: Page) -> list[AuditEntry]:
        """Return entries, newest first."""
        where = "workspace = ?"
        params: list[object] = [workspace]
        for condition, value in (
            ("operation = ?", q.operation or None),
            ("object = ?", q.object or None),
            ("actor = ?", q.actor or None),
            ("time_ms >= ?", q.since_ms),
            ("time_ms < ?", q.until_ms),
            ("number < ?", page.after[0] if page.after else None),
        ):
            if value is not None:
                where += f" AND {condition}"
                params.append(value)
        rows = self._db.all(
            f"SELECT {_AUDIT} FROM audit WHERE {where} ORDER BY number DESC LIMIT ?", (*params, page.limit)
        )
        return [_entry(row) for row in rows]

    def verify_audit(self, workspace: str, q: VerifyAudit) -> AuditVerdict:
        """Go through the chain."""
        last, ends, number, before = self._find_ends(workspace) or (0, "", 0, "")
        first, fault, erased = number + 1, "", 0
        rows = self._db.each(f"SELECT {_AUDIT} FROM audit WHERE workspace = ? ORDER BY number", (workspace,))
        for entry, found in _follow(workspace, number, before, rows):
            fault = found
            if not fault and q.number == entry.number and q.hash and q.hash != entry.hash:
                fault = f"entry {q.number} is not the one whose hash was noted"
            if fault:
                break
            number, before = entry.number, entry.hash
            erased += not entry.salt
        fault = fault or _compare_end(number, before, last, ends)
        if not fault and q.number > number:
            fault = f"entry {q.number}, whose hash was noted, is missing"
        return AuditVerdict(intact=not fault, fault=fault, first=first, last=number, hash=before, erased=erased)

    def list_audited(self) -> list[str]:
        """Return the workspaces that have a chain."""
        return [row[0] for row in self._db.all("SELECT workspace FROM audit_heads ORDER BY workspace")]

    def check_audit(self, workspace: str, before: ChainPart | None, limit: int) -> ChainPart:
        """Go through a part of the chain."""
        found = self._find_ends(workspace)
        last, ends, number, digest = found or (0, "", 0, "")
        seen = _NONE
        if before is not None and found and before.number >= number:
            seen, number, digest = before.number, before.number, before.hash
        rows = self._db.all(
            f"SELECT {_AUDIT} FROM audit WHERE workspace = ? AND number > ? ORDER BY number LIMIT ?",
            (workspace, seen, limit),
        )
        for entry, fault in _follow(workspace, number, digest, rows):
            if fault:
                return ChainPart(number, digest, fault, more=False)
            number, digest = entry.number, entry.hash
        more = len(rows) == limit
        return ChainPart(number, digest, "" if more else _compare_end(number, digest, last, ends), more)

    def _find_ends(self, workspace: str) -> tuple[int, str, int, str] | None:
        """Return number and hash of the last entry, and of the last that was trimmed; None without a chain."""
        row = self._db.one(
            "SELECT number, hash, trimmed, trimmed_hash FROM audit_heads WHERE workspace = ?", (workspace,)
        )
        return (row[0], row[1], row[2], row[3]) if row else None

    def trim_audit(self, workspace: str, before_ms: int) -> int:
        """Remove entries from the beginning up to the first that is not older than a time; return how many."""
        kept = self._db.one(
            "SELECT MIN(number) FROM audit WHERE workspace = ? AND time_ms >= ?", (workspace, before_ms)
        )
        end = kept[0] if kept and kept[0] is not None else 2**62
        last = self._db.one(
            "SELECT number, hash FROM audit WHERE workspace = ? AND number < ? ORDER BY number DESC LIMIT 1",
            (workspace, end),
        )
        if last is None:
            return 0
        self._db.run("UPDATE audit_heads SET trimmed = ?, trimmed_hash = ? WHERE workspace = ?", (*last, workspace))
        return self._db.run("DELETE FROM audit WHERE workspace = ? AND number <= ?", (workspace, last[0]))

    def find_trimmed(self, workspace: str) -> tuple[int, str]:
        """Return number and hash of the last entry that was removed."""
        row = self._db.one("SELECT trimmed, trimmed_hash FROM audit_heads WHERE workspace = ?", (workspace,))
        return (row[0], row[1]) if row else (0, "")


def _follow(workspace: str, number: int, before: str, rows: Iterable[Row]) -> Iterator[tuple[AuditEntry, str]]:
    """Yield the entries behind one, with what is wrong with each; what follows a fault means nothing."""
    for row in rows:
        entry, fault = _entry(row), ""
        if entry.number != number + 1:
            fault = f"entry {number + 1} is missing"
        elif not is_as_written(before, workspace, entry):
            fault = f"entry {entry.number} is not as it was written"
        yield entry, fault
        number, before = entry.number, entry.hash


def _compare_end(number: int, digest: str, last: int, ends: str) -> str:
    """Return what is wrong when the chain should end with another entry than it does."""
    if (number, digest) == (last, ends):
        return ""
    return f"entry {number + 1} is missing" if number < last else "the last entry is not the one that was written"


def _entry(row: Row) -> AuditEntry:
    fields = dict(zip(_AUDIT_FIELDS, row[2:11], strict=True))
    return AuditEntry(number=row[1], salt=row[11], sealed=row[12], hash=row[13], **fields)
