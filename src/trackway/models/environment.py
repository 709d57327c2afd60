"""What a model was made with: Python and pinned packages; written for others, compared when the model is loaded."""

from __future__ import annotations

import functools
import platform
import re
from collections.abc import Iterable, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any, Final, Literal

import msgspec
import yaml

from trackway.base.documents import load_yaml
from trackway.base.errors import Corrupt, InvalidInput
from trackway.environments import get_name
from trackway.models.manifest import resolve_inside

REQUIREMENTS: Final = "requirements.txt"
LOCK: Final = "requirements.lock"
"""Exact versions of all packages, with the digests of their files, when the model's maker asked for it."""
CONDA: Final = "conda.yaml"
PYTHON_ENV: Final = "python_env.yaml"
MAX_BYTES: Final = 2**20
BUILD_PACKAGES: Final = ("pip", "setuptools", "wheel")

_TRACKERS: Final = ("mlflow", "mlflow-skinny", "trackway")
"""Packages that save and load a model, and are no part of it."""
_PIN = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]]*\])?\s*==\s*([A-Za-z0-9.!+_-]+)\s*(?:;.*)?")
_NAME = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:[\[<>=!~;]|$)")


class Environment(msgspec.Struct, frozen=True):
    """A version of Python (empty when not known) and requirements as pip takes them, one a text."""

    python: str
    requirements: tuple[str, ...]


class Difference(msgspec.Struct, frozen=True):
    """A package that is not as the model was made with: another version, or missing (``found`` is empty)."""

    name: str
    wanted: str
    found: str
    kind: Literal["missing", "major", "minor"]
    """``major`` when the first number differs, or the second of a version 0."""

    def __str__(self) -> str:
        return f"{self.name} {self.found or 'is missing'} (the model was made with {self.wanted})"


def capture(distributions: Iterable[str], extra: Iterable[str] = (), given: Sequence[str] | None = None) -> Environment:
    """Describe this process: Python, and the pinned versions of what a model needs.

    distributions: names of installed packages; ``a|b`` for the first of them that is installed
    extra:         requirements to add
    given:         requirements to take instead of what is installed
    raises:        InvalidInput for requirements that are not one line each, or that are options of pip
    """
    pins = [pin for name in dict.fromkeys(distributions) if (pin := _pin(name))] if given is None else list(given)
    requirements = tuple(dict.fromkeys([*pins, *extra]))
    for line in requirements:
        _check_requirement(line)
    return Environment(platform.python_version(), requirements)


def read_requirements(given: Any) -> list[str]:
    """Return the requirements that a caller gave: a list of lines, the path of a file, or a conda environment."""
    if isinstance(given, Mapping):
        parts = given.get("dependencies", ())
        return [str(line) for one in parts if isinstance(one, Mapping) for line in one.get("pip", ())]
    if isinstance(given, str | Path):
        lines = Path(given).read_text(encoding="utf-8").splitlines()
        return [line.split(" #")[0].strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]
    return [str(line) for line in given]


def edit_requirements(lines: Sequence[str], add: Sequence[str] = (), remove: Sequence[str] = ()) -> list[str]:
    """Return requirements with some more, which replace those of the same packages, or without those of some packages.

    raises: InvalidInput for what is no requirement, or only an option of pip
    """
    for line in (*add, *remove):
        _check_requirement(line)
    new = {get_name(line): line.strip() for line in add}
    gone = {get_name(line) for line in remove}
    kept = [new.pop(get_name(line), line) for line in lines if get_name(line) not in gone]
    return [*kept, *new.values()]


def read_conda_requirements(data: bytes) -> list[str] | None:
    """Return pip's part of a ``conda.yaml`` file; None when it has none.

    raises: Corrupt for a file that is no such YAML
    """
    part = _find_pip(load_yaml(data))
    return None if part is None else [str(line) for line in part["pip"]]


def write_conda_requirements(data: bytes, requirements: Sequence[str]) -> bytes:
    """Return a ``conda.yaml`` file with another part for pip; see ``read_conda_requirements``."""
    conda = load_yaml(data)
    part = _find_pip(conda)
    if part is None:
        raise InvalidInput(f"{CONDA} has no part for pip", hint="save the model with pip_requirements or conda_env")
    part["pip"] = list(requirements)
    text: str = yaml.safe_dump(conda, sort_keys=False)
    return text.encode()


def _find_pip(conda: Any) -> dict[str, Any] | None:
    parts = conda.get("dependencies") if isinstance(conda, dict) else None
    if not isinstance(parts, list):
        raise Corrupt(f"{CONDA} has no list of dependencies")
    return next((one for one in parts if isinstance(one, dict) and isinstance(one.get("pip"), list)), None)


def _check_requirement(line: str) -> None:
    if not line.strip() or line.startswith("-") or not line.isprintable():
        raise InvalidInput(f"{line[:100]!r} is no requirement", hint="one package for each, such as numpy==2.4")


def is_tracker(line: str) -> bool:
    """Return whether a requirement is of what saves and loads models, and no part of one."""
    name = _NAME.match(line)
    return name is not None and name[1] in _TRACKERS


def write_environment(folder: Path, environment: Environment) -> None:
    """Write ``requirements.txt``, ``python_env.yaml`` and ``conda.yaml``, as MLflow has them."""
    build = [pin for name in BUILD_PACKAGES if (pin := _pin(name))] or list(BUILD_PACKAGES)
    python_env = {
        "python": environment.python,
        "build_dependencies": build,
        "dependencies": [f"-r {REQUIREMENTS}"],
    }
    conda = {
        "channels": ["conda-forge"],
        "dependencies": [f"python={environment.python}", "pip", {"pip": list(environment.requirements)}],
        "name": "mlflow-env",
    }
    (folder / REQUIREMENTS).write_text("\n".join(environment.requirements), encoding="utf-8")
    for name, value in ((PYTHON_ENV, python_env), (CONDA, conda)):
        (folder / name).write_text(yaml.safe_dump(value, sort_keys=False), encoding="utf-8")


def read_environment(folder: Path, python: str = "") -> Environment | None:
    """Read what a model was made with; None when it does not say.

    python: the version that the ``MLmodel`` file gives
    """
    path = folder / REQUIREMENTS
    if path.is_file() and path.stat().st_size <= MAX_BYTES:
        lines = resolve_inside(folder, REQUIREMENTS).read_text(encoding="utf-8", errors="replace").splitlines()
        return Environment(python, tuple(line.strip() for line in lines if line.strip()))
    path = folder / CONDA
    if path.is_file() and path.stat().st_size <= MAX_BYTES:
        conda = load_yaml(resolve_inside(folder, CONDA).read_bytes())
        return Environment(python, tuple(read_requirements(conda)) if isinstance(conda, dict) else ())
    return Environment(python, ()) if python else None


def read_lock(folder: Path) -> tuple[str, ...]:
    """Return the exact versions that a model was locked to, without digests; none when it was not.

    raises: Corrupt for a file that is no such list
    """
    path = folder / LOCK
    if not path.is_file():
        return ()
    if path.stat().st_size > MAX_BYTES:
        raise Corrupt(f"{LOCK} has more than {MAX_BYTES:,} bytes")
    lines = resolve_inside(folder, LOCK).read_text(encoding="utf-8", errors="replace").splitlines()
    pins = [line.removesuffix("\\").strip() for line in lines if line and not line.startswith((" ", "#"))]
    for pin in pins:
        if not _PIN.fullmatch(pin):
            raise Corrupt(f"{LOCK} holds {pin[:100]!r}, which is no exact version of a package")
    return tuple(pins)


def compare(environment: Environment) -> tuple[Difference, ...]:
    """Return what is not here as the model was made with it; requirements without ``==`` count by name alone."""
    differences = []
    running = platform.python_version()
    if environment.python and environment.python.split(".")[:2] != running.split(".")[:2]:
        differences.append(Difference("python", environment.python, running, "minor"))
    for line in environment.requirements:
        pin, name = _PIN.fullmatch(line), _NAME.match(line)
        if name is None or name[1] in _TRACKERS:
            continue
        wanted, found = pin[2] if pin else "", _find_version(name[1])
        if not found:
            differences.append(Difference(name[1], wanted or line, "", "missing"))
        elif wanted and wanted.split("+")[0] != found.split("+")[0]:
            differences.append(Difference(name[1], wanted, found, _compare_versions(wanted, found)))
    return tuple(differences)


def _compare_versions(wanted: str, found: str) -> Literal["major", "minor"]:
    numbers = [version.split(".")[: 2 if version.startswith("0.") else 1] for version in (wanted, found)]
    return "minor" if numbers[0] == numbers[1] else "major"


def _pin(names: str) -> str:
    """Return ``name==version`` of the first of some packages that is installed; an empty text when none is."""
    return next((f"{name}=={version}" for name in names.split("|") if (version := _find_version(name))), "")


@functools.cache
def _find_version(name: str) -> str:
    """Return the version of an installed package; reading it takes a millisecond, so once in a process."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""
