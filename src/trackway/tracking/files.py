"""The rules of artifacts: rows here, bytes streamed by the caller between two of these calls."""

from __future__ import annotations

from trackway.api import artifacts as a
from trackway.api import limits
from trackway.api import operations as ops
from trackway.api.calls import Call
from trackway.api.structs import Empty
from trackway.artifacts.paths import check_artifact_path
from trackway.base.errors import InvalidInput, NotFound
from trackway.base.ids import new_id
from trackway.rules.checks import check_page
from trackway.rules.handlers import Handlers
from trackway.rules.holds import check_file_held
from trackway.rules.tokens import decode_token, encode_token
from trackway.store.base import Page, Transaction
from trackway.tracking.frozen import check_frozen


class FileService:
    """Handlers of the operations on the workspace's file tree."""

    def handlers(self) -> Handlers:
        """Return the handler of each operation."""
        return {
            ops.LIST_FILES: self.list_files,
            ops.GET_FILE: self.get,
            ops.BEGIN_UPLOAD: self.begin_upload,
            ops.COMMIT_UPLOAD: self.commit_upload,
            ops.DELETE_FILES: self.delete,
            ops.CREATE_MULTIPART: self.create_multipart,
            ops.GET_MULTIPART: self.get_multipart,
            ops.CLOSE_MULTIPART: self.close_multipart,
        }

    def list_files(self, tx: Transaction, call: Call, q: a.ListFiles) -> a.FileList:
        """List a folder; an unknown one is empty, as is a file."""
        check_page(q.limit, limits.SEARCH_PAGE)
        folder = check_artifact_path(q.folder) if q.folder else ""
        query = (folder, q.recursive)
        begin = decode_token(call, query, q.page_token)
        if begin is not None and (len(begin) != 1 or not isinstance(begin[0], str)):
            raise InvalidInput("Invalid page token", hint="send next_page_token as it was received")
        page = Page(q.limit, begin)
        files, after = tx.files.list_folder(call.workspace, folder, q.recursive, page)
        return a.FileList(files=files, next_page_token=encode_token(call, query, [after] if after else None))

    def get(self, tx: Transaction, call: Call, q: a.GetFile) -> a.StoredFile:
        """Find a file."""
        path = check_artifact_path(q.path)
        found = tx.files.get(call.workspace, path)
        if found is None:
            raise NotFound(f"No artifact at {path[:200]!r}")
        return found

    def begin_upload(self, tx: Transaction, call: Call, q: a.BeginUpload) -> a.UploadTicket:
        """Check a path, and note the blob that will hold the bytes, so that a broken upload is cleaned away."""
        check_artifact_path(q.path)
        blob = new_id()
        blob_key = f"{call.workspace}/{blob[:2]}/{blob}"
        tx.files.reserve_blob(blob_key, call.now_ms)
        return a.UploadTicket(blob_key=blob_key)

    def commit_upload(self, tx: Transaction, call: Call, q: a.CommitUpload) -> a.FileEntry:
        """Make stored bytes a file."""
        path = check_artifact_path(q.path)
        if (q.blob_key is None) == (q.data is None):
            raise InvalidInput("A file's bytes are either stored as a blob or sent along", hint="give one of the two")
        if q.data is not None and len(q.data) > limits.INLINE_FILE_BYTES:
            raise InvalidInput(
                f"A file of {len(q.data)} bytes is too large to be sent along", hint="store it as a blob"
            )
        self._check_tree(tx, call, path)
        check_frozen(tx, call, path, below=False)
        stored = a.StoredFile(
            path=path,
            size_bytes=q.size_bytes,
            sha256=q.sha256,
            modified_ms=call.now_ms,
            blob_key=q.blob_key,
            data=q.data,
        )
        if tx.files.put(call.workspace, stored):
            check_file_held(tx.holds, call, path)  # what it refuses is undone
        return a.FileEntry(path=path, is_dir=False, size_bytes=q.size_bytes, sha256=q.sha256, modified_ms=call.now_ms)

    def delete(self, tx: Transaction, call: Call, q: a.DeleteFiles) -> a.DeletedFiles:
        """Delete a file or a folder."""
        path = check_artifact_path(q.path)
        check_frozen(tx, call, path, below=True)
        check_file_held(tx.holds, call, path)
        if q.dry_run:
            files, size_bytes = tx.files.measure(call.workspace, path)
        else:
            files, size_bytes = tx.files.delete(call.workspace, path, call.now_ms)
        return a.DeletedFiles(files=files, size_bytes=size_bytes)

    def create_multipart(self, tx: Transaction, call: Call, q: a.CreateMultipart) -> a.Multipart:
        """Note an upload that the blob store has open; its id is random and bound to caller and path."""
        upload = a.Multipart(
            upload_id=new_id(),
            path=check_artifact_path(q.path),
            blob_key=q.blob_key,
            store_upload_id=q.store_upload_id,
            created_ms=call.now_ms,
        )
        tx.files.create_upload(call.workspace, call.actor.name, upload)
        return upload

    def get_multipart(self, tx: Transaction, call: Call, q: a.GetMultipart) -> a.Multipart:
        """Find an open upload of the caller's."""
        found = tx.files.get_upload(call.workspace, call.actor.name, q.upload_id, check_artifact_path(q.path))
        if found is None:
            raise NotFound("No such upload is open for this path", hint="create it anew")
        return found

    def close_multipart(self, tx: Transaction, call: Call, q: a.CloseMultipart) -> Empty:
        """Forget an upload."""
        self.get_multipart(tx, call, a.GetMultipart(upload_id=q.upload_id, path=q.path))
        tx.files.delete_upload(call.workspace, q.upload_id)
        return Empty()

    def _check_tree(self, tx: Transaction, call: Call, path: str) -> None:
        """Refuse a path below a file, and one that is a folder: no name may be both."""
        clash = tx.files.find_clash(call.workspace, path)
        if clash is not None:
            what = f"{clash[:200]!r} is a file" if path.startswith(f"{clash}/") else f"{path[:200]!r} is a folder"
            raise InvalidInput(f"Invalid path: {what}", hint="choose another path")
