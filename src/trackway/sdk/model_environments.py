"""Environments of models: Python and packages as a model was made with, kept beside the cache of models."""

from __future__ import annotations

from pathlib import Path

from trackway.environments import Wanted, make_with_conda, make_with_uv
from trackway.models.environment import CONDA
from trackway.models.manifest import resolve_inside
from trackway.models.package import read_needs
from trackway.sdk.model_files import get_cache


def get_environments() -> Path:
    """Return the folder of environments, and of the lists of exact versions that they were made of."""
    return get_cache().with_name("environments")


def make_environment(manager: str, folder: Path, *, trust: bool) -> Path:
    """Return the interpreter of an environment for the model in a folder, made now or before.

    manager: uv or conda
    trust:   whether packages that must be built, which runs code of theirs, may be
    raises:  InvalidInput for a model that does not say what it needs, or what cannot be met; NotSupported; Unavailable
    """
    if manager == "conda":
        return make_with_conda(resolve_inside(folder, CONDA), get_environments())
    needs = read_needs(folder)
    return make_with_uv(Wanted(needs.python, needs.requirements, trust), get_environments())
