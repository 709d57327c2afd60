"""What carries a project's command out: one small protocol, found by name.

Foreign backends declare an entry point in the group ``trackway.project_backends``: a class, or a function, that makes a
``Backend`` without arguments. ``trackway.testing.backends`` has the suite that each must pass.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol, runtime_checkable

import msgspec

from trackway.base import plugins
from trackway.projects.specification import DockerEnvironment, EntryPoint, Specification

GROUP = "project_backends"
Stream = Literal["stdout", "stderr"]
Sink = Callable[[Stream, bytes], None]
"""Takes what a job writes, in its order, from any thread; all of it has been handed over when ``wait`` returns."""
JobStatus = Literal["PENDING", "RUNNING", "FINISHED", "FAILED", "KILLED"]

plugins.register(GROUP, "kubernetes", "trackway.projects.kubernetes:KubernetesBackend")
plugins.register(GROUP, "local", "trackway.projects.local:LocalBackend")
plugins.register(GROUP, "ray", "trackway.projects.ray:RayBackend")
plugins.register(GROUP, "slurm", "trackway.projects.slurm:SlurmBackend")
plugins.register(GROUP, "spark", "trackway.projects.spark:SparkBackend")


class Surroundings(msgspec.Struct, frozen=True, kw_only=True):
    """What a job's command runs in, as the launcher made or described it.

    manager:   ``local``, ``uv``, ``conda`` or ``docker``
    digest:    of what defines it; empty for ``local``
    python:    interpreter of it, where there is one on this machine
    lock:      exact versions of its packages, as the manager writes them
    variables: that it needs, beside those of the job
    image:     of a container, and its digest
    docker:    how containers of it are started
    """

    manager: str = "local"
    digest: str = ""
    python: Path | None = None
    lock: str = ""
    variables: Mapping[str, str] = {}
    image: str = ""
    docker: DockerEnvironment | None = None


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """One launch of one entry point.

    command:      words; the first is a program
    parameters:   of the entry point, which the command holds already
    folder:       of the project, in which the command runs
    variables:    to be set for it, beside what the backend's machines have
    surroundings: environment that it runs in
    config:       what the user gave the backend (``--backend-config``)
    """

    run_id: str
    experiment_id: str = ""
    entry_point: str = "main"
    name: str = ""
    command: tuple[str, ...]
    parameters: Mapping[str, str] = {}
    folder: Path
    variables: Mapping[str, str] = {}
    surroundings: Surroundings = Surroundings()
    config: Mapping[str, Any] = {}


class Outcome(msgspec.Struct, frozen=True):
    """How a job ended.

    status:    FINISHED, FAILED or KILLED (cancelled)
    exit_code: of its command; negative for the number of a signal; None when it is not known
    reason:    in words, when it did not finish
    """

    status: JobStatus
    exit_code: int | None = None
    reason: str = ""


class Handle(Protocol):
    """A job that was submitted. Any thread may call."""

    job_id: str
    """What the backend calls it: a process id, a job's number, a name."""

    def wait(self, timeout_s: float = math.inf) -> Outcome | None:
        """Wait until it has ended, and return how; None when it has not in time."""

    def get_status(self) -> JobStatus:
        """Return its present state."""

    def cancel(self) -> None:
        """End it, with all that it started; do nothing when it has ended. It has ended when this returns."""


class WatchedHandle:
    """What handles share whose jobs are watched by a thread: it notes the state, and how the job ended.

    status: before the thread has noted another
    """

    def __init__(self, status: JobStatus = "PENDING") -> None:
        self._status = status
        self._outcome: Outcome | None = None
        self._ended = threading.Event()

    def wait(self, timeout_s: float = math.inf) -> Outcome | None:
        self._ended.wait(None if timeout_s == math.inf else timeout_s)
        return self._outcome

    def get_status(self) -> JobStatus:
        return self._status

    def cancel(self) -> None:
        if not self._ended.is_set():
            self._stop()
            self._ended.wait()

    def _stop(self) -> None:
        """Have the job ended."""
        raise NotImplementedError

    def _conclude(self, outcome: Outcome) -> None:
        """Note how the job ended: whoever waits goes on."""
        self._outcome, self._status = outcome, outcome.status
        self._ended.set()


class Backend(Protocol):
    """Carries jobs out."""

    name: str

    def check(self, config: Mapping[str, Any]) -> None:
        """Look at a configuration before anything is made.

        raises: InvalidInput for what it does not know; NotSupported when it cannot work here
        """

    def submit(self, job: Job, sink: Sink) -> Handle:
        """Start a job and return at once.

        raises: InvalidInput, NotFound or NotSupported when it cannot be started, Unavailable
        """


class Versions(msgspec.Struct, frozen=True, kw_only=True):
    """The exact versions that an environment had.

    python:   version
    lock:     of a project's packages, as uv writes them; empty when none was kept
    packages: versions by name, which count when there is no lock
    """

    python: str = ""
    lock: str = ""
    packages: Mapping[str, str] = {}


class Need(NamedTuple):
    """What the user asked for.

    manager: of environments; empty for the one that fits what defines the environment
    docker_args, build_image: for a project in a container, see ``containers``
    versions: that uv is to install, whatever the project asks for
    """

    manager: str = ""
    docker_args: Mapping[str, Any] = {}
    build_image: bool = False
    versions: Versions | None = None


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What an environment is made for.

    config: of the backend
    dry:    only say what it would be: nothing is built or sent
    """

    specification: Specification
    entry: EntryPoint
    need: Need = Need()
    config: Mapping[str, Any] = {}
    dry: bool = False


@runtime_checkable
class RemoteBackend(Backend, Protocol):
    """A backend whose machines have neither the environments nor the images of this one, and that brings them there."""

    def surround(self, asked: Asked) -> Surroundings:
        """Return what an entry point's command is to run in, before anything is recorded.

        raises: InvalidInput, NotSupported, Unavailable
        """


@runtime_checkable
class PreviewingBackend(Backend, Protocol):
    """A backend that can say what it would do (``--dry-run``)."""

    def preview(self, job: Job) -> str:
        """Return what would be carried out or handed over, without secrets: a command, a script, a manifest."""


def load_backend(name: str) -> Backend:
    """Return the backend of a name.

    raises: InvalidInput naming those that there are
    """
    backend: Backend = plugins.load(GROUP, name)()
    return backend
