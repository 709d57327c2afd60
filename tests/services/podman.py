"""Podman set up so that it runs within a container too, with an image of Debian that comes from no registry."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

BASE: Final = "localhost/local/python:3.11"
CONTAINERS: Final = """[containers]
default_ulimits=["nofile=1024:1024","nproc=1024:1024"]
[engine]
runtime="runc"
cgroup_manager="cgroupfs"
events_logger="file"
"""
"""What podman needs where it runs inside of a container itself."""


class Podman(NamedTuple):
    """A podman of a test's own.

    variables: by which it is found, and what it keeps
    image:     Debian with its Python, as ``python3``
    """

    variables: dict[str, str]
    image: str
    folder: Path


@contextmanager
def run_podman() -> Iterator[Podman]:
    """Have podman keep all in a folder, with an image; all of it is removed at the end."""
    # Podman starts itself anew when a container ends, and then refuses a runroot of more than 50 characters.
    with tempfile.TemporaryDirectory(prefix="podman-", dir="/tmp") as name, _fill(Path(name)) as podman:
        yield podman


@contextmanager
def _fill(folder: Path) -> Iterator[Podman]:
    (folder / "containers.conf").write_text(CONTAINERS)
    store = f'[storage]\ndriver="overlay"\ngraphroot="{folder}/store"\nrunroot="{folder}/run"\n'
    (folder / "storage.conf").write_text(store)
    variables = {
        "CONTAINERS_CONF": str(folder / "containers.conf"),
        "CONTAINERS_STORAGE_CONF": str(folder / "storage.conf"),
    }
    root, archive = folder / "root", folder / "root.tar"
    command = [
        "debootstrap",
        "--variant=minbase",
        "--include=python3,python3-venv",
        "bookworm",
        str(root),
        _find_mirror(),
    ]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, timeout=1_800)
    subprocess.run(["tar", "-C", str(root), "-cf", str(archive), "."], check=True)
    _call(variables, "import", str(archive), "local/python:3.11")
    archive.unlink()
    shutil.rmtree(root)
    try:
        yield Podman(variables, BASE, folder)
    finally:
        _call(variables, "rm", "--all", "--force", check=False)
        _call(variables, "rmi", "--all", "--force", check=False)
        subprocess.run(["umount", str(folder / "store" / "overlay")], check=False, stderr=subprocess.DEVNULL)


@contextmanager
def serve_docker(podman: Podman) -> Iterator[str]:
    """Have podman answer as Docker's service does; yields the value of ``DOCKER_HOST``."""
    socket = podman.folder / "docker.sock"
    command = ["podman", "system", "service", "--time=0", f"unix://{socket}"]
    with subprocess.Popen(command, env=_join(podman.variables)) as service:
        try:
            deadline_s = time.monotonic() + 60
            while not socket.exists():
                assert service.poll() is None
                assert time.monotonic() < deadline_s
                time.sleep(0.05)
            yield f"unix://{socket}"
        finally:
            service.terminate()


def _find_mirror() -> str:
    """Return where this machine has Debian's packages from."""
    return next(
        line.split()[-1]
        for path in sorted(Path("/etc/apt").glob("sources.list*/*.sources"))
        for line in path.read_text().splitlines()
        if line.startswith("URIs:")
    )


def _call(variables: dict[str, str], *words: str, check: bool = True) -> None:
    subprocess.run(["podman", *words], env=_join(variables), check=check, timeout=600, stdout=subprocess.DEVNULL)


def _join(variables: dict[str, str]) -> dict[str, str]:
    return {**os.environ, **variables}
