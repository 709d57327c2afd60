"""Projects from zip archives: read with limits, and written nowhere but into their folder."""

from __future__ import annotations

import stat
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Final

from trackway.artifacts.paths import check_artifact_path
from trackway.base.errors import InvalidInput, NotFound, TooLarge, Unavailable

if TYPE_CHECKING:
    import zipfile

ARCHIVE_BYTES: Final = 2**30
CONTENT_BYTES: Final = 4 * 2**30
MEMBERS: Final = 100_000
RATIO: Final = 200
"""How many times its packed size a member may have, once it is larger than ``FREE_BYTES``."""
FREE_BYTES: Final = 2**20
TIMEOUT_S: Final = 60.0
_CHUNK_BYTES: Final = 2**20
_ENCRYPTED: Final = 0x1


def download_archive(address: str, target: Path) -> Path:
    """Fetch an archive from a web server.

    raises: TooLarge, Unavailable
    """
    import urllib.error  # what every start of a project would wait for, and few need
    import urllib.request

    try:
        with urllib.request.urlopen(address, timeout=TIMEOUT_S) as answer, target.open("wb") as file:  # noqa: S310 - http(s)
            size_bytes = 0
            while chunk := answer.read(_CHUNK_BYTES):
                size_bytes += len(chunk)
                if size_bytes > ARCHIVE_BYTES:
                    raise TooLarge(f"{address[:200]} has more than {ARCHIVE_BYTES:,} bytes")
                file.write(chunk)
    except (urllib.error.URLError, OSError, ValueError) as error:
        raise Unavailable(f"{address[:200]} cannot be read: {error}") from error
    return target


def unpack(archive: Path, target: Path) -> None:
    """Write an archive's files into a folder, which is made.

    raises: NotFound; InvalidInput for what is no zip archive, or holds links, paths that lead out, or two files of one
            name; TooLarge for one that swells
    """
    import zipfile

    if not archive.is_file():
        raise NotFound(f"There is no archive {archive}")
    try:
        with zipfile.ZipFile(archive) as opened:
            members = _list_members(opened)
            left_bytes = CONTENT_BYTES
            target.mkdir(parents=True)
            for member in members:
                left_bytes -= _write(opened, member, target / member.filename, left_bytes)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, RuntimeError) as error:
        raise InvalidInput(f"{archive.name} is no whole zip archive: {error}") from error


def _list_members(opened: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    """Return an archive's files, once all of them may be written."""
    members = opened.infolist()
    if len(members) > MEMBERS:
        raise TooLarge(f"The archive has more than {MEMBERS:,} files")
    seen: set[str] = set()
    files = []
    for member in members:
        name = check_artifact_path(member.filename.rstrip("/"))
        kind = stat.S_IFMT(member.external_attr >> 16)
        if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise InvalidInput(f"{name[:200]!r} in the archive is a link or a device", hint="pack plain files")
        if member.flag_bits & _ENCRYPTED:
            raise InvalidInput(f"{name[:200]!r} in the archive is encrypted")
        if member.is_dir():
            continue
        if name.casefold() in seen:
            raise InvalidInput(f"{name[:200]!r} is in the archive twice")
        seen.add(name.casefold())
        files.append(member)
    for name in seen:
        if any(parent in seen for parent in _list_parents(name)):
            raise InvalidInput(f"{name[:200]!r} in the archive is below a file")
    if sum(member.file_size for member in files) > CONTENT_BYTES:
        raise TooLarge(f"The archive holds more than {CONTENT_BYTES:,} bytes")
    return files


def _write(opened: zipfile.ZipFile, member: zipfile.ZipInfo, path: Path, left_bytes: int) -> int:
    """Write a file and return its size; what its header says of that is not believed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    most_bytes = min(left_bytes, max(FREE_BYTES, member.compress_size * RATIO))
    size_bytes = 0
    with opened.open(member) as source, path.open("xb") as file:
        while chunk := source.read(_CHUNK_BYTES):
            size_bytes += len(chunk)
            if size_bytes > most_bytes:
                raise TooLarge(f"{member.filename[:200]!r} in the archive swells to more than {most_bytes:,} bytes")
            file.write(chunk)
    if (member.external_attr >> 16) & stat.S_IXUSR:
        path.chmod(0o755)
    return size_bytes


def _list_parents(name: str) -> list[str]:
    parts = name.split("/")
    return ["/".join(parts[:count]) for count in range(1, len(parts))]
