"""Trusted keys, and signatures of versions."""

from __future__ import annotations

from trackway.api.signing import SigningKey, VersionSignature
from trackway.store.sql.connection import Connection

_COLUMNS = "key_name, signer, bundle, added_by, added_ms"


class SignatureTable:
    """See ``store.signatures.Signatures``."""

    def __init__(self, db: Connection) -> None:
        self._db = db

    def trust(self, workspace: str, key: SigningKey) -> bool:
        """Insert a key; False when its name is taken."""
        inserted = self._db.run(
            "INSERT INTO signing_keys (workspace, name, kind, pem, created_by, created_ms) VALUES (?, ?, ?, ?, ?, ?)"
            " ON CONFLICT DO NOTHING",
            (workspace, key.name, key.kind, key.pem, key.created_by, key.created_ms),
        )
        return inserted == 1

    def list_keys(self, workspace: str) -> list[SigningKey]:
        """Return the trusted keys by their names."""
        sql = "SELECT name, kind, pem, created_by, created_ms FROM signing_keys WHERE workspace = ? ORDER BY name"
        return [
            SigningKey(name=row[0], kind=row[1], pem=row[2], created_by=row[3], created_ms=row[4])
            for row in self._db.all(sql, (workspace,))
        ]

    def distrust(self, workspace: str, name: str) -> bool:
        """Delete a key with its signatures."""
        self._db.run(
            "DELETE FROM version_signatures WHERE key_name = ?"
            " AND version_pk IN (SELECT pk FROM model_versions WHERE workspace = ?)",
            (name, workspace),
        )
        return self._db.run("DELETE FROM signing_keys WHERE workspace = ? AND name = ?", (workspace, name)) == 1

    def add(self, version_pk: int, signature: VersionSignature) -> None:
        """Keep a signature of a version, which nobody else deletes before this is done."""
        self._db.hold("model_versions", version_pk)
        s = signature
        self._db.run(
            f"INSERT INTO version_signatures (version_pk, {_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (version_pk, key_name) DO UPDATE SET signer = excluded.signer, bundle = excluded.bundle,"
            " added_by = excluded.added_by, added_ms = excluded.added_ms",
            (version_pk, s.key, s.signer, s.bundle, s.added_by, s.added_ms),
        )

    def list_signatures(self, version_pk: int) -> list[VersionSignature]:
        """Return the signatures of a version by the names of their keys."""
        sql = f"SELECT {_COLUMNS} FROM version_signatures WHERE version_pk = ? ORDER BY key_name"
        return [
            VersionSignature(key=row[0], signer=row[1], bundle=row[2], added_by=row[3], added_ms=row[4])
            for row in self._db.all(sql, (version_pk,))
        ]

    def copy(self, version_pk: int, to_pk: int) -> None:
        """Keep the signatures of a version for its copy too."""
        self._db.run(
            f"INSERT INTO version_signatures (version_pk, {_COLUMNS}) SELECT CAST(? AS BIGINT), {_COLUMNS}"
            " FROM version_signatures WHERE version_pk = ?",
            (to_pk, version_pk),
        )
