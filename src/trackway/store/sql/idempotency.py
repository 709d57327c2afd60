"""Idempotency keys."""

from __future__ import annotations

from trackway.store.idempotency import KeptAnswer
from trackway.store.sql.connection import Connection


class IdempotencyTable:
    """See ``store.idempotency.IdempotencyKeys``."""

    def __init__(self, db: Connection) -> None:
        self._db = db

    def find(self, digest: str) -> KeptAnswer | None:
        """Return what was kept with a key."""
        row = self._db.one("SELECT request, answer FROM idempotency_keys WHERE digest = ?", (digest,))
        return KeptAnswer(*row) if row else None

    def keep(self, workspace: str, digest: str, kept: KeptAnswer, now_ms: int) -> None:
        """Insert a key. That it is there already is a conflict, upon which the writer begins anew, and finds it."""
        self._db.run(
            "INSERT INTO idempotency_keys (digest, workspace, request, answer, created_ms) VALUES (?, ?, ?, ?, ?)",
            (digest, workspace, *kept, now_ms),
        )

    def forget_answers(self, workspace: str) -> None:
        """Empty the answers of a workspace."""
        self._db.run("UPDATE idempotency_keys SET answer = '' WHERE workspace = ? AND answer <> ''", (workspace,))

    def forget(self, before_ms: int, limit: int) -> int:
        """Delete old keys."""
        return self._db.run(
            "DELETE FROM idempotency_keys WHERE digest IN"
            " (SELECT digest FROM idempotency_keys WHERE created_ms < ? LIMIT ?)",
            (before_ms, limit),
        )
