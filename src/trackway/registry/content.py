"""What a version is: its files, as they were when it was registered."""

from __future__ import annotations

from trackway.api.calls import Call
from trackway.artifacts.content import digest_content
from trackway.registry.sources import Source
from trackway.rules.locations import tree_path
from trackway.store.base import Page, Transaction

MOST_FILES = 100_000


def list_content(tx: Transaction, call: Call, location: str) -> dict[str, str]:
    """Return the SHA-256 of the files of a version that has a digest, by their paths."""
    folder = _find_folder(tx, call, location)
    files, _ = tx.files.list_folder(call.workspace, folder, True, Page(MOST_FILES))
    return {file.path[len(folder) + 1 :]: file.sha256 or "" for file in files}


def measure_content(tx: Transaction, call: Call, source: Source) -> tuple[str, str]:
    """Return the folder of a version's files in the file tree, and the digest of them; both empty when none are there.

    Of all that a run has there is none either: such a version was registered by a client that may go on logging.

    cost: the rows of the files are read, their bytes are not
    """
    folder = _find_folder(tx, call, source.location)
    run = tx.runs.ref(call.workspace, source.run_id) if source.run_id else None
    if not folder or (run is not None and folder == tree_path(run.artifact_uri)):
        return "", ""
    files, more = tx.files.list_folder(call.workspace, folder, True, Page(MOST_FILES))
    if not files or more is not None:
        return "", ""
    return folder, digest_content((file.path[len(folder) + 1 :], file.sha256 or "") for file in files)


def _find_folder(tx: Transaction, call: Call, location: str) -> str:
    """Return the folder in the file tree that a location stands for; empty for a place elsewhere."""
    if location.startswith("runs:/"):
        run_id, _, path = location.removeprefix("runs:/").partition("/")
        run = tx.runs.ref(call.workspace, run_id)
        location = f"{run.artifact_uri.rstrip('/')}/{path}" if run else ""
    return tree_path(location) or ""
