"""The worker: runs what schedules queue, once, as children that end with it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import trackway as tw
from tests.services.waiting import LONG_S, wait_until
from trackway.api.schedules import Launch
from trackway.base.errors import TrackwayError, Unauthenticated, Unavailable
from trackway.projects.worker import Pace, Worker, write_command
from trackway.sdk.connection import get_tracking_uri, get_transport

PACE = Pace(poll_s=0.05, lease_s=3.0)
FILE = """\
name: p
entry_points:
  main:
    parameters: {{note: {{default: plain}}}}
    command: "bash step.sh {{note}}"
"""
SCRIPT = """\
echo "$TRACKWAY_RUN_ID $$ $1" >> "{log}"
case "$1" in
  fail) exit 3 ;;
  stubborn) trap "" TERM; while true; do sleep 0.1; done ;;
  wait) while [ ! -e "{go}" ]; do sleep 0.1; done ;;
esac
"""


@pytest.fixture
def project(store: Path) -> Path:
    folder = store.parent / "p"
    folder.mkdir()
    (folder / "MLproject").write_text(FILE.format())
    (folder / "step.sh").write_text(SCRIPT.format(log=store.parent / "log", go=store.parent / "go"))
    return folder


def read_log(store: Path) -> list[list[str]]:
    """Return the run, the process and the note of each that began."""
    path = store.parent / "log"
    return [line.split(" ", 2) for line in path.read_text().splitlines()] if path.exists() else []


def make(name: str, project: Path, **params: str) -> None:
    tw.schedules.create(name, "@yearly", str(project), params=params, env_manager="local", experiment="nightly")
    tw.schedules.run_now(name)


def make_worker(*allowed: str, slots: int = 3) -> Worker:
    return Worker(get_transport(get_tracking_uri()), "w", slots, allowed, PACE)


def test_what_waits_is_run_and_its_history_says_how_it_went(project: Path, store: Path) -> None:
    make("good", project, note="a b; $(id) 'x'")
    make("bad", project, note="fail")
    make("missing", project / "nothing")
    make("foreign", store.parent / "other")
    make_worker(str(project)).work(once=True)
    found = {name: tw.schedules.list_history(name)[0] for name in ("good", "bad", "missing", "foreign")}
    assert {name: tick.state for name, tick in found.items()} == {
        "good": "finished",
        "bad": "failed",
        "missing": "failed",
        "foreign": "failed",
    }
    assert found["good"].worker == "w"
    assert "There is no folder" in found["missing"].error
    assert found["foreign"].error == f"worker w does not run projects from {store.parent / 'other'}"
    assert found["foreign"].run_id == ""
    run = tw.get_run(found["good"].run_id)
    assert (run.info.status, run.data.tags["trackway.schedule"]) == ("FINISHED", "good")
    assert tw.get_experiment(run.info.experiment_id).name == "nightly"
    assert run.data.params["note"] == "a b; $(id) 'x'"
    assert tw.get_run(found["bad"].run_id).info.status == "FAILED"
    assert tw.get_run(found["missing"].run_id).info.status == "FAILED"
    assert sorted(note for _, _, note in read_log(store)) == ["a b; $(id) 'x'", "fail"]


def test_what_is_cancelled_or_deleted_is_ended(project: Path, store: Path) -> None:
    for name in ("cancelled", "deleted"):
        make(name, project, note="wait")

    def intervene() -> None:
        wait_until(lambda: len(read_log(store)) == 2)
        tw.schedules.cancel("cancelled", tw.schedules.list_history("cancelled")[0].tick_id)
        tw.schedules.delete("deleted")

    thread = threading.Thread(target=intervene)
    thread.start()
    make_worker().work(once=True)
    thread.join(LONG_S)
    [tick] = tw.schedules.list_history("cancelled")
    assert tick.state == "cancelled"
    assert {tw.get_run(run_id).info.status for run_id, _, _ in read_log(store)} == {"KILLED"}
    assert not any(is_alive(int(process)) for _, process, _ in read_log(store))


def test_what_does_not_end_when_it_is_told_is_killed(
    project: Path, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trackway.projects.worker.GRACE_S", 0.5)  # less than its own launcher waits
    make("stubborn", project, note="stubborn")

    def intervene() -> None:
        wait_until(lambda: read_log(store))
        tw.schedules.cancel("stubborn", tw.schedules.list_history("stubborn")[0].tick_id)

    thread = threading.Thread(target=intervene)
    thread.start()
    make_worker().work(once=True)
    thread.join(LONG_S)
    [tick] = tw.schedules.list_history("stubborn")
    assert tick.state == "cancelled"
    assert tw.get_run(tick.run_id).info.status == "KILLED"
    wait_until(lambda: not any(is_alive(int(process)) for _, process, _ in read_log(store)))


def test_no_value_of_a_schedule_is_taken_for_an_option() -> None:
    launch = Launch(uri="./p", version="main", params={"a": "--help", "b": "x=y"}, backend_config='{"a": 1}')
    command = write_command(launch, "r")
    assert command[-2:] == ["--", "./p"]
    assert [word for word in command if word.startswith("-P")] == ["-Pa=--help", "-Pb=x=y"]
    assert "--version=main" in command


class Refusing:
    """A store that answers nothing but an error."""

    def __init__(self, error: TrackwayError) -> None:
        self.error = error
        self.asked = 0

    def call(self, operation: Any, request: Any) -> Any:
        self.asked += 1
        raise self.error


def test_a_worker_that_the_store_refuses_says_so_and_one_whose_store_is_away_waits() -> None:
    refusing = Refusing(Unauthenticated("Sign in first"))
    with pytest.raises(Unauthenticated):
        Worker(refusing, "w", pace=PACE).work()  # type: ignore[arg-type]
    away = Refusing(Unavailable("away"))
    with pytest.raises(Unavailable):
        Worker(away, "w", pace=PACE).work(once=True)  # type: ignore[arg-type]
    away.asked = 0
    patient = Worker(away, "w", pace=PACE)  # type: ignore[arg-type]
    thread = threading.Thread(target=patient.work)
    thread.start()
    wait_until(lambda: away.asked > 3)
    patient.stop()
    thread.join(LONG_S)
    assert not thread.is_alive()


def is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
        stat = Path(f"/proc/{process}/stat")
        return not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.slow
def test_several_workers_on_postgresql_run_each_time_once_also_when_one_is_killed(
    project: Path, store: Path, postgres_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRACKWAY_ARTIFACTS", str(store.parent / "artifacts"))
    monkeypatch.setenv("TRACKWAY_TRACKING_URI", postgres_database)
    monkeypatch.setenv("TRACKWAY_JOURNAL_DIR", str(store.parent / "journal"))
    for number in range(3):
        tw.schedules.create(
            f"s{number}", "@yearly", str(project), params={"note": "wait"}, env_manager="local", overlap="allow"
        )
        for _ in range(4):
            tw.schedules.run_now(f"s{number}")
    command = [sys.executable, "-m", "trackway", "worker", "--slots", "2", "--poll", "0.2", "--lease", "8", "--name"]
    workers = [
        subprocess.Popen([*command, f"w{number}"], stderr=subprocess.DEVNULL, cwd=store.parent) for number in range(3)
    ]
    try:
        wait_until(lambda: len(read_log(store)) == 6)  # all that they may run at once
        workers[0].send_signal(signal.SIGKILL)
        workers[0].wait(LONG_S)
        killed = [tick for tick in list_ticks() if tick.worker == "w0"]
        assert len(killed) == 2
        lost_runs = {tick.run_id for tick in killed}
        orphans = [int(process) for run_id, process, _ in read_log(store) if run_id in lost_runs]
        wait_until(lambda: not any(map(is_alive, orphans)))  # though nothing else told them to end
        (store.parent / "go").touch()
        wait_until(lambda: all(tick.ended_ms is not None for tick in list_ticks()))
    finally:
        for worker in workers:
            worker.terminate()
        for worker in workers:
            worker.wait(LONG_S)
    assert Counter(tick.state for tick in list_ticks()) == {"finished": 10, "lost": 2}
    assert {tick.run_id for tick in list_ticks() if tick.state == "lost"} == lost_runs
    began = [run_id for run_id, _, _ in read_log(store)]
    assert len(began) == len(set(began)) == 12, "each time was begun once"
    assert set(began) == {tick.run_id for tick in list_ticks()}


def list_ticks() -> list[Any]:
    return [tick for number in range(3) for tick in tw.schedules.list_history(f"s{number}")]
