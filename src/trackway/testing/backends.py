"""What every backend of projects promises, as tests: subclass ``BackendContract`` and give it a ``backend`` fixture.

The jobs are small programs of Python; ``python`` names the interpreter that the backend's machines have.
"""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import pytest

from trackway.base.errors import InvalidInput, TrackwayError
from trackway.base.ids import new_id
from trackway.projects.backends import Backend, Handle, Job, Outcome, Stream

LONG_S = 120.0
"""How long a busy machine may take for a small program."""
UNKNOWN = "no such setting"
FORKING = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
stray = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
print("children", child.pid, stray.pid, "", flush=True)
"""
"""A program that starts others, one of them in a session of its own."""


class Sink:
    """Collects what a job writes."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._written: dict[Stream, bytes] = {"stdout": b"", "stderr": b""}

    def take(self, stream: Stream, data: bytes) -> None:
        with self._lock:
            self._written[stream] += data

    def read(self, stream: Stream) -> str:
        with self._lock:
            return self._written[stream].decode()

    def wait_for(self, text: str, stream: Stream = "stdout") -> None:
        """Wait until a job has written a text."""
        deadline_s = time.monotonic() + LONG_S
        while text not in self.read(stream):
            assert time.monotonic() < deadline_s, f"{text!r} was not written, but {self.read(stream)!r}"
            time.sleep(0.02)


class BackendContract:
    """The contract. ``backend`` is one that has nothing to do; each job is one of its own."""

    merges_streams = False
    """Whether what is written to both streams comes as standard output, as some schedulers have it."""

    is_here = True
    """Whether its processes are to be seen on this machine, which has /proc."""

    @pytest.fixture
    def python(self) -> str:
        """The interpreter that jobs are run by."""
        return "python3"

    @pytest.fixture
    def config(self) -> dict[str, Any]:
        """A configuration that the backend takes."""
        return {}

    @pytest.fixture
    def sink(self) -> Sink:
        return Sink()

    def make_job(self, folder: Path, command: tuple[str, ...], config: dict[str, Any], **fields: Any) -> Job:
        return Job(run_id=new_id(), command=command, folder=folder, config=config, **fields)

    def test_a_job_ends_and_its_status_and_output_are_known(
        self, backend: Backend, python: str, config: dict[str, Any], sink: Sink, tmp_path: Path
    ) -> None:
        code = "import sys; print('out ü'); print('err', file=sys.stderr)"
        handle = backend.submit(self.make_job(tmp_path, (python, "-c", code), config), sink.take)
        assert handle.job_id
        assert await_end(handle) == Outcome("FINISHED", 0)
        assert handle.get_status() == "FINISHED"
        assert "out ü" in sink.read("stdout")
        assert "err" in sink.read("stdout" if self.merges_streams else "stderr")

    def test_a_command_that_fails_tells_its_status(
        self, backend: Backend, python: str, config: dict[str, Any], sink: Sink, tmp_path: Path
    ) -> None:
        handle = backend.submit(self.make_job(tmp_path, (python, "-c", "raise SystemExit(7)"), config), sink.take)
        outcome = await_end(handle)
        assert (outcome.status, outcome.exit_code) == ("FAILED", 7)
        assert outcome.reason

    def test_words_reach_the_program_as_they_are(
        self, backend: Backend, python: str, config: dict[str, Any], sink: Sink, tmp_path: Path
    ) -> None:
        words = ("", "a b", "$(id)", "'", "a\nb", "ü", "*", "-x", "\\", '"', "{x}", "%s", "`id`", "end")
        code = "import sys; print(ascii(sys.argv[1:]))"
        await_end(backend.submit(self.make_job(tmp_path, (python, "-c", code, *words), config), sink.take))
        assert ascii([*words]) in sink.read("stdout")

    def test_variables_and_the_folder_are_the_jobs(
        self, backend: Backend, python: str, config: dict[str, Any], sink: Sink, tmp_path: Path
    ) -> None:
        (tmp_path / "here.txt").write_text("found")
        greeting = "hello $x $(HOME) ${HOME} $$(id) 'a\" \\\\ %s {y}"
        code = "import os; print(ascii(os.environ['GREETING']), open('here.txt').read())"
        job = self.make_job(tmp_path, (python, "-c", code), config, variables={"HOME": "x", "GREETING": greeting})
        await_end(backend.submit(job, sink.take))
        assert f"{greeting!a} found" in sink.read("stdout")

    def test_output_comes_while_the_job_goes_on_and_it_can_be_cancelled(
        self, backend: Backend, python: str, config: dict[str, Any], sink: Sink, tmp_path: Path
    ) -> None:
        code = "import time; print('begun', flush=True); time.sleep(600)"
        handle = backend.submit(self.make_job(tmp_path, (python, "-c", code), config), sink.take)
        sink.wait_for("begun")
        assert handle.get_status() == "RUNNING"
        assert handle.wait(0.01) is None
        handle.cancel()
        outcome = handle.wait(0)
        assert outcome is not None, "it has ended when cancel returns"
        assert outcome.status == handle.get_status() == "KILLED"

    def test_cancelling_ends_all_that_a_job_started(
        self, backend: Backend, python: str, config: dict[str, Any], sink: Sink, tmp_path: Path
    ) -> None:
        if not self.is_here:
            pytest.skip("its processes are not on this machine")
        code = f"{FORKING}\nimport time; time.sleep(600)"
        handle = backend.submit(self.make_job(tmp_path, (python, "-c", code), config), sink.take)
        children = read_children(sink)
        assert all(is_alive(pid) for pid in children)
        handle.cancel()
        wait_until_gone(children)

    def test_cancelling_what_has_ended_changes_nothing(
        self, backend: Backend, python: str, config: dict[str, Any], sink: Sink, tmp_path: Path
    ) -> None:
        handle = backend.submit(self.make_job(tmp_path, (python, "-c", "pass"), config), sink.take)
        await_end(handle)
        handle.cancel()
        assert handle.get_status() == "FINISHED"

    def test_a_program_that_is_not_there_is_told(
        self, backend: Backend, config: dict[str, Any], sink: Sink, tmp_path: Path
    ) -> None:
        job = self.make_job(tmp_path, ("no-such-program-here",), config)
        said = "no-such-program-here"
        try:
            outcome = await_end(backend.submit(job, sink.take))
        except TrackwayError as error:
            outcome, said = Outcome("FAILED", reason=str(error)), str(error)
        assert outcome.status == "FAILED"
        assert "no-such-program-here" in said

    def test_a_setting_that_it_does_not_know_is_refused(self, backend: Backend, config: dict[str, Any]) -> None:
        backend.check(config)
        with pytest.raises(InvalidInput, match=UNKNOWN):
            backend.check({**config, UNKNOWN: 1})


def read_children(sink: Sink) -> list[int]:
    """Return the processes that ``FORKING`` says it started."""
    sink.wait_for("children ")
    sink.wait_for(" \n")
    return [int(word) for word in sink.read("stdout").partition("children ")[2].split()[:2]]


def wait_until_gone(pids: list[int]) -> None:
    """Wait until processes of this machine have ended."""
    deadline_s = time.monotonic() + LONG_S
    while any(is_alive(pid) for pid in pids):
        assert time.monotonic() < deadline_s, f"some of {pids} go on"
        time.sleep(0.02)


def is_alive(pid: int) -> bool:
    """Tell whether a process of this machine is there and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def await_end(handle: Handle) -> Outcome:
    """Wait until a job has ended, and return how."""
    outcome = handle.wait(LONG_S)
    assert outcome is not None, f"it has not ended within {LONG_S} s"
    return outcome
