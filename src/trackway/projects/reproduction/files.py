"""Files of a run's work tree that were not kept: taken from where they were while they are the same, or told."""

from __future__ import annotations

import stat
from pathlib import Path, PurePosixPath

from trackway.api.runs import LeftOutFile
from trackway.projects.reproduction.code import Code
from trackway.projects.reproduction.recipe import Recipe
from trackway.projects.reproduction.report import Gap, show

_HINT = "commit it, have git ignore it when the run does without, or log it as a data set"


def restore_files(recipe: Recipe, code: Code) -> tuple[Gap, ...]:
    """Link what was not kept into a run's code from where it was, if it has the size and time of then.

    returns: what cannot be had so, which the run may do without
    """
    state = recipe.environment.git if recipe.environment is not None else None
    if state is None:
        return ()
    lost = [
        Gap(f"the file {show(one.path)}, {one.size_bytes:,} bytes, was not kept: {one.reason}", _HINT)
        for one in state.left_out
        if not _restore(one, code)
    ]
    if state.left_out_truncated:
        lost.append(Gap("other files were not kept either: they were many, or git took long to list them", _HINT))
    return tuple(lost)


def _restore(one: LeftOutFile, code: Code) -> bool:
    """Have a file in a run's code as it was; return whether that could be done."""
    path = PurePosixPath(one.path)
    hostile = path.is_absolute() or not path.parts or {"..", ".git"}.intersection(path.parts) or "\0" in one.path
    if hostile or code.was is None:
        return False
    here, was = code.root / path, code.was / path
    if not _is_within(here.parent, code.root) or not _is_within(was.parent, code.was):
        return False
    if one.modified_ns == 0:  # it had been deleted
        if here.is_file():
            here.unlink()
        return True
    try:
        facts = was.lstat()
    except OSError:
        return False
    same = (facts.st_size, facts.st_mtime_ns) == (one.size_bytes, one.modified_ns)
    if not same or not stat.S_ISREG(facts.st_mode):
        return False
    here.parent.mkdir(parents=True, exist_ok=True)
    here.unlink(missing_ok=True)
    here.symlink_to(was)
    return True


def _is_within(place: Path, root: Path) -> bool:
    """Tell whether a folder is below another when all links are followed."""
    return place.resolve().is_relative_to(root.resolve())
