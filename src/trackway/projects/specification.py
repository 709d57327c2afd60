"""What a project says of itself: the file ``MLproject``, or, without one, what can be told from its folder.

The format is MLflow's; docs/formats/mlproject.md has it in full. The file's name may be written in any case.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Literal

import msgspec

from trackway.base.errors import InvalidInput, NotFound, NotSupported
from trackway.projects.document import Value, read_document

FILE: Final = "MLproject"
MAIN: Final = "main"
Kind = Literal["string", "float", "int", "path", "uri"]
_KINDS: Final[Mapping[str, Kind]] = {
    **dict.fromkeys(("string", "str", "bool", "boolean"), "string"),
    **dict.fromkeys(("float", "double", "number"), "float"),
    **dict.fromkeys(("int", "integer"), "int"),
    "path": "path",
    "uri": "uri",
}
"""Types of parameters by the words for them."""
_KEYS: Final = ("name", "steps", "conda_env", "python_env", "docker_env", "entry_points", "databricks_spark_job")
_ENVIRONMENTS: Final = ("conda_env", "python_env", "docker_env")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SCRIPTS: Final = {".py": "python", ".sh": "bash", ".r": "Rscript"}
"""Programs that run files, by the end of their names in lower case."""


class Parameter(msgspec.Struct, frozen=True):
    """A parameter of an entry point; without a default, a value must be given."""

    name: str
    kind: Kind = "string"
    default: str | None = None


class EntryPoint(msgspec.Struct, frozen=True):
    """A command with parameters.

    command: as in the file, with ``{name}`` for the value of a parameter; empty for a script that is run as it is
    script:  path of a file to run, below the project, instead of a command
    place:   of the command in the file: its name, line and column
    """

    name: str
    parameters: tuple[Parameter, ...] = ()
    command: str = ""
    script: str = ""
    place: str = ""


class DockerEnvironment(msgspec.Struct, frozen=True):
    """An image that a project runs in.

    volumes:   as ``docker run --volume`` takes them
    variables: names of variables that are handed on, or set to the value beside them
    options:   more of ``docker run``, as the user gave them
    holds_project: whether the image was built with the project in it
    """

    image: str
    volumes: tuple[str, ...] = ()
    variables: tuple[tuple[str, str | None], ...] = ()
    options: tuple[str, ...] = ()
    holds_project: bool = False


class Specification(msgspec.Struct, frozen=True):
    """A project's description.

    file:         path of the file that it was read from; None when there is none
    conda_file:   path below the project of a file of conda's
    python_file:  path below the project of a ``python_env.yaml``
    """

    folder: Path
    file: Path | None = None
    name: str = ""
    conda_file: str = ""
    python_file: str = ""
    docker: DockerEnvironment | None = None
    entry_points: Mapping[str, EntryPoint] = {}

    def get_entry_point(self, name: str) -> EntryPoint:
        """Return an entry point: one of the file's, or a script of the project by its path.

        raises: NotFound naming those that there are
        """
        found = self.entry_points.get(name)
        if found is None and self._is_script(name):
            found = EntryPoint(name=name, script=name)
        if found is None:
            hint = (
                f"there are {', '.join(self.entry_points)}" if self.entry_points else "name a .py, .sh or .R file of it"
            )
            raise NotFound(f"The project has no entry point {name[:100]!r}", hint=hint)
        return found

    def _is_script(self, name: str) -> bool:
        path = Path(name)
        if path.suffix.lower() not in _SCRIPTS or path.is_absolute() or ".." in path.parts or "\0" in name:
            return False
        return (self.folder / path).is_file()


def get_interpreter(script: str) -> str:
    """Return the program that runs a script."""
    return _SCRIPTS[Path(script).suffix.lower()]


def read_specification(folder: Path) -> Specification:
    """Read what a project's folder says of it.

    raises: NotFound when there is no such folder; InvalidInput, with line and column, for what is wrong in the file
    """
    if not folder.is_dir():
        raise NotFound(f"There is no folder {folder}", hint="name a project's folder, or a repository's address")
    file = _find_file(folder)
    if file is None:
        return Specification(folder)
    keys = read_document(file).read_mapping(_KEYS)
    if spark := keys.get("databricks_spark_job"):
        error = spark.fail("jobs of Databricks are not run here")
        raise NotSupported(error.message, hint="write an entry point with a command")
    _check_one_environment(keys)
    return Specification(
        folder=folder,
        file=file,
        name=keys["name"].read_text() if "name" in keys and not keys["name"].is_empty else "",
        conda_file=_read_path(keys.get("conda_env"), folder),
        python_file=_read_path(keys.get("python_env"), folder),
        docker=_read_docker(keys["docker_env"]) if "docker_env" in keys else None,
        entry_points=_read_entry_points(keys.get("entry_points")),
    )


def _find_file(folder: Path) -> Path | None:
    """Return the project's file, whatever the case of its name.

    raises: InvalidInput when there are two
    """
    found = sorted(path for path in folder.iterdir() if path.name.lower() == FILE.lower() and path.is_file())
    if len(found) > 1:
        raise InvalidInput(f"There are both {found[0].name} and {found[1].name} in {folder}", hint="keep one")
    return found[0] if found else None


def _check_one_environment(keys: Mapping[str, Value]) -> None:
    given = [name for name in keys if name in _ENVIRONMENTS]
    if len(given) > 1:
        raise keys[given[1]].fail(
            f"There are both {given[0]} and {given[1]}", "a project has one environment: keep one"
        )


def _read_path(value: Value | None, folder: Path) -> str:
    """Return the path of a file of the project."""
    if value is None:
        return ""
    text = value.read_text()
    path = Path(text)
    if path.is_absolute() or ".." in path.parts or not (folder / path).resolve().is_relative_to(folder.resolve()):
        raise value.fail(
            f"{text[:200]!r} leads out of the project", "name a file by its path below the project's folder"
        )
    if not (folder / path).is_file():
        raise value.fail(f"there is no file {text[:200]!r} in the project")
    return path.as_posix()


def _read_docker(value: Value) -> DockerEnvironment:
    keys = value.read_mapping(("image", "volumes", "environment"))
    if "image" not in keys:
        raise value.fail("docker_env has no image", "write `image: NAME` below it")
    volumes = [item.read_text() for item in keys["volumes"].read_list()] if "volumes" in keys else []
    variables = [_read_variable(item) for item in keys["environment"].read_list()] if "environment" in keys else []
    return DockerEnvironment(keys["image"].read_text(), tuple(volumes), tuple(variables))


def _read_variable(value: Value) -> tuple[str, str | None]:
    """Return a variable's name, and its value when one is given."""
    parts = [item.read_text() for item in value.read_list()] if value.is_list else [value.read_text()]
    if len(parts) not in (1, 2) or (len(parts) == 1 and value.is_list):
        raise value.fail("a variable is a name, or a list of name and value", 'as NAME, or ["NAME", "value"]')
    if not _VARIABLE.fullmatch(parts[0]):
        raise value.fail(f"{parts[0][:100]!r} is no name of a variable", "letters, digits and _")
    return parts[0], parts[1] if len(parts) == 2 else None


def _read_entry_points(value: Value | None) -> dict[str, EntryPoint]:
    if value is None:
        return {}
    return {name: _read_entry_point(name, one) for name, one in value.read_mapping().items()}


def _read_entry_point(name: str, value: Value) -> EntryPoint:
    if not value.is_mapping:
        raise value.fail(f"the entry point {name!r} has no command", "write `command: ...` below it")
    keys = value.read_mapping(("parameters", "command"))
    if "command" not in keys:
        raise value.fail(f"the entry point {name!r} has no command", "write `command: ...` below it")
    command = keys["command"].read_text()
    if not command.strip():
        raise keys["command"].fail(f"the command of {name!r} is empty")
    parameters = []
    for key, one in keys["parameters"].read_mapping().items() if "parameters" in keys else ():
        if not _NAME.fullmatch(key):
            raise one.fail(f"{key[:100]!r} is no name of a parameter", "letters, digits, _ . and -, a letter first")
        parameters.append(_read_parameter(key, one))
    return EntryPoint(name, tuple(parameters), command, place=keys["command"].place)


def _read_parameter(name: str, value: Value) -> Parameter:
    if not value.is_mapping:
        return Parameter(name, "string" if value.is_empty else _read_kind(value))
    keys = value.read_mapping(("type", "default"))
    kind = _read_kind(keys["type"]) if "type" in keys else "string"
    default = keys.get("default")
    return Parameter(name, kind, None if default is None or default.is_empty else default.read_text())


def _read_kind(value: Value) -> Kind:
    word = value.read_text()
    if word.lower() not in _KINDS:
        raise value.fail(f"{word[:100]!r} is no type of a parameter", "one of string, float, int, path, uri")
    return _KINDS[word.lower()]
