"""Python environments made of requirements, kept by what is in them, and made once however many ask at a time.

Requirements come with models and projects, whose makers need not be known: they name packages of the indexes and
channels that this machine is set up for, and nothing else. Options, addresses and paths are refused, and so are
packages that would have to be built, which runs code of theirs, unless the caller trusts them.

A model's environment gets this package as it runs here, by copy, and what it needs.
"""

from __future__ import annotations

from trackway.environments.conda import CondaWanted, find_conda, make_with_conda, read_conda_file
from trackway.environments.kept import collect_environments, hold_environment
from trackway.environments.package import PACKAGE, copy_package
from trackway.environments.requirements import get_name
from trackway.environments.uv import Wanted, lock_requirements, lock_with_uv, make_with_uv

__all__ = [
    "PACKAGE",
    "CondaWanted",
    "Wanted",
    "collect_environments",
    "copy_package",
    "find_conda",
    "get_name",
    "hold_environment",
    "lock_requirements",
    "lock_with_uv",
    "make_with_conda",
    "make_with_uv",
    "read_conda_file",
]
