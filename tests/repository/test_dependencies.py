from __future__ import annotations

import re
import tomllib
from importlib.metadata import distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.repository.source import ROOT

BASE_INSTALL_MB = 61
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def test_base_install_without_numpy_stays_within_its_budget() -> None:
    installed = {name for name in _closure("trackway") if name not in ("trackway", "numpy")}
    sizes = {name: _size_bytes(name) for name in installed}
    assert sum(sizes.values()) < BASE_INSTALL_MB * 1_000_000, sorted(sizes.items(), key=lambda item: -item[1])


def test_every_dependency_has_its_reason_written_down() -> None:
    page = (ROOT / "docs/decisions/0001-dependencies.md").read_text(encoding="utf-8")
    declared = {Requirement(line).name for line in PROJECT["dependencies"]}
    for extra in PROJECT["optional-dependencies"].keys() - {"all", "dev", "test"}:
        declared |= {Requirement(line).name for line in PROJECT["optional-dependencies"][extra]}
    declared.discard("trackway")
    assert declared == set(re.findall(r"^\| `([^`]+)`", page, re.MULTILINE))


def test_pins_satisfy_what_the_package_asks_for() -> None:
    pins = dict(
        re.findall(r"^(\S+?)==(\S+)", (ROOT / "requirements/base.txt").read_text(encoding="utf-8"), re.MULTILINE)
    )
    for line in PROJECT["dependencies"]:
        requirement = Requirement(line)
        assert requirement.specifier.contains(pins[canonicalize_name(requirement.name)]), line


def _closure(name: str) -> set[str]:
    """Return a distribution and all that it needs here, extras left out."""
    found: set[str] = set()
    waiting = [name]
    while waiting:
        current = canonicalize_name(waiting.pop())
        if current in found:
            continue
        found.add(current)
        requirements = [Requirement(line) for line in distribution(current).requires or []]
        waiting += [need.name for need in requirements if need.marker is None or need.marker.evaluate({"extra": ""})]
    return found


def _size_bytes(name: str) -> int:
    """Return the size of a distribution's files as installed, without the byte code that running them adds."""
    paths = (Path(str(file.locate())) for file in distribution(name).files or [] if file.suffix != ".pyc")
    return sum(path.stat().st_size for path in paths if path.is_file())
