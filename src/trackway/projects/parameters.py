"""Values of an entry point's parameters: what was given or is the default, checked by type, and made ready."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import unquote, urlsplit

from trackway.base.errors import InvalidInput, NotFound, TrackwayError, Unavailable
from trackway.projects.specification import EntryPoint, Parameter
from trackway.sdk.artifacts import download, resolve_uri
from trackway.sdk.client import Client
from trackway.sdk.connection import get_scheme

_FLOAT = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?|[+-]?(inf|infinity|nan)", re.ASCII | re.IGNORECASE)
_INT = re.compile(r"[+-]?\d+", re.ASCII)
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:[^\s\x00-\x1f]+")
_STORED: Final = ("runs", "models", "mlflow-artifacts")
"""Schemes of what the store holds."""
TIMEOUT_S: Final = 60.0


class Values(NamedTuple):
    """The values of one launch.

    declared: of the entry point's parameters, as the command gets them
    extra:    of others that were given, which are appended
    inputs:   local files and folders among them, by parameter
    given:    what it takes to have the same values again, from any folder: defaults are left out
    """

    declared: dict[str, str]
    extra: dict[str, str]
    inputs: dict[str, Path]
    given: dict[str, str]

    def list_all(self) -> dict[str, str]:
        """Return all by name."""
        return {**self.declared, **self.extra}


def resolve_values(entry: EntryPoint, given: Mapping[str, Any], project: Path, storage: Path) -> Values:
    """Return the values of an entry point's parameters.

    given:   by name; values are taken as texts
    project: its folder: paths that are defaults are below it, those that are given are below the working directory
    storage: folder for what must be fetched, made when it is needed
    raises:  InvalidInput for what is missing or not of its type; NotFound for a path that is not there; Unavailable
    """
    texts = {str(name): str(value) for name, value in given.items()}
    missing = [p.name for p in entry.parameters if p.default is None and p.name not in texts]
    if missing:
        raise InvalidInput(
            f"No value was given for {', '.join(missing)}",
            hint=f"as in -P {missing[0]}=VALUE: the entry point {entry.name!r} has no default for it",
        )
    declared: dict[str, str] = {}
    inputs: dict[str, Path] = {}
    again = dict(texts)
    for number, parameter in enumerate(entry.parameters):
        text = texts.pop(parameter.name, None)
        below = project if text is None else Path.cwd()
        value = (parameter.default or "") if text is None else text
        if parameter.kind == "path":
            inputs[parameter.name] = _find_path(parameter, value, below, storage / f"param_{number}")
            value = str(inputs[parameter.name])
            if text is not None and not get_scheme(text):
                again[parameter.name] = value
        declared[parameter.name] = _check(parameter, value)
    return Values(declared, texts, inputs, again)


def _check(parameter: Parameter, value: str) -> str:
    """Return a value that is of its parameter's type."""
    form, what = {
        "float": (_FLOAT, "a number"),
        "int": (_INT, "a whole number"),
        "uri": (_URI, "an address, as s3://bucket/name"),
    }.get(parameter.kind, (None, ""))
    if form is not None and not form.fullmatch(value):
        raise InvalidInput(f"The value {value[:100]!r} of {parameter.name!r} is not {what}")
    return value


def _find_path(parameter: Parameter, value: str, below: Path, target: Path) -> Path:
    """Return the absolute path of a local file or folder, fetching what is elsewhere."""
    scheme = get_scheme(value)
    if scheme == "file":
        place = Path(unquote(urlsplit(value).path))
    elif scheme:
        return _fetch(parameter.name, value, scheme, target)
    else:
        place = below / value
    if not value or "\0" in value or not place.exists():
        raise NotFound(f"There is no file or folder {value[:200]!r}, the value of {parameter.name!r}")
    return place.absolute()


def _fetch(name: str, uri: str, scheme: str, target: Path) -> Path:
    """Bring what is at an address here, into a folder of its own."""
    target.mkdir(parents=True, exist_ok=True)
    try:
        if scheme in _STORED:
            client = Client()
            return Path(download(client, *resolve_uri(client, uri), target))
        if scheme in ("http", "https"):
            return _download(uri, target)
    except TrackwayError as error:
        raise type(error)(f"The value of {name!r} cannot be fetched: {error.message}", hint=error.hint) from error
    raise InvalidInput(
        f"The value {uri[:200]!r} of {name!r} is at no place that is fetched from",
        hint="a local path, http(s)://, runs:/ or models:/; with the type uri, the program gets the address itself",
    )


def _download(uri: str, target: Path) -> Path:
    import urllib.error  # what every start of a project would wait for, and few need
    import urllib.request

    path = target / (Path(unquote(urlsplit(uri).path)).name or "download")
    try:
        with urllib.request.urlopen(uri, timeout=TIMEOUT_S) as answer, path.open("wb") as file:  # noqa: S310 - http(s)
            shutil.copyfileobj(answer, file, 2**20)
    except (urllib.error.URLError, OSError, ValueError) as error:
        path.unlink(missing_ok=True)
        raise Unavailable(f"{uri[:200]} cannot be read: {error}") from error
    return path
