"""Files on their way to a store: only those that are not there yet."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from trackway.api import operations as ops
from trackway.api.artifacts import FileEntry, ListFiles
from trackway.artifacts.paths import check_artifact_path
from trackway.base.errors import Corrupt, InvalidInput, TooLarge
from trackway.exchange.history import PastFile
from trackway.exchange.pages import read_pages
from trackway.exchange.report import Report
from trackway.sdk.locations import get_folder
from trackway.sdk.transport import Transport

SLACK_MS = 3_600_000
"""A file changed up to an hour before it was stored here is compared by digest: two clocks need not agree."""


def list_stored(transport: Transport, folder: str) -> dict[str, FileEntry]:
    """Return the files below a folder of a store by their paths from there."""
    files: dict[str, FileEntry] = {}
    for page in read_pages(transport, ops.LIST_FILES, ListFiles(folder=folder, recursive=True)):
        files.update((file.path[len(folder) + 1 :], file) for file in page.files)
    return files


def upload_new(
    transport: Transport,
    files: Iterable[PastFile],
    artifact_uri: str,
    where: str,
    report: Report,
    *,
    replace: bool = True,
) -> None:
    """Upload files to a location, but those that are there already.

    A file counts as there when size and digest agree; the digest is left out when the file was last changed well
    before it was stored here, or when the history cannot tell either.

    replace: also upload files where others are; else these stay, which is noted
    """
    stored: dict[str, FileEntry] | None = None
    for file in files:
        try:
            folder = get_folder(artifact_uri)
            check_artifact_path(file.path)
            if stored is None:
                stored = list_stored(transport, folder)
            known = stored.get(file.path)
            if known is not None and _is_same(file, known):
                continue
            if known is not None and not replace:
                raise InvalidInput("another file is here, which stays")
        except InvalidInput as error:
            report.note(f"{where}, file {file.path!r}", error.message)
            continue
        upload_file(transport, file, f"{folder}/{file.path}", where, report)


def upload_file(transport: Transport, file: PastFile, path: str, where: str, report: Report) -> None:
    """Upload a file to a path of the file tree; one that may not be there is noted.

    raises: Corrupt when other bytes arrived than the history says
    """
    try:
        entry = transport.upload(path, file.source)
    except (InvalidInput, TooLarge) as error:
        report.note(f"{where}, file {file.path!r}", error.message)
        return
    if file.sha256 is not None and entry.sha256 not in (None, file.sha256):
        raise Corrupt(f"The bytes of {file.path!r} of {where} do not match their digest")
    report.added.files += 1
    report.added.file_bytes += file.source.size_bytes


def _is_same(file: PastFile, known: FileEntry) -> bool:
    if file.source.size_bytes != known.size_bytes:
        return False
    if file.sha256 is not None:
        return file.sha256 == known.sha256
    if file.modified_ms is None or file.modified_ms < (known.modified_ms or 0) - SLACK_MS:
        return True
    digest = hashlib.sha256()
    for chunk in file.source:
        digest.update(chunk)
    return digest.hexdigest() == known.sha256
