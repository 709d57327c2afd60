"""A folder of environments: each made once, used by any number of processes, deleted when nobody has asked for long.

An environment is a folder beside two files of locks: who makes or deletes it holds ``NAME.lock``, who uses it shares
``NAME.used``. The system lets go of both when a process dies. The time of the mark within, ``.complete``, is that of
its last use.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec

from trackway.base.errors import TrackwayError

COMPLETE: Final = ".complete"
_LOCK: Final = ".lock"
_USED: Final = ".used"


class KeptEnvironment(msgspec.Struct, frozen=True, kw_only=True):
    """An environment that is kept.

    name:       that it is kept by, a digest
    packages:   names of what is installed in it, which tells what it is for
    size_bytes: of its files; those that several environments share count in each
    used_ms:    when it was asked for last
    held:       whether a process uses it now
    """

    name: str
    manager: str
    packages: tuple[str, ...]
    size_bytes: int
    used_ms: int
    held: bool


def keep_environment(cache: Path, name: str, make: Callable[[Path], None]) -> Path:
    """Return the interpreter of an environment, which is made when it is not there, by one caller at a time.

    name: what it is kept by, a digest of all that is in it
    make: makes it in a folder that does not exist; what it raises is raised here, and the next caller makes it anew
    """
    place = cache / name
    cache.mkdir(mode=0o700, parents=True, exist_ok=True)
    with lock_file(place.with_suffix(_LOCK)):
        if not (place / COMPLETE).exists():
            shutil.rmtree(place, ignore_errors=True)
            make(place)
        (place / COMPLETE).touch()
    return get_interpreter(place)


def hold_environment(interpreter: Path) -> int:
    """Keep an environment from being deleted until the descriptor that is returned is closed in every process.

    It goes on to a program that takes this one's place (``os.exec...``), and to children that are given it.
    """
    refuse_windows()
    import fcntl

    place = interpreter.parent.parent
    descriptor = os.open(place.with_suffix(_USED), os.O_RDWR | os.O_CREAT, 0o600)
    os.set_inheritable(descriptor, True)
    fcntl.flock(descriptor, fcntl.LOCK_SH)
    return descriptor


def list_environments(cache: Path) -> list[KeptEnvironment]:
    """Return the environments that there are, the one that was asked for last first; sizes are read file by file."""
    refuse_windows()
    found = []
    for place in sorted(cache.iterdir()) if cache.is_dir() else ():
        if place.is_symlink() or not (place / COMPLETE).exists():
            continue
        with lock_file(place.with_suffix(_USED), wait=False) as unused:
            used_ms = round((place / COMPLETE).stat().st_mtime * 1000)
            found.append(_describe(place, used_ms, held=not unused))
    return sorted(found, key=lambda one: -one.used_ms)


def _describe(place: Path, used_ms: int, *, held: bool) -> KeptEnvironment:
    records = sorted(path.name for path in place.glob("lib/python*/site-packages/*.dist-info"))
    packages = tuple(name.removesuffix(".dist-info").partition("-")[0] for name in records)
    files = (path.lstat() for path in place.rglob("*"))
    return KeptEnvironment(
        name=place.name,
        manager="conda" if (place / "conda-meta").is_dir() else "uv",
        packages=packages,
        size_bytes=sum(one.st_size for one in files),
        used_ms=used_ms,
        held=held,
    )


def collect_environments(cache: Path, unused_s: float, *, dry_run: bool = False) -> list[Path]:
    """Delete the environments, and lists of exact versions, that nobody asked for in some time and no process holds.

    dry_run: delete nothing
    returns: what was deleted, or would be
    """
    refuse_windows()
    before, deleted = time.time() - unused_s, []
    for place in sorted(cache.iterdir()) if cache.is_dir() else ():
        if place.is_symlink() or place.suffix in (_LOCK, _USED):
            continue
        if place.is_file() and place.suffix == ".txt":
            with lock_file(place.with_suffix(_LOCK), wait=False) as alone:
                if alone and place.exists() and place.stat().st_mtime < before:
                    if not dry_run:
                        place.unlink()
                    deleted.append(place)
        elif place.is_dir() and _delete_unused(place, before, dry_run=dry_run):
            deleted.append(place)
    return deleted


def _delete_unused(place: Path, before: float, *, dry_run: bool) -> bool:
    with (
        lock_file(place.with_suffix(_LOCK), wait=False) as unmade,
        lock_file(place.with_suffix(_USED), wait=False) as unused,
    ):
        mark = place / COMPLETE
        if not (unmade and unused and place.is_dir()):
            return False
        if (mark if mark.exists() else place).stat().st_mtime >= before:
            return False
        if dry_run:
            return True
        mark.unlink(missing_ok=True)  # first, so that what is left of it after a crash is made anew
        shutil.rmtree(place, ignore_errors=True)
        return True


def get_interpreter(place: Path) -> Path:
    """Return where the interpreter of an environment is; it has not to be there yet."""
    return place / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")


def digest(text: str) -> str:
    """Return what an environment is kept by, from a text that says all that is in it."""
    return hashlib.sha256(text.encode()).hexdigest()[:32]


@contextmanager
def lock_file(path: Path, *, wait: bool = True) -> Iterator[bool]:
    """Keep other processes out; the system lets the next one in when one dies.

    wait:   until no other process is here; False to yield at once whether none is
    yields: whether this one is alone
    """
    refuse_windows()
    import fcntl

    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            yield False
            return
        yield True


def refuse_windows() -> None:
    """Raise where there are no locks that end with their process."""
    if sys.platform == "win32":
        raise TrackwayError("Environments are not made on Windows yet", hint="use --env-manager local")
