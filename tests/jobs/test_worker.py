"""Background work: one task that fails holds up no other, and all can be looked at."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.repository.source import ROOT
from trackway.api.jobs import PURPOSES, Job
from trackway.base.errors import Corrupt, Unavailable
from trackway.jobs.worker import Pass, Task, Worker
from trackway.testing.store.housekeeping import make_entry
from trackway.tracking import chains
from trackway.wiring.platform import Platform


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Platform]:
    with closing(Platform(f"sqlite:///{tmp_path}/t.db", str(tmp_path / "artifacts"))) as made:
        yield made


def list_jobs(platform: Platform) -> dict[str, Job]:
    return {job.name: job for job in platform.store.read(lambda tx: tx.housekeeping.list_jobs())}


@pytest.mark.parametrize(
    "failure", [Unavailable("the disk is away"), ZeroDivisionError("by zero")], ids=["known", "fault"]
)
def test_a_task_that_fails_is_noted_and_holds_up_no_other(platform: Platform, failure: Exception) -> None:
    done: list[str] = []

    def fail() -> bool:
        done.append("seal")
        raise failure

    def work() -> bool:
        done.append("blobs")
        return len(done) < 3  # more to do, once

    now_ms = 1_000
    worker = Worker(platform.store, [Task("seal", 5.0, fail), Task("blobs", 60.0, work)], lambda: now_ms)
    assert worker.run_due() == 0.01
    assert worker.run_due() == 5.0
    assert done == ["seal", "blobs", "blobs"]
    now_ms += 5_000
    worker.run_due()
    jobs = list_jobs(platform)
    assert (jobs["seal"].times, jobs["seal"].failures, jobs["seal"].error_ms) == (2, 2, 6_000)
    assert str(failure) in jobs["seal"].error
    assert (jobs["blobs"].times, jobs["blobs"].failures, jobs["blobs"].error) == (2, 0, "")
    assert jobs["blobs"].interval_ms == 60_000


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now_ms = 1_000_000

    def __call__(self) -> int:
        return self.now_ms


DAY_S = 86_400.0


def test_others_have_their_turn_between_the_steps_of_a_pass_which_is_noted_at_its_end(platform: Platform) -> None:
    done: list[str] = []

    def begin() -> Iterator[None]:
        for number in range(2):
            done.append(f"part {number}")
            yield

    def seal() -> bool:
        done.append("seal")
        return True

    clock = Clock()
    worker = Worker(platform.store, [Pass("audit", DAY_S, begin), Task("seal", 5.0, seal)], clock)
    for _ in range(2):
        worker.run_due()
        clock.now_ms += 10
    assert "audit" not in list_jobs(platform)
    worker.run_due()
    assert done == ["part 0", "seal", "part 1", "seal", "seal"]
    job = list_jobs(platform)["audit"]
    assert (job.times, job.failures, job.began_ms, job.ended_ms) == (1, 0, 1_000_000, 1_000_020)


def test_a_pass_is_done_once_a_day_by_all_replicas_however_often_they_start(platform: Platform) -> None:
    clock, begun = Clock(), []

    def begin() -> Iterator[None]:
        begun.append(clock.now_ms)
        yield

    def run(worker: Worker) -> None:
        for _ in range(3):
            worker.run_due()

    one, other = (Worker(platform.store, [Pass("audit", DAY_S, begin)], clock) for _ in range(2))
    one.run_due()  # and is in the middle of it
    run(other)
    assert len(begun) == 1, "the one has the lease"
    clock.now_ms += 2 * Worker.LEASE_MS  # in which the one is gone
    other = Worker(platform.store, [Pass("audit", DAY_S, begin)], clock)
    run(other)
    assert len(begun) == 2, "another one does it"
    for _ in range(10):
        clock.now_ms += 3_600_000
        run(Worker(platform.store, [Pass("audit", DAY_S, begin)], clock))
        run(one)
    assert len(begun) == 2, "it was done that day, and what the one had begun is forgotten"
    clock.now_ms += 14 * 3_600_000
    run(one)
    run(other)
    assert len(begun) == 3


def test_a_pass_for_which_the_store_was_away_begins_anew_within_minutes(platform: Platform) -> None:
    clock, begun = Clock(), []

    def begin() -> Iterator[None]:
        begun.append(clock.now_ms)
        yield
        if len(begun) == 1:
            raise Unavailable("the disk is away")

    worker = Worker(platform.store, [Pass("audit", DAY_S, begin)], clock)
    worker.run_due()
    assert worker.run_due() == Worker.LOOK_S
    assert "audit" not in list_jobs(platform), "neither done nor failed"
    clock.now_ms += int(Worker.LOOK_S * 1000)
    worker.run_due()
    worker.run_due()
    job = list_jobs(platform)["audit"]
    assert (len(begun), job.times, job.failures) == (2, 1, 0)


@pytest.mark.parametrize("failure", [Corrupt("entry 3 is missing"), ZeroDivisionError("by zero")])
def test_what_a_pass_finds_is_its_failure(platform: Platform, failure: Exception) -> None:
    def begin() -> Iterator[None]:
        yield
        raise failure

    worker = Worker(platform.store, [Pass("audit", DAY_S, begin)], Clock())
    worker.run_due()
    worker.run_due()
    job = list_jobs(platform)["audit"]
    assert (job.failures, job.error_ms) == (1, job.ended_ms)
    assert str(failure) in job.error


def test_a_chain_that_broke_is_told_by_its_job_every_day_and_logged_once(
    platform: Platform, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chains, "CHECKED_AT_ONCE", 2)
    clock = Clock()

    def append(n: int) -> None:
        platform.store.write(lambda tx: tx.housekeeping.append_audit("default", make_entry(n)))

    for n in range(5):
        append(n)

    def check_next_day() -> Job:
        clock.now_ms += int(DAY_S * 1000)
        worker = Worker(platform.store, [Pass("audit", DAY_S, lambda: chains.check_chains(platform.store))], clock)
        while worker.run_due() < 1:
            pass
        return list_jobs(platform)["audit"]

    assert check_next_day().failures == 0
    platform.store.write(lambda tx: tx.housekeeping.trim_audit("default", 2))
    append(5)
    assert check_next_day().failures == 0, "a chain that was trimmed is whole"
    platform.store.write(lambda tx: tx.db.run("DELETE FROM audit WHERE number = 4"))
    for failures in (1, 2):
        job = check_next_day()
        assert (job.failures, job.error_ms) == (failures, job.ended_ms)
        assert job.error == "The audit log is not as it was written: of the workspace 'default': entry 4 is missing"
    assert caplog.text.count("entry 4 is missing") == 1
    platform.store.write(lambda tx: tx.housekeeping.trim_audit("default", 5))
    job = check_next_day()
    assert (job.failures, job.error_ms) == (2, job.ended_ms - int(DAY_S * 1000)), "what is left is whole"


def test_a_job_says_what_it_is_for(platform: Platform) -> None:
    with pytest.raises(ValueError, match="other"):
        Worker(platform.store, [Task("other", 1.0, lambda: False)])


def test_every_job_that_is_made_anywhere_says_what_it_is_for() -> None:
    made = {
        name
        for path in (ROOT / "src/trackway/wiring").glob("*.py")
        for name in re.findall(r'\b(?:Task|Pass)\("(\w+)"', path.read_text(encoding="utf-8"))
    }
    assert made == set(PURPOSES)
