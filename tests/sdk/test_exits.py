"""How a training process ends, and what is left of it: told from its journal, as its server is never there."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.sdk.fake import FakeStore, open_fake
from trackway.sdk.sync import Synced, sync

START = """
import os, signal, sys, time
import trackway as tw
run = tw.start_run()
def step(n):
    for i in range(n):
        tw.log_metric("loss", 1.0 / (i + 1), step=i)
"""


class Process:
    """A training script that logs to a server that is away."""

    def __init__(self, script: str, folder: Path) -> None:
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("TRACKWAY", "MLFLOW"))}
        environment |= {
            "TRACKWAY_TRACKING_URI": "http://127.0.0.1:9",
            "TRACKWAY_JOURNAL_DIR": str(folder / "journal"),
            "TRACKWAY_FINISH_S": "0.2",
        }
        self._folder = folder
        (folder / "train.py").write_text(START + script)
        self._popen = subprocess.Popen(
            [sys.executable, "train.py"],
            cwd=folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def read_line(self) -> str:
        assert self._popen.stdout is not None
        return self._popen.stdout.readline().strip()

    def kill(self, number: int) -> None:
        self._popen.send_signal(number)

    def wait(self) -> tuple[int, str]:
        _, errors = self._popen.communicate(timeout=60)
        return self._popen.returncode, errors

    def sync(self) -> tuple[FakeStore, list[Synced]]:
        uri = f"fake://{self._folder}"
        return open_fake(uri), sync(self._folder / "journal", uri)


ENDS = {
    "nothing": ("step(10)", 0, "FINISHED"),
    "end_run": ("step(10); tw.end_run('FAILED')", 0, "FAILED"),
    "exit 0 in the block": ("with run: step(10); sys.exit(0)", 0, "FINISHED"),
    "exit 3 in the block": ("with run: step(10); sys.exit(3)", 3, "FAILED"),
    "exit 0": ("step(10); sys.exit()", 0, "FINISHED"),
    "exit 3": ("step(10); sys.exit(3)", 3, "FAILED"),
    "exit with a message": ("step(10); sys.exit('no data')", 1, "FAILED"),
    "exit 3 by the builtin": ("step(10); exit(3)", 3, "FAILED"),
    "exit 3 through finally": ("try: sys.exit(3)\nfinally: step(10)", 3, "FAILED"),
    "exit 3 that is caught": ("step(10)\ntry: sys.exit(3)\nexcept SystemExit as error: caught = error", 0, "FINISHED"),
    "exit 3 that is caught before an exit 0": ("try: exit(3)\nexcept SystemExit: step(10); sys.exit(0)", 0, "FINISHED"),
    "exit 3 of a thread": (
        "import threading; t = threading.Thread(target=sys.exit, args=(3,)); t.start(); t.join(); step(10)",
        0,
        "FINISHED",
    ),
    "an exception": ("step(10); raise ValueError('x')", 1, "FAILED"),
    "an exception in the block": ("with run: step(10); raise ValueError('x')", 1, "FAILED"),
    "Ctrl-C": ("step(10); os.kill(os.getpid(), signal.SIGINT); time.sleep(9)", -2, "KILLED"),
    "Ctrl-C in the block": ("with run: step(10); os.kill(os.getpid(), signal.SIGINT); time.sleep(9)", -2, "KILLED"),
    "SIGTERM": ("step(10); os.kill(os.getpid(), signal.SIGTERM); time.sleep(9)", 143, "KILLED"),
    "SIGTERM in the block": ("with run: step(10); os.kill(os.getpid(), signal.SIGTERM); time.sleep(9)", 143, "KILLED"),
    "kill -9": ("step(10); os.kill(os.getpid(), signal.SIGKILL)", -9, "RUNNING"),
}


@pytest.mark.parametrize("script, code, status", ENDS.values(), ids=ENDS.keys())
def test_status_follows_the_true_exit_and_nothing_logged_is_lost(
    tracked: Path, script: str, code: int, status: str
) -> None:
    process = Process(script, tracked)
    returned, errors = process.wait()
    # Code that an interrupted interpreter still runs (imports do) may turn its end by SIGINT into an exit with 1.
    assert returned in ((-signal.SIGINT, 1) if code == -signal.SIGINT else (code,)), errors
    store, synced = process.sync()
    assert [one.problem for one in synced] == [""]
    assert synced[0].removed
    (run,) = store.runs.values()
    assert run.status == status
    assert len(store.points[run.run_id, "loss"]) == 10
    if code != -9:
        assert "trackway sync" in errors


def test_a_script_that_ends_at_once_is_delivered_to_a_folder(tracked: Path) -> None:
    """What opens the folder is imported, and what is logged is written, while the program ends."""
    script = "import trackway as tw; tw.start_run(); tw.log_metric('a', 1.0); tw.log_text('x' * 5_000_000, 'x.txt')"
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("TRACKWAY", "MLFLOW"))}
    environment |= {"TRACKWAY_TRACKING_URI": str(tracked / "tracks"), "TRACKWAY_JOURNAL_DIR": str(tracked / "journal")}
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tracked, env=environment, capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert not sync(tracked / "journal", str(tracked / "tracks")), "nothing is left to deliver"
    assert 5_000_000 in {path.stat().st_size for path in (tracked / "tracks").rglob("*")}


def test_a_handler_of_the_scripts_own_stays_in_charge(tracked: Path) -> None:
    process = Process(
        """
def stop(number, frame):
    print("saved", flush=True)
    sys.exit(7)
signal.signal(signal.SIGTERM, stop)
tw.end_run()
with tw.start_run():
    tw.log_metric("m", 1.0)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(9)
""",
        tracked,
    )
    assert process.read_line() == "saved"
    assert process.wait()[0] == 7
    store, _ = process.sync()
    assert [run.status for run in store.runs.values()] == ["FINISHED", "KILLED"]


def test_a_process_that_survives_sigterm_finishes_its_run(tracked: Path) -> None:
    process = Process(
        """
signal.signal(signal.SIGTERM, lambda number, frame: print("checkpoint", flush=True))
tw.end_run()
with tw.start_run():
    os.kill(os.getpid(), signal.SIGTERM)
    tw.log_metric("m", 1.0)
""",
        tracked,
    )
    assert process.wait()[0] == 0
    store, _ = process.sync()
    assert [run.status for run in store.runs.values()] == ["FINISHED", "FINISHED"]


def test_a_killed_trainer_leaves_all_that_it_logged_and_a_second_sync_sends_nothing(tracked: Path) -> None:
    process = Process("i = 0\nwhile True:\n    tw.log_metric('m', i, step=i); print(i, flush=True); i += 1", tracked)
    last = 0
    while last < 500:
        last = int(process.read_line() or 0)
    process.kill(signal.SIGKILL)
    process.wait()
    store, first = process.sync()
    (points,) = store.points.values()
    assert [step for step, _, _ in points] == list(range(len(points)))
    assert len(points) > last
    calls = len(store.calls)
    assert process.sync()[1] == []
    assert len(store.calls) == calls
    assert first[0].delivered >= len(points)


FORKED = {
    "a child that logs to its parent's run": """
with run:
    step(3)
    child = os.fork()
    if child == 0:
        tw.log_metric("child", 1.0)
        sys.exit(0)
    os.waitpid(child, 0)
    step(3)
""",
    "a child of multiprocessing": """
import multiprocessing
def work():
    tw.log_metric("child", 1.0)
with run:
    step(3)
    child = multiprocessing.get_context("fork").Process(target=work)
    child.start(); child.join()
    assert child.exitcode == 0
    step(3)
""",
    "a child that logs nothing and is terminated": """
with run:
    step(3)
    tw.log_metric("child", 1.0)
    child = os.fork()
    if child == 0:
        time.sleep(60)
        os._exit(9)
    os.kill(child, signal.SIGTERM)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])  # git may be another child of this process
    assert code == -signal.SIGTERM, code
    step(3)
""",
}


@pytest.mark.parametrize("script", FORKED.values(), ids=FORKED.keys())
def test_a_forked_child_logs_for_itself_and_does_not_end_its_parents_run(tracked: Path, script: str) -> None:
    process = Process(script, tracked)
    code, errors = process.wait()
    assert code == 0, errors
    store, synced = process.sync()
    assert all(one.removed for one in synced), synced
    (run,) = store.runs.values()
    assert run.status == "FINISHED"
    assert len(store.points[run.run_id, "child"]) == 1
    assert len(store.points[run.run_id, "loss"]) == 6
