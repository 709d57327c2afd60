"""Worker processes on one port: the first shows that the model loads, one that dies is replaced, all end together.

Processes are spawned, not forked: what libraries of models keep in threads does not survive a fork.
"""

from __future__ import annotations

import logging
import multiprocessing
import signal
import socket
import time
from collections.abc import Callable
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import Any, Final

from trackway.base.errors import BY_CODE, TrackwayError

MOST_PATIENT_S: Final = 30.0
"""A worker that keeps failing is started again at last so rarely."""
_log = logging.getLogger("trackway.serving")

Told = tuple[str, str, str] | None
"""What a worker says once: an error's code, message and hint, or that it serves."""


class _Worker:
    """A process, and how often it failed before it served."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.failures = 0
        self.begins_at = 0.0
        self.process: SpawnProcess | None = None
        self.told: Connection | None = None


class Supervisor:
    """Keeps worker processes.

    run:       what a worker does, with ``arguments`` and a connection on which it says once that it serves, or why not
    last_wish: how long after a signal a worker may take to end, in seconds
    """

    def __init__(self, run: Callable[..., None], arguments: tuple[Any, ...], count: int, last_wish_s: float) -> None:
        self._run = run
        self._arguments = arguments
        self._workers = [_Worker(number) for number in range(count)]
        self._last_wish_s = last_wish_s
        self._signals = 0
        self._wake, self._woken = socket.socketpair()
        self._spawn = multiprocessing.get_context("spawn")

    def keep(self) -> None:
        """Start the workers and keep them until a signal comes.

        raises: TrackwayError, the first worker's when it cannot serve
        """
        before = {number: signal.signal(number, self._note) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            first = self._workers[0]
            self._start(first)
            assert first.told is not None
            while not self._signals and first.told is not None:
                self._wait([first])
            for worker in self._workers[1:] if not self._signals else ():
                self._start(worker)
            while not self._signals:
                self._wait(self._workers)
        finally:
            self._end()
            for number, handler in before.items():
                signal.signal(number, handler)

    def _note(self, _number: int, _frame: object) -> None:
        self._signals += 1
        self._wake.send(b".")
        if self._signals > 1:
            for worker in self._workers:
                if worker.process is not None:
                    worker.process.kill()

    def _start(self, worker: _Worker) -> None:
        worker.told, tells = self._spawn.Pipe(duplex=False)
        name = f"trackway-serve-{worker.number}"
        worker.process = self._spawn.Process(target=self._run, args=(*self._arguments, tells), name=name)
        worker.process.start()
        tells.close()

    def _wait(self, workers: list[_Worker]) -> None:
        """Wait for what happens next, and see to it."""
        now = time.monotonic()
        due = [worker for worker in workers if worker.process is None]
        for worker in due:
            if worker.begins_at <= now:
                self._start(worker)
        later = [worker.begins_at - now for worker in due if worker.begins_at > now]
        sources: list[Any] = [self._woken]
        for worker in workers:
            if worker.told is not None:
                sources.append(worker.told)
            elif worker.process is not None:
                sources.append(worker.process.sentinel)
        ready = wait(sources, min(later, default=None))
        for worker in workers:
            if worker.told is not None and worker.told in ready:
                self._listen(worker)
            elif worker.process is not None and worker.process.sentinel in ready:
                self._see_off(worker)

    def _listen(self, worker: _Worker) -> None:
        """Hear whether a worker serves.

        raises: TrackwayError when it does not and is the first
        """
        assert worker.told is not None
        try:
            told: Told = worker.told.recv()
        except EOFError:
            told = ("internal", "A worker died while it loaded the model", "look for what ended it: memory, a signal")
        worker.told.close()
        worker.told = None
        if told is None:
            worker.failures = 0
            return
        code, message, hint = told
        if worker is self._workers[0] and all(other.process is None for other in self._workers[1:]):
            raise BY_CODE.get(code, TrackwayError)(message, hint=hint)
        worker.failures += 1
        _log.error("Worker %d cannot serve: %s", worker.number, message)

    def _see_off(self, worker: _Worker) -> None:
        assert worker.process is not None
        if self._signals:
            return
        worker.process.join()
        wait_s = 0.0 if not worker.failures else min(MOST_PATIENT_S, 2.0**worker.failures)
        _log.error("Worker %d ended (%s); another begins", worker.number, worker.process.exitcode)
        worker.process = None
        worker.begins_at = time.monotonic() + wait_s

    def _end(self) -> None:
        """End all workers: those that do not end in time are killed."""
        processes = [worker.process for worker in self._workers if worker.process is not None]
        for process in processes:
            process.terminate()
        end = time.monotonic() + self._last_wish_s
        for process in processes:
            process.join(max(0.0, end - time.monotonic()))
            if process.is_alive():
                process.kill()
                process.join()
