"""What a step's result depends on, as one digest: the same digest, the same result."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from trackway.artifacts.content import digest_content, digest_file, digest_folder
from trackway.base.errors import InvalidInput
from trackway.projects.specification import EntryPoint
from trackway.projects.steps.graph import find_file

LEFT_OUT: Final = frozenset(
    (
        ".git",
        ".hg",
        ".venv",
        "venv",
        "__pycache__",
        ".ipynb_checkpoints",
        "node_modules",
        "tracks",
        "mlruns",
        "mlartifacts",
    )
)
"""Folders that are no part of a project's code."""
MOST_FILES: Final = 100_000
GIT_S: Final = 60.0


def digest_code(folder: Path) -> str:
    """Return the digest of a project's files: in a git repository, of those that it does not ignore.

    raises: InvalidInput for a folder of more than 100,000 files
    """
    found: list[tuple[str, str]] = []
    for path in _list_with_git(folder) or _walk(folder):
        place = folder / path
        if place.is_symlink() and not place.exists():
            continue
        if place.is_file():
            found.append((path, digest_file(place)))
        if len(found) > MOST_FILES:
            raise InvalidInput(f"{folder} has more than {MOST_FILES:,} files", hint="run it with --no-cache")
    return digest_content(found)


def digest_step(entry: EntryPoint, values: Mapping[str, str], where: Mapping[str, Any]) -> str:
    """Return the digest of all that a step's result depends on.

    values: of its parameters, with digests in the place of addresses that change from run to run
    where:  digest of the code, environment manager, backend and the like
    """
    data = {}
    for parameter in entry.parameters:
        path = values.get(parameter.name, parameter.default or "")
        if parameter.kind in ("path", "uri") and (found := find_file(Path(where["folder"]), path)) is not None:
            data[parameter.name] = (
                digest_content(digest_folder(found).items()) if found.is_dir() else digest_file(found)
            )
    known = {
        "entry": msgspec.to_builtins(entry),
        "values": dict(sorted(values.items())),
        "data": data,
        "python": sys.version.split()[0],
        **{name: value for name, value in where.items() if name != "folder"},
    }
    return hashlib.sha256(msgspec.json.encode(known, order="sorted")).hexdigest()


def _list_with_git(folder: Path) -> list[str]:
    """Return the files of a work tree, tracked or not, that are not ignored; none where git cannot tell."""
    command = [
        "git",
        "-c",
        "core.fsmonitor=false",
        "-C",
        str(folder),
        "ls-files",
        "-z",
        "--cached",
        "--others",
        "--exclude-standard",
    ]
    try:
        done = subprocess.run(command, capture_output=True, timeout=GIT_S, check=False, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.TimeoutExpired):
        return []
    if done.returncode:
        return []
    paths = [os.fsdecode(one) for one in done.stdout.split(b"\0") if one]
    return sorted({path for path in paths if not LEFT_OUT & set(path.split("/"))})


def _walk(folder: Path) -> list[str]:
    found = []
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if name not in LEFT_OUT)
        found += [Path(place, name).relative_to(folder).as_posix() for name in names]
        if len(found) > MOST_FILES:
            break
    return sorted(found)
