"""Environments and lists of exact versions, made with uv."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Final

import msgspec

from trackway.base.errors import InvalidInput, NotSupported
from trackway.environments.kept import digest, get_interpreter, keep_environment, lock_file
from trackway.environments.package import copy_package, digest_package, find_packages, list_own
from trackway.environments.programs import run
from trackway.environments.requirements import check_requirement

_BOUND = re.compile(r"(==|!=|~=|<=|>=|<|>) ?(\d+(?:\.\d+){0,2}(?:\.\*)?)")
_COMPILE: Final = ("pip", "compile", "--quiet", "--generate-hashes", "--no-header", "--no-annotate")


class Wanted(msgspec.Struct, frozen=True):
    """What an environment is to hold.

    python:       version, of which the first two numbers count, or versions, as ``>=3.10,<3.13``; empty for the one
                  that runs, which is also taken when it is one of them
    requirements: as pip takes them
    trust:        whether packages that must be built, which runs code of theirs, may be
    package:      whether this package is to be in it, as it runs here, with what it needs
    addresses:    whether requirements may be addresses of archives and repositories
    options:      of uv, such as another index
    """

    python: str
    requirements: tuple[str, ...]
    trust: bool = False
    package: bool = True
    addresses: bool = False
    options: tuple[str, ...] = ()


def lock_with_uv(wanted: Wanted, cache: Path, platform: str = "") -> Path:
    """Return a file of exact versions with digests: of what is wanted, and of what this package needs to serve a model.

    platform: another than this machine's, as uv calls it, such as ``x86_64-unknown-linux-gnu``
    raises:   NotSupported without uv; InvalidInput for requirements that cannot be met; Unavailable
    """
    uv, python = require_uv(), choose_python(wanted.python)
    own = list_own(wanted.requirements) if wanted.package else ()
    given = wanted.requirements if wanted.addresses else map(check_requirement, wanted.requirements)
    lines = sorted({*given, *own})
    options = [*build_options(trust=wanted.trust), *wanted.options]
    asked = "\n".join([python, platform or sys.platform, *options, *lines])
    target = ["--python-platform", platform] if platform else []
    command = [uv, *_COMPILE, *options, *target, "--python", python, "-"]
    return keep_lock(cache, asked, lambda: run(command, "\n".join(lines)))


def keep_lock(cache: Path, asked: str, make: Callable[[], str]) -> Path:
    """Return a file of exact versions, which is made when it is not there, by one caller at a time.

    asked: all that the versions depend on
    make:  returns them
    """
    cache.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = cache / f"{digest(asked)}.txt"
    with lock_file(lock.with_suffix(".lock")):
        if lock.exists():
            lock.touch()
        else:
            _write(lock, make())
    return lock


def lock_requirements(requirements: Iterable[str]) -> str:
    """Return the exact versions, with digests, of packages and all that they need, for the Python that runs.

    raises: NotSupported without uv; InvalidInput for requirements that cannot be met, or when no index is there
    """
    lines = sorted(map(check_requirement, requirements))
    return run([require_uv(), *_COMPILE, "--python", choose_python(""), "-"], "\n".join(lines))


def make_with_uv(wanted: Wanted, cache: Path) -> Path:
    """Return the interpreter of an environment that uv made, now or before.

    cache:  folder for environments and the lists of exact versions that they were made of
    raises: NotSupported without uv; InvalidInput for requirements that cannot be met; Unavailable
    """
    return make_from_lock(lock_with_uv(wanted, cache), wanted, cache)


def make_from_lock(lock: Path, wanted: Wanted, cache: Path, folder: Path | None = None) -> Path:
    """Return the interpreter of an environment of exact versions, made now or before.

    lock:   file of them; what is asked for in ``wanted.requirements`` does not count
    folder: whose settings of uv count
    raises: as ``make_with_uv``
    """
    uv, python = require_uv(), choose_python(wanted.python)
    text = lock.read_text(encoding="utf-8")
    lines = [line for line in text.replace("\\\n", "").splitlines() if line.strip() and line[0] not in "#-"]
    free = wanted.addresses and not all("--hash=" in line for line in lines)  # what is at an address may have none
    digested = [] if free else ["--require-hashes"]

    def make(place: Path) -> None:
        run([uv, "venv", "--quiet", "--python", python, str(place)])
        interpreter = get_interpreter(place)
        command = [uv, "pip", "sync", "--quiet", "--compile-bytecode", *digested, *wanted.options]
        run([*command, *build_options(trust=wanted.trust), "--python", str(interpreter), str(lock)], folder=folder)
        if wanted.package:
            copy_package(find_packages(interpreter))

    own = digest_package() if wanted.package else ""
    return keep_environment(cache, digest(f"{python}\n{text}\n{own}"), make)


def install_with_uv(uv: str, interpreter: Path, lines: Sequence[str], *, trust: bool) -> None:
    """Add packages of the index to an environment, beside what is there."""
    command = [uv, "pip", "install", "--quiet", *build_options(trust=trust), "--python", str(interpreter)]
    run([*command, "--requirement", "-"], "\n".join(lines))


def build_options(*, trust: bool) -> list[str]:
    """Return the options of uv and pip that keep packages from being built, which runs code of theirs."""
    return [] if trust else ["--only-binary", ":all:"]


def require_uv() -> str:
    """Return the program.

    raises: NotSupported when there is none
    """
    if not (found := find_uv()):
        raise NotSupported("There is no uv on this machine", hint="pip install uv, or do without (--env-manager local)")
    return found


def find_uv() -> str:
    """Return the program, the one beside this Python first; an empty text when there is none."""
    beside = Path(sys.executable).with_name("uv")
    return str(beside) if beside.is_file() else shutil.which("uv") or ""


def choose_python(version: str) -> str:
    """Return the interpreter that runs when it is of a version, else that version, as uv takes it.

    raises: InvalidInput
    """
    if version.startswith(tuple("<>=!~")):
        bounds = [_BOUND.fullmatch(part.strip()) for part in version.split(",")]
        if not all(bounds):
            raise InvalidInput(f"{version[:80]!r} are no versions of Python", hint="as >=3.10,<3.13")
        runs = sys.version_info[:3]
        return get_python() if all(_holds(runs, bound[1], bound[2]) for bound in bounds if bound) else version
    wanted = version.split(".")[:2]
    if not version or wanted == [str(number) for number in sys.version_info[:2]]:
        return get_python()
    if not all(number.isdigit() for number in wanted) or len(wanted) != 2:
        raise InvalidInput(f"{version[:40]!r} is no version of Python")
    return ".".join(wanted)


def _holds(runs: tuple[int, ...], sign: str, bound: str) -> bool:
    """Tell whether a version is within a bound, as PEP 440 has it."""
    numbers = tuple(int(number) for number in bound.removesuffix(".*").split("."))
    cut = runs[: len(numbers)]
    if sign in ("==", "!=", "~="):
        same = cut == numbers if sign != "~=" else runs >= numbers and cut[:-1] == numbers[:-1]
        return same != (sign == "!=")
    padded = numbers + (0,) * (3 - len(numbers))
    return {"<": runs < padded, "<=": runs <= padded, ">": runs > padded, ">=": runs >= padded}[sign]


def get_python() -> str:
    """Return the interpreter that runs, or that the environment which runs was made with."""
    if sys.prefix == sys.base_prefix:
        return str(Path(sys.executable).resolve())
    base: str = getattr(sys, "_base_executable", sys.executable)
    return base


def _write(path: Path, text: str) -> None:
    draft = path.with_suffix(".part")
    draft.write_text(text, encoding="utf-8")
    draft.replace(path)
