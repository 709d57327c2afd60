"""Registered models and their versions."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from trackway.api.artifacts import SERVED
from trackway.api.calls import EVERYTHING, Sight
from trackway.api.lineage import LineageNode, PortfolioEntry
from trackway.api.registry import (
    STAGES,
    ModelVersion,
    RegisteredModel,
    Stage,
)
from trackway.store.base import Page, RegisteredRef, Search, VersionRef, VersionRow, Viewpoint
from trackway.store.links import Neighbour
from trackway.store.sql.connection import Connection, Row
from trackway.store.sql.failures import Vanished
from trackway.store.sql.lineage import list_neighbours
from trackway.store.sql.portfolio import list_portfolio
from trackway.store.sql.search import find_model_versions, find_registered_models

LATEST = "latest"
_MODEL = "pk, name, description, owner, created_ms, updated_ms, last_version"
_VERSION = (
    "v.pk, m.name, v.version, v.status, v.status_message, v.stage, v.source, v.location, v.run_id, v.model_id,"
    " v.run_link, v.description, v.user_name, v.created_ms, v.updated_ms, v.staged_ms, v.staged_by,"
    " v.evaluated_by, (SELECT c.name || '/' || CAST(o.version AS TEXT) FROM model_versions o"
    " JOIN registered_models c ON c.pk = o.model_pk WHERE o.pk = v.origin_pk), v.digest, v.content_path"
)
_VERSIONS = "model_versions v JOIN registered_models m ON m.pk = v.model_pk"


class RegistryTable:
    """See ``store.base.Registry``."""

    def __init__(self, db: Connection) -> None:
        self._db = db

    def create(self, workspace: str, model: RegisteredModel) -> int | None:
        """Insert a model with its tags; None when the name is taken."""
        m = model
        created = self._db.returning(
            "INSERT INTO registered_models (workspace, name, description, owner, created_ms, updated_ms, last_version,"
            " policy) VALUES (?, ?, ?, ?, ?, ?, 0, '') ON CONFLICT (workspace, name) DO NOTHING RETURNING pk",
            (workspace, m.name, m.description, m.owner, m.created_ms, m.updated_ms),
        )
        if not created:
            return None
        pk: int = created[0][0]
        self.set_tags(pk, m.tags)
        return pk

    def ref(self, workspace: str, name: str) -> RegisteredRef | None:
        """Say where a model is."""
        row = self._db.one(
            "SELECT pk, name, policy FROM registered_models WHERE workspace = ? AND name = ?", (workspace, name)
        )
        return RegisteredRef(*row) if row else None

    def get(self, pk: int) -> RegisteredModel:
        """Return a model that is there."""
        return self._load_models([pk])[0]

    def search(
        self, workspace: str, search: Search, page: Page, among: Collection[int] | None = None
    ) -> tuple[list[RegisteredModel], Sequence[object] | None]:
        """Return one page of found models, and the key to go on from."""
        numbers, after = find_registered_models(self._db, workspace, search, page, among)
        return self._load_models(numbers), after

    def update(self, pk: int, fields: Mapping[str, object]) -> None:
        """Set columns."""
        self._set("registered_models", pk, fields)

    def rename(self, model: RegisteredRef, name: str, now_ms: int) -> bool:
        """Give a model another name, which counts as a change of its versions; False when the name is taken.

        raises: Vanished when it has that name no more
        """
        pk = model.pk
        taken = self._db.one(
            "SELECT 1 FROM registered_models WHERE name = ? AND pk <> ?"
            " AND workspace = (SELECT workspace FROM registered_models WHERE pk = ?)",
            (name, pk, pk),
        )
        if taken:
            return False
        sql = "UPDATE registered_models SET name = ?, updated_ms = ? WHERE pk = ? AND name = ?"
        if not self._db.run(sql, (name, now_ms, pk, model.name)):
            raise Vanished
        self._db.run("UPDATE model_versions SET updated_ms = ? WHERE model_pk = ?", (now_ms, pk))
        self._db.run("UPDATE trash SET target = ? WHERE model_pk = ?", (name, pk))
        return True

    def delete(self, pk: int) -> None:
        """Remove a model and all that hangs on it but its history."""
        versions = "SELECT pk FROM model_versions WHERE model_pk = ?"
        for table in ("model_version_tags", "version_signatures"):
            self._db.run(f"DELETE FROM {table} WHERE version_pk IN ({versions})", (pk,))
        for table in (
            "model_versions",
            "model_aliases",
            "registered_model_tags",
            "model_comments",
            "model_requests",
            "endpoint_servers",
        ):
            self._db.run(f"DELETE FROM {table} WHERE model_pk = ?", (pk,))
        self._db.run("DELETE FROM registered_models WHERE pk = ?", (pk,))

    def set_tags(self, pk: int, tags: Mapping[str, str]) -> None:
        """Set or replace tags of a model."""
        self._set_tags("registered_model_tags", "model_pk", pk, tags)

    def delete_tag(self, pk: int, key: str) -> bool:
        """Delete a tag of a model; tell whether it was there."""
        return self._db.run("DELETE FROM registered_model_tags WHERE model_pk = ? AND key = ?", (pk, key)) > 0

    def set_alias(self, version: VersionRef, alias: str, now_ms: int, actor: str) -> None:
        """Make an alias stand for a version, which nobody else deletes before this is done."""
        self._db.hold("model_versions", version.pk)
        self._db.run(
            "INSERT INTO model_aliases (model_pk, alias, version_pk, set_ms, set_by) VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT (model_pk, alias) DO UPDATE"
            " SET version_pk = excluded.version_pk, set_ms = excluded.set_ms, set_by = excluded.set_by",
            (version.model_pk, alias, version.pk, now_ms, actor),
        )

    def delete_alias(self, pk: int, alias: str) -> bool:
        """Delete an alias; tell whether it was there."""
        return self._db.run("DELETE FROM model_aliases WHERE model_pk = ? AND alias = ?", (pk, alias)) > 0

    def find_alias(self, pk: int, alias: str) -> int | None:
        """Return which version an alias stands for; ``latest`` stands for the newest."""
        if alias.lower() == LATEST:
            sql = "SELECT pk FROM model_versions WHERE model_pk = ? ORDER BY version DESC LIMIT 1"
            row = self._db.one(sql, (pk,))
        else:
            sql = "SELECT version_pk FROM model_aliases WHERE model_pk = ? AND alias = ?"
            row = self._db.one(sql, (pk, alias))
        return row[0] if row else None

    def create_version(self, workspace: str, pk: int, version: ModelVersion, row: VersionRow) -> int:
        """Insert a version with its tags, under the model's next number unless it has one."""
        v = version
        raised = self._db.returning(
            "UPDATE registered_models SET updated_ms = ?,"
            " last_version = CASE WHEN last_version < ? THEN ? ELSE last_version + ? END"
            " WHERE pk = ? RETURNING last_version",
            (v.updated_ms, v.version, v.version, 0 if v.version else 1, pk),
        )
        if not raised:
            raise Vanished
        fields = {
            "workspace": workspace,
            "model_pk": pk,
            "version": v.version or raised[0][0],
            "status": v.status,
            "status_message": v.status_message,
            "stage": v.stage,
            "source": v.source,
            "location": v.location,
            "run_id": v.run_id,
            "model_id": v.model_id,
            "run_link": v.run_link,
            "description": v.description,
            "user_name": v.user,
            "created_ms": v.created_ms,
            "updated_ms": v.updated_ms,
            "staged_by": v.staged_by,
            "evaluated_by": v.evaluated_by,
            "origin_pk": row.origin,
            "external_key": row.external_key or None,
            "content_path": row.content_path or None,
            "digest": v.digest,
        }
        marks = ", ".join("?" * len(fields))
        [(version_pk,)] = self._db.returning(
            f"INSERT INTO model_versions ({', '.join(fields)}) VALUES ({marks}) RETURNING pk", tuple(fields.values())
        )
        self._set_tags("model_version_tags", "version_pk", version_pk, v.tags)
        return int(version_pk)

    def find_frozen(self, workspace: str, above: Sequence[str], below: str) -> tuple[str, int] | None:
        """Return name and number of a version whose files are in one of some folders, or at or below a path."""
        folders = [*above, below] if below else above
        if not folders:  # a file beside all folders is in none, and PostgreSQL knows no empty list
            return None
        where, params = f"v.content_path IN ({_marks(folders)})", [workspace, *folders]
        if below:
            where += " OR (v.content_path > ? AND v.content_path < ?)"
            params += [f"{below}/", f"{below}0"]
        row = self._db.one(
            f"SELECT m.name, v.version FROM {_VERSIONS} WHERE v.workspace = ? AND ({where}) LIMIT 1", params
        )
        return None if row is None else (row[0], row[1])

    def version_ref(self, workspace: str, name: str, version: int) -> VersionRef | None:
        """Say where a version is."""
        row = self._db.one(
            f"SELECT v.pk, v.model_pk, v.version FROM {_VERSIONS}"
            " WHERE m.workspace = ? AND m.name = ? AND v.version = ?",
            (workspace, name, version),
        )
        return VersionRef(*row) if row else None

    def find_external_version(self, pk: int, key: str) -> int | None:
        """Return the version of a model that has an external key."""
        row = self._db.one("SELECT pk FROM model_versions WHERE model_pk = ? AND external_key = ?", (pk, key))
        return row[0] if row else None

    def get_version(self, pk: int) -> ModelVersion:
        """Return a version that is there."""
        return self._load_versions([pk])[0]

    def list_latest(self, pk: int, stages: Sequence[Stage]) -> list[ModelVersion]:
        """Return the newest version of each of some stages, oldest first."""
        return self._load_versions(sorted(self._find_latest([pk], stages)))

    def list_stage(self, pk: int, stage: Stage) -> list[VersionRef]:
        """Return the versions of a model that have a stage."""
        rows = self._db.all(
            "SELECT pk, model_pk, version FROM model_versions WHERE model_pk = ? AND stage = ? ORDER BY version",
            (pk, stage),
        )
        return [VersionRef(*row) for row in rows]

    def search_versions(
        self, workspace: str, search: Search, page: Page, among: Collection[int] | None = None
    ) -> tuple[list[ModelVersion], Sequence[object] | None]:
        """Return one page of found versions, and the key to go on from."""
        numbers, after = find_model_versions(self._db, workspace, search, page, among)
        return self._load_versions(numbers), after

    def update_version(self, pk: int, fields: Mapping[str, object]) -> None:
        """Set columns of a version."""
        self._set("model_versions", pk, fields)

    def delete_version(self, pk: int) -> None:
        """Remove a version, its tags, and the aliases that stand for it."""
        for table in ("model_version_tags", "model_aliases", "version_signatures"):
            self._db.run(f"DELETE FROM {table} WHERE version_pk = ?", (pk,))
        self._db.run("DELETE FROM model_versions WHERE pk = ?", (pk,))

    def list_content(self, model_pk: int, pk: int | None) -> list[str]:
        """Return the folders of the files of one version, or of all versions of a model."""
        where, params = ("pk = ?", (pk,)) if pk is not None else ("model_pk = ?", (model_pk,))
        sql = f"SELECT content_path FROM model_versions WHERE {where} AND content_path IS NOT NULL"
        return [row[0] for row in self._db.all(sql, params)]

    def set_version_tags(self, pk: int, tags: Mapping[str, str]) -> None:
        """Set or replace tags of a version, which nobody else deletes before this is done."""
        self._db.hold("model_versions", pk)
        self._set_tags("model_version_tags", "version_pk", pk, tags)

    def delete_version_tag(self, pk: int, key: str) -> bool:
        """Delete a tag of a version; tell whether it was there."""
        return self._db.run("DELETE FROM model_version_tags WHERE version_pk = ? AND key = ?", (pk, key)) > 0

    def list_portfolio(
        self, workspace: str, stage: Stage, alias: str, page: Page, sees: Sight = EVERYTHING
    ) -> tuple[list[PortfolioEntry], Sequence[object] | None]:
        """Return one page of the versions in use, and the key to go on from."""
        return list_portfolio(self._db, workspace, (stage, alias), page, sees)

    def list_neighbours(self, view: Viewpoint, node: LineageNode, downstream: bool, limit: int) -> list[Neighbour]:
        """Return what came of something, or what it came from, one step away, and is seen."""
        return list_neighbours(self._db, view, node, downstream, limit)

    def _set(self, table: str, pk: int, fields: Mapping[str, object]) -> None:
        columns = ", ".join(f"{name} = ?" for name in fields)
        self._db.run(f"UPDATE {table} SET {columns} WHERE pk = ?", (*fields.values(), pk))

    def _set_tags(self, table: str, owner: str, pk: int, tags: Mapping[str, str]) -> None:
        self._db.insert(
            f"{table} ({owner}, key, value)",
            "bigint text text",
            [(pk, key, value) for key, value in sorted(tags.items())],
            f"ON CONFLICT ({owner}, key) DO UPDATE SET value = excluded.value",
        )

    def _find_latest(self, pks: Sequence[int], stages: Sequence[Stage]) -> list[int]:
        """Return the number of the newest version of each stage of each model: one look into the index for each."""
        named = " UNION ALL ".join(f"SELECT CAST(? AS TEXT) AS stage{k}" for k in ("", *range(1, len(stages))))
        newest = (
            "SELECT x.pk FROM model_versions x WHERE x.model_pk = m.pk AND x.stage = s.stage"
            " ORDER BY x.version DESC LIMIT 1"
        )
        rows = self._db.all(
            f"SELECT ({newest}) FROM registered_models m CROSS JOIN ({named}) s WHERE m.pk IN ({_marks(pks)})",
            (*stages, *pks),
        )
        return [row[0] for row in rows if row[0] is not None]

    def _load_models(self, pks: Sequence[int]) -> list[RegisteredModel]:
        if not pks:
            return []
        marks = _marks(pks)
        rows = {
            row[0]: row for row in self._db.all(f"SELECT {_MODEL} FROM registered_models WHERE pk IN ({marks})", pks)
        }
        if len(rows) < len(set(pks)):
            raise Vanished
        tags = self._load_tags("registered_model_tags", "model_pk", pks)
        aliases: dict[int, dict[str, int]] = {}
        for pk, alias, number in self._db.all(
            "SELECT a.model_pk, a.alias, v.version FROM model_aliases a JOIN model_versions v ON v.pk = a.version_pk"
            f" WHERE a.model_pk IN ({marks}) ORDER BY a.model_pk, a.alias",
            pks,
        ):
            aliases.setdefault(pk, {})[alias] = number
        latest: dict[str, list[ModelVersion]] = {}
        for version in self._load_versions(sorted(self._find_latest(pks, STAGES))):
            latest.setdefault(version.name, []).append(version)
        return [
            RegisteredModel(
                name=name,
                description=description,
                owner=owner,
                created_ms=created_ms,
                updated_ms=updated_ms,
                last_version=last_version,
                tags=tags.get(pk, {}),
                aliases=aliases.get(pk, {}),
                latest_versions=sorted(latest.get(name, ()), key=lambda version: version.version),
            )
            for pk, name, description, owner, created_ms, updated_ms, last_version in (rows[pk] for pk in pks)
        ]

    def _load_versions(self, pks: Sequence[int]) -> list[ModelVersion]:
        if not pks:
            return []
        sql = f"SELECT {_VERSION} FROM {_VERSIONS} WHERE v.pk IN ({_marks(pks)})"
        rows = {row[0]: row for row in self._db.all(sql, pks)}
        if len(rows) < len(set(pks)):
            raise Vanished
        tags = self._load_tags("model_version_tags", "version_pk", pks)
        aliases: dict[int, list[str]] = {}
        for pk, alias in self._db.all(
            f"SELECT version_pk, alias FROM model_aliases WHERE version_pk IN ({_marks(pks)}) ORDER BY alias", pks
        ):
            aliases.setdefault(pk, []).append(alias)
        signers: dict[int, list[str]] = {}
        sql = f"SELECT version_pk, key_name FROM version_signatures WHERE version_pk IN ({_marks(pks)})"
        for pk, name in self._db.all(f"{sql} ORDER BY key_name", pks):
            signers.setdefault(pk, []).append(name)
        return [_version(rows[pk], tags.get(pk, {}), aliases.get(pk, []), signers.get(pk, [])) for pk in pks]

    def _load_tags(self, table: str, owner: str, pks: Sequence[int]) -> dict[int, dict[str, str]]:
        tags: dict[int, dict[str, str]] = {}
        for pk, key, value in self._db.all(
            f"SELECT {owner}, key, value FROM {table} WHERE {owner} IN ({_marks(pks)}) ORDER BY {owner}, key", pks
        ):
            tags.setdefault(pk, {})[key] = value
        return tags


def _marks(values: Sequence[Any]) -> str:
    return ", ".join("?" * len(values))


def _version(row: Row, tags: dict[str, str], aliases: list[str], signers: list[str]) -> ModelVersion:
    return ModelVersion(
        name=row[1],
        version=row[2],
        status=row[3],
        status_message=row[4],
        stage=row[5],
        source=row[6],
        location=row[7],
        run_id=row[8],
        model_id=row[9],
        run_link=row[10],
        description=row[11],
        user=row[12],
        created_ms=row[13],
        updated_ms=row[14],
        staged_ms=row[15],
        staged_by=row[16],
        evaluated_by=row[17],
        copied_from=row[18] or "",
        digest=row[19],
        content_location=f"{SERVED}{row[20]}" if row[20] else "",
        signed_by=signers,
        tags=tags,
        aliases=aliases,
    )
