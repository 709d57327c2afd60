"""Container images that serve a model: a folder that an engine builds, with all that the image will hold.

The folder holds the model, exact versions with digests of what it needs, this package as it runs here, and a Dockerfile
of steps in exec form, in which no text of the model's stands. So the same folder gives the same image wherever it is
built, and what is in a model's records can neither become a step nor a command.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from trackway.base.errors import AlreadyExists, InvalidInput, NotSupported, Unavailable
from trackway.environments import Wanted, copy_package, get_name, lock_with_uv
from trackway.models.environment import Environment
from trackway.models.manifest import list_files
from trackway.models.package import check_model, read_needs
from trackway.models.trust import refuse_pickles
from trackway.sdk.model_environments import get_environments
from trackway.sdk.model_files import fetch_model
from trackway.serving.settings import PREFIX, SETTINGS

ENGINES: Final = ("docker", "podman", "buildah")
PORT: Final = 8080
MODEL: Final = "/image/model"
USER: Final = "10001:10001"
"""A number, so that a base image needs no such account."""
_NAME = re.compile(r"[a-z0-9]+([._/:-]+[a-z0-9]+)*")
_BASE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/:@-]{0,254}")
_VALUE = re.compile(r"[\x20-\x7e]{0,4096}")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,254}")
_SYSTEM: Final = {"lightgbm": "libgomp1"}
"""Packages of Debian that wheels need and do not bring along."""
_CHECK: Final = f"import urllib.request as r; r.urlopen('http://127.0.0.1:{PORT}/ping', timeout=5)"


class Image(msgspec.Struct, frozen=True, kw_only=True):
    """What an image is made of.

    base:      image with Python, of the model's version; empty for Python's own slim one
    variables: set in the image: settings of the server (``TRACKWAY_SERVE_WORKERS``), or what the model reads
    wheels:    folder of wheels to install from instead of an index, for a build without one; None for an index
    trust:     whether the model may run code of its own, and its packages may be built from source
    """

    base: str = ""
    variables: Mapping[str, str] = {}
    wheels: Path | None = None
    trust: bool = False


def write_context(model: Path, target: Path, image: Image, cache: Path) -> None:
    """Write the folder that an engine builds the image of a model from.

    model:  a model's folder
    target: where nothing is yet, or an empty folder
    cache:  folder for lists of exact versions
    raises: AlreadyExists, InvalidInput, Corrupt, NotSupported without uv; nothing is left behind then
    """
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise AlreadyExists(f"There is something at {target} already", hint="write to another folder")
    check_model(model)
    refuse_pickles(model, list_files(model), trust=image.trust)
    needs = read_needs(model)
    text = _write_dockerfile(image, needs)
    system = f"{platform.machine()}-unknown-linux-gnu"
    lock = lock_with_uv(Wanted(needs.python, needs.requirements, image.trust), cache, system)
    draft = target.with_name(f".{target.name}.part")
    shutil.rmtree(draft, ignore_errors=True)
    try:
        draft.mkdir(parents=True)
        shutil.copytree(model, draft / "model", ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copyfile(lock, draft / "requirements.txt")
        (draft / "package").mkdir()
        copy_package(draft / "package")
        if image.wheels is not None:
            _copy_wheels(image.wheels, draft / "wheels")
        (draft / "Dockerfile").write_text(text, encoding="utf-8")
        _open_to_all(draft)
        if target.exists():
            target.rmdir()
        draft.rename(target)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise


def make_image(model: str, image: Image, name: str = "", output: Path | None = None, engine: str = "") -> str:
    """Build the image of a model, or write the folder that it is built from, or both.

    model:   address of the model
    name:    what to call the image; empty to build none
    output:  folder to write and keep; one that is temporary when left out
    engine:  program that builds; the first that is here when left out
    returns: the program that built it, an empty text when none did
    raises:  InvalidInput when neither is wanted; what ``write_context``, ``find_engine`` and ``build`` raise
    """
    if not name and output is None:
        raise InvalidInput("Neither a name for the image nor a folder was given", hint="give -n churn:3, or -o DIR")
    if name:
        check_name(name)
        engine = find_engine(engine)
    folder = fetch_model(model)
    with tempfile.TemporaryDirectory(prefix="trackway-image-") as scratch:
        target = (output or Path(scratch) / "image").absolute()
        write_context(folder, target, image, get_environments())
        if name:
            build(target, name, engine)
    return engine if name else ""


def build_docker(
    model_uri: str | os.PathLike[str] | None = None,
    name: str = "mlflow-pyfunc",
    env_manager: str | None = None,
    base_image: str | None = None,
    *,
    trust: bool = False,
    **other: Any,
) -> None:
    """Build a container image that serves a model, under the name that scripts written for MLflow use.

    env_manager: taken for compatibility, but for conda: an image has the exact versions that uv finds
    other:       ``mlflow_home``, ``install_java``, ``install_mlflow``: not for images that are made here, unless false
    trust:       whether the model may run code of its own
    raises:      NotSupported for an image without a model, or with what is not put into one; what ``make_image`` raises
    """
    if model_uri is None:
        raise NotSupported("An image holds its model", hint="give model_uri")
    if env_manager == "conda":
        raise NotSupported("An image holds no environment of conda's", hint="leave env_manager out")
    if unmet := sorted(option for option, value in other.items() if value):
        raise NotSupported(
            f"An image is built without {unmet[0]}", hint="base_image may name one that has what is needed"
        )
    make_image(os.fspath(model_uri), Image(base=base_image or "", trust=trust), name)


def find_engine(wanted: str = "") -> str:
    """Return the program that builds images: the one wanted, or the first that is on this machine.

    raises: NotSupported when there is none
    """
    for name in (wanted,) if wanted else ENGINES:
        if shutil.which(name):
            return name
    raise NotSupported(
        f"There is no {wanted or 'docker, podman or buildah'} on this machine",
        hint="give --output DIR, and build that folder where there is one",
    )


def build(folder: Path, name: str, engine: str) -> None:
    """Build an image of a folder; the engine tells on standard error how far it is.

    name:   what to call it, such as ``churn:3``
    raises: InvalidInput for a name that cannot be, Unavailable when the engine fails
    """
    check_name(name)
    form = [] if engine == "docker" else ["--format", "docker"]  # the other has no health check
    done = subprocess.run([engine, "build", *form, "--tag", name, str(folder)], check=False, stdout=sys.stderr)
    if done.returncode:
        raise Unavailable(f"{engine} could not build the image (it ended with {done.returncode})")


def describe_start(name: str, engine: str) -> Sequence[str]:
    """Return the command that starts a container of an image."""
    return (engine if engine != "buildah" else "podman", "run", "--rm", "--publish", f"127.0.0.1:5001:{PORT}", name)


def check_name(name: str) -> None:
    """Refuse what is no name of an image.

    raises: InvalidInput
    """
    if len(name) > 255 or not _NAME.fullmatch(name):
        raise InvalidInput(
            f"{name[:100]!r} is no name of an image", hint="lower-case letters, digits, . _ - / and :tag, as churn:3"
        )


def _write_dockerfile(image: Image, needs: Environment) -> str:
    wheels = image.wheels is not None
    system = sorted({_SYSTEM[name] for line in needs.requirements if (name := get_name(line)) in _SYSTEM})
    source = ["--no-index", "--find-links", "/image/wheels"] if wheels else []
    built = [] if image.trust else ["--only-binary", ":all:"]
    install = ["-m", "pip", "install", "--no-cache-dir", "--disable-pip-version-check", "--require-hashes"]
    lines = [
        f"FROM {_check_base(image.base) or f'python:{_cut(needs.python)}-slim'}",
        *(
            [f"RUN {_exec('apt-get', 'update')}", f"RUN {_exec('apt-get', 'install', '--yes', *system)}"]
            if system
            else []
        ),
        "COPY requirements.txt /image/requirements.txt",
        *(["COPY wheels /image/wheels"] if wheels else []),
        f"RUN {_exec('python3', '-m', 'venv', '/image/python')}",
        f"RUN {_exec('/image/python/bin/python', *install, *source, *built, '-r', '/image/requirements.txt')}",
        "COPY package /image/package",
        f"COPY model {MODEL}",
        "ENV " + " \\\n    ".join(f"{name}={_quote(value)}" for name, value in _list_variables(image).items()),
        f"USER {USER}",
        f"EXPOSE {PORT}",
        f"HEALTHCHECK --start-period=60s CMD {_exec('/image/python/bin/python', '-c', _CHECK)}",
        "STOPSIGNAL SIGTERM",
        f"ENTRYPOINT {_exec('/image/python/bin/python', '-m', 'trackway', 'models', 'serve')}",
    ]
    return "\n".join(lines) + "\n"


def _list_variables(image: Image) -> dict[str, str]:
    """Return the image's variables: the server's own, which may be set otherwise but for where the model is.

    raises: InvalidInput for a name or a value that cannot be
    """
    fixed = {
        f"{PREFIX}MODEL": MODEL,
        f"{PREFIX}PORT": str(PORT),
        f"{PREFIX}HOST": "0.0.0.0",  # noqa: S104 - whoever starts the container says who reaches its port
        f"{PREFIX}INSECURE_OPEN": "true",
    }
    known = {setting.variable for setting in SETTINGS}
    for name, value in image.variables.items():
        if not _VARIABLE.fullmatch(name) or name in fixed or (name.startswith(PREFIX) and name not in known):
            raise InvalidInput(f"{name[:100]!r} is no variable to set", hint="NAME=VALUE, and the model's place is set")
        if not _VALUE.fullmatch(value):
            raise InvalidInput(f"The value of {name} is not one line of printable ASCII")
    own = {
        "PYTHONPATH": "/image/package",
        "PYTHONUNBUFFERED": "1",
        "HOME": "/tmp",  # noqa: S108 - what a library keeps; the container's own
        f"{PREFIX}ALLOWED_HOSTS": "*",
        **({f"{PREFIX}TRUST": "true"} if image.trust else {}),
    }
    return {**own, **image.variables, **fixed}


def _check_base(base: str) -> str:
    if base and not _BASE.fullmatch(base):
        raise InvalidInput(f"{base[:100]!r} is no name of an image", hint="as python:3.11-slim")
    return base


def _cut(python: str) -> str:
    """Return the first two numbers of a version, of the Python that runs when the model does not say."""
    numbers = (python or platform.python_version()).split(".")[:2]
    if len(numbers) != 2 or not all(number.isdigit() for number in numbers):
        raise InvalidInput(f"{python[:40]!r} is no version of Python", hint="give a base image")
    return ".".join(numbers)


def _copy_wheels(source: Path, target: Path) -> None:
    wheels = sorted(source.glob("*.whl")) if source.is_dir() else []
    if not wheels:
        raise InvalidInput(f"There are no wheels in {source}", hint="pip download -r requirements.txt -d DIR fills it")
    target.mkdir()
    for wheel in wheels:
        shutil.copyfile(wheel, target / wheel.name)


def _open_to_all(folder: Path) -> None:
    """Let the image's user, who owns nothing of it, read what was copied from a cache that is private."""
    folder.chmod(0o755)
    for path in folder.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)


def _exec(*words: str) -> str:
    return msgspec.json.encode(words).decode()


def _quote(value: str) -> str:
    """Return a value as ENV takes it, in which nothing is replaced."""
    escaped = "".join(f"\\{char}" if char in '\\"$' else char for char in value)
    return f'"{escaped}"'
