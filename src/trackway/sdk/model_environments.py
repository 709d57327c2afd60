"""Environments of models: Python and packages as a model was made with, kept beside the cache of models."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from trackway.base.errors import InvalidInput
from trackway.environments import (
    PACKAGE,
    Wanted,
    collect_environments,
    get_name,
    make_with_conda,
    make_with_uv,
    read_conda_file,
)
from trackway.models.environment import CONDA, edit_requirements
from trackway.models.manifest import resolve_inside
from trackway.models.package import read_needs
from trackway.sdk import settings
from trackway.sdk.model_files import get_cache

DAY_S = 86_400


def get_environments() -> Path:
    """Return the folder of environments, and of the lists of exact versions that they were made of."""
    return get_cache().with_name("environments")


def get_channels() -> dict[str, str]:
    """Return the channels of conda's packages that may be used, with the address of each that was given one."""
    return settings.get_addresses("TRACKWAY_CONDA_CHANNELS")


def make_environment(
    manager: str, folder: Path, *, trust: bool, extra: Sequence[str] = (), override: Sequence[str] = ()
) -> Path:
    """Return the interpreter of an environment for the model in a folder, made now or before.

    Environments that nobody has asked for in ``TRACKWAY_ENVIRONMENT_DAYS``, and that no process holds, are deleted.

    manager:  uv or conda
    trust:    whether packages that must be built, which runs code of theirs, may be, and any channel of conda's be used
    extra:    packages that are added, unless the model asks for them itself
    override: packages that are added, in the place of what the model, or its lock, asks of the same ones
    raises:   InvalidInput for a model that does not say what it needs, or what cannot be met; NotSupported; Unavailable
    """
    unused_s = settings.get_number("TRACKWAY_ENVIRONMENT_DAYS") * DAY_S
    if manager == "conda":
        wanted = read_conda_file(resolve_inside(folder, CONDA), trust=trust)
        wanted = msgspec.structs.replace(wanted, requirements=_add(wanted.requirements, extra, override))
        made = make_with_conda(wanted, get_environments(), get_channels())
    else:
        needs = read_needs(folder)
        wanted_of_uv = Wanted(needs.python, _add(needs.requirements, extra, override), trust)
        made = make_with_uv(wanted_of_uv, get_environments())
    collect_environments(get_environments(), max(unused_s, DAY_S))
    return made


def _add(requirements: Sequence[str], extra: Sequence[str], override: Sequence[str]) -> tuple[str, ...]:
    if PACKAGE in map(get_name, override):
        raise InvalidInput(f"A model's environment gets {PACKAGE} as it runs here", hint="override its other packages")
    edited = edit_requirements(requirements, override)
    named = {get_name(line) for line in edited}
    return (*edited, *(line for line in extra if get_name(line) not in named))
