"""Legal holds."""

from __future__ import annotations

from typing import Any

import msgspec

from trackway.api.holds import Hold, HoldKind
from trackway.store.sql.connection import Connection, Row

_HOLD = "pk, target_kind, target, reason, created_ms, created_by"


class HoldTable:
    """See ``store.holds.Holds``."""

    def __init__(self, db: Connection) -> None:
        self._db = db

    def create(self, workspace: str, hold: Hold) -> Hold:
        """Insert a hold."""
        [(pk,)] = self._db.returning(
            "INSERT INTO holds (workspace, target_kind, target, reason, created_ms, created_by)"
            " VALUES (?, ?, ?, ?, ?, ?) RETURNING pk",
            (workspace, hold.target_kind, hold.target, hold.reason, hold.created_ms, hold.created_by),
        )
        return msgspec.structs.replace(hold, hold_id=str(pk))

    def get(self, workspace: str, hold_id: int) -> Hold | None:
        """Return a hold."""
        row = self._db.one(f"SELECT {_HOLD} FROM holds WHERE workspace = ? AND pk = ?", (workspace, hold_id))
        return _hold(row) if row else None

    def list(self, workspace: str) -> list[Hold]:
        """Return the holds of a workspace, oldest first."""
        rows = self._db.all(f"SELECT {_HOLD} FROM holds WHERE workspace = ? ORDER BY pk", (workspace,))
        return [_hold(row) for row in rows]

    def delete(self, workspace: str, hold_id: int) -> None:
        """Remove a hold."""
        self._db.run("DELETE FROM holds WHERE workspace = ? AND pk = ?", (workspace, hold_id))

    def find(self, workspace: str, kind: HoldKind, target: str) -> Hold | None:
        """Return the oldest hold on an object or its workspace."""
        row = self._db.one(
            f"SELECT {_HOLD} FROM holds WHERE workspace = ?"
            " AND (target_kind = 'workspace' OR (target_kind = ? AND target = ?)) ORDER BY pk LIMIT 1",
            (workspace, kind, target),
        )
        return _hold(row) if row else None


def _hold(row: Row) -> Hold:
    fields: tuple[Any, ...] = row
    pk, kind, target, reason, created_ms, created_by = fields
    return Hold(
        hold_id=str(pk), target_kind=kind, target=target, reason=reason, created_ms=created_ms, created_by=created_by
    )
