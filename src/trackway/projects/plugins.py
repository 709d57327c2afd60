"""Backends of projects that others bring: ours by entry point, and plug-ins for MLflow's projects.

A plug-in for MLflow (entry point group ``mlflow.project_backend``) takes a whole launch: it makes the environment, the
command, and a run of its own by MLflow's client. That run becomes a child of ours.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Mapping
from typing import Any, Final

from trackway.api import operations as ops
from trackway.api.runs import TAG_PARENT, TERMINAL, UpdateRun
from trackway.base import plugins
from trackway.base.clock import now_ms
from trackway.base.errors import ExecutionFailed, InvalidInput, NotSupported, TrackwayError
from trackway.projects.backends import (
    GROUP,
    Asked,
    Backend,
    Job,
    JobStatus,
    Outcome,
    Sink,
    Surroundings,
    WatchedHandle,
    load_backend,
)
from trackway.sdk.client import Client
from trackway.sdk.connection import get_tracking_uri, is_local
from trackway.sdk.problems import PROBLEMS

MLFLOW_GROUP: Final = "mlflow.project_backend"
_NUMBERED: Final[Mapping[int, str]] = {1: "RUNNING", 2: "SCHEDULED", 3: "FINISHED", 4: "FAILED", 5: "KILLED"}
"""What MLflow's states are as numbers."""
_STATES: Final[Mapping[str, JobStatus]] = {
    "SCHEDULED": "PENDING",
    "RUNNING": "RUNNING",
    "FINISHED": "FINISHED",
    "FAILED": "FAILED",
    "KILLED": "KILLED",
}


def find_backend(name: str) -> Backend:
    """Return the backend of a name; one of ours wins over a plug-in for MLflow.

    raises: InvalidInput naming those that there are
    """
    if name not in plugins.list_built_in(GROUP):
        # It looks through all that is installed, and is needed for none of what is built in.
        from importlib import metadata

        points = {point.name: point for point in metadata.entry_points(group=MLFLOW_GROUP)}
        if name in points and name not in plugins.list_names(GROUP):
            return PluginBackend(name, points[name].load()())
    return load_backend(name)


class PluginBackend:
    """Has a plug-in for MLflow run projects; its configuration is the plug-in's.

    plugin: with MLflow's method ``run``
    """

    def __init__(self, name: str, plugin: Any) -> None:
        self.name = name
        self._plugin = plugin

    def check(self, config: Mapping[str, Any]) -> None:
        """Nothing is known of it: the plug-in looks itself."""

    def surround(self, asked: Asked) -> Surroundings:
        if is_local(get_tracking_uri()):
            raise NotSupported(
                f"The plug-in {self.name!r} logs by MLflow's client, which knows no store like {get_tracking_uri()}",
                hint="set TRACKWAY_TRACKING_URI to the address of a server",
            )
        if asked.need.docker_args or asked.need.build_image:
            raise NotSupported("Options of containers do not reach a plug-in", hint="put them into its configuration")
        return Surroundings(manager=asked.need.manager or "local")

    def submit(self, job: Job, sink: Sink) -> PluginHandle:  # noqa: ARG002 - a plug-in tells nothing of what is written
        uri = job.variables["TRACKWAY_TRACKING_URI"]
        client = sys.modules.get("mlflow")
        if client is not None:  # the plug-in's own calls of it go to the store of this launch
            client.set_tracking_uri(uri)
        config = {
            **job.config,
            "ENV_MANAGER": job.surroundings.manager,
            "SYNCHRONOUS": False,
            "DOCKER_ARGS": None,
            "STORAGE_DIR": None,
            "build_image": False,
            "docker_auth": None,
        }
        experiment_id = job.variables.get("MLFLOW_EXPERIMENT_ID", "")
        arguments = (str(job.folder), job.entry_point, dict(job.parameters), None, config, uri, experiment_id)
        try:
            submitted = self._plugin.run(*arguments)
        except TrackwayError:
            raise
        except Exception as error:  # foreign code, of which nothing is known
            raise ExecutionFailed(f"The plug-in {self.name!r} failed: {type(error).__name__}: {error}") from error
        if not hasattr(submitted, "wait"):
            raise InvalidInput(f"The plug-in {self.name!r} returned {type(submitted).__name__}, which is no run")
        child = str(submitted.run_id)
        if child == job.run_id:
            return PluginHandle(submitted, lambda _: None)
        _tell_store(lambda: Client(uri).ingest(child, tags={TAG_PARENT: job.run_id}))
        return PluginHandle(submitted, lambda outcome: _tell_store(lambda: _end_run(Client(uri), child, outcome)))


class PluginHandle(WatchedHandle):
    """A run that a plug-in has submitted; see ``backends.Handle``. What it writes is not known."""

    def __init__(self, submitted: Any, end: Callable[[Outcome], None]) -> None:
        super().__init__()
        self.job_id = str(submitted.run_id)
        self._end = end
        self._submitted = submitted
        self._cancelled = False
        threading.Thread(target=self._follow, name="trackway-plugin", daemon=True).start()

    def get_status(self) -> JobStatus:
        if self._outcome is not None:
            return self._outcome.status
        return "PENDING" if self._ask() == "PENDING" else "RUNNING"

    def _stop(self) -> None:
        self._cancelled = True
        self._submitted.cancel()

    def _follow(self) -> None:
        try:
            good = bool(self._submitted.wait())
            if self._cancelled or self._ask() == "KILLED":
                outcome = Outcome("KILLED", None, "it was cancelled")
            else:
                outcome = Outcome("FINISHED") if good else Outcome("FAILED", None, f"its run {self.job_id} failed")
        except Exception as error:  # noqa: BLE001 - the thread's edge: foreign code, of which nothing is known
            outcome = Outcome("FAILED", None, f"the plug-in failed: {type(error).__name__}: {error}")
        self._end(outcome)
        self._conclude(outcome)

    def _ask(self) -> JobStatus | None:
        """Return the state that the plug-in says, as a number or a word of MLflow's."""
        said = self._submitted.get_status()
        return _STATES.get(_NUMBERED.get(said, "") if isinstance(said, int) else str(said))


def _end_run(client: Client, run_id: str, outcome: Outcome) -> None:
    """End a plug-in's run that it has not ended itself, as MLflow does for it."""
    if client.get_run(run_id).status not in TERMINAL:
        status: Any = outcome.status
        client.call(ops.UPDATE_RUN, UpdateRun(run_id=run_id, status=status, end_ms=now_ms()))


def _tell_store(step: Callable[[], None]) -> None:
    """Do something with the run that a plug-in made, which is none of ours to fail with."""
    try:
        step()
    except TrackwayError as error:
        PROBLEMS.note("plug-in", f"The run of a plug-in could not be changed: {error}")
