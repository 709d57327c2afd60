"""The local backend: the contract of all, and what only processes of this machine have."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from trackway.base.errors import InvalidInput
from trackway.base.ids import new_id
from trackway.projects.backends import Backend, Job, load_backend
from trackway.projects.local import LocalBackend
from trackway.testing.backends import (
    FORKING,
    BackendContract,
    Sink,
    await_end,
    is_alive,
    read_children,
    wait_until_gone,
)


class TestLocalBackend(BackendContract):
    @pytest.fixture
    def backend(self) -> Backend:
        return LocalBackend()

    @pytest.fixture
    def config(self) -> dict[str, Any]:
        return {"grace_s": 30}


def submit(code: str, folder: Path, grace_s: float = 30.0) -> tuple[Any, Sink]:
    sink = Sink()
    job = Job(run_id=new_id(), command=("python3", "-c", code), folder=folder, config={"grace_s": grace_s})
    return load_backend("local").submit(job, sink.take), sink


def test_what_a_job_leaves_behind_is_ended(tmp_path: Path) -> None:
    handle, sink = submit(FORKING, tmp_path)
    children = read_children(sink)
    assert await_end(handle).status == "FINISHED"
    wait_until_gone(children)


def test_a_job_that_does_not_listen_is_killed(tmp_path: Path) -> None:
    ignoring = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True)"
    handle, sink = submit(f"{ignoring}\ntime.sleep(600)", tmp_path, grace_s=0.2)
    sink.wait_for("ready")
    handle.cancel()
    assert handle.wait(0).exit_code == -9


def test_a_job_may_end_by_itself_when_it_is_cancelled(tmp_path: Path) -> None:
    code = "import signal, sys, time; signal.signal(signal.SIGTERM, lambda *_: (print('saved'), sys.exit(0)))"
    handle, sink = submit(f"{code}\nprint('ready', flush=True); time.sleep(600)", tmp_path)
    sink.wait_for("ready")
    handle.cancel()
    assert "saved" in sink.read("stdout")
    assert handle.get_status() == "KILLED"


def test_a_job_that_was_killed_by_the_system_says_by_what(tmp_path: Path) -> None:
    handle, _ = submit("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", tmp_path)
    outcome = await_end(handle)
    assert (outcome.status, outcome.exit_code) == ("FAILED", -9)
    assert "SIGKILL" in outcome.reason


def test_a_job_reads_nothing_and_others_are_left_alone(tmp_path: Path) -> None:
    with subprocess.Popen(["sleep", "600"], start_new_session=True) as other:
        handle, sink = submit("import sys; print(repr(sys.stdin.read()))", tmp_path)
        await_end(handle)
        assert sink.read("stdout") == "''\n"
        assert is_alive(other.pid)
        assert is_alive(os.getpid())
        other.kill()


LAUNCHER = """
import os, sys
from pathlib import Path
from trackway.projects.backends import Job, load_backend

def show(_stream, data):
    os.write(1, data)

job = Job(run_id="r", command=("python3", "-c", sys.argv[1]), folder=Path.cwd(), config={"grace_s": float(sys.argv[2])})
handle = load_backend("local").submit(job, show)
if sys.argv[3:]:
    os.fork()  # as a pool of processes does: a copy of all that is open outlives the launcher
handle.wait()
"""
DEAF = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"


@pytest.mark.parametrize(
    ("job", "grace_s", "more"),
    [("", "30", ()), (DEAF, "0.2", ()), ("", "30", ("fork",))],
    ids=["plain", "deaf", "copied"],
)
def test_a_job_ends_when_its_launcher_is_killed(job: str, grace_s: str, more: tuple[str, ...], tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-c",
        LAUNCHER,
        f"{job}{FORKING}\nimport os, time; print(os.getpid(), flush=True); time.sleep(600)",
    ]
    launcher = subprocess.Popen(
        [*command, grace_s, *more], stdout=subprocess.PIPE, cwd=tmp_path, start_new_session=True
    )
    assert launcher.stdout is not None
    text = b""
    while len(text.split()) < 4 or not text.endswith(b"\n"):
        text += os.read(launcher.stdout.fileno(), 1000)
    members = [int(word) for word in text.split()[1:]]
    beside = [pid for pid in list_children(launcher.pid) if pid not in members]
    assert beside, "a process beside the job watches"
    os.kill(launcher.pid, signal.SIGKILL)
    wait_until_gone([*members, launcher.pid])
    with suppress(ProcessLookupError):
        os.killpg(launcher.pid, signal.SIGKILL)  # what was copied
    wait_until_gone(beside)
    launcher.wait()
    launcher.stdout.close()


def test_nothing_is_left_beside_a_job_that_has_ended(tmp_path: Path) -> None:
    before = set(list_children(os.getpid()))
    handle, _ = submit("pass", tmp_path)
    await_end(handle)
    wait_until_gone([pid for pid in list_children(os.getpid()) if pid not in before])


def list_children(parent: int) -> list[int]:
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            if path.read_text().rpartition(")")[2].split()[1] == str(parent):
                found.append(int(path.parent.name))
    return found


@pytest.mark.parametrize("grace_s", ["10", -1, True, float("nan"), float("inf")])
def test_a_time_that_cannot_be_is_refused(grace_s: object) -> None:
    with pytest.raises(InvalidInput, match="grace_s"):
        LocalBackend().check({"grace_s": grace_s})


def test_a_backend_that_is_not_there_is_told_with_those_that_are() -> None:
    with pytest.raises(InvalidInput, match=r"There is no project_backends named 'slrum'.*local"):
        load_backend("slrum")
