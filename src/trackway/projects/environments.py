"""The environment that a project's command runs in: found out from its files, made when it is not there."""

from __future__ import annotations

import hashlib
import os
import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from trackway.base.errors import InvalidInput, NotSupported
from trackway.environments.conda import CondaWanted, make_with_conda, read_conda_file
from trackway.environments.kept import collect_environments
from trackway.environments.programs import run
from trackway.environments.requirements import check_lock, get_name
from trackway.environments.uv import Wanted, choose_python, keep_lock, lock_with_uv, make_from_lock, require_uv
from trackway.projects.backends import Need as Need
from trackway.projects.backends import Surroundings
from trackway.projects.backends import Versions as Versions
from trackway.projects.containers import make_image
from trackway.projects.document import read_document
from trackway.projects.specification import EntryPoint, Specification
from trackway.sdk import settings
from trackway.sdk.caches import get_cache

MANAGERS: Final = ("uv", "conda", "docker", "local", "virtualenv", "none")
"""What may be asked for; ``virtualenv`` means uv, and ``none`` local."""
PACKAGE: Final = "trackway"
PYTHON_FILE: Final = "python_env.yaml"
CONDA_FILE: Final = "conda.yaml"
PROJECT_FILE: Final = "pyproject.toml"
LOCK_FILE: Final = "uv.lock"
REQUIREMENTS: Final = "requirements.txt"
MAX_BYTES: Final = 2**20
MAX_FILES: Final = 20
DAY_S: Final = 86_400
_INLINE = re.compile(r"(?m)^# /// script\s*$\s(?P<content>(^#(| .*)$\s)+?)^# ///\s*$")
"""Metadata within a script, as PEP 723 has it."""
_OPTIONS: Final = {
    **dict.fromkeys(("-i", "--index-url"), "--index-url"),
    "--extra-index-url": "--extra-index-url",
    **dict.fromkeys(("-f", "--find-links"), "--find-links"),
    "--trusted-host": "--allow-insecure-host",
}
"""Options with a value that a file of requirements may hold, and what uv calls them."""
_FLAGS: Final = {"--no-index": ("--no-index",), "--pre": ("--prerelease", "allow")}
_EXPORT: Final = ("export", "--quiet", "--frozen", "--no-dev", "--no-emit-project", "--no-header", "--no-annotate")
_COMPILE: Final = ("pip", "compile", "--quiet", "--generate-hashes", "--no-header", "--no-annotate")


class Definition(NamedTuple):
    """What defines a project's environment.

    manager: ``uv``, ``conda`` or ``local``
    wanted:  what uv is to install; None when a pyproject.toml says it
    conda:   what conda is to install
    project: whether a pyproject.toml says it
    """

    manager: str
    wanted: Wanted = Wanted("", (), package=False)
    conda: CondaWanted | None = None
    project: bool = False


def make_surroundings(specification: Specification, entry: EntryPoint, need: Need) -> Surroundings:
    """Return the environment of an entry point, made now or before.

    raises:  InvalidInput for what cannot be read or met; NotSupported without the manager; Unavailable
    cost:    some file reads when it is there already; no other program is started then
    """
    definition = _define(specification, entry, need)
    if definition.manager == "docker":
        assert specification.docker is not None
        return make_image(specification.docker, specification.folder, need.docker_args, build=need.build_image)
    if need.docker_args or need.build_image:
        raise InvalidInput(
            "The project runs in no container", hint="it has no docker_env, or another manager was asked for"
        )
    if definition.manager == "local":
        return Surroundings(variables={"PATH": _prepend_path(Path(sys.executable).parent)}, python=Path(sys.executable))
    cache = get_cache("environments")
    if definition.conda is not None:
        python = make_with_conda(definition.conda, cache, settings.get_addresses("TRACKWAY_CONDA_CHANNELS"))
        lock, digest = "", python.parent.parent.name
        variables = {"CONDA_PREFIX": str(python.parent.parent)}
    else:
        folder = specification.folder
        kept = _lock(definition, folder, need, cache)
        python = make_from_lock(kept, definition.wanted, cache, folder if definition.project else None)
        lock, digest = kept.read_text(encoding="utf-8"), python.parent.parent.name
        variables = {"VIRTUAL_ENV": str(python.parent.parent)}
    unused_s = settings.get_number("TRACKWAY_ENVIRONMENT_DAYS") * DAY_S
    collect_environments(cache, max(unused_s, DAY_S))
    own = _find_own(specification.folder) if definition.project else ""
    variables |= {"PATH": _prepend_path(python.parent), "PYTHONPATH": own, "PYTHONHOME": ""}
    return Surroundings(manager=definition.manager, digest=digest, python=python, lock=lock, variables=variables)


def describe_surroundings(specification: Specification, entry: EntryPoint, need: Need) -> Surroundings:
    """Return the environment of an entry point without making it: exact versions of its packages, or none of its own.

    raises: InvalidInput for what cannot be read or met; NotSupported for what uv does not make; Unavailable
    """
    definition = _define(specification, entry, need)
    if definition.manager == "local":
        return Surroundings()
    if definition.manager != "uv":
        raise NotSupported(
            f"An environment of {definition.manager} cannot be made on other machines from here",
            hint="use --env-manager local for the one that they have",
        )
    lock = _lock(definition, specification.folder, need, get_cache("environments")).read_text(encoding="utf-8")
    return Surroundings(manager="uv", digest=hashlib.sha256(lock.encode()).hexdigest(), lock=lock)


def _lock(definition: Definition, folder: Path, need: Need, cache: Path) -> Path:
    """Return the file with the exact versions of what uv is to install."""
    known = need.versions.lock if need.versions is not None else ""
    if known:
        return keep_lock(cache, f"recorded\n{known}", lambda: check_lock(known))
    if definition.project:
        return _lock_project(folder, definition.wanted, cache)
    return lock_with_uv(definition.wanted, cache)


def _define(specification: Specification, entry: EntryPoint, need: Need) -> Definition:
    """Return what defines an environment: the project, or versions that are known from an earlier run."""
    known = need.versions
    if known is None or need.manager != "uv" or (known.lock and entry.name):
        return find_definition(specification, entry, need.manager)
    pins = tuple(f"{name}=={version}" for name, version in known.packages.items() if get_name(name) != PACKAGE)
    own = any(get_name(name) == PACKAGE for name in known.packages)
    return Definition("uv", Wanted(known.python, pins, trust=True, package=own))


def find_definition(specification: Specification, entry: EntryPoint, manager: str) -> Definition:
    """Return what defines the environment of an entry point, for a manager or the one that fits.

    raises: InvalidInput
    """
    if manager and manager not in MANAGERS:
        raise InvalidInput(f"There is no environment manager {manager[:40]!r}", hint=f"one of {', '.join(MANAGERS)}")
    manager = {"virtualenv": "uv", "none": "local"}.get(manager, manager)
    if manager == "local":
        return Definition("local")
    if manager == "docker" and specification.docker is None:
        raise InvalidInput("The project has no docker_env", hint="name an image there")
    if specification.docker is not None:
        if manager in ("uv", "conda"):
            raise InvalidInput(
                f"The project runs in a container, not with {manager}", hint="or use --env-manager local"
            )
        return Definition("docker")
    folder = specification.folder
    conda_file = specification.conda_file
    if manager == "conda" or conda_file:
        return _read_conda(folder, conda_file or CONDA_FILE, manager)
    if specification.python_file:
        return Definition("uv", _read_python_file(folder, specification.python_file))
    if (inline := _read_inline(folder, entry)) is not None:
        return Definition("uv", inline)
    if (folder / PYTHON_FILE).is_file():
        return Definition("uv", _read_python_file(folder, PYTHON_FILE))
    if (folder / CONDA_FILE).is_file():
        return _read_conda(folder, CONDA_FILE, manager)
    if (project := _read_project(folder)) is not None:
        return Definition("uv", project, project=True)
    if (folder / REQUIREMENTS).is_file():
        return Definition("uv", _to_wanted("", [f"-r {REQUIREMENTS}"], folder))
    return Definition("uv", Wanted("", (), trust=True)) if manager == "uv" else Definition("local")


def _read_conda(folder: Path, name: str, manager: str) -> Definition:
    """Return what a file of conda's asks for: of uv, when it asks for nothing but Python's packages."""
    if not (folder / name).is_file():
        raise InvalidInput(f"The project has no {name}", hint="conda makes environments of that file")
    wanted = read_conda_file(folder / name, trust=True, package=False)
    others = [package for package in wanted.packages if get_name(package) not in ("python", "pip")]
    if manager == "uv" and others:
        raise InvalidInput(f"uv cannot install {others[0]!r}, which {name} asks for", hint="--env-manager conda")
    if manager != "conda" and not others:
        version = next((package for package in wanted.packages if get_name(package) == "python"), "")
        return Definition(
            "uv", _to_wanted(version.removeprefix("python").lstrip("= "), list(wanted.requirements), folder)
        )
    own = any(get_name(line) == PACKAGE for line in wanted.requirements)
    lines = tuple(line for line in wanted.requirements if get_name(line) != PACKAGE)
    return Definition("conda", conda=msgspec.structs.replace(wanted, requirements=lines, package=own))


def _read_python_file(folder: Path, name: str) -> Wanted:
    keys = read_document(folder / name).read_mapping(("python", "build_dependencies", "dependencies"))
    python = keys["python"].read_text() if "python" in keys and not keys["python"].is_empty else ""
    lines = [item.read_text() for item in keys["dependencies"].read_list()] if "dependencies" in keys else []
    return _to_wanted(python, lines, (folder / name).parent)


def _read_inline(folder: Path, entry: EntryPoint) -> Wanted | None:
    """Return what the script that an entry point runs says of itself within a comment."""
    script = _find_script(folder, entry)
    if script is None or script.stat().st_size > MAX_BYTES:
        return None
    found = _INLINE.search(script.read_text(encoding="utf-8", errors="replace"))
    if found is None:
        return None
    text = "\n".join(line[2:] if line.startswith("# ") else line[1:] for line in found["content"].splitlines())
    given = _parse_toml(text, f"the metadata in {script.name}")
    return _to_wanted(str(given.get("requires-python", "")), _list_texts(given, "dependencies", script.name), folder)


def _find_script(folder: Path, entry: EntryPoint) -> Path | None:
    """Return the one Python script that an entry point runs, where that can be told."""
    name = entry.script
    if not name:
        try:
            words = shlex.split(entry.command)
        except ValueError:
            return None
        if len(words) < 2 or not words[0].startswith("python"):
            return None
        name = words[1]
    path = folder / name
    return path if name.endswith(".py") and path.is_file() else None


def _read_project(folder: Path) -> Wanted | None:
    """Return the Python that a pyproject.toml asks for; None when it describes no project."""
    path = folder / PROJECT_FILE
    if not path.is_file():
        return None
    project = _parse_toml(path.read_text(encoding="utf-8", errors="replace"), PROJECT_FILE).get("project")
    if not isinstance(project, dict):
        return None
    own = any(get_name(line) == PACKAGE for line in _list_texts(project, "dependencies", PROJECT_FILE))
    python = str(project.get("requires-python", ""))
    if (folder / ".python-version").is_file():
        python = (folder / ".python-version").read_text(encoding="utf-8").strip().partition("\n")[0]
    return Wanted(python, (), trust=True, package=own, addresses=True)


def _lock_project(folder: Path, wanted: Wanted, cache: Path) -> Path:
    """Return the exact versions of what a pyproject.toml asks for: those of its uv.lock, when there is one."""
    python = choose_python(wanted.python)
    files = [path for name in (PROJECT_FILE, LOCK_FILE) if (path := folder / name).is_file()]
    asked = "\n".join([f"project\n{python}\n{sys.platform}", *(path.read_text(encoding="utf-8") for path in files)])

    def make() -> str:
        if len(files) == 2:
            return run([require_uv(), *_EXPORT, "--python", python], folder=folder)
        return run([require_uv(), *_COMPILE, "--python", python, PROJECT_FILE], folder=folder)

    return keep_lock(cache, asked, make)


def _find_own(folder: Path) -> str:
    """Return where the project's own packages are imported from: they are used as they are, and not installed."""
    source = folder / "src"
    return str(source if source.is_dir() else folder)


def _to_wanted(python: str, lines: list[str], folder: Path) -> Wanted:
    """Return what lines of requirements ask for, with files that they name read, and this package taken out.

    raises: InvalidInput
    """
    requirements: list[str] = []
    options: list[str] = []
    for line in _read_lines(lines, folder, [0]):
        words = line.split()
        name, equals, value = words[0].partition("=")
        if words[0] in _FLAGS:
            options += _FLAGS[words[0]]
        elif name in _OPTIONS and (equals or len(words) == 2):
            options += [_OPTIONS[name], _place(value if equals else words[1], folder, name)]
        elif words[0].startswith("-"):
            raise InvalidInput(
                f"{words[0][:80]!r} is no option that requirements of a project may hold: {line[:200]!r}"
            )
        elif words[0].startswith((".", "/", "~")) or line.startswith("file:"):
            raise InvalidInput(
                f"The requirement {line[:200]!r} is a path, whose content nobody would notice to change",
                hint="have the project's own code beside its scripts, or in src/ beside a pyproject.toml",
            )
        else:
            requirements.append(line)
    own = any(get_name(line) == PACKAGE for line in requirements)
    kept = tuple(line for line in requirements if get_name(line) != PACKAGE)
    return Wanted(python, kept, trust=True, package=own, addresses=True, options=tuple(options))


def _read_lines(lines: list[str], folder: Path, count: list[int]) -> Iterator[str]:
    """Yield requirements and options, with those of files that are named among them."""
    for given in "\n".join(lines).replace("\\\n", " ").splitlines():
        line = re.sub(r"(^|\s)#.*", "", given).strip()
        if not line:
            continue
        found = re.fullmatch(r"(-r|-c|--requirement|--constraint)(?:\s+|=)?(.+)", line)
        if found is None:
            yield re.sub(r"\s+--hash[= ]\S+", "", line)
            continue
        if found[1] in ("-c", "--constraint"):
            raise InvalidInput(
                f"Constraints are not taken: {line[:200]!r}", hint="put the versions into the requirements"
            )
        count[0] += 1
        path = (folder / found[2]).resolve()
        if count[0] > MAX_FILES or not path.is_relative_to(folder.resolve()) or not path.is_file():
            raise InvalidInput(
                f"{line[:200]!r} names no file of the project", hint=f"a path below it, {MAX_FILES} files at most"
            )
        yield from _read_lines([path.read_text(encoding="utf-8-sig", errors="replace")], path.parent, count)


def _place(value: str, folder: Path, option: str) -> str:
    """Return an option's value; a folder of links is below the project's."""
    if _OPTIONS[option] == "--find-links" and "://" not in value:
        return str((folder / value).resolve())
    return value


def _list_texts(table: dict[str, Any], key: str, file: str) -> list[str]:
    found = table.get(key, [])
    if not isinstance(found, list) or not all(isinstance(item, str) for item in found):
        raise InvalidInput(f"{file}: {key} must be a list of texts")
    return found


def _parse_toml(text: str, what: str) -> dict[str, Any]:
    import tomllib  # what a project without such a file need not wait for

    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InvalidInput(f"{what} cannot be read: {error}") from None


def _prepend_path(folder: Path) -> str:
    return f"{folder}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
