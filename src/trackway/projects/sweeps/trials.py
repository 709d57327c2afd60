"""What carries trials out: a project in a process, or a function in a thread."""

from __future__ import annotations

import inspect
import math
import threading
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol

from trackway.base.errors import InvalidInput, TrackwayError
from trackway.projects.launch import Request, launch
from trackway.projects.recording import RunChoice
from trackway.projects.running import ProjectRun
from trackway.projects.sweeps.board import Board, TrialState
from trackway.projects.sweeps.options import SweepPlan
from trackway.projects.sweeps.space import Scalar, write_scalar
from trackway.sdk.fluent import log_metric, log_params, set_tags
from trackway.sdk.runs import start_run

Tags = Mapping[str, str]


class Family(NamedTuple):
    """Where trials belong: below the sweep's run, in its experiment."""

    parent_run_id: str
    experiment_id: str


class Ending(NamedTuple):
    """How a trial ended; ``value`` when it said so itself."""

    state: TrialState
    value: float | None = None
    reason: str = ""


class Attempt(Protocol):
    """A trial that was started."""

    run_id: str

    def wait(self, timeout_s: float) -> Ending | None:
        """Wait for its end, and return how it ended; None when it has not."""

    def cancel(self) -> None:
        """End it; a function ends when it reports next."""


class Starter(Protocol):
    """Starts trials.

    watched: their curves are to be looked at, and what is not worth going on with cancelled; else they see to it
    """

    watched: bool

    def start(self, number: int, params: Mapping[str, Scalar], tags: Tags) -> Attempt:
        """Start a trial as a child of the active run.

        raises: TrackwayError when it cannot be started
        """


class ProjectStarter:
    """Runs an entry point of a project."""

    watched = True

    def __init__(self, plan: SweepPlan, family: Family, tag: Callable[[str, Tags], None]) -> None:
        self._plan = plan
        self._experiment_id = family.experiment_id
        self._tag = tag

    def start(self, number: int, params: Mapping[str, Scalar], tags: Tags) -> ProjectAttempt:
        how = self._plan.options
        request = Request(
            uri=self._plan.uri,
            entry_point=how.entry_point,
            version=how.version,
            parameters={name: write_scalar(value) for name, value in params.items()},
            choice=RunChoice(name=f"trial {number}", experiment_id=self._experiment_id),
            backend=how.backend,
            backend_config=how.backend_config,
            env_manager=how.env_manager,
            storage_dir=how.storage_dir,
            echo="",
        )
        started = launch(request)
        self._tag(started.run_id, tags)
        return ProjectAttempt(started)


class ProjectAttempt:
    """See ``Attempt``."""

    def __init__(self, started: ProjectRun) -> None:
        self.run_id = started.run_id
        self._started = started

    def wait(self, timeout_s: float) -> Ending | None:
        self._started.wait(timeout_s)
        status = self._started.get_status()
        if status == "RUNNING":
            return None
        states: dict[str, TrialState] = {"FINISHED": "finished", "KILLED": "killed"}
        return Ending(states.get(status, "failed"), reason=self._started.reason)

    def cancel(self) -> None:
        self._started.cancel()


class Pruned(Exception):
    """A trial of a function is not worth going on with: raised by ``report``, for the function to let pass."""


class FunctionTrial:
    """What a function gets as ``trial``: its number, and where it reports how it is getting on."""

    def __init__(self, number: int, metric: str, board: Board, stopping: threading.Event) -> None:
        self.number = number
        self._metric = metric
        self._board = board
        self._stopping = stopping

    def report(self, value: float, step: int) -> None:
        """Log the sweep's metric at a step.

        raises: Pruned when the trial is not worth going on with
        """
        log_metric(self._metric, value, step=step)
        self._board.note(self.number, [(step, value)])
        if self._stopping.is_set() or self._board.should_end(self.number):
            raise Pruned


def takes_trial(function: Callable[..., Any]) -> bool:
    """Tell whether a function reports how it is getting on."""
    return "trial" in inspect.signature(function).parameters


def check_function(function: Callable[..., Any], plan: SweepPlan) -> None:
    """Check that a function can do what a sweep asks of it.

    raises: InvalidInput
    """
    if takes_trial(function) and not plan.options.metric:
        raise InvalidInput("A function that reports needs a metric to report", hint="name it as metric=")
    if plan.pruning.pruner != "none" and not takes_trial(function):
        raise InvalidInput(
            "A function that is to be ended early must report", hint="give it a parameter trial, and call trial.report"
        )


class FunctionStarter:
    """Calls a function with the parameters by name, each trial in a thread of its own."""

    watched = False

    def __init__(self, function: Callable[..., Any], plan: SweepPlan, board: Board, family: Family) -> None:
        self._function = function
        self._metric = plan.options.metric
        self._board = board
        self._family = family
        self._takes_trial = takes_trial(function)

    def start(self, number: int, params: Mapping[str, Scalar], tags: Tags) -> FunctionAttempt:
        return FunctionAttempt(self._call, number, dict(params), tags)

    def _call(self, attempt: FunctionAttempt, number: int, params: dict[str, Any], tags: Tags) -> float | None:
        parent, experiment_id = self._family
        name = f"trial {number}"
        with start_run(nested=True, parent_run_id=parent, experiment_id=experiment_id, run_name=name) as run:
            attempt.begin(run.run_id)
            set_tags(tags)
            log_params(params)
            more = {}
            if self._takes_trial:
                more["trial"] = FunctionTrial(number, self._metric, self._board, attempt.stopping)
            try:
                found = self._function(**params, **more)
            except Pruned:
                attempt.pruned = True
                return None
            if found is None:
                return None
            value = float(found)
            if self._metric and not self._takes_trial:
                log_metric(self._metric, value)
            return value


class FunctionAttempt:
    """See ``Attempt``."""

    def __init__(self, call: Callable[..., float | None], *arguments: Any) -> None:
        self.run_id = ""
        self.pruned = False
        self.stopping = threading.Event()
        self._begun = threading.Event()
        self._ending: Ending | None = None
        self._thread = threading.Thread(target=self._work, args=(call, arguments), name="trackway-trial", daemon=True)
        self._thread.start()
        self._begun.wait()

    def begin(self, run_id: str) -> None:
        """Hear which run it is."""
        self.run_id = run_id
        self._begun.set()

    def wait(self, timeout_s: float) -> Ending | None:
        self._thread.join(None if timeout_s == math.inf else timeout_s)
        return None if self._thread.is_alive() else self._ending

    def cancel(self) -> None:
        self.stopping.set()

    def _work(self, call: Callable[..., float | None], arguments: tuple[Any, ...]) -> None:
        try:
            value = call(self, *arguments)
            self._ending = Ending("pruned" if self.pruned else "finished", value)
        except TrackwayError as error:
            self._ending = Ending("failed", reason=str(error))
        except BaseException as error:  # noqa: BLE001 - the trial's edge: one that fails, or exits, is a result
            self._ending = Ending("failed", reason=f"{type(error).__name__}: {error}")
        finally:
            self._begun.set()
