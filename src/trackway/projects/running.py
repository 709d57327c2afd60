"""Runs of projects that were launched by this process: their handles, and what becomes of them when it ends."""

from __future__ import annotations

import math
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from trackway.api.runs import RunStatus
from trackway.base.errors import ExecutionFailed
from trackway.projects.backends import Handle, Outcome, Stream
from trackway.projects.checkouts import Checkout
from trackway.projects.recording import Recorder
from trackway.sdk import exits

LOOK_S: Final = 0.5


class ProjectRun:
    """A run of a project that was launched. Any thread may call.

    python: interpreter of its environment; None where that has none on this machine
    """

    def __init__(self, recorder: Recorder, checkout: Checkout, held: int | None, python: Path | None = None) -> None:
        self.python = python
        self.run_id = recorder.run_id
        self.reason = ""
        self.exit_code: int | None = None
        self._handle: Handle | None = None
        self._failure: BaseException | None = None
        self._recorder = recorder
        self._checkout = checkout
        self._held = held
        self._status: RunStatus = "RUNNING"
        self._submitted = threading.Event()
        self._ended = threading.Event()
        _running[self.run_id] = self

    def begin(self, submit: Callable[[], Handle], describe: Callable[[], None]) -> None:
        """Submit the job; when this thread is interrupted meanwhile, the job is known all the same, and can be ended.

        describe: begins to write down what was submitted; the run ends after that, however short it was
        raises:   what ``submit`` raises; the run has failed then
        """
        threading.Thread(target=self._watch, args=(submit, describe), name="trackway-launch", daemon=True).start()
        _await(self._submitted)
        if self._failure is not None:
            _await(self._ended)
            raise self._failure

    def __repr__(self) -> str:
        return f"ProjectRun(run_id={self.run_id!r}, status={self._status!r})"

    def wait(self, timeout_s: float = math.inf) -> bool:
        """Wait until it has ended, and return whether it has, and well."""
        _await(self._ended, timeout_s)
        return self._status == "FINISHED"

    def get_status(self) -> str:
        """Return RUNNING, FINISHED, FAILED or KILLED."""
        return self._status

    def cancel(self) -> None:
        """End it, with all that it started; its run is KILLED when this returns."""
        _await(self._submitted)
        if self._handle is not None:
            self._handle.cancel()
        _await(self._ended)

    def read_log(self, stream: Stream = "stdout") -> str:
        """Return the end of what it wrote so far, up to 64 KiB; all of it is in the run's files ``logs/``."""
        return self._recorder.output.read_tail(stream).decode("utf-8", "replace")

    def _watch(self, submit: Callable[[], Handle], describe: Callable[[], None]) -> None:
        try:
            outcome = self._carry_out(submit, describe)
            self.reason, self.exit_code = outcome.reason, outcome.exit_code
            self._status = self._recorder.end(outcome)
        except BaseException:
            self._status = "FAILED"
            raise
        finally:
            if self._held is not None:
                os.close(self._held)
            self._checkout.remove()
            _running.pop(self.run_id, None)
            self._ended.set()

    def _carry_out(self, submit: Callable[[], Handle], describe: Callable[[], None]) -> Outcome:
        try:
            self._handle = submit()
        except BaseException as error:  # noqa: BLE001 - it is raised in the thread that asked
            self._failure = error
            return Outcome("FAILED", reason=str(error))
        finally:
            self._submitted.set()
        describe()
        outcome = self._handle.wait()
        assert outcome is not None
        return outcome


def _await(event: threading.Event, timeout_s: float = math.inf) -> None:
    """Wait for an event, now and then looking up: a signal that comes as a wait begins does not end it."""
    deadline_s = time.monotonic() + timeout_s
    while not event.wait(min(LOOK_S, max(0.0, deadline_s - time.monotonic()))) and time.monotonic() < deadline_s:
        pass


_running: dict[str, ProjectRun] = {}


def wait_for(started: ProjectRun) -> None:
    """Wait until a run has ended; when this process is interrupted meanwhile, end it.

    raises: ExecutionFailed when it did not end well
    """
    try:
        good = started.wait()
    except BaseException:
        started.cancel()
        raise
    if not good:
        raise ExecutionFailed(
            f"Run {started.run_id} {'was ended' if started.get_status() == 'KILLED' else 'failed'}"
            f"{f': {started.reason}' if started.reason else ''}",
            details={"run_id": started.run_id},
        )


def cancel_all() -> None:
    """End every run of a project that this process launched."""
    for one in list(_running.values()):
        one.cancel()


def _end_all(status: RunStatus) -> None:
    """As the process ends, end what goes on when it was interrupted, else wait for it."""
    if status == "KILLED":
        cancel_all()
    for one in list(_running.values()):
        one.wait()


exits.register(_end_all)
