"""The runs that this process is logging to: how they start and end, and which is active in which thread."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import nullcontext, suppress
from types import TracebackType
from typing import Any, Self

from trackway.api import operations as ops
from trackway.api.runs import (
    TAG_NAME,
    TAG_NOTE,
    TAG_PARENT,
    TAG_USER,
    CreateRun,
    Environment,
    GetRun,
    LogEnvironment,
    RunStatus,
    UpdateRun,
)
from trackway.base.clock import now_ms
from trackway.base.errors import Conflict, InvalidInput, NotFound, TrackwayError
from trackway.base.ids import is_id, new_id
from trackway.base.names import new_name
from trackway.sdk import environment, exits, settings
from trackway.sdk.client import Client
from trackway.sdk.connection import get_tracking_uri, open_transport
from trackway.sdk.context import LAUNCHED, STACK, get_chosen
from trackway.sdk.entities import Run, RunData, RunInputs, RunOutputs, to_run
from trackway.sdk.entities import RunStatus as Statuses
from trackway.sdk.journal_format import Kind
from trackway.sdk.problems import PROBLEMS
from trackway.sdk.records import encode_call, encode_ingest
from trackway.sdk.sampling import start_sampling
from trackway.sdk.session import LEASE_MS, Session, get_session
from trackway.sdk.system_metrics import SystemMetrics
from trackway.sdk.transport import is_temporary
from trackway.sdk.values import to_texts

FOREIGN_RUN_S = 5.0
"""How long a run to be resumed may be unknown: the process that started it may still be delivering it."""
LAUNCHED_RUN_S = 60.0
"""The same for the run of a project, whose launcher starts it and its store at the same time."""
ENVIRONMENT_S = 600.0
"""How long one description of the environment serves all runs."""
ENVIRONMENT_WAIT_S = 5.0
"""How long a run that ends waits for its description."""


class ActiveInfo:
    """What a run is. The experiment and the place of artifacts are asked of the store when they are wanted first.

    When the store cannot be reached then, they are empty texts, and that counts as a problem.
    """

    user_id: str
    lifecycle_stage = "active"
    end_time: int | None = None

    def __init__(self, session: Session, run_id: str, run_name: str, user_id: str, start_ms: int) -> None:
        self.run_id = self.run_uuid = run_id
        self.run_name = run_name
        self.user_id = user_id
        self.status: str = "RUNNING"
        self.start_time = start_ms
        self._uri = session.uri
        self._places: tuple[str, str] | None = None

    def __repr__(self) -> str:
        return f"ActiveInfo(run_id={self.run_id!r}, run_name={self.run_name!r}, status={self.status!r})"

    @property
    def experiment_id(self) -> str:
        return self._find_places()[0]

    @property
    def artifact_uri(self) -> str:
        return self._find_places()[1]

    def _find_places(self) -> tuple[str, str]:
        if self._places is None:
            try:
                run = Client(self._uri).get_run(self.run_id)
            except TrackwayError as error:
                PROBLEMS.raise_or_note("run not known yet", error)
                return "", ""
            self._places = run.experiment_id, run.artifact_uri
        return self._places


class ActiveRun:
    """A run that is being logged to; as a context manager, it ends with the block.

    Its status follows the block's end: FINISHED, FAILED by an exception, KILLED by Ctrl-C or SIGTERM.
    """

    def __init__(self, session: Session, info: ActiveInfo, *, is_new: bool) -> None:
        self.session = session
        self.run_id = info.run_id
        self.info = info
        self.is_new = is_new
        self.is_ended = False
        self.tables: dict[str, bytes] = {}
        self.system_metrics: SystemMetrics | None = None
        self.describing: threading.Thread | None = None
        self.endings: list[Callable[[], None]] = []
        """What is done when it ends well, while it is still active; none of it raises."""
        self._pid = os.getpid()

    def __repr__(self) -> str:
        return f"ActiveRun(run_id={self.run_id!r}, run_name={self.info.run_name!r}, status={self.info.status!r})"

    def _repr_html_(self) -> str | None:
        """Return the run as it is now, as a notebook shows it; None while the store cannot be reached."""
        try:
            return self.read()._repr_html_()
        except TrackwayError:
            return None

    @property
    def is_own(self) -> bool:
        """Whether this process started it: a forked child logs to its parent's run, and does not end it."""
        return self._pid == os.getpid()

    @property
    def data(self) -> RunData:
        return self.read().data

    @property
    def inputs(self) -> RunInputs:
        return self.read().inputs

    @property
    def outputs(self) -> RunOutputs:
        return self.read().outputs

    def read(self) -> Run:
        """Return the run as the store has it, with all that was logged so far."""
        return to_run(Client(self.session.uri).get_run(self.run_id))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.is_ended:
            return
        with (
            suppress(TrackwayError) if error is not None else nullcontext()
        ):  # the block's own error is the one to tell
            end_run(exits.get_status(error), self)


_lock = threading.Lock()
_environment_lock = threading.Lock()
_running: dict[str, ActiveRun] = {}
_last: tuple[str, str] | None = None
_environment: tuple[float, Environment] | None = None


def start_run(
    run_id: str | None = None,
    experiment_id: str | None = None,
    run_name: str | None = None,
    nested: bool = False,
    parent_run_id: str | None = None,
    tags: Mapping[str, Any] | None = None,
    description: str | None = None,
    log_system_metrics: bool | None = None,
) -> ActiveRun:
    """Start a run, or resume the one of ``run_id``, and make it the active one of this thread.

    experiment_id:      None for the one that ``set_experiment`` chose
    nested:             allow it inside an active run, whose child it becomes
    parent_run_id:      another parent
    tags, description:  put on a run that is resumed, too
    log_system_metrics: None for what ``enable_system_metrics_logging`` and the environment say
    raises:  Conflict inside an active run without ``nested``; when resuming, NotFound for an unknown run, and Conflict
             for one in the trash or of another experiment than ``experiment_id``; InvalidInput; Unavailable when there
             is no place for a journal
    cost:    about a millisecond for a new run: the store is told later, and need not be there
    """
    if STACK.runs and not nested:
        raise Conflict(
            f"Run {STACK.runs[-1].run_id} is already active",
            hint="end it with end_run(), or start this one inside of it with nested=True",
        )
    settings.check()
    session = get_session(get_tracking_uri())
    labels = to_texts("tag", tags or {})
    if description is not None:
        labels[TAG_NOTE] = description
    resumed_id = run_id or _take_run_id()
    if resumed_id:
        run = _resume_run(session, resumed_id, experiment_id, run_name, labels)
    else:
        parent_id = parent_run_id or (STACK.runs[-1].run_id if STACK.runs else "")
        run = _create_run(session, experiment_id, run_name or "", parent_id, labels)
    run.system_metrics = start_sampling(session, run.run_id, log_system_metrics)
    return _activate(run)


def end_run(status: str = "FINISHED", run: ActiveRun | None = None) -> None:
    """End this thread's innermost active run, or ``run``; without one, do nothing.

    status:  FINISHED, FAILED, KILLED or another name of a status
    raises:  InvalidInput for a status that is none; when strict, what the store refused

    What was logged is delivered first, for which TRACKWAY_FINISH_S seconds are waited at most. What is not delivered by
    then stays in the journal, and is delivered later: by this process, or by ``trackway sync``.
    """
    ended = run or (STACK.runs[-1] if STACK.runs else None)
    if ended is None:
        return
    name = Statuses.to_string(status)
    if name == "FINISHED" and STACK.runs and ended is STACK.runs[-1] and ended.is_own and not ended.is_ended:
        while ended.endings:
            ended.endings.pop(0)()
    if ended in STACK.runs:
        STACK.runs.remove(ended)
    with _lock:
        _running.pop(ended.run_id, None)
    if ended.is_ended or not ended.is_own:
        return
    ended.is_ended = True
    if ended.system_metrics is not None:
        ended.system_metrics.stop()
    if ended.describing is not None:
        ended.describing.join(ENVIRONMENT_WAIT_S)
    _finish(ended, name)
    timeout_s = settings.get_number("TRACKWAY_FINISH_S")
    if not ended.session.flush(timeout_s):
        PROBLEMS.note("finish", f"Run {ended.run_id} ended before all of it was delivered; the rest follows")
    PROBLEMS.raise_owed()


def get_active_run() -> ActiveRun:
    """Return this thread's innermost active run, starting one when there is none."""
    return STACK.runs[-1] if STACK.runs else start_run()


def last_active_run() -> Run | None:
    """Return the run that was started last in this process, as the store has it; None when none was."""
    if _last is None:
        return None
    uri, run_id = _last
    return to_run(Client(uri).get_run(run_id))


def _create_run(
    session: Session, experiment_id: str | None, run_name: str, parent_id: str, labels: dict[str, str]
) -> ActiveRun:
    chosen = get_chosen()
    tags = {**environment.source_tags(), **labels}
    name = run_name or tags.get(TAG_NAME) or settings.get("TRACKWAY_RUN_NAME") or new_name()
    tags[TAG_NAME] = name
    if parent_id:
        tags[TAG_PARENT] = parent_id
    request = CreateRun(
        run_id=new_id(),
        experiment_id=experiment_id or chosen.experiment_id,
        experiment_name="" if experiment_id else chosen.name,
        name=name,
        user=tags.get(TAG_USER, ""),
        start_ms=now_ms(),
        parent_run_id=tags.get(TAG_PARENT, ""),
        tags=tags,
        if_exists="return",
        lease_ms=LEASE_MS,
    )
    session.append(Kind.CREATE_RUN, encode_call(ops.CREATE_RUN, request))
    info = ActiveInfo(session, request.run_id, name, request.user, request.start_ms or 0)
    return ActiveRun(session, info, is_new=True)


def _resume_run(
    session: Session, run_id: str, experiment_id: str | None, run_name: str | None, labels: dict[str, str]
) -> ActiveRun:
    if not is_id(run_id):
        raise InvalidInput(f"Invalid run id {run_id[:80]!r}", hint="1 to 64 letters, digits, '_' or '-'")
    known = _find_run(session.uri, run_id)
    if known is not None and known.info.lifecycle_stage == "deleted":
        raise Conflict(f"Run {run_id} is in the trash", hint="restore it first")
    if known is not None and experiment_id not in (None, known.info.experiment_id):
        raise Conflict(f"Run {run_id} belongs to experiment {known.info.experiment_id}, not {experiment_id}")
    request = UpdateRun(run_id=run_id, status="RUNNING", name=run_name, lease_ms=LEASE_MS)
    session.append(Kind.UPDATE_RUN, encode_call(ops.UPDATE_RUN, request))
    if labels:
        session.append(Kind.TAGS, encode_ingest(run_id, tags=labels))
    if known is None:
        return ActiveRun(session, ActiveInfo(session, run_id, run_name or "", "", 0), is_new=False)
    started_ms = known.info.start_time
    info = ActiveInfo(session, run_id, run_name or known.info.run_name, known.info.user_id, started_ms)
    return ActiveRun(session, info, is_new=False)


def _find_run(uri: str, run_id: str) -> Run | None:
    """Read a run; None when the store cannot be reached now.

    raises: NotFound, when the store goes on not to know it
    """
    deadline_s = time.monotonic() + (LAUNCHED_RUN_S if os.environ.get(LAUNCHED) else FOREIGN_RUN_S)
    while True:
        try:
            return to_run(open_transport(uri, FOREIGN_RUN_S).call(ops.GET_RUN, GetRun(run_id=run_id)))
        except NotFound:
            if time.monotonic() > deadline_s:
                raise
        except TrackwayError as error:
            if not is_temporary(error):
                raise
            PROBLEMS.raise_or_note("run not known yet", error)
            return None
        time.sleep(0.1)


def _take_run_id() -> str:
    """Return the run that the environment says to resume, once: later runs of this process are new ones."""
    run_id = settings.get("TRACKWAY_RUN_ID")
    for name in ("TRACKWAY_RUN_ID", "MLFLOW_RUN_ID"):
        os.environ.pop(name, None)
    return run_id


def _activate(run: ActiveRun) -> ActiveRun:
    global _last
    exits.watch()
    run.session.hold_lease(run.run_id)
    STACK.runs.append(run)
    with _lock:
        _running[run.run_id] = run
        _last = (run.session.uri, run.run_id)
    if run.is_new:
        run.describing = threading.Thread(
            target=_log_environment, args=(run,), name="trackway-environment", daemon=True
        )
        run.describing.start()
    return run


def _log_environment(run: ActiveRun) -> None:
    """Describe what the run is executed with: in a thread of its own, as git and packages take their time."""
    global _environment
    with _environment_lock:
        if _environment is None or time.monotonic() - _environment[0] > ENVIRONMENT_S:
            _environment = (time.monotonic(), environment.capture_environment())
        request = LogEnvironment(run_id=run.run_id, environment=_environment[1])
    run.session.append(Kind.UPDATE_RUN, encode_call(ops.LOG_ENVIRONMENT, request))


def _finish(run: ActiveRun, status: RunStatus) -> None:
    run.session.end_lease(run.run_id)
    request = UpdateRun(run_id=run.run_id, status=status, end_ms=now_ms(), lease_ms=0)
    run.session.append(Kind.FINISH, encode_call(ops.UPDATE_RUN, request))


def _end_runs(status: RunStatus) -> None:
    """End what is still open, in every thread, as the process ends."""
    for run in list(_running.values()):
        end_run(status, run)


def _forget_in_child() -> None:
    global _lock, _environment_lock
    _lock = threading.Lock()
    _environment_lock = threading.Lock()
    _running.clear()


exits.register(_end_runs)
os.register_at_fork(after_in_child=_forget_in_child)
