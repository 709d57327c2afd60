"""How times come: on a clock that is told what time it is."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.services.calling import call
from trackway.api import operations as ops
from trackway.api import schedules as c
from trackway.scheduling.timekeeper import GRACE_MS, KEPT_MS, WAIT_MS, Timekeeper
from trackway.wiring.platform import Platform

MINUTE = 60_000
HOUR = 60 * MINUTE
NOON = 1_782_907_200_000
"""2026-07-01 12:00 UTC."""


class World:
    """A platform on a clock that stands still, and a schedule of every hour."""

    def __init__(self, uri: str) -> None:
        self.now_ms = NOON
        self.platform = Platform(uri, "memory://")
        self.platform.dispatch._clock = self.read_clock
        self.keeper = self.make_keeper()

    def make_keeper(self) -> Timekeeper:
        return Timekeeper(self.platform.store, self.read_clock)

    def read_clock(self) -> int:
        return self.now_ms

    def call(self, operation: Any, request: Any) -> Any:
        return call(self.platform, operation, request)

    def make(self, **fields: Any) -> None:
        plain: dict[str, Any] = {"name": "s", "cron": "@hourly", "launch": c.Launch(uri="./p")}
        self.call(ops.CREATE_SCHEDULE, c.CreateSchedule(**(plain | fields)))

    def pass_time(self, ms: int, look: bool = True) -> None:
        self.now_ms += ms
        if look:
            while self.keeper.keep_time():
                pass

    def history(self) -> list[tuple[float, str]]:
        """Return the times, oldest first, in hours since noon, and what became of them."""
        ticks = self.call(ops.LIST_TICKS, c.ListTicks(name="s", limit=10_000)).ticks
        return [((tick.due_ms - NOON) / HOUR, tick.state) for tick in reversed(ticks)]

    def take(self) -> str:
        """Take a time, begin it, and return its id; empty when there is none."""
        tick = self.call(ops.CLAIM_TICK, c.ClaimTick(holder="me", worker="w", lease_ms=600_000)).tick
        if tick is None:
            return ""
        self.report(tick.tick_id, "running")
        return str(tick.tick_id)

    def report(self, tick_id: str, state: Any) -> None:
        self.call(ops.REPORT_TICK, c.ReportTick(tick_id=tick_id, holder="me", state=state, lease_ms=600_000))


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(f"sqlite:///{tmp_path}/t.db")
    yield world
    world.platform.close()


def test_a_time_comes_when_it_is_due_and_once(world: World) -> None:
    world.make()
    world.pass_time(HOUR - 1)
    assert world.history() == []
    world.pass_time(1)
    world.pass_time(0)
    world.make_keeper().keep_time()
    assert world.history() == [(1, "queued")]
    world.report(world.take(), "finished")
    world.pass_time(HOUR + 5_000)
    assert world.history() == [(1, "finished"), (2, "queued")]


def test_nothing_comes_of_a_schedule_while_it_is_paused(world: World) -> None:
    world.make()
    world.call(ops.UPDATE_SCHEDULE, c.UpdateSchedule(name="s", paused=True))
    world.pass_time(3 * HOUR)
    world.call(ops.UPDATE_SCHEDULE, c.UpdateSchedule(name="s", paused=False))
    world.pass_time(MINUTE)
    assert world.history() == []
    world.pass_time(HOUR)
    assert world.history() == [(4, "queued")]


@pytest.mark.parametrize(
    ("fields", "late_ms", "expected"),
    [
        ({"catch_up": "none"}, 0, [(1, "missed"), (3, "queued")]),
        ({"catch_up": "none"}, GRACE_MS, [(1, "missed"), (3, "queued")]),
        ({"catch_up": "none"}, GRACE_MS + 1, [(3, "missed")]),
        ({"catch_up": "last"}, HOUR - 1, [(1, "missed"), (3, "queued")]),
        ({"catch_up": "all"}, HOUR - 1, [(1, "queued"), (2, "queued"), (3, "queued")]),
        ({"catch_up": "all", "catch_up_limit": 2}, HOUR - 1, [(1, "missed"), (2, "queued"), (3, "queued")]),
        ({"catch_up": "all", "overlap": "cancel_previous"}, 0, [(1, "cancelled"), (2, "cancelled"), (3, "queued")]),
    ],
    ids=str,
)
def test_times_that_nobody_looked_at_are_caught_up_with_by_policy(
    world: World, fields: dict[str, Any], late_ms: int, expected: list[tuple[float, str]]
) -> None:
    world.make(**fields)
    world.pass_time(3 * HOUR + late_ms)
    assert world.history() == expected


def test_what_was_missed_is_counted(world: World) -> None:
    world.make(cron="* * * * *")
    world.pass_time(1_000 * HOUR + GRACE_MS + 1)
    [tick] = world.call(ops.LIST_TICKS, c.ListTicks(name="s", state="missed")).ticks
    assert tick.error == "60,002 times passed while nobody was looking"


@pytest.mark.parametrize(
    ("overlap", "expected", "after"),
    [
        ("skip", [(1, "running"), (2, "skipped")], None),
        ("queue", [(1, "running"), (2, "queued")], 2),
        ("cancel_previous", [(1, "running"), (2, "queued")], 2),
        ("allow", [(1, "running"), (2, "queued")], 2),
    ],
)
def test_a_time_that_comes_while_another_runs_is_treated_by_policy(
    world: World, overlap: str, expected: list[tuple[float, str]], after: int | None
) -> None:
    world.make(overlap=overlap)
    world.pass_time(HOUR)
    running = world.take()
    # A worker says every few seconds that it is there.
    for _ in range(12):
        world.pass_time(5 * MINUTE)
        world.report(running, "running")
    assert world.history() == expected
    [told] = world.call(ops.LIST_TICKS, c.ListTicks(name="s", state="running")).ticks
    assert told.cancel == (overlap == "cancel_previous")
    assert bool(world.take()) == (overlap == "allow")
    world.report(running, "cancelled" if told.cancel else "finished")
    if overlap != "allow":
        assert bool(world.take()) == (after is not None)


def test_a_worker_that_falls_silent_has_lost_its_run_and_says_no_more(world: World) -> None:
    world.make()
    world.pass_time(HOUR)
    tick_id = world.take()
    world.pass_time(10 * MINUTE)
    assert world.history() == [(1, "lost")]
    with pytest.raises(Exception, match="lost and not this worker's"):
        world.report(tick_id, "finished")


def test_a_time_that_no_worker_takes_is_missed_unless_it_is_to_be_caught_up_with(world: World) -> None:
    world.make()
    world.pass_time(HOUR)
    world.pass_time(WAIT_MS)
    assert world.history() == [(1, "missed")]
    world.call(ops.DELETE_SCHEDULE, c.ScheduleName(name="s"))
    world.make(catch_up="last")
    world.pass_time(HOUR)
    world.pass_time(WAIT_MS)
    assert world.history() == [(2, "queued")]


def test_so_many_times_wait_and_no_more(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trackway.api.limits.SCHEDULE_QUEUE", 2)
    world.make(overlap="queue", catch_up="all", catch_up_limit=2)
    for _ in range(3):
        world.pass_time(HOUR)
    assert world.history() == [(1, "queued"), (2, "queued"), (3, "skipped")]


def test_a_clock_that_is_put_back_brings_no_time_twice(world: World) -> None:
    world.make()
    world.pass_time(HOUR)
    world.now_ms -= 2 * HOUR
    world.call(ops.UPDATE_SCHEDULE, c.UpdateSchedule(name="s", cron="0 * * * *"))  # counts anew from what it shows
    world.pass_time(2 * HOUR)
    assert world.history() == [(1, "queued"), (0, "missed")]


def test_old_times_are_forgotten(world: World) -> None:
    world.make(catch_up="last")
    world.pass_time(HOUR)
    world.pass_time(HOUR)
    assert world.history() == [(1, "queued"), (2, "skipped")]
    world.now_ms += KEPT_MS + 1
    assert not world.keeper.forget_old()
    assert world.history() == [(1, "queued")], "what waits is not"


@pytest.fixture(params=["sqlite", "postgresql"])
def shared(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    sqlite = request.param == "sqlite"
    world = World(f"sqlite:///{tmp_path}/t.db" if sqlite else request.getfixturevalue("postgres_database"))
    yield world
    world.platform.close()


def carry_out_at_once(works: list[Callable[[], None]]) -> None:
    barrier = threading.Barrier(len(works))
    failures: list[BaseException] = []

    def run(work: Callable[[], None]) -> None:
        barrier.wait(30)
        try:
            work()
        except BaseException as failure:  # noqa: BLE001 - told on the test's thread
            failures.append(failure)

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failures == []


def test_each_time_comes_once_and_is_taken_once_however_many_look(shared: World) -> None:
    for number in range(5):
        shared.make(name=f"s{number}", overlap="allow", catch_up="all", catch_up_limit=5)
    shared.now_ms += 5 * HOUR
    carry_out_at_once([lambda: while_true(shared.make_keeper().keep_time)] * 4)
    taken: list[str] = []

    def work() -> None:
        while tick_id := shared.take():
            taken.append(tick_id)

    carry_out_at_once([work] * 4)
    assert len(taken) == len(set(taken)) == 25


def test_one_time_of_a_schedule_runs_at_once_however_many_workers_ask(shared: World) -> None:
    shared.make(overlap="queue", catch_up="all", catch_up_limit=8)
    shared.pass_time(8 * HOUR)
    open_now: list[str] = []
    most: list[int] = []

    def work() -> None:
        while sum(state == "finished" for _, state in shared.history()) < 8:
            if tick_id := shared.take():
                open_now.append(tick_id)
                most.append(len(open_now))
                open_now.remove(tick_id)
                shared.report(tick_id, "finished")

    carry_out_at_once([work] * 4)
    assert most == [1] * 8


def while_true(work: Callable[[], bool]) -> None:
    while work():
        pass
