"""A project's files on this machine: in place, or as a copy that belongs to one launch."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from trackway.artifacts.content import digest_file
from trackway.base.errors import InvalidInput, NotFound
from trackway.projects.archives import download_archive, unpack
from trackway.projects.repositories import apply_patch, check_out
from trackway.projects.sources import Source, check_version, parse_source
from trackway.sdk import git
from trackway.sdk.caches import get_cache


class Checkout:
    """A project's folder for one launch.

    uri, subdirectory: as its run names it, without credentials
    commit, branch:    of the repository that it is in; empty when it is in none
    archive:           digest of the archive that it comes from
    """

    def __init__(self, source: Source) -> None:
        self.uri = source.address if source.kind == "folder" else git.strip_credentials(source.address)
        self.subdirectory = source.subdirectory
        self.folder = Path(source.address)
        self.commit = self.branch = self.remote = self.archive = ""
        self._temporary: Path | None = None

    @property
    def scratch(self) -> Path:
        """A folder for what this launch needs and nobody else, made when it is asked for first."""
        if self._temporary is None:
            self._temporary = Path(tempfile.mkdtemp(prefix="trackway-project-"))
        return self._temporary

    def remove(self) -> None:
        """Remove what was made for this launch."""
        if self._temporary is not None:
            shutil.rmtree(self._temporary, ignore_errors=True)

    def fill(self, source: Source, version: str, patch: str = "") -> None:
        """Bring the project here; see ``fetch`` and ``fetch_commit``."""
        if source.kind == "git":
            self.folder = self.scratch / "project"
            fetched = check_out(source.address, version, get_cache("repositories"), self.folder)
            self.commit, self.branch, self.remote = fetched.commit, fetched.branch, self.uri
            if patch:
                apply_patch(self.folder, patch)
        elif source.kind == "zip":
            archive = Path(source.address)
            if "://" in source.address:
                archive = download_archive(source.address, self.scratch / "archive.zip")
            self.folder = self.scratch / "project"
            unpack(archive, self.folder)
            self.archive = f"sha256:{digest_file(archive)}"
        self.folder = _find_within(self.folder, source.subdirectory)
        git_folder = git.find_git_folder(self.folder) if source.kind == "folder" else None
        head = git.read_head(git_folder) if git_folder is not None else None
        if head is not None:
            self.commit, self.branch = head


def fetch(uri: str, version: str = "") -> Checkout:
    """Bring a project here.

    uri:     see ``sources.parse_source``; a local folder that is a repository is one when a version is asked for
    version: branch, tag or commit of a repository; empty for what its default branch says now
    raises:  InvalidInput, NotFound, TooLarge; NotSupported without git; Unavailable when it cannot be reached
    """
    source = parse_source(uri)
    if version:
        check_version(version)
        if source.kind == "folder" and git.find_work_tree(Path(source.address)) == Path(source.address):
            source = Source("git", f"file://{source.address}", source.subdirectory)
        if source.kind != "git":
            raise InvalidInput("Only repositories have versions", hint="leave --version out, or name a repository")
    return _bring(source, version)


def fetch_commit(repository: Source, commit: str, patch: str = "") -> Checkout:
    """Bring a repository's files here as they are in a commit, changed by a difference to it that git wrote.

    raises: as ``fetch``; InvalidInput for a difference that cannot be made again
    """
    return _bring(repository, check_version(commit), patch)


def _bring(source: Source, version: str, patch: str = "") -> Checkout:
    checkout = Checkout(source)
    try:
        checkout.fill(source, version, patch)
    except BaseException:
        checkout.remove()
        raise
    return checkout


def _find_within(folder: Path, subdirectory: str) -> Path:
    """Return a folder of what was fetched.

    raises: NotFound; InvalidInput when a link leads out of it
    """
    place = folder / subdirectory if subdirectory else folder
    if not place.is_dir():
        raise NotFound(f"There is no folder {subdirectory or str(place)!r}")
    if not place.resolve().is_relative_to(folder.resolve()):
        raise InvalidInput(f"{subdirectory!r} leads out of the project")
    return place
