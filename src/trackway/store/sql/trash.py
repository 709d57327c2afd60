"""The trash: rows of what was deleted, copied out of their tables as they were, and put back."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count as count_up
from typing import Any, Final, NamedTuple

import msgspec

from trackway.api.access import ROLES
from trackway.api.calls import Call
from trackway.api.trash import SearchTrash, Trashed, TrashKind
from trackway.store.paging import Page
from trackway.store.sql.connection import Connection
from trackway.store.sql.failures import Vanished
from trackway.store.trash import Change, Deleted, Outcome, TrashRow

ROWS_AT_ONCE: Final = 500
_ENTRY = "pk, kind, name, object_pk, model_pk, target_kind, target, deleted_ms, deleted_by"


class _Part(NamedTuple):
    """Rows of one table that belong to a thing.

    where: which these are; ``keys`` names its parameters
    valid: what must hold of a row that was put back, or it is removed again; ``?`` is when it was deleted
    """

    table: str
    where: str = "pk = ?"
    valid: str = ""
    keys: tuple[str, ...] = ("pk",)


class _Rows(msgspec.Struct, array_like=True):
    columns: list[str]
    rows: list[list[Any]]


_OF_VERSIONS = "version_pk IN (SELECT pk FROM model_versions WHERE model_pk = ?)"
_HAS_MODEL = "EXISTS (SELECT 1 FROM registered_models m WHERE m.pk = {table}.model_pk)"
_HAS_VERSION = "EXISTS (SELECT 1 FROM model_versions v WHERE v.pk = {table}.version_pk)"
_HAS_KEY = (  # another key that has the name since has not signed it
    "EXISTS (SELECT 1 FROM model_versions v JOIN signing_keys k ON k.workspace = v.workspace"
    " WHERE v.pk = version_signatures.version_pk AND k.name = version_signatures.key_name AND k.created_ms <= ?)"
)
_HAS_ENDPOINT = "EXISTS (SELECT 1 FROM endpoints e WHERE e.pk = endpoint_servers.endpoint_pk)"
_HAS_USER = "EXISTS (SELECT 1 FROM users u WHERE u.pk = team_members.user_pk)"
_NAMED = " OR ".join(
    f"(target_kind = '{kind}' AND EXISTS (SELECT 1 FROM {table} o WHERE o.workspace = grants.workspace"
    " AND o.name = grants.target AND o.created_ms <= ?))"
    for kind, table in (("registered_model", "registered_models"), ("endpoint", "endpoints"), ("schedule", "schedules"))
)
_BUILT_IN = ", ".join(f"'{role}'" for role in ROLES)
_HAS_BOTH = (  # who got it, the role, and what it is on: not something else that has its name since
    "(subject_kind = 'everyone'"
    " OR (subject_kind = 'user' AND EXISTS (SELECT 1 FROM users u WHERE u.pk = grants.subject_pk))"
    " OR (subject_kind = 'team' AND EXISTS (SELECT 1 FROM teams t WHERE t.pk = grants.subject_pk)))"
    f" AND (role IN ({_BUILT_IN})"
    " OR EXISTS (SELECT 1 FROM roles r WHERE r.workspace = grants.workspace AND r.name = grants.role))"
    " AND (target_kind = 'workspace' OR target LIKE '%*%' OR (target_kind = 'experiment'"
    f" AND EXISTS (SELECT 1 FROM experiments x WHERE CAST(x.pk AS TEXT) = grants.target)) OR {_NAMED})"
)


def _grants_on(kind: str) -> _Part:
    where = f"workspace = ? AND target_kind = '{kind}' AND target = ?"
    return _Part("grants", where, _HAS_BOTH, ("workspace", "name"))


_PARTS: Final[dict[TrashKind, tuple[_Part, ...]]] = {
    "registered_model": (
        _Part("registered_models"),
        _Part("registered_model_tags", "model_pk = ?"),
        _Part("model_versions", "model_pk = ?"),
        _Part("model_version_tags", _OF_VERSIONS),
        _Part("version_signatures", _OF_VERSIONS, _HAS_KEY),
        _Part("model_aliases", "model_pk = ?"),
        _Part("model_comments", "model_pk = ?"),
        _Part("model_requests", "model_pk = ?"),
        _Part("endpoint_servers", "model_pk = ?", _HAS_ENDPOINT),
        _grants_on("registered_model"),
    ),
    "model_version": (
        _Part("model_versions", valid=_HAS_MODEL.format(table="model_versions")),
        _Part("model_version_tags", "version_pk = ?"),
        _Part("version_signatures", "version_pk = ?", _HAS_KEY),
        _Part("model_aliases", "version_pk = ?"),
    ),
    "comment": (_Part("model_comments", valid=_HAS_MODEL.format(table="model_comments")),),
    "endpoint": (
        _Part("endpoints"),
        _Part("endpoint_servers", "endpoint_pk = ?", _HAS_MODEL.format(table="endpoint_servers")),
        _grants_on("endpoint"),
    ),
    "signing_key": (
        _Part("signing_keys", "workspace = ? AND name = ?", keys=("workspace", "name")),
        _Part(
            "version_signatures",
            "version_pk IN (SELECT pk FROM model_versions WHERE workspace = ?) AND key_name = ?",
            _HAS_VERSION.format(table="version_signatures"),
            ("workspace", "name"),
        ),
    ),
    "webhook": (
        _Part("webhooks"),
        _Part("webhook_events", "webhook_pk = ?"),
        _Part("webhook_deliveries", "webhook_pk = ?"),
    ),
    "schedule": (_Part("schedules"), _Part("schedule_ticks", "schedule_pk = ?"), _grants_on("schedule")),
    "team": (
        _Part("teams"),
        _Part("team_members", "team_pk = ?", _HAS_USER),
        _Part("grants", "subject_kind = 'team' AND subject_pk = ?", _HAS_BOTH),
    ),
    "role": (
        _Part("roles", "workspace = ? AND name = ?", keys=("workspace", "name")),
        _Part("grants", "workspace = ? AND role = ?", _HAS_BOTH, ("workspace", "name")),
    ),
    "grant": (_Part("grants", valid=_HAS_BOTH),),
}
"""What each kind of thing is made of, its own row first."""


class TrashTable:
    """See ``store.trash.Trash``."""

    def __init__(self, db: Connection) -> None:
        self._db = db

    def keep(self, call: Call, what: Deleted) -> Trashed:
        """Copy rows into the trash."""
        workspace = call.workspace
        [(pk,)] = self._db.returning(
            "INSERT INTO trash (workspace, kind, name, object_pk, model_pk, target_kind, target, deleted_ms,"
            " deleted_by) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING pk",
            (
                workspace,
                what.kind,
                what.name,
                what.pk,
                what.model_pk,
                what.target_kind,
                what.target,
                call.now_ms,
                call.actor.label,
            ),
        )
        numbers = count_up()
        for place, part in enumerate(_PARTS[what.kind]):
            copied = self._copy(part, _list_keys(part, what, workspace), lock=place == 0)
            if place == 0 and not copied:  # another server's transaction, which the lock waited for, deleted it
                raise Vanished
            for some in copied:
                self._db.run(
                    "INSERT INTO trash_rows (trash_pk, number, source, data) VALUES (?, ?, ?, ?)",
                    (pk, next(numbers), part.table, msgspec.msgpack.encode(some)),
                )
                if part.table == "model_versions":
                    path = some.columns.index("content_path")
                    self._db.many(
                        "INSERT INTO trash_folders (workspace, path, trash_pk) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
                        [(workspace, row[path], pk) for row in some.rows if row[path] is not None],
                    )
        return Trashed(trash_id=str(pk))

    def find(self, workspace: str, trash_id: str) -> TrashRow | None:
        """Return an entry."""
        is_number = trash_id.isascii() and trash_id.isdigit() and len(trash_id) <= 18
        rows = self._list("workspace = ? AND pk = ?", (workspace, int(trash_id))) if is_number else []
        return rows[0] if rows else None

    def search(self, workspace: str, q: SearchTrash, by: str | None, page: Page) -> list[TrashRow]:
        """Return entries, newest first."""
        where = "workspace = ?"
        params: list[object] = [workspace]
        before = page.after[0] if page.after else None
        for condition, value in (
            ("kind = ?", q.kind),
            ("name = ?", q.name or None),
            ("deleted_by = ?", by),
            ("pk < ?", before),
        ):
            if value is not None:
                where, params = f"{where} AND {condition}", [*params, value]
        return self._list(f"{where} ORDER BY pk DESC LIMIT ?", (*params, page.limit))

    def list_old(self, workspace: str, before_ms: int, limit: int) -> list[TrashRow]:
        """Return old entries, oldest first."""
        where = "workspace = ? AND deleted_ms <= ? ORDER BY deleted_ms, pk LIMIT ?"
        return self._list(where, (workspace, before_ms, limit))

    def count(self, workspace: str) -> int:
        """Return how many entries there are."""
        row = self._db.one("SELECT COUNT(*) FROM trash WHERE workspace = ?", (workspace,))
        return int(row[0]) if row else 0

    def list_folders(self, trash_pk: int) -> list[str]:
        """Return the folders of an entry."""
        rows = self._db.all("SELECT path FROM trash_folders WHERE trash_pk = ? ORDER BY path", (trash_pk,))
        return [row[0] for row in rows]

    def finds_folder(self, workspace: str, above: Sequence[str], below: str) -> bool:
        """Tell whether a version in the trash has files there."""
        folders = [*above, below]
        where = f"path IN ({', '.join('?' * len(folders))})"
        params = [workspace, *folders]
        if below:
            where, params = f"({where} OR (path > ? AND path < ?))", [*params, f"{below}/", f"{below}0"]
        return self._db.one(f"SELECT 1 FROM trash_folders WHERE workspace = ? AND {where} LIMIT 1", params) is not None

    def restore(self, row: TrashRow, workspace: str) -> Outcome:
        """Put rows back."""
        parts = _PARTS[row.what.kind]
        own = parts[0].table
        for source, data in self._db.all(
            "SELECT source, data FROM trash_rows WHERE trash_pk = ? ORDER BY number", (row.trash_pk,)
        ):
            inserted = self._insert(source, msgspec.msgpack.decode(data, type=_Rows))
            if source == own and not inserted:
                return "taken"
        for part in parts:
            if part.valid:
                keys = _list_keys(part, row.what, workspace)
                self._db.run(
                    f"DELETE FROM {part.table} WHERE {part.where} AND NOT ({part.valid})",
                    (*keys, *(row.deleted_ms for _ in range(part.valid.count("?")))),
                )
        if not self._db.one(f"SELECT 1 FROM {own} WHERE {parts[0].where}", _list_keys(parts[0], row.what, workspace)):
            return "gone"
        self.purge(row.trash_pk)
        return "restored"

    def purge(self, trash_pk: int) -> None:
        """Remove an entry."""
        for table, column in (("trash_rows", "trash_pk"), ("trash_folders", "trash_pk"), ("trash", "pk")):
            self._db.run(f"DELETE FROM {table} WHERE {column} = ?", (trash_pk,))

    def rewrite(self, change: Change, source: str = "", *, dry_run: bool = False) -> dict[str, int]:
        """Change kept rows."""
        changed: dict[str, int] = {}
        where, params = ("WHERE source = ?", (source,)) if source else ("", ())
        for key in self._db.all(f"SELECT trash_pk, number FROM trash_rows {where} ORDER BY trash_pk, number", params):
            where_key = "trash_pk = ? AND number = ?"
            [(table, data)] = self._db.all(f"SELECT source, data FROM trash_rows WHERE {where_key}", key)
            some = msgspec.msgpack.decode(data, type=_Rows)
            rows = [list(change(table, dict(zip(some.columns, row, strict=True))).values()) for row in some.rows]
            count = sum(before != after for before, after in zip(some.rows, rows, strict=True))
            if count:
                changed[table] = changed.get(table, 0) + count
            if count and not dry_run:
                packed = msgspec.msgpack.encode(_Rows(some.columns, rows))
                self._db.run(f"UPDATE trash_rows SET data = ? WHERE {where_key}", (packed, *key))
        return changed

    def _copy(self, part: _Part, keys: Sequence[object], lock: bool) -> list[_Rows]:
        columns = self._list_columns(part.table)
        locked = " FOR UPDATE" if lock and self._db.dialect == "postgresql" else ""  # nothing is added to it meanwhile
        sql = f"SELECT {', '.join(columns)} FROM {part.table} WHERE {part.where}{locked}"
        rows = self._db.all(sql, keys)
        return [
            _Rows(columns, [list(row) for row in rows[start : start + ROWS_AT_ONCE]])
            for start in range(0, len(rows), ROWS_AT_ONCE)
        ]

    def _insert(self, table: str, some: _Rows) -> int:
        known = [place for place, name in enumerate(some.columns) if name in self._list_columns(table)]
        names = ", ".join(some.columns[place] for place in known)
        return self._db.many(
            f"INSERT INTO {table} ({names}) VALUES ({', '.join('?' * len(known))}) ON CONFLICT DO NOTHING",
            [tuple(row[place] for place in known) for row in some.rows],
        )

    def _list_columns(self, table: str) -> list[str]:
        if self._db.dialect == "postgresql":
            sql = (
                "SELECT attname FROM pg_attribute WHERE attrelid = CAST(? AS regclass) AND attnum > 0"
                " AND NOT attisdropped ORDER BY attnum"
            )
        else:
            sql = "SELECT name FROM pragma_table_info(?) ORDER BY cid"
        return [row[0] for row in self._db.all(sql, (table,))]

    def _list(self, rest: str, params: Sequence[object]) -> list[TrashRow]:
        return [_read(row) for row in self._db.all(f"SELECT {_ENTRY} FROM trash WHERE {rest}", params)]


def _list_keys(part: _Part, what: Deleted, workspace: str) -> list[object]:
    values: dict[str, object] = {"pk": what.pk, "workspace": workspace, "name": what.name}
    return [values[key] for key in part.keys]


def _read(row: tuple[Any, ...]) -> TrashRow:
    pk, kind, name, object_pk, model_pk, target_kind, target, deleted_ms, deleted_by = row
    return TrashRow(pk, Deleted(kind, name, object_pk, model_pk, target_kind, target), deleted_ms, deleted_by)
