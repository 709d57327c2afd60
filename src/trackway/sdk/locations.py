"""The addresses of artifacts that runs and models carry."""

from __future__ import annotations

from trackway.base.errors import InvalidInput

SERVED = "mlflow-artifacts:/"
"""Locations of this form are in the workspace's file tree, at the path behind it."""


def get_folder(artifact_uri: str) -> str:
    """Return the path in the workspace's file tree that a location stands for.

    raises: InvalidInput for a place that the store does not keep files in
    """
    if artifact_uri.startswith(SERVED) and not artifact_uri.startswith(f"{SERVED}/"):
        return artifact_uri.removeprefix(SERVED).strip("/")
    raise InvalidInput(
        f"The files at {artifact_uri[:200]} are not kept by this store",
        hint="log to an experiment without an artifact location of its own",
    )
