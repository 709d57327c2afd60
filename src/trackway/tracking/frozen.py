"""Files of versions of registered models, which nothing changes as long as the version is there."""

from __future__ import annotations

from trackway.api.artifacts import VERSIONS
from trackway.api.calls import Call
from trackway.base.errors import Conflict
from trackway.rules.locations import tree_path
from trackway.store.base import Transaction


def check_frozen(tx: Transaction, call: Call, path: str, below: bool) -> None:
    """Check that a file, or (``below``) a folder with all that is in it, may be changed.

    raises: Conflict naming the version that needs it
    """
    parts = path.split("/")
    above = ["/".join(parts[:end]) for end in range(1, len(parts))]
    found = tx.registry.find_frozen(call.workspace, above, path if below else "")
    if parts[0] == VERSIONS and tx.trash.finds_folder(call.workspace, above, path if below else ""):
        raise Conflict(
            f"{path[:200]!r} cannot be changed: a version in the trash has files there",
            hint="restore it, or purge it: trackway trash list",
        )
    if found is not None:
        name, version = found
        raise Conflict(
            f"{path[:200]!r} cannot be changed: version {version} of {name!r} has files there",
            hint="log to another place; or delete the version and purge it from the trash",
            details={"model": name, "version": version},
        )


def is_frozen(tx: Transaction, call: Call, location: str) -> bool:
    """Tell whether a version needs files of a run or model."""
    folder = tree_path(location)
    return bool(folder) and tx.registry.find_frozen(call.workspace, [], folder or "") is not None
