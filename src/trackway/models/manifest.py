"""``manifest.json``: the size and SHA-256 of every file of a model, written last.

A folder without its manifest is a save that did not end; one that does not match it was changed. Both are refused
before anything of the model is imported. ``docs/formats/model.md`` describes the file.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Literal

import msgspec

from trackway.base.errors import Corrupt, InvalidInput, NotSupported

NAME: Final = "manifest.json"
VERSION: Final = 1
MAX_FILES: Final = 100_000
MAX_BYTES: Final = 32 * 2**20
"""Most bytes of a manifest itself."""
TOLERATED: Final = ("registered_model_meta", "README.md")
"""Beside a model and no part of it, and nothing that loads a model reads them: what MLflow's client writes when it
downloads one, and the model's card, which people change."""

_DIGEST = re.compile(r"[0-9a-f]{64}")
_BLOCK: Final = 2**20


class FileRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one file must be."""

    size_bytes: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Every file of a model by its path, with ``/`` between folders."""

    format: Literal["trackway-model"]
    version: int
    files: dict[str, FileRecord]

    @property
    def digest(self) -> str:
        """The model's digest: that of its manifest, which no two different models share."""
        return hashlib.sha256(_encode(self)).hexdigest()


def write_manifest(folder: Path) -> Manifest:
    """Describe every file below a folder; the manifest gets its name when all of it is on the disk.

    raises: InvalidInput for links, and for names that another system could not hold
    """
    paths = [path for path in list_files(folder) if path not in (NAME, *TOLERATED)]
    files = {path: FileRecord((folder / path).stat().st_size, _digest(folder / path)) for path in paths}
    manifest = Manifest(format="trackway-model", version=VERSION, files=files)
    draft = folder / f".{NAME}.part"
    with draft.open("xb") as file:
        file.write(_encode(manifest))
        file.flush()
        os.fsync(file.fileno())
    draft.replace(folder / NAME)
    return manifest


def read_manifest(folder: Path) -> Manifest | None:
    """Read a model's manifest, without a look at the files; None when it has none.

    raises: Corrupt for what is no manifest, NotSupported for a later version, InvalidInput for paths that escape
    """
    path = folder / NAME
    if not path.is_symlink() and not path.exists():
        return None
    if path.is_symlink() or not path.is_file() or path.stat().st_size > MAX_BYTES:
        raise Corrupt(f"{NAME} is no plain file of up to {MAX_BYTES} bytes")
    return parse_manifest(path.read_bytes())


def parse_manifest(data: bytes) -> Manifest:
    """Read the bytes of a manifest; see ``read_manifest``."""
    try:
        version = msgspec.json.decode(data, type=_Versioned).version
        if version != VERSION:
            raise NotSupported(
                f"The model's manifest is of version {version}; this release reads version {VERSION}",
                hint="load it with the release that wrote it, or a later one",
            )
        manifest = msgspec.json.decode(data, type=Manifest)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Corrupt(f"{NAME} cannot be read: {error}") from None
    if len(manifest.files) > MAX_FILES:
        raise InvalidInput(f"{NAME} lists more than {MAX_FILES} files")
    for name, record in manifest.files.items():
        check_path(name)
        if record.size_bytes < 0 or not _DIGEST.fullmatch(record.sha256):
            raise Corrupt(f"{NAME} has no proper size and SHA-256 of {name!r}")
    return manifest


def amend_manifest(data: bytes, changed: Mapping[str, bytes]) -> bytes:
    """Return the bytes of a manifest as it is when some files were replaced.

    raises: what ``read_manifest`` raises
    """
    manifest = parse_manifest(data)
    records = {name: FileRecord(len(file), hashlib.sha256(file).hexdigest()) for name, file in changed.items()}
    return _encode(msgspec.structs.replace(manifest, files={**manifest.files, **records}))


def verify(folder: Path, *, required: bool) -> Manifest | None:
    """Check every file of a model against its manifest.

    Byte code that Python has left beside the model's code is no part of it, and could be anybody's: it is removed.

    required: refuse a folder without a manifest, which MLflow's models are
    raises:   Corrupt for a file that is missing, too many, or not what the manifest says; what ``read_manifest`` raises
    cost:     every byte is read once, about 1 GB/s
    """
    manifest = read_manifest(folder)
    found = list_files(folder)
    if manifest is None:
        if required:
            raise Corrupt(
                f"The model in {folder.name!r} has no {NAME}: saving it was not finished, or files were lost",
                hint="save or download it again",
            )
        return None
    there, listed = set(found) - {NAME, *TOLERATED}, set(manifest.files)
    there -= _remove_bytecode(folder, there - listed)
    for problem, names in (("is missing", listed - there), ("is not in its manifest", there - listed)):
        if names:
            raise Corrupt(f"The model's file {min(names)!r} {problem}", details={"files": sorted(names)[:20]})
    for name, record in manifest.files.items():
        size_bytes = (folder / name).stat().st_size
        if size_bytes != record.size_bytes:
            raise Corrupt(f"The model's file {name!r} has {size_bytes} bytes; its manifest says {record.size_bytes}")
    for name, record in manifest.files.items():
        if _digest(folder / name) != record.sha256:
            raise Corrupt(f"The model's file {name!r} is not what was saved: its SHA-256 differs from the manifest's")
    return manifest


def _remove_bytecode(folder: Path, paths: set[str]) -> set[str]:
    """Delete what Python compiled, and return the paths of what is gone."""
    compiled = {path for path in paths if path.endswith(".pyc") and "__pycache__" in path.split("/")[:-1]}
    try:
        for path in compiled:
            (folder / path).unlink(missing_ok=True)
    except OSError:  # a folder that nobody may write to: what is there is told as too many
        return {path for path in compiled if not (folder / path).exists()}
    return compiled


def list_files(folder: Path) -> list[str]:
    """Return the paths of all files below a folder, sorted, with ``/`` between folders.

    raises: InvalidInput for links and devices, for names that ``check_path`` refuses, and for too many files
    """
    found: list[str] = []
    pending = [""]
    while pending:
        inside = pending.pop()
        with os.scandir(folder / inside) as entries:
            for entry in entries:
                path = f"{inside}{entry.name}"
                check_path(path)
                if entry.is_dir(follow_symlinks=False):
                    pending.append(f"{path}/")
                elif entry.is_file(follow_symlinks=False):
                    found.append(path)
                else:
                    raise InvalidInput(f"The model's {path!r} is a link or a device", hint="a model holds plain files")
        if len(found) > MAX_FILES:
            raise InvalidInput(f"The model has more than {MAX_FILES} files")
    return sorted(found)


def check_path(path: str) -> None:
    """Refuse a path that could lead out of a folder, on any system.

    raises: InvalidInput
    """
    parts = path.split("/")
    bad = any(part in ("", ".", "..") or len(part.encode("utf-8", "replace")) > 255 for part in parts)
    if bad or len(path) > 4096 or any(char in "\\:" or ord(char) < 32 for char in path):
        raise InvalidInput(
            f"The model has a file with the path {path[:200]!r}", hint="paths lead down, from the folder"
        )


def resolve_inside(folder: Path, path: object) -> Path:
    """Return the place of a file or folder that a model's own records name.

    raises: InvalidInput for one that leads out of the model, through ``..`` or links; Corrupt when it is not there
    """
    if not isinstance(path, str):
        raise InvalidInput(f"The model names a {type(path).__name__} where a path was expected")
    check_path(path)
    place = folder / path
    if not place.resolve().is_relative_to(folder.resolve()):
        raise InvalidInput(f"The model's {path[:200]!r} leads out of its folder")
    if not place.exists():
        raise Corrupt(f"The model's file {path[:200]!r} is missing")
    return place


class _Versioned(msgspec.Struct):
    format: Literal["trackway-model"]
    version: int


def _encode(manifest: Manifest) -> bytes:
    return msgspec.json.format(msgspec.json.encode(manifest, order="sorted"), indent=1) + b"\n"


def _digest(path: Path) -> str:
    sha = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            sha.update(block)
    return sha.hexdigest()
