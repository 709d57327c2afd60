"""Background work: one task that fails holds up no other, and all can be looked at."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.repository.source import ROOT
from trackway.api.jobs import PURPOSES, Job
from trackway.base.errors import Unavailable
from trackway.jobs.worker import Task, Worker
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


def test_a_job_says_what_it_is_for(platform: Platform) -> None:
    with pytest.raises(ValueError, match="other"):
        Worker(platform.store, [Task("other", 1.0, lambda: False)])


def test_every_job_that_is_made_anywhere_says_what_it_is_for() -> None:
    made = {
        name
        for path in (ROOT / "src/trackway/wiring").glob("*.py")
        for name in re.findall(r'\bTask\("(\w+)"', path.read_text(encoding="utf-8"))
    }
    assert made == set(PURPOSES)
