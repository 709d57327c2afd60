"""What runs here, put inside other environments: this package by copy, beside what it needs."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from trackway.environments.programs import run
from trackway.environments.requirements import get_name

PACKAGE: Final = "trackway"


def list_own(given: Iterable[str]) -> list[str]:
    """Return what this package needs to serve a model, but what is given already."""
    from importlib import metadata  # brings much along, and an environment that is there already needs none of it

    needed = [line for line in metadata.requires(PACKAGE) or () if "extra ==" not in line]
    pandas = next((line for line in metadata.requires(PACKAGE) or () if line.startswith("pandas")), "pandas")
    named = {get_name(line) for line in given}
    return [line for line in [*needed, pandas.partition(";")[0].strip()] if get_name(line) not in named]


def copy_package(target: Path) -> None:
    """Put this package, as it runs here, into a folder where Python looks for packages."""
    from importlib import metadata

    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(_get_package(), target / PACKAGE, ignore=ignored, dirs_exist_ok=True)
    described: Any = metadata.distribution(PACKAGE)
    records = Path(described.locate_file(f"{PACKAGE}-{described.version}.dist-info"))
    (target / records.name).mkdir(exist_ok=True)
    for name in ("METADATA", "entry_points.txt"):
        if (records / name).exists():
            shutil.copyfile(records / name, target / records.name / name)


def find_packages(interpreter: Path) -> Path:
    """Return the folder where an interpreter's packages are."""
    return Path(run([str(interpreter), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]).strip())


def digest_package() -> str:
    """Return a digest of this package's files."""
    files = sorted(path for path in _get_package().rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    digest = hashlib.sha256()
    for path in files:
        digest.update(path.relative_to(_get_package()).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def _get_package() -> Path:
    return Path(__file__).parents[1]
