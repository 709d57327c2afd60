"""From the locations that clients see to paths in the workspace's file tree."""

from __future__ import annotations

from trackway.api.artifacts import SERVED as SERVED


def tree_path(uri: str) -> str | None:
    """Return the path in the file tree that a location stands for; None for a place that is not ours."""
    if not uri.startswith(SERVED) or uri.startswith(f"{SERVED}/"):
        return None
    return uri[len(SERVED) :].strip("/")
