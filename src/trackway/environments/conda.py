"""Environments of conda's packages: made with micromamba, mamba or conda when one is there, else with py-rattler.

Either gets channels and packages alone. What is to come from Python's index is added afterwards, and checked as for uv.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import msgspec

from trackway.base.documents import load_yaml
from trackway.base.errors import InvalidInput, NotSupported
from trackway.environments import uv
from trackway.environments.kept import digest, get_interpreter, keep_environment
from trackway.environments.package import copy_package, digest_package, find_packages, list_own
from trackway.environments.programs import run
from trackway.environments.requirements import check_requirement, get_name

MAX_BYTES: Final = 2**20
CHANNELS: Final[Mapping[str, str]] = {"conda-forge": "", "defaults": ""}
_PROGRAMS: Final = ("micromamba", "mamba", "conda")
_VARIABLES: Final = ("MAMBA_EXE", "CONDA_EXE")
_NO_CHANNEL: Final = "nodefaults"
"""Stands among channels and says that there are no others, which is so here anyway."""
_SOLVER: Final = Path(__file__).with_name("rattler_process.py")
_SPEC = re.compile(
    r"((?P<channel>[A-Za-z0-9][A-Za-z0-9._-]*)::)?(?P<name>[A-Za-z0-9_][A-Za-z0-9._-]*)"
    r"(?P<version> ?[<>=!~]=?=? ?[A-Za-z0-9.*+!_-][A-Za-z0-9.*+!_<>=~|,-]*| [0-9*][A-Za-z0-9.*+!_<>=~|,-]*)?"
    r"(?P<build>[= ][A-Za-z0-9._*]+)?"
)
"""A package's channel, name, versions and build."""
_SPEC_CHARS: Final = 200


class CondaWanted(msgspec.Struct, frozen=True):
    """What an environment of conda's packages is to hold.

    channels:     names, in the order in which they are asked; none for all that are allowed
    packages:     as conda takes them: ``python=3.11``, ``conda-forge::numpy>=2,<3``
    requirements: of Python's index, as pip takes them
    trust:        whether channels that were not allowed, and packages that must be built, may be used
    package:      whether this package is to be in it, as it runs here, with what it needs
    """

    channels: tuple[str, ...]
    packages: tuple[str, ...]
    requirements: tuple[str, ...] = ()
    trust: bool = False
    package: bool = True


def read_conda_file(file: Path, *, trust: bool = False, package: bool = True) -> CondaWanted:
    """Read a file of conda's, such as ``conda.yaml``; its name, prefix and variables count for nothing.

    raises: InvalidInput, Corrupt for what is no such file
    """
    if file.stat().st_size > MAX_BYTES:
        raise InvalidInput(f"{file.name} has more than {MAX_BYTES:,} bytes")
    read = load_yaml(file.read_bytes())
    given = read if isinstance(read, dict) else {}
    packages: list[str] = []
    requirements: list[str] = []
    for one in _read_list(given.get("dependencies"), file):
        if isinstance(one, dict) and set(one) == {"pip"}:
            requirements += map(str, _read_list(one["pip"], file))
        elif isinstance(one, str):
            packages.append(one)
        else:
            raise InvalidInput(
                f"{file.name} asks for {str(one)[:100]!r}", hint="packages are texts, or a list of pip's"
            )
    channels = tuple(map(str, _read_list(given.get("channels"), file)))
    return CondaWanted(channels, tuple(packages), tuple(requirements), trust, package)


def make_with_conda(wanted: CondaWanted, cache: Path, channels: Mapping[str, str] = CHANNELS) -> Path:
    """Return the interpreter of an environment of conda's packages, made now or before.

    The versions that it holds are those of the day when it was made, where the file leaves them open.

    cache:    folder of environments
    channels: those that may be used, by name: the address of each, or nothing when conda knows it by its name
    raises:   NotSupported without conda and py-rattler; InvalidInput for what cannot be had; Unavailable
    """
    places = _find_channels(wanted, channels)
    packages = _find_packages(wanted, {**dict.fromkeys(places), **channels})
    requirements = [check_requirement(line) for line in wanted.requirements]
    if wanted.package:
        requirements += list_own([*requirements, *(line for line in packages if get_name(line) != "python")])
    made_by = _choose_maker()
    if requirements and not uv.find_uv() and "pip" not in map(get_name, packages):
        packages.append("pip")

    def make(place: Path) -> None:
        _link_packages(made_by, place, places, packages)
        interpreter = get_interpreter(place)
        if not interpreter.exists():
            raise InvalidInput("The environment has no Python in it", hint="ask for one, such as python=3.11")
        if requirements:
            _install(interpreter, requirements, trust=wanted.trust)
        if wanted.package:
            copy_package(find_packages(interpreter))

    own = digest_package() if wanted.package else ""
    asked = msgspec.json.encode([places, sorted(packages), sorted(requirements), wanted.trust, own]).decode()
    return keep_environment(cache, digest(f"conda\n{asked}"), make)


def find_conda() -> str:
    """Return the program that makes environments of conda's packages; an empty text when there is none."""
    given = filter(None, map(os.environ.get, _VARIABLES))
    return next((found for name in (*given, *_PROGRAMS) if (found := shutil.which(name))), "")


def _choose_maker() -> str:
    """Return conda's program, or an empty text for py-rattler.

    raises: NotSupported
    """
    program = find_conda()
    if not program and find_spec("rattler") is None:
        raise NotSupported(
            "There is neither micromamba, mamba, conda nor py-rattler on this machine",
            hint="pip install 'trackway[conda]', or make the environment with uv",
        )
    return program


def _link_packages(program: str, place: Path, channels: Sequence[str], packages: Sequence[str]) -> None:
    if program:
        named = [part for channel in channels for part in ("--channel", channel)]
        options = ["--yes", "--quiet", "--prefix", str(place), "--override-channels", *named]
        run([program, "create", *options, *packages])
        return
    asked = {"channels": list(channels), "packages": list(packages), "prefix": str(place)}
    run([sys.executable, "-I", str(_SOLVER)], msgspec.json.encode(asked).decode(), "py-rattler")


def _install(interpreter: Path, requirements: Sequence[str], *, trust: bool) -> None:
    if program := uv.find_uv():
        uv.install_with_uv(program, interpreter, requirements, trust=trust)
        return
    command = [str(interpreter), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    run([*command, *uv.build_options(trust=trust), *requirements])


def _find_channels(wanted: CondaWanted, allowed: Mapping[str, str]) -> list[str]:
    """Return the names or addresses of an environment's channels.

    raises: InvalidInput for one that is not allowed
    """
    named = [name for name in wanted.channels if name != _NO_CHANNEL] or list(allowed)
    for name in named:
        if name not in allowed and not (wanted.trust and name[:1] not in ("", "-") and name.isprintable()):
            raise InvalidInput(
                f"The channel {name[:100]!r} is none of those that environments may be made from",
                hint=f"they are {', '.join(allowed)}: add to TRACKWAY_CONDA_CHANNELS, or trust where this comes from",
            )
    return [allowed.get(name) or name for name in dict.fromkeys(named)]


def _find_packages(wanted: CondaWanted, channels: Mapping[str, Any]) -> list[str]:
    """Return what conda is asked for, a Python among it.

    raises: InvalidInput for what is more than a package's name and version
    """
    packages = []
    for line in wanted.packages:
        found = _SPEC.fullmatch(line.strip()) if len(line) <= _SPEC_CHARS else None
        if found is None:
            raise InvalidInput(
                f"{line[:100]!r} is more than a package's name and version", hint="such as python=3.11 or numpy>=2,<3"
            )
        channel = found["channel"]
        if channel and channel not in channels and not wanted.trust:
            raise InvalidInput(f"{line[:100]!r} is of a channel that environments may not be made from")
        address = f"{channels.get(channel) or channel}::" if channel else ""
        packages.append(f"{address}{found['name']}{found['version'] or ''}{found['build'] or ''}")
    if "python" not in map(_get_conda_name, packages):
        packages.append("python={}.{}".format(*sys.version_info[:2]))
    return packages


def _get_conda_name(package: str) -> str:
    return get_name(package.rpartition("::")[2])


def _read_list(value: Any, file: Path) -> list[Any]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise InvalidInput(f"{file.name} holds {str(value)[:100]!r} where a list is meant")
    return value
