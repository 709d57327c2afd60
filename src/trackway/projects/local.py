"""The backend that runs a job on this machine, as a process group of its own.

All that a job starts belongs to it: whatever is left of it when its command ends, or when it is cancelled, is ended.
What has left the process group is found by a variable that it inherited (on Linux). A small process beside the job does
the same when this one is killed.
"""

from __future__ import annotations

import json
import math
import os
import shlex
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import IO, Any, Final

from trackway.base.errors import InvalidInput, NotFound, NotSupported
from trackway.base.ids import new_id
from trackway.projects import containers, watchdog
from trackway.projects.backends import Job, Outcome, Sink, Stream, WatchedHandle
from trackway.sdk import secrets
from trackway.sdk.context import LAUNCHED
from trackway.sdk.problems import PROBLEMS

GRACE_S: Final = 10.0
"""How long a job that is cancelled has to end by itself after SIGTERM."""
DRAIN_S: Final = 5.0
"""How long what a job wrote last is waited for."""
JOBS: Final = LAUNCHED
"""Variable with the ids of the jobs that a process belongs to, the innermost last."""
_READ_BYTES: Final = 65_536
_CONFIG: Final = ("grace_s",)


class LocalBackend:
    """Runs jobs on this machine. Configuration: ``grace_s``, seconds between SIGTERM and SIGKILL."""

    name = "local"

    def check(self, config: Mapping[str, Any]) -> None:
        if unknown := sorted(set(config) - set(_CONFIG)):
            raise InvalidInput(f"The local backend knows no {unknown[0]!r}", hint=f"there is {', '.join(_CONFIG)}")
        grace_s = config.get("grace_s", GRACE_S)
        if isinstance(grace_s, bool) or not isinstance(grace_s, int | float) or not 0 <= grace_s < math.inf:
            raise InvalidInput(f"grace_s is {grace_s!r}", hint="a number of seconds")

    def submit(self, job: Job, sink: Sink) -> LocalHandle:
        if os.name != "posix":
            raise NotSupported("Projects are not run on Windows yet")
        self.check(job.config)
        return LocalHandle(job, sink, float(job.config.get("grace_s", GRACE_S)))

    def preview(self, job: Job) -> str:
        command = job.command if job.surroundings.docker is None else containers.wrap(job)
        words = shlex.join(secrets.mask_command(command))
        return f"cd {shlex.quote(str(job.folder))}\n{words}\n"


class LocalHandle(WatchedHandle):
    """A job on this machine; see ``backends.Handle``."""

    def __init__(self, job: Job, sink: Sink, grace_s: float) -> None:
        super().__init__("RUNNING")
        self._token = new_id()
        self._grace_s = grace_s
        self._cancelled = threading.Event()
        self._job = job
        self._process = _start(job, self._token)
        self._watchdog = _start_watchdog(job, self._process.pid, self._token, grace_s)
        self.job_id = str(self._process.pid)
        self._readers = [
            _start_thread(_pump, stream, name, sink)
            for stream, name in ((self._process.stdout, "stdout"), (self._process.stderr, "stderr"))
        ]
        self._waiter = _start_thread(self._await_end)

    def _stop(self) -> None:
        self._cancelled.set()
        self._send(signal.SIGTERM)
        if not self._ended.wait(self._grace_s):
            self._send(signal.SIGKILL)

    def _await_end(self) -> None:
        code = self._process.wait()
        watchdog.end_all(self._process.pid, self._token, self._grace_s)  # which nobody waits for any more
        if self._job.surroundings.docker is not None:
            containers.remove(self._job)
        for reader in self._readers:
            reader.join(DRAIN_S)
        self._dismiss_watchdog()
        self._conclude(_tell(code, cancelled=self._cancelled.is_set()))
        if self._watchdog is not None:
            self._watchdog.wait()

    def _send(self, number: int) -> None:
        watchdog.send(self._process.pid, self._token, number)

    def _dismiss_watchdog(self) -> None:
        """Tell the process beside the job that nothing is left to be ended."""
        if self._watchdog is None:
            return
        assert self._watchdog.stdin is not None
        with suppress(OSError):
            self._watchdog.stdin.write(b"\n")
            self._watchdog.stdin.close()


def _start(job: Job, token: str) -> subprocess.Popen[bytes]:
    variables = {**os.environ, **job.surroundings.variables, **job.variables}
    command = job.command if job.surroundings.docker is None else containers.wrap(job)
    variables[JOBS] = f"{variables[JOBS]}:{token}" if variables.get(JOBS) else token
    program = shutil.which(command[0], path=variables.get("PATH"))
    if program is None and "/" not in command[0]:
        raise NotFound(
            f"There is no program {command[0][:100]!r} in the project's environment",
            hint="install it, or add the package that brings it to what the project requires",
        )
    try:
        return subprocess.Popen(
            [program or command[0], *command[1:]],
            cwd=job.folder,
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        raise NotFound(f"{command[0][:200]} cannot be started: {error}") from error


def _start_watchdog(job: Job, group: int, token: str, grace_s: float) -> subprocess.Popen[bytes] | None:
    """Start what ends a job when this process is killed; None where it cannot be started: the job does without."""
    remove = () if job.surroundings.docker is None else containers.list_removal(job)
    told = {"launcher": os.getpid(), "group": group, "token": token, "grace_s": grace_s, "remove": remove}
    try:
        started = subprocess.Popen(
            [sys.executable, "-I", "-S", watchdog.__file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            cwd=os.sep,
        )
        assert started.stdin is not None
        started.stdin.write(json.dumps(told).encode() + b"\n")
        started.stdin.flush()
    except OSError as error:
        PROBLEMS.note("project watchdog", f"Nothing ends the job when this process is killed: {error}")
        return None
    return started


def _pump(stream: IO[bytes], name: Stream, sink: Sink) -> None:
    """Hand on what a job writes, as it comes, until it is closed."""
    with stream, suppress(ValueError):
        while data := os.read(stream.fileno(), _READ_BYTES):
            sink(name, data)


def _tell(code: int, *, cancelled: bool) -> Outcome:
    if cancelled:
        return Outcome("KILLED", code, "it was cancelled")
    if code == 0:
        return Outcome("FINISHED", 0)
    if code < 0:
        with suppress(ValueError):
            return Outcome("FAILED", code, f"it was ended by {signal.Signals(-code).name}")
    return Outcome("FAILED", code, f"its command ended with status {code}")


def _start_thread(target: Callable[..., None], *arguments: Any) -> threading.Thread:
    thread = threading.Thread(target=target, args=arguments, name="trackway-project", daemon=True)
    thread.start()
    return thread
