"""Quotas of workspaces."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from trackway.api.quotas import QuotaKind
from trackway.store.quotas import Amounts
from trackway.store.sql.connection import Connection

_decode_exceeded = msgspec.json.Decoder(dict[QuotaKind, int]).decode


class QuotaTable:
    """See ``store.quotas.Quotas``."""

    def __init__(self, db: Connection) -> None:
        self._db = db

    def get(self, workspace: str) -> Amounts | None:
        """Return a workspace's quota."""
        row = self._db.one(
            "SELECT runs, points, size_bytes, requests_per_minute FROM quotas WHERE workspace = ?", (workspace,)
        )
        return Amounts(*row) if row else None

    def set(self, workspace: str, quota: Amounts) -> None:
        """Set a workspace's quota."""
        self._db.run(
            "INSERT INTO quotas (workspace, runs, points, size_bytes, requests_per_minute, exceeded)"
            " VALUES (?, ?, ?, ?, ?, '{}') ON CONFLICT (workspace) DO UPDATE SET runs = excluded.runs,"
            " points = excluded.points, size_bytes = excluded.size_bytes,"
            " requests_per_minute = excluded.requests_per_minute",
            (workspace, *quota),
        )

    def list_workspaces(self) -> list[str]:
        """Return the workspaces that have a quota."""
        return [row[0] for row in self._db.all("SELECT workspace FROM quotas ORDER BY workspace")]

    def measure(self, workspace: str) -> Amounts:
        """Count what a workspace holds."""
        row = self._db.one(
            "SELECT (SELECT COUNT(*) FROM runs WHERE workspace = ?),"
            " (SELECT COALESCE(SUM(s.count), 0) FROM experiments e JOIN series s ON s.experiment_pk = e.pk"
            " WHERE e.workspace = ?),"
            " (SELECT COALESCE(SUM(size_bytes), 0) FROM files WHERE workspace = ?)",
            (workspace, workspace, workspace),
        )
        assert row is not None
        return Amounts(int(row[0]), int(row[1]), int(row[2]))

    def get_exceeded(self, workspace: str) -> dict[QuotaKind, int]:
        """Return which quotas were passed."""
        row = self._db.one("SELECT exceeded FROM quotas WHERE workspace = ?", (workspace,))
        return _decode_exceeded(row[0]) if row else {}

    def set_exceeded(self, workspace: str, exceeded: Mapping[QuotaKind, int]) -> None:
        """Keep which quotas were passed."""
        text = msgspec.json.encode(dict(exceeded)).decode()
        self._db.run("UPDATE quotas SET exceeded = ? WHERE workspace = ?", (text, workspace))
