"""Projects in containers: images found or built, and the command that starts one with a job in it.

An engine is called by its command line: docker, or podman. Values reach the container as words and as variables by
their names, so that no secret is on the engine's command line.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from trackway.base.errors import InvalidInput, NotSupported, Unavailable
from trackway.projects.backends import Job, Surroundings
from trackway.projects.specification import DockerEnvironment
from trackway.sdk import settings
from trackway.sdk.connection import get_scheme

FOLDER: Final = "/mlflow/projects/code/"
"""Where the project is in a container, as for MLflow."""
ENGINES: Final = ("docker", "podman")
_IMAGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/:@-]{0,254}")
_OPTION = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*")
_FORWARDED = re.compile(r"(TRACKWAY|MLFLOW)_[A-Z0-9_]+|PYTHONHASHSEED|PYTHONUNBUFFERED")
_LOCAL: Final = ("TRACKWAY_CACHE_DIR", "TRACKWAY_JOURNAL_DIR")
"""Variables that name places of this machine."""


def make_image(docker: DockerEnvironment, folder: Path, options: Mapping[str, Any], *, build: bool) -> Surroundings:
    """Return an image that a project's command runs in, fetched when it is not here.

    options: of the engine's ``run``; True for a switch
    build:   make an image that holds the project, instead of mounting the project when it runs
    raises:  InvalidInput, NotSupported without an engine, Unavailable when the image cannot be had
    """
    if not _IMAGE.fullmatch(docker.image):
        raise InvalidInput(f"{docker.image[:100]!r} is no name of an image", hint="as python:3.11-slim")
    engine, image = find_engine(), docker.image
    if build:
        image = _build(engine, image, folder)
    found = _call(engine, "image", "inspect", "--format", "{{.Id}}", image)
    if found.returncode and not build:
        pulled = _call(engine, "pull", "--quiet", image)
        if pulled.returncode:
            raise Unavailable(f"The image {image} cannot be had: {pulled.stderr.strip()[-500:]}")
        found = _call(engine, "image", "inspect", "--format", "{{.Id}}", image)
    given = msgspec.structs.replace(docker, image=image, options=tuple(_list_options(options)), holds_project=build)
    digest = found.stdout.strip()
    return Surroundings(manager="docker", image=f"{image}@{digest}" if digest else image, docker=given)


def publish_image(base: str, folder: Path, repository: str, *, dry: bool = False) -> str:
    """Build an image with a project in it, push it, and return its address with its digest.

    dry:    only say what its address would be like
    raises: InvalidInput, NotSupported without an engine, Unavailable
    """
    for name in (base, repository):
        if not _IMAGE.fullmatch(name):
            raise InvalidInput(f"{name[:100]!r} is no name of an image", hint="as registry.example.org/team/project")
    if dry:
        return f"{repository}:trackway"
    engine = find_engine()
    built = _build(engine, base, folder)
    number = _call(engine, "image", "inspect", "--format", "{{.Id}}", built).stdout.strip().removeprefix("sha256:")
    address = f"{repository}:trackway-{number[:12]}"
    for words in (("tag", built, address), ("push", "--quiet", address)):
        done = _call(engine, *words)
        if done.returncode:
            raise Unavailable(
                f"The image {address} cannot be pushed: {done.stderr.strip()[-500:]}", hint=f"try `{engine} login`"
            )
    digests = _call(engine, "image", "inspect", "--format", "{{range .RepoDigests}}{{println .}}{{end}}", address)
    known = [line for line in digests.stdout.split() if line.startswith(f"{repository}@")]
    return known[0] if known else address


def find_engine() -> str:
    """Return the program that runs containers.

    raises: NotSupported when there is none; InvalidInput when another was chosen
    """
    chosen = settings.get("TRACKWAY_CONTAINER_ENGINE")
    if chosen and chosen not in ENGINES:
        raise InvalidInput(
            f"TRACKWAY_CONTAINER_ENGINE is {chosen[:40]!r}", hint=f"one of {', '.join(ENGINES)}, or nothing"
        )
    found = next((name for name in ((chosen,) if chosen else ENGINES) if shutil.which(name)), "")
    if not found:
        raise NotSupported(
            f"There is {f'no {chosen}' if chosen else 'neither docker nor podman'} on this machine",
            hint="or use --env-manager local",
        )
    return found


def wrap(job: Job) -> tuple[str, ...]:
    """Return the command that runs a job's command in a container of its own."""
    docker = job.surroundings.docker
    assert docker is not None
    names = {name for name in {*os.environ, *job.variables} if _FORWARDED.fullmatch(name) and name not in _LOCAL}
    names |= {name for name, value in docker.variables if value is None}
    volumes = list(docker.volumes) if docker.holds_project else [f"{job.folder}:{FOLDER}", *docker.volumes]
    store = job.variables.get("TRACKWAY_TRACKING_URI", "")
    if store and not get_scheme(store):
        volumes.append(f"{store}:{store}")
    # Removed afterwards, and not by the engine: with that, podman in Docker's place tells 0 as the status of a failure.
    words = [find_engine(), "run", "--init", f"--name={get_name(job)}", f"--workdir={FOLDER}"]
    words += [f"--volume={volume}" for volume in volumes]
    words += [f"--env={name}" for name in sorted(names)]
    words += [f"--env={name}={value}" for name, value in docker.variables if value is not None]
    return (*words, *docker.options, docker.image, *job.command)


def get_name(job: Job) -> str:
    """Return the name of a job's container."""
    return f"trackway-{job.run_id}"


def list_removal(job: Job) -> tuple[str, ...]:
    """Return the command that removes a job's container, when there is still one."""
    return (find_engine(), "rm", "--force", get_name(job))


def remove(job: Job) -> None:
    """Remove a job's container, when there is still one."""
    _call(*list_removal(job))


def _build(engine: str, base: str, folder: Path) -> str:
    name = f"trackway-project-{hashlib.sha256(f'{base} {folder}'.encode()).hexdigest()[:16]}:latest"
    with tempfile.TemporaryDirectory(prefix="trackway-image-") as scratch:
        file = Path(scratch) / "Dockerfile"
        file.write_text(f"FROM {base}\nCOPY . {FOLDER}\nWORKDIR {FOLDER}\n", encoding="utf-8")
        done = _call(engine, "build", "--quiet", f"--tag={name}", f"--file={file}", str(folder))
    if done.returncode:
        raise Unavailable(f"The image of the project cannot be built: {done.stderr.strip()[-1000:]}")
    return name


def _list_options(options: Mapping[str, Any]) -> list[str]:
    words = []
    for name, value in options.items():
        if not _OPTION.fullmatch(name):
            raise InvalidInput(f"{name[:100]!r} is no option of `docker run`", hint="as -A memory=2g, or -A privileged")
        dashes = "-" if len(name) == 1 else "--"
        words += [f"{dashes}{name}"] if value is True else [f"{dashes}{name}", str(value)]
    return words


def _call(engine: str, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([engine, *words], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
