"""Retention policies, the jobs' leases, and the audit log."""

from __future__ import annotations

from trackway.api.retention import AuditEntry
from trackway.store.base import Page
from trackway.store.sql.connection import Connection


class HousekeepingTable:
    """See ``store.base.Housekeeping``."""

    def __init__(self, db: Connection) -> None:
        self._db = db

    def get_retention(self, workspace: str) -> int | None:
        """Return after how many ms a workspace's trash is purged; None for never."""
        row = self._db.one("SELECT trash_ms FROM workspaces WHERE name = ?", (workspace,))
        return row[0] if row else None

    def set_retention(self, workspace: str, trash_ms: int | None) -> None:
        """Set a workspace's policy."""
        self._db.run("UPDATE workspaces SET trash_ms = ? WHERE name = ?", (trash_ms, workspace))

    def list_retention(self) -> list[tuple[str, int]]:
        """Return the workspaces that have a policy."""
        return [(r[0], r[1]) for r in self._db.all("SELECT name, trash_ms FROM workspaces WHERE trash_ms IS NOT NULL")]

    def count_trash(self, workspace: str) -> tuple[int, int]:
        """Return how many experiments and runs are in a workspace's trash."""
        row = self._db.one(
            "SELECT (SELECT COUNT(*) FROM experiments WHERE workspace = ? AND deleted_ms IS NOT NULL),"
            " (SELECT COUNT(*) FROM runs WHERE workspace = ? AND deleted_ms IS NOT NULL)",
            (workspace, workspace),
        )
        assert row is not None
        return row[0], row[1]

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

    def append_audit(self, workspace: str, entry: AuditEntry) -> None:
        """Record a change."""
        self._db.run(
            "INSERT INTO audit (workspace, time_ms, actor, operation, object, request_id, detail)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (workspace, entry.time_ms, entry.actor, entry.operation, entry.object, entry.request_id, entry.detail),
        )

    def search_audit(self, workspace: str, operation: str, object_id: str, page: Page) -> list[tuple[int, AuditEntry]]:
        """Return numbered entries, newest first."""
        where = "workspace = ?"
        params: list[object] = [workspace]
        for condition, value in (
            ("operation = ?", operation),
            ("object = ?", object_id),
            ("pk < ?", page.after[0] if page.after else None),
        ):
            if value is not None and value != "":
                where += f" AND {condition}"
                params.append(value)
        rows = self._db.all(
            "SELECT pk, time_ms, actor, operation, object, request_id, detail FROM audit"
            f" WHERE {where} ORDER BY pk DESC LIMIT ?",
            (*params, page.limit),
        )
        return [
            (r[0], AuditEntry(time_ms=r[1], actor=r[2], operation=r[3], object=r[4], request_id=r[5], detail=r[6]))
            for r in rows
        ]
