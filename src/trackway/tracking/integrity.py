"""Reads every file that a store has, and compares its bytes with the digest that was taken when they came."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from trackway.api.artifacts import StoredFile
from trackway.artifacts.base import BlobStore
from trackway.artifacts.transfer import open_stored
from trackway.base.errors import Corrupt, NotFound
from trackway.store.base import Store

FILES_AT_ONCE = 100


class Checked(msgspec.Struct, frozen=True):
    """A file that was read; ``problem`` is empty when it is what it was."""

    workspace: str
    path: str
    size_bytes: int
    problem: str = ""


def verify_files(store: Store, blobs: BlobStore) -> Iterator[Checked]:
    """Yield every file of all workspaces after it was read whole.

    Others may write meanwhile: what they replace or delete is no damage, and is left out.

    raises: Unavailable when the database or the blob store is away
    """
    after = ("", "")
    while files := store.read(lambda tx, after=after: tx.files.list_all(after, FILES_AT_ONCE)):
        for workspace, file in files:
            problem = _find_problem(blobs, file)
            if not problem or store.read(lambda tx, w=workspace, f=file: tx.files.get(w, f.path) == f):
                yield Checked(workspace, file.path, file.size_bytes, problem)
        after = (files[-1][0], files[-1][1].path)


def _find_problem(blobs: BlobStore, file: StoredFile) -> str:
    try:
        for _ in open_stored(blobs, file):
            pass
    except NotFound:
        return "its bytes are gone"
    except Corrupt:
        return "its bytes are not those that were stored"
    return ""
