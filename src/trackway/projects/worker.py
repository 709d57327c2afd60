"""Runs what schedules have queued: takes their times one by one, and starts ``trackway run`` for each as a child."""

from __future__ import annotations

import datetime as dt
import logging
import math
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from typing import IO, Any, Final, NamedTuple

from trackway.api import operations as ops
from trackway.api import schedules as c
from trackway.api.operations import Operation
from trackway.api.runs import TAG_SOURCE_NAME, TAG_SOURCE_TYPE, TERMINAL, CreateRun, GetRun, UpdateRun
from trackway.base.clock import now_ms
from trackway.base.errors import Conflict, NotFound, TrackwayError
from trackway.base.ids import new_id
from trackway.projects.families import kill_processes
from trackway.sdk.transport import Transport, is_temporary

log = logging.getLogger("trackway.worker")

RENEWALS: Final = 6
"""How often a worker says that it is there while one lease lasts."""
REAP_S: Final = 0.1
GRACE_S: Final = 20.0
"""How long a child that is told to end has: twice what its own job has."""
TOLD_CHARS: Final = 2_000
_TETHER: Final = (
    "import ctypes,os,sys;"
    "ctypes.CDLL(None).prctl(1,15);"  # PR_SET_PDEATHSIG, SIGTERM; kept across exec
    "os.getppid()==int(sys.argv[1]) or sys.exit(143);"
    "os.execv(sys.argv[2],sys.argv[2:])"
)
"""Has Linux tell a child to end when its worker is killed: its time counts as lost, and it must not go on."""


class _Job(NamedTuple):
    """A child, and the time that it runs for."""

    schedule: str
    tick_id: str
    run_id: str
    process: subprocess.Popen[bytes]
    told: IO[bytes]


class Pace(NamedTuple):
    """How often a worker asks when nothing waits, and how long it may be silent before what it runs is lost."""

    poll_s: float = 2.0
    lease_s: float = 60.0


PACE: Final = Pace()


class Worker:
    """Takes times of schedules through a store's operations, and runs them; for one thread, which must live on.

    name:    what histories call it
    slots:   how many it runs at once
    allowed: beginnings of the addresses that it runs projects from; none for any
    """

    def __init__(
        self, transport: Transport, name: str, slots: int = 1, allowed: Sequence[str] = (), pace: Pace = PACE
    ) -> None:
        self._transport = transport
        self._name = name
        self._slots = slots
        self._allowed = tuple(allowed)
        self._pace = pace
        self._holder = new_id()
        self._stop = threading.Event()
        self._jobs: list[_Job] = []
        self._ending: dict[str, float] = {}

    def stop(self) -> None:
        """Take nothing new, and end when what runs has ended; called again, end what runs. For handlers of signals."""
        if self._stop.is_set():
            for job in self._jobs:
                job.process.terminate()
        self._stop.set()

    def work(self, once: bool = False) -> None:
        """Work until ``stop``; with ``once``, until nothing waits and all that was taken has ended.

        raises: what the store says when it refuses to hand out times; with ``once``, also when it is away
        """
        ask_s = renew_s = 0.0
        while True:
            now_s = time.monotonic()
            if self._reap():
                ask_s = 0.0  # what waited for its end may begin
            if now_s >= renew_s:
                renew_s = now_s + self._pace.lease_s / RENEWALS
                for job in list(self._jobs):
                    self._try(self._renew, job)
            self._kill_late()
            waits = True
            if now_s >= ask_s and len(self._jobs) < self._slots and not self._stop.is_set():
                waits = self._ask(once)
                ask_s = 0.0 if waits else now_s + self._pace.poll_s
            if not self._jobs and (self._stop.is_set() or (once and not waits)):
                return
            time.sleep(REAP_S)

    def _ask(self, once: bool) -> bool:
        """Take a time; False when none waits, or none can be had now."""
        try:
            return self._take()
        except TrackwayError as error:
            if not self._jobs and (once or not is_temporary(error)):
                raise
            log.warning("%s", error)
            return False

    def _try(self, step: Callable[..., bool], *arguments: Any) -> bool:
        """Do something that a store that is away must not end; tell whether it was done."""
        try:
            return step(*arguments)
        except TrackwayError as error:
            log.warning("%s", error)
            return False

    def _take(self) -> bool:
        """Take a time and start what it asks for; False when none waits."""
        asked = c.ClaimTick(holder=self._holder, worker=self._name, lease_ms=round(self._pace.lease_s * 1000))
        taken = self._call(ops.CLAIM_TICK, asked)
        if taken.tick is None or taken.launch is None:
            return False
        refusal = self._find_refusal(taken.launch)
        if refusal:
            self._report(taken.tick.tick_id, "failed", error=refusal)
            return True
        run_id = new_id()
        # From here on the time counts as begun: it is not begun again, whatever becomes of this process.
        self._report(taken.tick.tick_id, "running", run_id=run_id)
        self._create_run(taken, run_id)
        told = tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as the child
        try:
            process = subprocess.Popen(
                write_command(taken.launch, run_id),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=told,
                start_new_session=True,
            )
        except (OSError, ValueError) as error:  # too many words, no memory, no more processes
            self._report(taken.tick.tick_id, "failed", error=str(error)[:TOLD_CHARS])
            return True
        self._jobs.append(_Job(taken.schedule, taken.tick.tick_id, run_id, process, told))
        log.info("Schedule %s: run %s of %s began", taken.schedule, run_id, taken.launch.uri)
        return True

    def _create_run(self, taken: c.ClaimedTick, run_id: str) -> None:
        assert taken.tick is not None
        assert taken.launch is not None
        due = dt.datetime.fromtimestamp(taken.tick.due_ms / 1000, dt.UTC).isoformat(timespec="seconds")
        tags = {
            c.TAG_SCHEDULE: taken.schedule,
            c.TAG_SCHEDULE_TIME: due,
            TAG_SOURCE_NAME: taken.launch.uri,
            TAG_SOURCE_TYPE: "PROJECT",
        }
        request = CreateRun(
            run_id=run_id,
            experiment_name=taken.launch.experiment,
            name=f"{taken.schedule} {due}",
            status="SCHEDULED",
            start_ms=now_ms(),
            tags=tags,
            if_exists="return",
        )
        self._call(ops.CREATE_RUN, request)

    def _renew(self, job: _Job) -> bool:
        """Say that a child is still there; end it when it is to be ended, or is nobody's any more."""
        try:
            tick = self._report(job.tick_id, "running")
        except (NotFound, Conflict) as error:
            log.warning("Schedule %s: run %s is ended: %s", job.schedule, job.run_id, error.message)
            self._end(job)
            return True
        if tick.cancel:
            self._end(job)
        return True

    def _end(self, job: _Job) -> None:
        """Tell a child to end; the others are not kept waiting for it."""
        if job.tick_id not in self._ending:
            self._ending[job.tick_id] = time.monotonic() + GRACE_S
            job.process.terminate()

    def _kill_late(self) -> None:
        """Kill what was told to end and has not."""
        for job in self._jobs:
            if time.monotonic() > self._ending.get(job.tick_id, math.inf):
                job.process.kill()
                kill_processes(job.run_id)

    def _reap(self) -> bool:
        """Report what has ended, again and again while the store is away; tell whether something was."""
        ended = [job for job in self._jobs if job.process.poll() is not None and self._try(self._settle, job)]
        self._jobs = [job for job in self._jobs if job not in ended]
        return bool(ended)

    def _settle(self, job: _Job) -> bool:
        """Say how a child ended."""
        code, told_to_end = job.process.returncode, job.tick_id in self._ending
        try:
            run = self._call(ops.GET_RUN, GetRun(run_id=job.run_id))
            if run.status not in TERMINAL:  # it did not come so far as to say so itself
                status: Any = "FINISHED" if code == 0 else "KILLED" if told_to_end else "FAILED"
                self._call(ops.UPDATE_RUN, UpdateRun(run_id=job.run_id, status=status, end_ms=now_ms(), lease_ms=0))
            ended = told_to_end or run.status == "KILLED"
            outcome: c.TickOutcome = "finished" if code == 0 else "cancelled" if ended else "failed"
            self._report(job.tick_id, outcome, error="" if code == 0 else _find_reason(job.told, code))
        except (NotFound, Conflict) as error:  # it was deleted, or given up
            log.warning("Schedule %s: run %s: %s", job.schedule, job.run_id, error.message)
        log.info("Schedule %s: run %s ended with status %d", job.schedule, job.run_id, code)
        job.told.close()
        self._ending.pop(job.tick_id, None)
        return True

    def _find_refusal(self, launch: c.Launch) -> str:
        if not self._allowed:
            return ""
        if ".." in launch.uri or not launch.uri.startswith(self._allowed):
            return f"worker {self._name} does not run projects from {launch.uri}"
        return ""

    def _report(self, tick_id: str, state: Any, **fields: Any) -> c.Tick:
        request = c.ReportTick(
            tick_id=tick_id, holder=self._holder, state=state, lease_ms=round(self._pace.lease_s * 1000), **fields
        )
        tick: c.Tick = self._call(ops.REPORT_TICK, request)
        return tick

    def _call(self, operation: Operation[Any, Any], request: Any) -> Any:
        return self._transport.call(operation, request)


def write_command(launch: c.Launch, run_id: str) -> list[str]:
    """Return the words that run a project as a run; no value can be taken for an option."""
    command = [sys.executable, "-m", "trackway", "run", f"--run-id={run_id}", f"--entry-point={launch.entry_point}"]
    for option, value in (
        ("version", launch.version),
        ("experiment-name", launch.experiment),
        ("backend", launch.backend),
        ("backend-config", launch.backend_config),
        ("env-manager", launch.env_manager),
    ):
        command += [f"--{option}={value}"] if value else []
    command += [f"-P{name}={value}" for name, value in launch.params.items()]
    command += ["--", launch.uri]
    if sys.platform == "linux":
        return [sys.executable, "-I", "-S", "-c", _TETHER, str(os.getpid()), *command]
    return command


def _find_reason(told: IO[bytes], code: int) -> str:
    """Return what a child said last of why it failed."""
    told.seek(0, os.SEEK_END)
    told.seek(max(0, told.tell() - TOLD_CHARS))
    text = told.read().decode("utf-8", "replace").replace("\0", "").strip()
    errors = [line for line in text.splitlines() if line.startswith(("Error: ", "Hint: "))]
    return " ".join(errors[-2:]) or text[-200:] or f"it ended with status {code}"
