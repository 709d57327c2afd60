"""Workspaces."""

from __future__ import annotations

from typing import Any

from trackway.api.workspaces import Workspace
from trackway.store.sql.connection import Connection, Row
from trackway.store.workspaces import WorkspaceRow

_ROW = "key, name, archived_ms IS NOT NULL"
_SHOWN = "key, name, description, created_ms, created_by, archived_ms IS NOT NULL"
CONTENT = {
    "experiments": "experiments",
    "runs": "runs",
    "logged models": "logged_models",
    "registered models": "registered_models",
    "files": "files",
    "webhooks": "webhooks",
    "schedules": "schedules",
    "endpoints": "endpoints",
    "legal holds": "holds",
    "things in the trash": "trash",
}
"""What would be lost with a workspace, and the table that it is in."""
BELONGINGS = (
    "uploads",
    "roles",
    "grants",
    "quotas",
    "idempotency_keys",
    "signing_keys",
    "model_events",
    "webhook_events",
    "audit",
    "audit_heads",
)
"""Tables of what goes with a workspace, by their column ``workspace``."""


class WorkspaceTable:
    """See ``store.workspaces.Workspaces``."""

    def __init__(self, db: Connection) -> None:
        self._db = db

    def create(self, workspace: Workspace) -> str | None:
        """Insert a workspace. Its key is its first name, unless one that has another name now began with that."""
        key, number = workspace.name, 1
        while self._db.one("SELECT 1 FROM workspaces WHERE key = ?", (key,)):
            number += 1
            key = f"{workspace.name}.{number}"  # names have no dots
        created = self._db.run(
            "INSERT INTO workspaces (key, name, description, created_by, created_ms) VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT (name) DO NOTHING",
            (key, workspace.name, workspace.description, workspace.created_by, workspace.created_ms),
        )
        return key if created else None

    def count(self) -> int:
        """Return how many workspaces there are."""
        row = self._db.one("SELECT COUNT(*) FROM workspaces")
        assert row is not None
        return int(row[0])

    def find(self, name: str) -> WorkspaceRow | None:
        """Return a workspace by name."""
        return _workspace(self._db.one(f"SELECT {_ROW} FROM workspaces WHERE name = ?", (name,)))

    def get(self, key: str) -> WorkspaceRow | None:
        """Return a workspace by key."""
        return _workspace(self._db.one(f"SELECT {_ROW} FROM workspaces WHERE key = ?", (key,)))

    def show(self, key: str) -> Workspace:
        """Return what is shown of a workspace that is there."""
        row = self._db.known(f"SELECT {_SHOWN} FROM workspaces WHERE key = ?", (key,))
        return _shown(row)

    def list(self) -> list[tuple[str, Workspace]]:
        """Return all workspaces by name."""
        rows = self._db.all(f"SELECT {_SHOWN} FROM workspaces ORDER BY name")
        return [(row[0], _shown(row)) for row in rows]

    def list_entered(self, user_pk: int) -> set[str]:
        """Return where a user has any role."""
        rows = self._db.all(
            "SELECT workspace FROM grants WHERE subject_kind = 'user' AND subject_pk = ?"
            " UNION SELECT workspace FROM grants WHERE subject_kind = 'everyone'"
            " UNION SELECT g.workspace FROM team_members m JOIN grants g"
            " ON g.subject_kind = 'team' AND g.subject_pk = m.team_pk WHERE m.user_pk = ?",
            (user_pk, user_pk),
        )
        return {row[0] for row in rows}

    def update(self, key: str, workspace: Workspace, archived_ms: int | None) -> bool:
        """Change a workspace."""
        if self._db.one("SELECT 1 FROM workspaces WHERE name = ? AND key <> ?", (workspace.name, key)):
            return False
        self._db.run(
            "UPDATE workspaces SET name = ?, description = ?, archived_ms = ? WHERE key = ?",
            (workspace.name, workspace.description, archived_ms, key),
        )
        return True

    def find_content(self, key: str) -> str:
        """Return what kind of thing a workspace has."""
        for what, table in CONTENT.items():
            if self._db.one(f"SELECT 1 FROM {table} WHERE workspace = ? LIMIT 1", (key,)):
                return what
        return ""

    def delete(self, key: str) -> None:
        """Remove a workspace."""
        self._db.run("DELETE FROM team_members WHERE team_pk IN (SELECT pk FROM teams WHERE workspace = ?)", (key,))
        for table in ("teams", *BELONGINGS):
            self._db.run(f"DELETE FROM {table} WHERE workspace = ?", (key,))
        self._db.run("DELETE FROM credentials WHERE workspace = ?", (key,))
        self._db.run("UPDATE users SET home = '' WHERE home = ?", (key,))
        self._db.run("DELETE FROM workspaces WHERE key = ?", (key,))


def _workspace(row: Row | None) -> WorkspaceRow | None:
    return WorkspaceRow(row[0], row[1], bool(row[2])) if row else None


def _shown(row: Row) -> Workspace:
    fields: tuple[Any, ...] = row
    _key, name, description, created_ms, created_by, archived = fields
    return Workspace(
        name=name, description=description, created_ms=created_ms, created_by=created_by, archived=bool(archived)
    )
