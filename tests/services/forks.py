"""Processes that are there at once: forked from one that has imported everything already, and killed by tests."""

from __future__ import annotations

import importlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
SCRIPT = "import sys; from tests.services.forks import fork_for_ever; fork_for_ever(*sys.argv[1:])"


class Forks:
    """A process that forks one child after the other, each to call a function with JSON arguments."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.child = 0
        """The process id of the child that runs; 0 when none does."""

    def start(self, **arguments: Any) -> None:
        """Start the next child."""
        self._write(json.dumps(arguments))
        self.child = int(self._read())

    def kill(self, number: int = signal.SIGKILL) -> None:
        """Send the child a signal and wait until it is gone."""
        os.kill(self.child, number)
        self.wait()

    def wait(self) -> int:
        """Wait for the child's end and return its exit code, negative for a signal."""
        self.child = 0
        return int(self._read())

    def close(self) -> None:
        if self.child:
            self.kill()
        self._process.communicate()

    def _write(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def _read(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "the process that forks has died"
        return line


@contextmanager
def run_forks(function: str, log: Path, environment: dict[str, str] | None = None) -> Iterator[Forks]:
    """Make children that call ``module:function`` until the block ends; their output goes to a file.

    cost:    what importing the module costs, once
    """
    with (
        log.open("wb") as output,
        subprocess.Popen(
            [sys.executable, "-c", SCRIPT, function],
            cwd=ROOT,
            env={**os.environ, **(environment or {})},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=output,
            text=True,
        ) as process,
    ):
        forks = Forks(process)
        try:
            yield forks
        finally:
            forks.close()


def fork_for_ever(function: str) -> None:
    """Fork a child for each line of input; tell its number, and later its exit code."""
    module, _, name = function.partition(":")
    work = getattr(importlib.import_module(module), name)
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            os.dup2(2, 1)
            work(**json.loads(line))
            sys.stderr.flush()
            os._exit(0)
        print(child, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
