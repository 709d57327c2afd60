"""What a version is: its files, as they were when it was registered.

They get a second path each, below a folder of the version's own; the bytes are shared with the first. So what a run or
logged model has may be written again or purged, and the version stays what it was.
"""

from __future__ import annotations

from typing import Final

from trackway.api.artifacts import VERSIONS
from trackway.api.calls import Call
from trackway.artifacts.content import digest_content
from trackway.base.errors import InvalidInput
from trackway.base.ids import new_id
from trackway.registry.sources import Source
from trackway.rules.locations import tree_path
from trackway.store.base import Page, Transaction

MOST_FILES: Final = 100_000


def list_content(tx: Transaction, call: Call, location: str) -> dict[str, str]:
    """Return the SHA-256 of the files of a version that has a digest, by their paths."""
    return _list(tx, call, _find_folder(tx, call, location))


def keep_content(tx: Transaction, call: Call, source: Source) -> tuple[str, str]:
    """Give a version its own copy of its files; return their folder and digest, both empty when none are there.

    Of all that a run has there is none either: such a version was registered by a client that may go on logging.

    cost: the rows of the files are written once more and read; their bytes are neither, but for those kept in rows
    """
    folder = _find_files(tx, call, source)
    return _copy(tx, call, folder, f"{VERSIONS}/{new_id()}") if folder else ("", "")


def bring_content(tx: Transaction, call: Call, source: Source, name: str, expected: str) -> tuple[str, str]:
    """Give a version from elsewhere its own files: those put into the folder that it had there, else as for a new one.

    name:     of that folder, which it has here too when no other version does, in the trash or not; empty for
              none
    expected: their digest; empty for a version that had none of its own
    raises:   InvalidInput when the files are others, or not here
    """
    if not expected:
        return keep_content(tx, call, source)
    own = f"{VERSIONS}/{name}"
    is_there = has_content(tx, call, name)
    is_others = tx.registry.find_frozen(call.workspace, [own], "") or tx.trash.finds_folder(call.workspace, [own], "")
    is_ours = bool(name) and not is_others
    if is_there and is_ours:
        if digest_content(_list(tx, call, own).items()) == expected:
            return own, expected
    else:
        folder = own if is_there else _find_files(tx, call, source)
        if not folder:
            raise InvalidInput("its files are not here")
        is_free = is_ours and tx.files.get(call.workspace, own) is None
        copy, digest = _copy(tx, call, folder, own if is_free else f"{VERSIONS}/{new_id()}")
        if digest == expected:
            return copy, digest
        tx.files.delete(call.workspace, copy, call.now_ms)
    raise InvalidInput("its files are not those that were registered there")


def has_content(tx: Transaction, call: Call, name: str) -> bool:
    """Tell whether there are files, not too many, in the folder of this name of a version's."""
    return bool(name) and _has_files(tx, call, f"{VERSIONS}/{name}")


def _find_files(tx: Transaction, call: Call, source: Source) -> str:
    """Return the folder of the files that a new version is made of; empty when it has none of its own."""
    kept = [] if source.origin is None else tx.registry.list_content(0, source.origin)
    folder = kept[0] if kept else _find_folder(tx, call, source.location)
    run = tx.runs.ref(call.workspace, source.run_id) if source.run_id else None
    if not folder or (run is not None and folder == tree_path(run.artifact_uri)):
        return ""
    return folder if _has_files(tx, call, folder) else ""


def _has_files(tx: Transaction, call: Call, folder: str) -> bool:
    return 0 < tx.files.measure(call.workspace, folder)[0] <= MOST_FILES


def _copy(tx: Transaction, call: Call, folder: str, own: str) -> tuple[str, str]:
    """Return the copy and its digest: of what was copied, whatever is written meanwhile."""
    tx.files.copy(call.workspace, folder, own)
    return own, digest_content(_list(tx, call, own).items())


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
