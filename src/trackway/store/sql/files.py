"""The file tree of a workspace: rows by path, small files beside their rows, blobs that no row needs."""

from __future__ import annotations

from collections.abc import Sequence

from trackway.api.artifacts import FileEntry, Multipart, StoredFile
from trackway.store.base import Page
from trackway.store.sql.connection import Connection

_AFTER_CHILDREN = "0"
"""The character behind ``/``: everything below ``a/`` sorts before ``a0``."""
_LEAST = "\x01"
"""Sorts before every character of a path, which holds no control characters."""
_NEEDED = "EXISTS (SELECT 1 FROM files f WHERE f.blob_key = pending_blobs.blob_key)"
_GREATEST = "\U0010ffff" * 64
"""Sorts behind every path, whose first part has at most 255 bytes."""


class FileTable:
    """See ``store.base.Files``."""

    def __init__(self, db: Connection) -> None:
        self._db = db

    def get(self, workspace: str, path: str) -> StoredFile | None:
        """Return a file with its bytes, when they are kept here."""
        row = self._db.one(
            "SELECT size_bytes, sha256, modified_ms, blob_key, data FROM files WHERE workspace = ? AND path = ?",
            (workspace, path),
        )
        return None if row is None else _to_file(path, *row)

    def list_all(self, after: tuple[str, str], limit: int) -> list[tuple[str, StoredFile]]:
        """See ``store.base.Files``."""
        rows = self._db.all(
            "SELECT workspace, path, size_bytes, sha256, modified_ms, blob_key, data FROM files"
            " WHERE (workspace, path) > (?, ?) ORDER BY workspace, path LIMIT ?",
            (*after, limit),
        )
        return [(workspace, _to_file(*row)) for workspace, *row in rows]

    def put(self, workspace: str, file: StoredFile) -> bool:
        """Make a file what a path names; a blob that it replaces, and one that it needs, change their state."""
        sql = "SELECT blob_key FROM files WHERE workspace = ? AND path = ?"
        replaced = self._db.one(sql, (workspace, file.path))
        if replaced and replaced[0] is not None:
            self.reserve_blob(replaced[0], file.modified_ms)
        self._db.run(
            "INSERT INTO files (workspace, path, size_bytes, sha256, modified_ms, blob_key, data)"
            " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (workspace, path) DO UPDATE SET"
            " size_bytes = excluded.size_bytes, sha256 = excluded.sha256, modified_ms = excluded.modified_ms,"
            " blob_key = excluded.blob_key, data = excluded.data",
            (workspace, file.path, file.size_bytes, file.sha256, file.modified_ms, file.blob_key, file.data),
        )
        if file.blob_key is not None:
            self.forget_blobs([file.blob_key])
        return replaced is not None

    def find_clash(self, workspace: str, path: str) -> str | None:
        """See ``store.base.Files``."""
        parts = path.split("/")
        above = ["/".join(parts[:end]) for end in range(1, len(parts))]
        among, values = self._db.among(above)
        row = self._db.one(
            f"SELECT path FROM files WHERE workspace = ? AND path {among} UNION ALL SELECT * FROM"
            " (SELECT path FROM files WHERE workspace = ? AND path > ? AND path < ? LIMIT 1) b",
            (workspace, *values, workspace, f"{path}/", _end(f"{path}/")),
        )
        return row[0] if row else None

    def list_folder(
        self, workspace: str, folder: str, recursive: bool, page: Page
    ) -> tuple[list[FileEntry], str | None]:
        """Return a folder's files and folders in path order; a folder costs one index probe, whatever is below it.

        ``page.after`` and the key to go on from are the least path that comes next.
        """
        prefix = f"{folder}/" if folder else ""
        start = max(prefix, str(page.after[0])) if page.after else prefix
        most = page.limit + 1 if recursive else 64
        entries: list[FileEntry] = []
        starts = [start]
        while len(entries) <= page.limit:
            rows = self._db.all(
                "SELECT path, size_bytes, sha256, modified_ms FROM files WHERE workspace = ? AND path >= ? AND path < ?"
                " ORDER BY path LIMIT ?",
                (workspace, starts[-1], _end(prefix), most),
            )
            for path, size, sha256, modified_ms in rows:
                child, below, _ = path[len(prefix) :].partition("/")
                if below and not recursive:
                    entries.append(FileEntry(path=prefix + child, is_dir=True))
                    starts.append(prefix + child + _AFTER_CHILDREN)  # step over all that is below
                    break
                entries.append(
                    FileEntry(path=path, is_dir=False, size_bytes=size, sha256=sha256, modified_ms=modified_ms)
                )
                starts.append(path + _LEAST)
            else:
                if len(rows) < most:
                    break
        if len(entries) > page.limit:
            return entries[: page.limit], starts[page.limit]
        return entries, None

    def copy(self, workspace: str, folder: str, target: str) -> None:
        """Give all files below a folder second paths below another, which is not there; bytes are shared."""
        self._db.run(
            "INSERT INTO files (workspace, path, size_bytes, sha256, modified_ms, blob_key, data)"
            " SELECT workspace, CAST(? AS TEXT) || substr(path, CAST(? AS INTEGER)), size_bytes, sha256, modified_ms,"
            " blob_key, data FROM files WHERE workspace = ? AND path > ? AND path < ?",
            (target, len(folder) + 1, workspace, f"{folder}/", _end(f"{folder}/")),
        )

    def delete(self, workspace: str, path: str, now_ms: int) -> tuple[int, int]:
        """Delete a file, or all below a folder; return how many files and bytes."""
        count, size = 0, 0
        for where, params in (
            ("path = ?", (workspace, path)),
            ("path > ? AND path < ?", (workspace, f"{path}/", _end(f"{path}/"))),
        ):
            self._db.run(
                "INSERT INTO pending_blobs (blob_key, since_ms) SELECT blob_key, CAST(? AS BIGINT) FROM files"
                f" WHERE workspace = ? AND {where} AND blob_key IS NOT NULL ON CONFLICT DO NOTHING",
                (now_ms, *params),
            )
            for (size_bytes,) in self._db.returning(
                f"DELETE FROM files WHERE workspace = ? AND {where} RETURNING size_bytes", params
            ):
                count, size = count + 1, size + size_bytes
        return count, size

    def measure(self, workspace: str, path: str) -> tuple[int, int]:
        """Return how many files and bytes a file has, or all below a folder."""
        row = self._db.one(
            "SELECT COUNT(*), COALESCE(SUM(size_bytes), 0) FROM files"
            " WHERE workspace = ? AND (path = ? OR (path > ? AND path < ?))",
            (workspace, path, f"{path}/", _end(f"{path}/")),
        )
        assert row is not None
        return int(row[0]), int(row[1])

    def reserve_blob(self, blob_key: str, now_ms: int) -> None:
        """Note a blob that perhaps no row needs (yet, or any more)."""
        self._db.run(
            "INSERT INTO pending_blobs (blob_key, since_ms) VALUES (?, ?) ON CONFLICT DO NOTHING", (blob_key, now_ms)
        )

    def list_pending_blobs(self, before_ms: int, limit: int) -> list[str]:
        """Return blobs noted before a time that no row needs."""
        rows = self._db.all(
            f"SELECT blob_key FROM pending_blobs WHERE since_ms < ? AND NOT {_NEEDED} ORDER BY since_ms LIMIT ?",
            (before_ms, limit),
        )
        return [row[0] for row in rows]

    def forget_needed_blobs(self, before_ms: int) -> None:
        """Take blobs off the list that were noted before a time and that a row needs, of another path."""
        self._db.run(f"DELETE FROM pending_blobs WHERE since_ms < ? AND {_NEEDED}", (before_ms,))

    def forget_blobs(self, blob_keys: Sequence[str]) -> None:
        """Take blobs off the list: a row needs them, or they are gone."""
        self._db.many("DELETE FROM pending_blobs WHERE blob_key = ?", [(key,) for key in blob_keys])

    def create_upload(self, workspace: str, actor: str, upload: Multipart) -> None:
        """Note an open upload of its caller."""
        self._db.run(
            "INSERT INTO uploads (upload_id, workspace, actor, path, blob_key, store_upload_id, created_ms)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                upload.upload_id,
                workspace,
                actor,
                upload.path,
                upload.blob_key,
                upload.store_upload_id,
                upload.created_ms,
            ),
        )

    def get_upload(self, workspace: str, actor: str, upload_id: str, path: str) -> Multipart | None:
        """Return a caller's open upload of a path."""
        row = self._db.one(
            "SELECT blob_key, store_upload_id, created_ms FROM uploads"
            " WHERE upload_id = ? AND workspace = ? AND actor = ? AND path = ?",
            (upload_id, workspace, actor, path),
        )
        if row is None:
            return None
        return Multipart(upload_id=upload_id, path=path, blob_key=row[0], store_upload_id=row[1], created_ms=row[2])

    def list_stale_uploads(self, before_ms: int, limit: int) -> list[tuple[str, Multipart]]:
        """Return (workspace, upload) of uploads opened before a time."""
        rows = self._db.all(
            "SELECT workspace, upload_id, path, blob_key, store_upload_id, created_ms FROM uploads"
            " WHERE created_ms < ? LIMIT ?",
            (before_ms, limit),
        )
        return [
            (
                row[0],
                Multipart(upload_id=row[1], path=row[2], blob_key=row[3], store_upload_id=row[4], created_ms=row[5]),
            )
            for row in rows
        ]

    def delete_upload(self, workspace: str, upload_id: str) -> None:
        """Forget an upload."""
        self._db.run("DELETE FROM uploads WHERE workspace = ? AND upload_id = ?", (workspace, upload_id))


def _to_file(
    path: str, size_bytes: int, sha256: str, modified_ms: int, blob_key: str | None, data: bytes | None
) -> StoredFile:
    return StoredFile(
        path=path,
        size_bytes=size_bytes,
        sha256=sha256,
        modified_ms=modified_ms,
        blob_key=blob_key,
        data=None if data is None else bytes(data),
    )


def _end(prefix: str) -> str:
    """The least text greater than all that begin with ``prefix`` (which is empty or ends with ``/``)."""
    return prefix[:-1] + _AFTER_CHILDREN if prefix else _GREATEST
