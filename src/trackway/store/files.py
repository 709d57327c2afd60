"""What a store keeps of artifacts: where the bytes of each path are, and uploads that are open."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from trackway.api.artifacts import FileEntry, Multipart, StoredFile
from trackway.store.paging import Page


class Files(Protocol):
    """The file tree of a workspace."""

    def get(self, workspace: str, path: str) -> StoredFile | None: ...
    def put(self, workspace: str, file: StoredFile) -> bool:
        """Make a file what a path names; tell whether it replaced another."""

    def find_clash(self, workspace: str, path: str) -> str | None:
        """Return a file that a path would lie below, else one that lies below the path: no name may be both."""

    def list_folder(
        self, workspace: str, folder: str, recursive: bool, page: Page
    ) -> tuple[list[FileEntry], str | None]: ...
    def list_all(self, after: tuple[str, str], limit: int) -> list[tuple[str, StoredFile]]:
        """Return files of all workspaces, with these, that come after (workspace, path) in the store's order."""

    def copy(self, workspace: str, folder: str, target: str) -> None:
        """Give all files below a folder second paths below another, which is not there; the bytes are shared."""

    def delete(self, workspace: str, path: str, now_ms: int) -> tuple[int, int]: ...
    def measure(self, workspace: str, path: str) -> tuple[int, int]: ...
    def reserve_blob(self, blob_key: str, now_ms: int) -> None: ...
    def list_pending_blobs(self, before_ms: int, limit: int) -> list[str]:
        """Return blobs that were reserved before a time and that no file needs: several may need one."""

    def forget_needed_blobs(self, before_ms: int) -> None:
        """Forget those that were reserved before a time and that a file needs."""

    def forget_blobs(self, blob_keys: Sequence[str]) -> None: ...
    def create_upload(self, workspace: str, actor: str, upload: Multipart) -> None: ...
    def get_upload(self, workspace: str, actor: str, upload_id: str, path: str) -> Multipart | None: ...
    def list_stale_uploads(self, before_ms: int, limit: int) -> list[tuple[str, Multipart]]: ...
    def delete_upload(self, workspace: str, upload_id: str) -> None: ...
