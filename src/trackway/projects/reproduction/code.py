"""A run's code, brought here as it was: its commit, and what differed from it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final, NamedTuple

from trackway.base.errors import InvalidInput, NotFound, TrackwayError
from trackway.projects.checkouts import Checkout, fetch, fetch_commit
from trackway.projects.reproduction.recipe import Recipe, find_script
from trackway.projects.sources import Source, parse_source

_PROGRAMS: Final = ("bin", "Scripts")
"""Folders of an environment's own programs."""


class Code(NamedTuple):
    """A run's code.

    root:    of the work tree, or of what an archive held
    was:     where that was; None when it is not known
    command: words to run; none for an entry point of a project
    """

    checkout: Checkout
    root: Path
    was: Path | None
    command: tuple[str, ...] = ()

    def find(self, path: Path) -> Path | None:
        """Return where a path of then is now, when it is one of the code's work tree."""
        if self.was is None or not path.is_relative_to(self.was):
            return None
        return self.root / path.relative_to(self.was)


def bring_code(recipe: Recipe) -> Code:
    """Bring a run's code here.

    raises: what fetching raises; NotFound when no place has its commit any more; InvalidInput
    """
    record, known = recipe.record, recipe.environment
    if record is not None and record.archive:
        checkout = fetch(f"{record.uri}#{record.subdirectory}" if record.subdirectory else record.uri)
        if checkout.archive != record.archive:
            checkout.remove()
            raise InvalidInput(f"The archive {record.uri} is not what it was", hint="put the old one back there")
        return Code(checkout, checkout.scratch / "project", None)
    state = known.git if known is not None else None
    commit = (record.commit if record is not None else "") or (state.commit if state is not None else "")
    patch = state.diff if state is not None else ""
    checkout = _fetch_from_any(list_places(recipe), commit, patch)
    try:
        was = Path(state.root) if state is not None and state.root else None
        code = Code(checkout, checkout.scratch / "project", was)
        return code if recipe.is_project else _find_command(recipe, code)
    except BaseException:
        checkout.remove()
        raise


def list_places(recipe: Recipe) -> list[Source]:
    """Return where a run's commit may be, the nearest first.

    raises: InvalidInput for an address that is none
    """
    record, known = recipe.record, recipe.environment
    below = record.subdirectory if record is not None else ""
    if record is not None and record.remote:
        return [Source("git", _parse_remote(record.remote, ""), below)]
    state = known.git if known is not None else None
    places = []
    if known is not None and state is not None:
        if record is not None:
            below = _find_below(recipe, state.root)
        if state.root and (Path(state.root) / ".git").exists():
            places.append(Source("git", f"file://{state.root}", below))
        if state.remote:
            places.append(Source("git", _parse_remote(state.remote, state.root), below))
    return places


def _parse_remote(remote: str, root: str) -> str:
    """Return the address of a remote, as git has it, checked as that of a project is.

    root: of the work tree, which a path may begin at
    raises: InvalidInput
    """
    source = parse_source(f"git+{remote}" if "://" in remote else remote)
    if source.kind == "git":
        return source.address
    return f"file://{os.path.normpath(os.path.join(root, remote))}"


def _find_below(recipe: Recipe, root: str) -> str:
    """Return where a project's folder is below the work tree that it is in."""
    assert recipe.record is not None
    folder = Path(os.path.normpath(Path(recipe.record.uri) / recipe.record.subdirectory))
    if not root or not folder.is_relative_to(root):
        return recipe.record.subdirectory
    path = folder.relative_to(root).as_posix()
    return "" if path == "." else path


def _fetch_from_any(places: list[Source], commit: str, patch: str) -> Checkout:
    """Return a commit from the first place that has it.

    raises: what the last place says; NotFound when there is no place
    """
    failure: TrackwayError = NotFound(
        f"Nobody knows where the repository of commit {commit[:12]} is",
        hint="the folder that it was run in is not on this machine, and has no remote",
    )
    for place in places:
        try:
            return fetch_commit(place, commit, patch)
        except TrackwayError as error:
            failure = error
    raise failure


def _find_command(recipe: Recipe, code: Code) -> Code:
    """Return a command's words as they are to be run here, and the folder to run them in.

    raises: NotFound for a script that is not in the commit
    """
    assert recipe.environment is not None
    words = recipe.command
    was_in = Path(recipe.environment.working_dir)
    within = code.find(was_in)
    if within is not None and within.is_dir():
        code.checkout.folder = within
    at = find_script(words)
    place = Path(os.path.normpath(was_in / words[at])) if at else None
    here = code.find(place) if place is not None else None
    rest = [_find_word(word, code) for word in words[1:]]
    if place is None:
        return code._replace(command=("python", *rest))
    if here is None and place.parent.name in _PROGRAMS:
        return code._replace(command=(place.name, *rest[at:]))
    if here is None or not here.is_file():
        raise NotFound(f"The script {words[at]!r} is not in commit {code.checkout.commit[:12]}", hint="git add it")
    rest[at - 1] = words[at] if within is not None and not Path(words[at]).is_absolute() else str(here)
    return code._replace(command=("python", *rest))


def _find_word(word: str, code: Code) -> str:
    """Return a word with an absolute path of the work tree led to where that is now."""
    path = Path(word)
    here = code.find(path) if path.is_absolute() else None
    return str(here) if here is not None and here.exists() else word
