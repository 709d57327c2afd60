"""Artifacts: files named by a run (or model) and a relative POSIX path."""

from __future__ import annotations

from typing import Final

from trackway.api.structs import Request, Response

SERVED: Final = "mlflow-artifacts:/"
"""Locations of this form are served by us: what follows is a path in the workspace's file tree."""
VERSIONS: Final = "versions"
"""Folder of the file tree in which each version of a registered model has a folder with a copy of its files."""
CARD: Final = ".md"
"""What follows the name of a model's folder in that of the card beside it."""


class FileEntry(Response, frozen=True, kw_only=True):
    """A file or folder; a folder has neither size nor digest."""

    path: str
    is_dir: bool
    size_bytes: int | None = None
    sha256: str | None = None
    modified_ms: int | None = None


class ListFiles(Request, frozen=True, kw_only=True):
    """List a folder of the workspace's file tree, or (``recursive``) every file below it, in path order."""

    folder: str
    recursive: bool = False
    limit: int = 10_000
    page_token: str = ""


class FileList(Response, frozen=True, kw_only=True):
    """One page of a folder."""

    files: list[FileEntry]
    next_page_token: str = ""


class GetFile(Request, frozen=True, kw_only=True):
    """Find a file by its path in the workspace's file tree."""

    path: str


class StoredFile(Response, frozen=True, kw_only=True):
    """Where a file's bytes are: ``data`` when they are kept beside the row, else under ``blob_key``."""

    path: str
    size_bytes: int
    sha256: str
    modified_ms: int
    blob_key: str | None
    data: bytes | None = None


class BeginUpload(Request, frozen=True, kw_only=True):
    """Check that a file may be written at a path, before its bytes are read."""

    path: str


class UploadTicket(Response, frozen=True, kw_only=True):
    """The key under which the bytes are to be stored."""

    blob_key: str


class CommitUpload(Request, frozen=True, kw_only=True):
    """Make stored bytes the file at a path, replacing what was there; ``data`` for a small file."""

    path: str
    size_bytes: int
    sha256: str
    blob_key: str | None = None
    data: bytes | None = None


class DeleteFiles(Request, frozen=True, kw_only=True):
    """Delete a file, or a folder with all below it; what is not there is no error. ``dry_run`` only counts."""

    path: str
    dry_run: bool = False


class DeletedFiles(Response, frozen=True, kw_only=True):
    """How much a delete removed, or would."""

    files: int
    size_bytes: int


class CreateMultipart(Request, frozen=True, kw_only=True):
    """Open a resumable upload of one file in parts."""

    path: str
    blob_key: str
    store_upload_id: str


class Multipart(Response, frozen=True, kw_only=True):
    """An open upload, bound to its path and its caller."""

    upload_id: str
    path: str
    blob_key: str
    store_upload_id: str
    created_ms: int


class GetMultipart(Request, frozen=True, kw_only=True):
    """Find an open upload; ``path`` must be the one it was opened for."""

    upload_id: str
    path: str


class CloseMultipart(Request, frozen=True, kw_only=True):
    """Forget an upload that was completed or aborted."""

    upload_id: str
    path: str
