"""The digest of a folder: one for all of its files, whatever holds them."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final

BLOCK_BYTES: Final = 2**20


def digest_content(files: Iterable[tuple[str, str]]) -> str:
    """Return ``sha256:`` and the digest of a folder's files, given as (path below it, SHA-256 as hex).

    It is the SHA-256 of the lines ``<SHA-256>  <path>``, in the order of the paths' UTF-8, as `sha256sum` writes them.
    """
    digest = hashlib.sha256()
    for path, sha256 in sorted(files):
        digest.update(f"{sha256}  {path}\n".encode())
    return f"sha256:{digest.hexdigest()}"


def digest_folder(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of every file below a local folder, by its path there with ``/`` between folders."""
    found: dict[str, str] = {}
    for place, folders, names in os.walk(folder):
        folders.sort()
        for name in names:
            path = Path(place, name)
            found[path.relative_to(folder).as_posix()] = digest_file(path)
    return found


def digest_file(path: Path) -> str:
    """Return the SHA-256 of a local file."""
    sha256 = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(BLOCK_BYTES):
            sha256.update(block)
    return sha256.hexdigest()
