"""Forgetting: a workspace with all that it has, and a person's name."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Final

from trackway.api.runs import TAG_NOTE, TAG_USER
from trackway.api.workspaces import ErasedWorkspace
from trackway.store.sql.connection import Connection
from trackway.store.sql.endpoints import EndpointTable
from trackway.store.sql.logged_models import LoggedModelTable
from trackway.store.sql.purge import purge_run
from trackway.store.sql.registry import RegistryTable
from trackway.store.sql.schedules import ScheduleTable
from trackway.store.sql.trash import TrashTable
from trackway.store.sql.webhooks import WebhookTable

LABELS: Final = (
    ("param_history", "actor"),
    ("registered_models", "owner"),
    ("model_aliases", "set_by"),
    ("model_versions", "user_name"),
    ("model_versions", "staged_by"),
    ("model_versions", "evaluated_by"),
    ("signing_keys", "created_by"),
    ("version_signatures", "added_by"),
    ("model_comments", "author"),
    ("model_requests", "author"),
    ("model_requests", "decided_by"),
    ("model_events", "actor"),
    ("webhooks", "created_by"),
    ("schedules", "created_by"),
    ("endpoints", "created_by"),
    ("endpoint_servers", "announced_by"),
    ("users", "created_by"),
    ("grants", "created_by"),
    ("holds", "created_by"),
    ("workspaces", "created_by"),
    ("runs", "user_name"),
    ("uploads", "actor"),
    ("trash", "deleted_by"),
)
"""Columns that say who did something: by a name, or by kind and name (``user:ann``)."""
TEXTS: Final = (
    ("experiment_tags", "value", f"key = '{TAG_NOTE}'"),
    ("tags", "value", f"key IN ('{TAG_NOTE}', '{TAG_USER}')"),
    ("registered_models", "description", "1 = 1"),
    ("model_versions", "description", "1 = 1"),
    ("model_comments", "text", "1 = 1"),
    ("model_requests", "comment", "1 = 1"),
    ("model_requests", "reason", "1 = 1"),
    ("model_events", "detail", "1 = 1"),
    ("webhook_deliveries", "body", "1 = 1"),
    ("trash", "name", "kind = 'grant'"),
)
"""Texts that people write, in which a name may stand as a word."""
COUNTED: Final = (
    "experiments",
    "runs",
    "logged_models",
    "registered_models",
    "files",
    "webhooks",
    "schedules",
    "endpoints",
)
"""Tables of what a workspace has, by their column ``workspace``."""
_FILES = "FROM files WHERE workspace = ?"


class ErasureTable:
    """See ``store.erasure.Erasure``."""

    def __init__(self, db: Connection) -> None:
        self._db = db

    def measure(self, workspace: str) -> ErasedWorkspace:
        """Count what a workspace has."""
        counted: dict[str, Any] = {
            table: self._count(f"FROM {table} WHERE workspace = ?", workspace) for table in COUNTED
        }
        end = self._db.one("SELECT number, hash FROM audit_heads WHERE workspace = ?", (workspace,)) or (0, "")
        return ErasedWorkspace(
            **counted, file_bytes=self._sum_files(workspace), audit_entries=end[0], audit_hash=end[1], dry_run=True
        )

    def erase_some(self, workspace: str, most: int) -> ErasedWorkspace:
        """Remove some of what a workspace has: runs first, then what else there is, and experiments at the end."""
        removers: dict[str, Callable[[int], object]] = {
            "runs": partial(purge_run, self._db),
            "logged_models": LoggedModelTable(self._db).purge,
            "registered_models": RegistryTable(self._db).delete,
            "webhooks": WebhookTable(self._db).delete,
            "schedules": ScheduleTable(self._db).delete,
            "endpoints": EndpointTable(self._db).delete,
            "trash": TrashTable(self._db).purge,
        }
        counts: dict[str, Any] = {}
        left = most
        for table, remove in removers.items():
            left -= self._remove(table, workspace, left, remove, counts)
        counts["files"], counts["file_bytes"] = self._drop_files(workspace, left)
        self._remove("experiments", workspace, left - counts["files"], self._drop_experiment, counts)
        del counts["trash"]
        return ErasedWorkspace(**counts)

    def _remove(
        self, table: str, workspace: str, most: int, remove: Callable[[int], object], counts: dict[str, Any]
    ) -> int:
        rows = self._db.all(f"SELECT pk FROM {table} WHERE workspace = ? ORDER BY pk LIMIT ?", (workspace, most))
        for (pk,) in rows:
            remove(pk)
        counts[table] = len(rows)
        return len(rows)

    def _drop_files(self, workspace: str, most: int) -> tuple[int, int]:
        """Remove some files, and return how many and their bytes; blobs that nothing needs are cleaned away later."""
        rows = self._db.returning(
            "DELETE FROM files WHERE pk IN (SELECT pk FROM files WHERE workspace = ? LIMIT ?)"
            " RETURNING blob_key, size_bytes",
            (workspace, most),
        )
        blobs = {key for key, _ in rows if key is not None}
        self._db.insert(
            "pending_blobs (blob_key, since_ms)",
            "text bigint",
            [(key, 0) for key in sorted(blobs)],
            "ON CONFLICT DO NOTHING",
        )
        return len(rows), sum(size for _, size in rows)

    def replace_name(self, name: str, pseudonym: str, *, dry_run: bool) -> dict[str, int]:
        """Put a pseudonym wherever a user is named."""
        changed: dict[str, int] = {}
        for table, column in LABELS:
            changed[table] = changed.get(table, 0) + self._replace_label(table, column, name, pseudonym, dry_run)
        word = re.compile(rf"(?<![\w.@+-]){re.escape(name)}(?![\w@+-])", re.IGNORECASE)
        for table, column, where in TEXTS:
            for key, text in self._find_texts(table, column, where, name):
                if not word.search(text):
                    continue
                changed[table] = changed.get(table, 0) + 1
                if not dry_run:
                    sql = (
                        f"UPDATE {table} SET {column} = ? WHERE {' AND '.join(f'{part} = ?' for part in _keys(table))}"
                    )
                    self._db.run(sql, (word.sub(pseudonym, text), *key))
                    if table == "tags":
                        self._db.run("UPDATE runs SET version = version + 1 WHERE pk = ?", (key[0],))
        for table, rows in self._replace_in_trash(word, name, pseudonym, dry_run).items():
            changed[table] = changed.get(table, 0) + rows
        changed["idempotency_keys"] = self._forget_answers(name, dry_run)
        changed["audit"] = self._replace_in_audit(word, name, pseudonym, dry_run)
        if not dry_run:
            self._db.run("UPDATE runs SET version = version + 1 WHERE user_name = ?", (pseudonym,))  # readers keep runs
        return {table: rows for table, rows in changed.items() if rows}

    def _replace_label(self, table: str, column: str, name: str, pseudonym: str, dry_run: bool) -> int:
        """Replace a name behind what kind of actor it is, if that is said; one look at the table for all kinds."""
        where = f"{column} IN (?, ?, ?)"
        labels = (name, f"user:{name}", f"service:{name}")
        if dry_run:
            return self._count(f"FROM {table} WHERE {where}", *labels)
        kind = f"substr({column}, 1, length({column}) - {len(name)})"
        return self._db.run(
            f"UPDATE {table} SET {column} = {kind} || CAST(? AS TEXT) WHERE {where}", (pseudonym, *labels)
        )

    def _replace_in_trash(self, word: re.Pattern[str], name: str, pseudonym: str, dry_run: bool) -> dict[str, int]:
        texts = {(table, column) for table, column, _ in TEXTS}
        labels = {f"{kind}{name}": f"{kind}{pseudonym}" for kind in ("", "user:", "service:")}

        def change(table: str, row: dict[str, Any]) -> dict[str, Any]:
            for column, value in row.items():
                if (table, column) in LABELS:
                    row[column] = labels.get(value, value)
                elif (table, column) in texts and value:
                    row[column] = word.sub(pseudonym, value)
            return row

        return TrashTable(self._db).rewrite(change, dry_run=dry_run)

    def _forget_answers(self, name: str, dry_run: bool) -> int:
        """Forget what calls of the last day were answered that may name a user."""
        where = "LOWER(answer) LIKE ? ESCAPE '~'"
        like = f"%{_escape(name)}%"
        if dry_run:
            return self._count(f"FROM idempotency_keys WHERE {where}", like)
        return self._db.run(f"UPDATE idempotency_keys SET answer = '' WHERE {where}", (like,))

    def _replace_in_audit(self, word: re.Pattern[str], name: str, pseudonym: str, dry_run: bool) -> int:
        like = f"%{_escape(name)}%"
        rows = self._db.all(
            "SELECT workspace, number, address, actor, object, detail FROM audit WHERE LOWER(actor) LIKE ? ESCAPE '~'"
            " OR LOWER(object) LIKE ? ESCAPE '~' OR LOWER(detail) LIKE ? ESCAPE '~'",
            (like, like, like),
        )
        changed = 0
        for workspace, number, address, *texts in rows:
            replaced = [word.sub(pseudonym, text) for text in texts]
            if replaced == texts:
                continue
            changed += 1
            if not dry_run:
                own = replaced[0] != texts[0]  # where somebody was is as personal as the name
                self._db.run(
                    "UPDATE audit SET actor = ?, object = ?, detail = ?, address = ?, salt = ''"
                    " WHERE workspace = ? AND number = ?",
                    (*replaced, "" if own else address, workspace, number),
                )
        return changed

    def _find_texts(self, table: str, column: str, where: str, name: str) -> Iterator[tuple[tuple[Any, ...], str]]:
        keys = _keys(table)
        rows = self._db.all(
            f"SELECT {', '.join(keys)}, {column} FROM {table} WHERE {where} AND LOWER({column}) LIKE ? ESCAPE '~'",
            (f"%{_escape(name)}%",),
        )
        for *key, text in rows:
            yield tuple(key), text

    def _drop_experiment(self, pk: int) -> None:
        for table, column in (
            ("experiment_tags", "experiment_pk"),
            ("datasets", "experiment_pk"),
            ("experiments", "pk"),
        ):
            self._db.run(f"DELETE FROM {table} WHERE {column} = ?", (pk,))

    def _sum_files(self, workspace: str) -> int:
        row = self._db.one(f"SELECT COALESCE(SUM(size_bytes), 0) {_FILES}", (workspace,))
        return int(row[0]) if row else 0

    def _count(self, what: str, *params: object) -> int:
        row = self._db.one(f"SELECT COUNT(*) {what}", params)
        return int(row[0]) if row else 0


def _keys(table: str) -> tuple[str, ...]:
    """Return the primary key of a table of ``TEXTS``."""
    return {"experiment_tags": ("experiment_pk", "key"), "tags": ("run_pk", "key")}.get(table, ("pk",))


def _escape(text: str) -> str:
    return text.lower().replace("~", "~~").replace("%", "~%").replace("_", "~_")
