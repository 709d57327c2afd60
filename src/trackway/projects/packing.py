"""A project's folder packed, to be sent along with a job."""

from __future__ import annotations

import gzip
import io
import os
import stat
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from trackway.base.errors import TooLarge

LEFT_OUT: Final = frozenset(
    (".git", ".hg", ".mypy_cache", ".pytest_cache", ".ruff_cache", ".trackway", ".venv", "__pycache__")
)
"""Folders that are no part of a project's code, wherever they are."""


def pack_folder(folder: Path, limit_bytes: int) -> bytes:
    """Return a folder's files as a tar archive packed by gzip, but those of ``LEFT_OUT``; links stay links.

    raises: TooLarge naming the largest files, when the archive would have more than ``limit_bytes``
    """
    packed = io.BytesIO()
    sizes: list[tuple[int, str]] = []
    # Without the time and the owners: the same files are the same archive.
    with gzip.GzipFile(fileobj=packed, mode="wb", mtime=0) as zipped, tarfile.open(fileobj=zipped, mode="w") as archive:
        for path in _walk(folder):
            member = archive.gettarinfo(path, path.relative_to(folder).as_posix())
            member.uid = member.gid = 0
            member.uname = member.gname = ""
            if not member.isreg():
                archive.addfile(member)
                continue
            with path.open("rb") as file:
                archive.addfile(member, file)
            sizes.append((member.size, member.name))
            if packed.tell() > limit_bytes:
                break
    if packed.tell() > limit_bytes:
        largest = ", ".join(f"{name} ({size:,} bytes)" for size, name in sorted(sizes, reverse=True)[:3])
        raise TooLarge(f"The project has more than {limit_bytes:,} bytes when packed: {largest}")
    return packed.getvalue()


def _walk(folder: Path) -> Iterator[Path]:
    """Yield what is below a folder and can be packed, folders before what is in them."""
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if name not in LEFT_OUT)
        for name in sorted((*folders, *names)):
            mode = Path(place, name).lstat().st_mode
            if stat.S_ISREG(mode) or stat.S_ISDIR(mode) or stat.S_ISLNK(mode):
                yield Path(place, name)
