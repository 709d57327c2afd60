"""Artifacts of a history that lie in folders of this machine."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import unquote, urlsplit

from trackway.base.errors import InvalidInput
from trackway.exchange.history import PastFile, Problem
from trackway.sdk.connection import get_scheme
from trackway.sdk.sources import FileSource

LINK = "it is a symbolic link, which is not followed"
"""Why a link is left out."""
_GIVE = "give a folder that holds them (--artifacts)"


class Folders:
    """Finds the folders that artifact locations mean.

    bases: what relative locations are relative to, the first that fits
    root:  the folder that ``mlflow-artifacts:`` stands for, or that holds a copy of a bucket; None when not given
    """

    def __init__(self, bases: Sequence[Path], root: Path | None, problem: Problem) -> None:
        self._bases = bases
        self._root = root
        self._problem = problem

    def list_files(self, location: str, tail: tuple[str, ...], where: str) -> Iterator[PastFile]:
        """Yield the files at a location, paths in order.

        tail:   how the location of this object ends, such as (experiment, run, "artifacts"). A local location that
                ends otherwise is not opened, so that a history from elsewhere cannot name the reader's other folders.
        where:  named with what cannot be read
        """
        folder = self._find(location, tail)
        if folder is not None:
            yield from list_folder(folder, where, self._problem)
        elif not _is_local(location):
            self._problem(where, f"its files are at {get_scheme(location)}: locations; {_GIVE}")
        elif not _is_own(path := _read_path(location), tail):
            self._problem(where, f"its artifact location is not one of its own, and is not opened; {_GIVE}")
        elif self._root is None and not any((base / path).parent.parent.parent.is_dir() for base in self._bases):
            # Only what was logged has a folder, so that its lack tells nothing; that of all of them does.
            self._problem(where, f"the folder of its artifacts is not on this machine; if it has files, {_GIVE}")

    def has_moved(self, location: str, tail: tuple[str, ...]) -> bool:
        """Tell whether a location is where a store keeps its files by default, and is none of this machine."""
        default = _is_local(location) and _read_path(location).parts[-len(tail) :] == tail
        return default and self._find(location, tail) is None

    def _find(self, location: str, tail: tuple[str, ...]) -> Path | None:
        candidates = []
        if _is_local(location):
            path = _read_path(location)
            if _is_own(path, tail):
                candidates += [base / path for base in self._bases]
        if self._root is not None:
            if get_scheme(location) == "mlflow-artifacts":
                parts = [part for part in unquote(urlsplit(location).path).split("/") if part]
                if ".." not in parts:
                    candidates.append(self._root.joinpath(*parts))
            candidates.append(self._root.joinpath(*tail))
        return next((folder for folder in candidates if folder.is_dir()), None)


def list_folder(folder: Path, where: str, problem: Problem, linked: Path | None = None) -> Iterator[PastFile]:
    """Yield a folder's files, those of its folders too, paths in order; links are reported and not followed.

    linked: a folder that links to files may lead into, however often they lead on
    """
    for path, entry in walk(folder):
        place = entry.path
        if entry.is_symlink():
            led = None if linked is None else _follow(place, linked)
            if led is None:
                problem(f"{where}/{path}", LINK)
                continue
            place = led
        elif not entry.is_file(follow_symlinks=False):
            continue
        try:
            source = FileSource(place)
        except InvalidInput as error:
            problem(f"{where}/{path}", error.message)
            continue
        yield PastFile(path, source, os.stat(place, follow_symlinks=False).st_mtime_ns // 1_000_000)


def _follow(link: str, linked: Path) -> str | None:
    """Return the file that a link leads to; None for none, and for one outside of a folder."""
    place = os.path.realpath(link)  # of links that lead round, one of them
    inside = Path(place).is_relative_to(os.path.realpath(linked))
    return place if inside and os.path.isfile(place) else None


def walk(folder: str | Path, prefix: str = "") -> Iterator[tuple[str, os.DirEntry[str]]]:
    """Yield what is below a folder and is no folder, with its path from there; links are yielded and not followed."""
    with os.scandir(folder) as entries:
        ordered = sorted(entries, key=lambda entry: entry.name)
    for entry in ordered:
        if entry.is_dir(follow_symlinks=False):
            yield from walk(entry.path, f"{prefix}{entry.name}/")
        else:
            yield prefix + entry.name, entry


def _read_path(location: str) -> Path:
    return Path(unquote(urlsplit(location).path) if location.startswith("file:") else location)


def _is_own(path: Path, tail: tuple[str, ...]) -> bool:
    return path.parts[-2:] == tail[-2:] and ".." not in path.parts


def _is_local(location: str) -> bool:
    return get_scheme(location) in ("", "file")
