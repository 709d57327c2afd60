"""Python environments made of requirements, kept by what is in them, and made once however many ask at a time.

Requirements come with models and projects, whose makers need not be known: they name packages of the index that this
machine is set up for, and nothing else. Options, addresses and paths are refused, and so are packages that would have
to be built, which runs code of theirs, unless the caller trusts them.

The environment gets this package as it runs here, by copy, and what it needs.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import Any, Final

import msgspec

from trackway.base.errors import InvalidInput, NotSupported, TrackwayError, Unavailable

PACKAGE: Final = "trackway"
_PLAIN = re.compile(
    r"[A-Za-z0-9][A-Za-z0-9._-]*( ?\[[A-Za-z0-9._, -]+\])?"
    r"( ?[<>=!~]=?=? ?[A-Za-z0-9.*+!_-]+( ?, ?[<>=!~]=?=? ?[A-Za-z0-9.*+!_-]+)*)?"
    r"( ?; ?\(?(python_|sys_platform|platform_|os_name|implementation_name)[A-Za-z0-9_ '\"<>=!.()]*)?"
)
"""A package's name, extras, versions, and where it is needed."""
_COMPILE: Final = ("pip", "compile", "--quiet", "--generate-hashes", "--no-header", "--no-annotate")
_COMPLETE: Final = ".complete"
_CONDAS: Final = ("conda", "mamba", "micromamba")
_LINE_CHARS: Final = 500
_SHOWN_CHARS: Final = 2_000


class Wanted(msgspec.Struct, frozen=True):
    """What an environment is to hold.

    python:       version, of which the first two numbers count; empty for the one that runs
    requirements: as pip takes them
    trust:        whether packages that must be built, which runs code of theirs, may be
    """

    python: str
    requirements: tuple[str, ...]
    trust: bool = False


def lock_with_uv(wanted: Wanted, cache: Path, platform: str = "") -> Path:
    """Return a file of exact versions with digests: of what is wanted, and of what this package needs to serve a model.

    platform: another than this machine's, as uv calls it, such as ``x86_64-unknown-linux-gnu``
    raises:   NotSupported without uv; InvalidInput for requirements that cannot be met; Unavailable
    """
    uv, python = _find_uv(), _choose_python(wanted.python)
    lines = sorted({*map(_check, wanted.requirements), *_list_own(wanted.requirements)})
    built = _build_options(wanted)
    asked = "\n".join([python, platform or sys.platform, *built, *lines])
    cache.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = cache / f"{_digest(asked)}.txt"
    with _alone(lock.with_suffix(".lock")):
        if not lock.exists():
            target = ["--python-platform", platform] if platform else []
            _write(lock, _run([uv, *_COMPILE, *built, *target, "--python", python, "-"], "\n".join(lines)))
    return lock


def lock_requirements(requirements: Iterable[str]) -> str:
    """Return the exact versions, with digests, of packages and all that they need, for the Python that runs.

    raises: NotSupported without uv; InvalidInput for requirements that cannot be met, or when no index is there
    """
    lines = sorted(map(_check, requirements))
    return _run([_find_uv(), *_COMPILE, "--python", _choose_python(""), "-"], "\n".join(lines))


def make_with_uv(wanted: Wanted, cache: Path) -> Path:
    """Return the interpreter of an environment that uv made, now or before.

    cache:  folder for environments and the lists of exact versions that they were made of
    raises: NotSupported without uv; InvalidInput for requirements that cannot be met; Unavailable
    """
    uv, python = _find_uv(), _choose_python(wanted.python)
    lock = lock_with_uv(wanted, cache)
    built = _build_options(wanted)
    place = cache / _digest(f"{python}\n{lock.read_text(encoding='utf-8')}\n{_digest_package()}")
    with _alone(place.with_suffix(".lock")):
        if not (place / _COMPLETE).exists():
            shutil.rmtree(place, ignore_errors=True)
            _run([uv, "venv", "--quiet", "--python", python, str(place)])
            interpreter = _get_interpreter(place)
            command = [uv, "pip", "sync", "--quiet", "--compile-bytecode", "--require-hashes", *built]
            _run([*command, "--python", str(interpreter), str(lock)])
            copy_package(_find_packages(interpreter))
            (place / _COMPLETE).touch()
    return _get_interpreter(place)


def make_with_conda(file: Path, cache: Path) -> Path:
    """Return the interpreter of an environment that conda made of its own kind of file, now or before.

    raises: NotSupported without conda; InvalidInput for what conda cannot make
    """
    conda = os.environ.get("CONDA_EXE") or next(filter(None, map(shutil.which, _CONDAS)), None)
    if not conda or not shutil.which(conda):
        raise NotSupported("There is no conda on this machine", hint="install it, or make the environment with uv")
    cache.mkdir(mode=0o700, parents=True, exist_ok=True)
    place = cache / _digest(f"conda\n{file.read_text(encoding='utf-8')}\n{_digest_package()}")
    with _alone(place.with_suffix(".lock")):
        if not (place / _COMPLETE).exists():
            shutil.rmtree(place, ignore_errors=True)
            _run([conda, "env", "create", "--quiet", "--yes", "--prefix", str(place), "--file", str(file)])
            interpreter = _get_interpreter(place)
            _run([str(interpreter), "-m", "pip", "install", "--quiet", *_list_own(())])
            copy_package(_find_packages(interpreter))
            (place / _COMPLETE).touch()
    return _get_interpreter(place)


def _build_options(wanted: Wanted) -> list[str]:
    return [] if wanted.trust else ["--only-binary", ":all:"]


def _check(line: str) -> str:
    """Return a requirement that names a package of the index.

    raises: InvalidInput
    """
    if len(line) > _LINE_CHARS or not _PLAIN.fullmatch(line.strip()):
        raise InvalidInput(
            f"The requirement {line[:100]!r} is more than a package's name and version",
            hint="options, addresses and paths are not taken; install it by hand, and use --env-manager local",
        )
    return line.strip()


def _list_own(given: Iterable[str]) -> list[str]:
    """Return what this package needs to serve a model, but what is given already."""
    needed = [line for line in metadata.requires(PACKAGE) or () if "extra ==" not in line]
    pandas = next((line for line in metadata.requires(PACKAGE) or () if line.startswith("pandas")), "pandas")
    named = {get_name(line) for line in given}
    return [line for line in [*needed, pandas.partition(";")[0].strip()] if get_name(line) not in named]


def get_name(line: str) -> str:
    """Return the name of the package that a requirement asks for, as indexes have it."""
    return re.split(r"[^A-Za-z0-9._-]", line.strip(), maxsplit=1)[0].lower().replace("_", "-")


def _find_uv() -> str:
    beside = Path(sys.executable).with_name("uv")
    found = str(beside) if beside.is_file() else shutil.which("uv")
    if not found:
        raise NotSupported("There is no uv on this machine", hint="pip install uv, or do without (--env-manager local)")
    return found


def _choose_python(version: str) -> str:
    """Return the interpreter that runs when it is of the version's first two numbers, else that version."""
    wanted = version.split(".")[:2]
    if not version or wanted == [str(number) for number in sys.version_info[:2]]:
        return str(Path(sys.executable).resolve()) if sys.prefix == sys.base_prefix else _find_base()
    if not all(number.isdigit() for number in wanted) or len(wanted) != 2:
        raise InvalidInput(f"{version[:40]!r} is no version of Python")
    return ".".join(wanted)


def _find_base() -> str:
    """Return the interpreter that the environment which runs was made with."""
    base: str = getattr(sys, "_base_executable", sys.executable)
    return base


def _get_interpreter(place: Path) -> Path:
    return place / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")


def copy_package(target: Path) -> None:
    """Put this package, as it runs here, into a folder where Python looks for packages."""
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(_get_package(), target / PACKAGE, ignore=ignored, dirs_exist_ok=True)
    described: Any = metadata.distribution(PACKAGE)
    records = Path(described.locate_file(f"{PACKAGE}-{described.version}.dist-info"))
    (target / records.name).mkdir(exist_ok=True)
    for name in ("METADATA", "entry_points.txt"):
        if (records / name).exists():
            shutil.copyfile(records / name, target / records.name / name)


def _find_packages(interpreter: Path) -> Path:
    return Path(_run([str(interpreter), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]).strip())


def _get_package() -> Path:
    return Path(__file__).parent


def _digest_package() -> str:
    files = sorted(path for path in _get_package().rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    digest = hashlib.sha256()
    for path in files:
        digest.update(path.relative_to(_get_package()).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _write(path: Path, text: str) -> None:
    draft = path.with_suffix(".part")
    draft.write_text(text, encoding="utf-8")
    draft.replace(path)


def _run(command: Sequence[str], given: str = "") -> str:
    """Run a program and return what it prints.

    raises: InvalidInput with what it said, when it fails
    """
    variables = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME")}
    try:
        done = subprocess.run(command, input=given, capture_output=True, text=True, check=False, env=variables)
    except OSError as error:
        raise Unavailable(f"{command[0]} cannot be run: {error.strerror}") from error
    if done.returncode:
        said = (done.stderr or done.stdout).strip()[-_SHOWN_CHARS:]
        raise InvalidInput(f"The environment cannot be made: {Path(command[0]).name} said:\n{said}")
    return done.stdout


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Wait until no other process is here; the system lets the next one in when one dies."""
    if sys.platform == "win32":
        raise TrackwayError("Environments are not made on Windows yet", hint="use --env-manager local")
    import fcntl

    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
