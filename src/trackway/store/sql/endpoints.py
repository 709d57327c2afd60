"""Endpoints and their servers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from trackway.api.calls import EVERYTHING, Sight
from trackway.api.endpoints import Endpoint, EndpointServer
from trackway.store.endpoints import ServedBy, ServerRow
from trackway.store.sql.connection import Connection, Row
from trackway.store.sql.search import among

SERVES = "s.ended_ms IS NULL AND s.lease_until_ms > ?"
"""Condition of a server that serves at a time, which is its one mark."""
_SERVER = (
    "s.endpoint_pk, s.server_id, m.name, s.version, s.follows, s.address, s.announced_by, s.since_ms,"
    " s.version_since_ms, s.lease_until_ms, s.ended_ms, s.model_pk"
)
_SERVERS = "endpoint_servers s JOIN registered_models m ON m.pk = s.model_pk"


class EndpointTable:
    """See ``store.endpoints.Endpoints``."""

    def __init__(self, db: Connection) -> None:
        self._db = db

    def create(self, workspace: str, name: str, created_by: str, now_ms: int) -> int:
        """Insert an endpoint."""
        [(pk,)] = self._db.returning(
            "INSERT INTO endpoints (workspace, name, created_by, created_ms) VALUES (?, ?, ?, ?) RETURNING pk",
            (workspace, name, created_by, now_ms),
        )
        return int(pk)

    def count(self, workspace: str) -> int:
        """Return how many endpoints a workspace has."""
        return self._count("SELECT COUNT(*) FROM endpoints WHERE workspace = ?", (workspace,))

    def find(self, workspace: str, name: str) -> int | None:
        """Return an endpoint's number."""
        row = self._db.one("SELECT pk FROM endpoints WHERE workspace = ? AND name = ?", (workspace, name))
        return row[0] if row else None

    def get(self, pk: int, now_ms: int, sees: Sight = EVERYTHING) -> Endpoint:
        """Return an endpoint."""
        rows = self._db.all("SELECT pk, name, created_by, created_ms FROM endpoints WHERE pk = ?", (pk,))
        return self._load(rows, now_ms, sees)[0]

    def list_endpoints(
        self, workspace: str, served: ServedBy, now_ms: int, limit: int, after: str, sees: Sight = EVERYTHING
    ) -> list[Endpoint]:
        """Return endpoints by name."""
        where = "e.workspace = ? AND e.name > ?"
        params: list[Any] = [workspace, after]
        if served.model_pk is not None:
            chosen = "" if served.version is None else " AND s.version = ?"
            where += f" AND e.pk IN (SELECT s.endpoint_pk FROM endpoint_servers s WHERE {SERVES} AND s.model_pk = ?"
            where += f"{chosen})"
            params += [now_ms, served.model_pk, *(() if served.version is None else (served.version,))]
        if sees.endpoints is not None:
            seen = among(self._db, "e.pk", sees.endpoints)
            where, params = f"{where} AND {seen.text}", [*params, *seen.params]
        rows = self._db.all(
            f"SELECT e.pk, e.name, e.created_by, e.created_ms FROM endpoints e WHERE {where} ORDER BY e.name LIMIT ?",
            (*params, limit),
        )
        return self._load(rows, now_ms, sees)

    def list_serving(
        self, workspace: str, versions: list[tuple[str, int]], now_ms: int, sees: Sight = EVERYTHING
    ) -> dict[tuple[str, int], list[str]]:
        """Return the names of the endpoints that serve versions."""
        found: dict[tuple[str, int], list[str]] = {}
        if not versions or sees.endpoints == frozenset():
            return found
        names = sorted({name for name, _ in versions})
        wanted = set(versions)
        for model, version, pk, name in self._db.all(
            f"SELECT DISTINCT m.name, s.version, e.pk, e.name FROM {_SERVERS} JOIN endpoints e ON e.pk = s.endpoint_pk"
            f" WHERE {SERVES} AND e.workspace = ? AND m.name IN ({', '.join('?' * len(names))}) ORDER BY e.name",
            (now_ms, workspace, *names),
        ):
            if (model, version) in wanted and (sees.endpoints is None or pk in sees.endpoints):
                found.setdefault((model, version), []).append(name)
        return found

    def delete(self, pk: int) -> None:
        """Remove an endpoint with its servers."""
        self._db.run("DELETE FROM endpoint_servers WHERE endpoint_pk = ?", (pk,))
        self._db.run("DELETE FROM endpoints WHERE pk = ?", (pk,))

    def put_server(self, pk: int, server: ServerRow) -> None:
        """Insert a server, or let it serve what it says now."""
        s = server
        self._db.run(
            "INSERT INTO endpoint_servers (endpoint_pk, server_id, model_pk, version, follows, address, announced_by,"
            " since_ms, version_since_ms, lease_until_ms, ended_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, NULL)"
            " ON CONFLICT (endpoint_pk, server_id) DO UPDATE SET version_since_ms = CASE"
            " WHEN endpoint_servers.model_pk = excluded.model_pk AND endpoint_servers.version = excluded.version"
            " THEN endpoint_servers.version_since_ms ELSE excluded.version_since_ms END,"
            " model_pk = excluded.model_pk, version = excluded.version, follows = excluded.follows,"
            " address = excluded.address, announced_by = excluded.announced_by,"
            " lease_until_ms = excluded.lease_until_ms, ended_ms = NULL",
            (
                pk,
                s.server_id,
                s.model_pk,
                s.version,
                s.follows,
                s.address,
                s.announced_by,
                s.now_ms,
                s.now_ms,
                s.lease_until_ms,
            ),
        )

    def count_serving(self, pk: int, now_ms: int) -> int:
        """Return how many servers serve."""
        sql = f"SELECT COUNT(*) FROM endpoint_servers s WHERE {SERVES} AND s.endpoint_pk = ?"
        return self._count(sql, (now_ms, pk))

    def forget_servers(self, pk: int, now_ms: int) -> None:
        """Delete the servers that serve no more."""
        self._db.run(
            "DELETE FROM endpoint_servers WHERE endpoint_pk = ? AND (ended_ms IS NOT NULL OR lease_until_ms <= ?)",
            (pk, now_ms),
        )

    def renew(self, pk: int, server_id: str, lease_until_ms: int) -> bool:
        """Give a server a new lease."""
        sql = "UPDATE endpoint_servers SET lease_until_ms = ? WHERE endpoint_pk = ? AND server_id = ?"
        return self._db.run(f"{sql} AND ended_ms IS NULL", (lease_until_ms, pk, server_id)) > 0

    def end(self, pk: int, server_id: str, now_ms: int) -> bool:
        """Mark a server as ended."""
        sql = "UPDATE endpoint_servers SET ended_ms = ? WHERE endpoint_pk = ? AND server_id = ? AND ended_ms IS NULL"
        return self._db.run(sql, (now_ms, pk, server_id)) > 0

    def _count(self, sql: str, params: Sequence[Any]) -> int:
        row = self._db.one(sql, params)
        assert row is not None
        return int(row[0])

    def _load(self, rows: Sequence[Row], now_ms: int, sees: Sight) -> list[Endpoint]:
        if not rows:
            return []
        servers: dict[int, list[EndpointServer]] = {}
        for row in self._db.all(
            f"SELECT {_SERVER} FROM {_SERVERS} WHERE s.endpoint_pk IN ({', '.join('?' * len(rows))})"
            " ORDER BY s.since_ms, s.pk",
            [row[0] for row in rows],
        ):
            servers.setdefault(row[0], []).append(_server(row, now_ms, sees))
        return [
            Endpoint(name=name, created_by=created_by, created_ms=created_ms, servers=servers.get(pk, []))
            for pk, name, created_by, created_ms in rows
        ]


def _server(row: Row, now_ms: int, sees: Sight) -> EndpointServer:
    is_seen = sees.models is None or row[11] in sees.models
    ended_ms = row[10]
    return EndpointServer(
        server_id=row[1],
        state="ended" if ended_ms is not None else "serving" if row[9] > now_ms else "lost",
        model=row[2] if is_seen else "",
        version=row[3] if is_seen else 0,
        follows=row[4] if is_seen else "",
        address=row[5],
        announced_by=row[6],
        since_ms=row[7],
        version_since_ms=row[8],
        lease_until_ms=row[9],
        ended_ms=ended_ms,
    )
