"""A project's files on this machine: in place, or as a copy that belongs to one launch."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from trackway.base.errors import InvalidInput, NotFound
from trackway.projects.sources import Source, check_version, parse_source
from trackway.sdk import git


class Checkout:
    """A project's folder for one launch.

    uri, subdirectory: as its run names it, without credentials
    commit, branch:    of the repository that it is in; empty when it is in none
    """

    def __init__(self, source: Source, folder: Path, temporary: Path | None = None) -> None:
        self.uri = git.strip_credentials(source.address) if source.kind != "folder" else source.address
        self.subdirectory = source.subdirectory
        self.folder = folder
        self.commit = self.branch = self.remote = ""
        self._temporary = temporary
        git_folder = git.find_git_folder(folder)
        head = git.read_head(git_folder) if git_folder is not None else None
        if head is not None:
            self.commit, self.branch = head

    @property
    def scratch(self) -> Path:
        """A folder for what this launch needs and nobody else, made when it is asked for first."""
        if self._temporary is None:
            self._temporary = Path(tempfile.mkdtemp(prefix="trackway-project-"))
        return self._temporary / "storage"

    def remove(self) -> None:
        """Remove what was made for this launch."""
        if self._temporary is not None:
            shutil.rmtree(self._temporary, ignore_errors=True)


def fetch(uri: str, version: str = "") -> Checkout:
    """Bring a project here.

    uri:     see ``sources.parse_source``
    version: branch, tag or commit of a repository; empty for what its default branch says now
    raises:  InvalidInput, NotFound; NotSupported without git; Unavailable when it cannot be reached
    """
    source = parse_source(uri)
    if version:
        check_version(version)
    folder = Path(source.address)
    if version:
        raise InvalidInput("Only repositories have versions", hint="leave --version out, or name a repository")
    if not folder.is_dir():
        raise NotFound(f"There is no folder {folder}")
    return Checkout(source, find_within(folder, source.subdirectory))


def find_within(folder: Path, subdirectory: str) -> Path:
    """Return a folder of what was fetched.

    raises: NotFound; InvalidInput when a link leads out of it
    """
    place = folder / subdirectory if subdirectory else folder
    if not place.is_dir():
        raise NotFound(f"There is no folder {subdirectory!r} in the project")
    if not place.resolve().is_relative_to(folder.resolve()):
        raise InvalidInput(f"{subdirectory!r} leads out of the project")
    return place
