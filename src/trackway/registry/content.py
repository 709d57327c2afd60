"""What a version is: its files, as they were when it was registered.

They get a second path each, below a folder of the version's own; the bytes are shared with the first. So what a run or
logged model has may be written again or purged, and the version stays what it was.
"""

from __future__ import annotations

from typing import Final

from trackway.api.calls import Call
from trackway.artifacts.content import digest_content
from trackway.base.errors import InvalidInput
from trackway.base.ids import new_id
from trackway.registry.sources import Source
from trackway.rules.locations import tree_path
from trackway.store.base import Page, Transaction

MOST_FILES: Final = 100_000
FOLDER: Final = "versions"
"""Where versions' own folders are in the file tree."""
_CARD: Final = ".md"
"""What follows a folder's name in that of the card beside it."""


def list_content(tx: Transaction, call: Call, location: str) -> dict[str, str]:
    """Return the SHA-256 of the files of a version that has a digest, by their paths."""
    return _list(tx, call, _find_folder(tx, call, location))


def keep_content(tx: Transaction, call: Call, source: Source, expected: str = "") -> tuple[str, str]:
    """Give a version its own copy of its files; return their folder and digest, both empty when none are there.

    Of all that a run has there is none either: such a version was registered by a client that may go on logging.

    expected: the digest that it must be, when there are files; empty for any
    raises:   InvalidInput when it is not, and nothing is kept
    cost:     the rows of the files are written once more and read; their bytes are neither, but for those kept in rows
    """
    kept = [] if source.origin is None else tx.registry.list_content(0, source.origin)
    folder = kept[0] if kept else _find_folder(tx, call, source.location)
    run = tx.runs.ref(call.workspace, source.run_id) if source.run_id else None
    if not folder or (run is not None and folder == tree_path(run.artifact_uri)):
        return "", ""
    count, _ = tx.files.measure(call.workspace, folder)
    if not 0 < count <= MOST_FILES:
        return "", ""
    own = f"{FOLDER}/{new_id()}"
    tx.files.copy(call.workspace, folder, own)
    digest = digest_content(_list(tx, call, own).items())  # of what was copied, whatever is written meanwhile
    if expected not in ("", digest):
        tx.files.delete(call.workspace, own, call.now_ms)
        raise InvalidInput("its files are not those that were registered there")
    return own, digest


def drop_content(tx: Transaction, call: Call, model_pk: int, version_pk: int | None = None) -> None:
    """Delete the files, and the card beside them, of a version or of all versions of a model."""
    for folder in tx.registry.list_content(model_pk, version_pk):
        tx.files.delete(call.workspace, folder, call.now_ms)
        tx.files.delete(call.workspace, f"{folder}{_CARD}", call.now_ms)


def _list(tx: Transaction, call: Call, folder: str) -> dict[str, str]:
    files, _ = tx.files.list_folder(call.workspace, folder, True, Page(MOST_FILES))
    return {file.path[len(folder) + 1 :]: file.sha256 or "" for file in files}


def _find_folder(tx: Transaction, call: Call, location: str) -> str:
    """Return the folder in the file tree that a location stands for; empty for a place elsewhere."""
    if location.startswith("runs:/"):
        run_id, _, path = location.removeprefix("runs:/").partition("/")
        run = tx.runs.ref(call.workspace, run_id)
        location = f"{run.artifact_uri.rstrip('/')}/{path}" if run else ""
    return tree_path(location) or ""
