"""What every store promises of schedules."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from trackway.api.schedules import Launch, Schedule, Tick, TickState
from trackway.base.ids import new_id
from trackway.store.timetable import Claim
from trackway.testing.store.fixtures import StoreFixtures
from trackway.testing.store.space import Space

NOW_MS = 1_000
LAUNCH = Launch(uri="./churn", params={"ü": "1"})


def make_schedule(**fields: Any) -> Schedule:
    """Return a schedule as the service makes it."""
    plain: dict[str, Any] = {
        "schedule_id": new_id(),
        "name": f"s-{new_id()}",
        "cron": "@hourly",
        "time_zone": "UTC",
        "catch_up": "last",
        "catch_up_limit": 10,
        "overlap": "skip",
        "launch": LAUNCH,
        "paused": False,
        "created_by": "user:ann",
        "created_ms": NOW_MS,
        "updated_ms": NOW_MS,
        "next_ms": NOW_MS + 50,
    }
    return Schedule(**(plain | fields))


def make_tick(due_ms: int = NOW_MS, **fields: Any) -> Tick:
    """Return a time as the service makes it."""
    plain: dict[str, Any] = {
        "tick_id": new_id(),
        "due_ms": due_ms,
        "manual": False,
        "state": "queued",
        "worker": "",
        "run_id": "",
        "error": "",
        "cancel": False,
        "created_ms": due_ms,
        "started_ms": None,
        "ended_ms": None,
    }
    return Tick(**(plain | fields))


def put_schedule(space: Space, *ticks: Tick, **fields: Any) -> int:
    """Create a schedule with times, and return its number in the store."""
    schedule = make_schedule(**fields)
    assert space.write(lambda tx: tx.schedules.create(space.workspace, schedule))
    pk: int = space.read(lambda tx: tx.schedules.find(space.workspace, schedule.name)).pk
    for tick in ticks:
        space.write(lambda tx, tick=tick: tx.schedules.add_tick(pk, tick))
    return pk


def list_states(space: Space, pk: int) -> list[TickState]:
    """Return the states of a schedule's times, oldest first."""
    return [tick.state for _, tick in reversed(space.read(lambda tx: tx.schedules.list_ticks(pk, None, 100, 2**62)))]


def claim_all(space: Space, until_ms: int = 2_000) -> list[str]:
    """Take what may be taken, one after another, and return the times' ids."""
    taken: list[str] = []
    while True:
        found = space.read(lambda tx: tx.schedules.find_claimable(space.workspace))
        if found is None:
            return taken
        claim = Claim(f"holder-{len(taken)}", "w", NOW_MS, until_ms)
        assert space.write(lambda tx, found=found, claim=claim: tx.schedules.claim(found[1], claim))
        taken.append(space.read(lambda tx, found=found: tx.schedules.get_claimed(found[1]))[1].tick_id)


def give_up(space: Space, now_ms: int, before_ms: int = 0) -> None:
    """Give up what is stale."""
    assert space.read(lambda tx: tx.schedules.has_stale(now_ms, before_ms))
    assert space.write(lambda tx: tx.schedules.give_up(now_ms, before_ms)) > 0


class ScheduleContract(StoreFixtures):
    """Schedules, and their times."""

    def test_a_schedule_is_kept_changed_and_removed(self, space: Space) -> None:
        schedule = make_schedule()
        assert space.write(lambda tx: tx.schedules.create(space.workspace, schedule))
        assert not space.write(lambda tx: tx.schedules.create(space.workspace, schedule)), "a name is there once"
        assert put_schedule(Space(space.store), name=schedule.name), "in each workspace"
        ref = space.read(lambda tx: tx.schedules.find(space.workspace, schedule.name))
        assert ref.schedule == schedule
        other = msgspec.structs.replace(schedule, cron="@daily", paused=True, next_ms=None, launch=Launch(uri="b"))
        space.write(lambda tx: tx.schedules.update(ref.pk, other))
        assert space.read(lambda tx: tx.schedules.list_schedules(space.workspace, 10, "")) == [other]
        assert space.read(lambda tx: tx.schedules.list_schedules(space.workspace, 10, schedule.name)) == []
        assert space.read(lambda tx: tx.schedules.count(space.workspace)) == 1
        tick = make_tick()
        space.write(lambda tx: tx.schedules.add_tick(ref.pk, tick))
        space.write(lambda tx: tx.schedules.delete(ref.pk))
        assert space.read(lambda tx: tx.schedules.find(space.workspace, schedule.name)) is None
        assert space.read(lambda tx: tx.schedules.find_tick(space.workspace, tick.tick_id)) is None

    def test_a_schedule_is_moved_on_by_one_of_those_who_see_it_due(self, space: Space) -> None:
        pk = put_schedule(space, next_ms=NOW_MS + 50)

        def is_due(now_ms: int) -> bool:
            return pk in [ref.pk for ref in space.read(lambda tx: tx.schedules.list_due(now_ms, 10_000))]

        assert [is_due(NOW_MS + 49), is_due(NOW_MS + 50)] == [False, True]

        def advance(from_ms: int, to_ms: int | None) -> bool:
            return bool(space.write(lambda tx: tx.schedules.advance(pk, from_ms, to_ms)))

        moves = [(NOW_MS + 50, NOW_MS + 90), (NOW_MS + 50, NOW_MS + 90), (NOW_MS + 90, None), (NOW_MS + 90, None)]
        assert [advance(*move) for move in moves] == [True, False, True, False]
        assert not is_due(2**40)

    def test_a_time_is_there_once_unless_somebody_asked_for_it(self, space: Space) -> None:
        pk = put_schedule(space, make_tick(5), make_tick(5), make_tick(5, manual=True), make_tick(5, manual=True))
        assert space.read(lambda tx: tx.schedules.count_ticks(pk, ("queued",))) == 3
        first = space.read(lambda tx: tx.schedules.list_ticks(pk, None, 1, 2**62))
        more = space.read(lambda tx: tx.schedules.list_ticks(pk, "queued", 10, first[0][0]))
        assert [tick.manual for _, tick in first + more] == [True, True, False]
        assert space.read(lambda tx: tx.schedules.list_ticks(pk, "lost", 10, 2**62)) == []

    def test_times_are_taken_in_order_and_one_at_a_time_unless_they_may_overlap(self, space: Space) -> None:
        ticks = [make_tick(7), make_tick(5), make_tick(6)]
        pk = put_schedule(space, *ticks, overlap="queue")
        assert claim_all(space) == [ticks[1].tick_id]
        pk_tick = space.read(lambda tx: tx.schedules.find_tick(space.workspace, ticks[1].tick_id))
        assert (pk_tick.holder, pk_tick.tick.worker, pk_tick.lease_until_ms) == ("holder-0", "w", 2_000)
        ended = {"state": "finished", "ended_ms": 9, "lease_until_ms": None, "run_id": "r"}
        space.write(lambda tx: tx.schedules.update_tick(pk_tick.pk, ended))
        assert claim_all(space) == [ticks[2].tick_id]
        assert list_states(space, pk) == ["queued", "finished", "claimed"]
        many = Space(space.store)
        put_schedule(many, *ticks_of(3), overlap="allow")
        assert len(claim_all(many)) == 3

    def test_what_is_taken_is_not_taken_again(self, space: Space) -> None:
        put_schedule(space, make_tick(5), overlap="allow")
        _, tick_pk = space.read(lambda tx: tx.schedules.find_claimable(space.workspace))
        claims = [Claim("a", "w", NOW_MS, 2_000), Claim("b", "w", NOW_MS, 2_000)]
        assert [space.write(lambda tx, c=c: tx.schedules.claim(tick_pk, c)) for c in claims] == [True, False]

    def test_of_a_paused_schedule_only_what_was_asked_for_is_taken(self, space: Space) -> None:
        asked = make_tick(6, manual=True)
        put_schedule(space, make_tick(5), asked, paused=True, overlap="allow")
        assert claim_all(space) == [asked.tick_id]

    def test_what_a_silent_worker_had_begun_is_lost_and_the_rest_given_back(self, space: Space) -> None:
        ticks = ticks_of(3)
        pk = put_schedule(space, *ticks, overlap="allow")
        claim_all(space, until_ms=2_000)
        begun = space.read(lambda tx: tx.schedules.find_tick(space.workspace, ticks[0].tick_id)).pk
        stopped = space.read(lambda tx: tx.schedules.find_tick(space.workspace, ticks[2].tick_id)).pk
        space.write(lambda tx: tx.schedules.update_tick(begun, {"state": "running", "started_ms": 8}))
        space.write(lambda tx: tx.schedules.update_tick(stopped, {"cancel": 1, "error": "no more"}))
        assert list_states(space, pk) == ["running", "claimed", "claimed"]
        give_up(space, 2_000)
        assert list_states(space, pk) == ["lost", "queued", "cancelled"]
        lost = space.read(lambda tx: tx.schedules.find_tick(space.workspace, ticks[0].tick_id))
        assert (lost.tick.error, lost.tick.ended_ms, lost.lease_until_ms) == ("the worker fell silent", 2_000, None)
        assert claim_all(space) == [ticks[1].tick_id]

    def test_what_no_worker_takes_is_missed_where_nothing_is_caught_up_with(self, space: Space) -> None:
        kept = put_schedule(space, make_tick(5), catch_up="last")
        gone = put_schedule(space, make_tick(5), make_tick(6, manual=True), make_tick(8), catch_up="none")
        give_up(space, 100, before_ms=7)
        assert list_states(space, kept) == ["queued"]
        assert list_states(space, gone) == ["missed", "queued", "queued"]

    def test_others_are_stopped(self, space: Space) -> None:
        ticks = ticks_of(2)
        pk = put_schedule(space, *ticks)
        claim_all(space)
        space.write(lambda tx: tx.schedules.stop_others(pk, 50, "because"))
        found = [tick for _, tick in space.read(lambda tx: tx.schedules.list_ticks(pk, None, 9, 2**62))]
        assert [(t.state, t.cancel, t.error) for t in found] == [
            ("cancelled", False, "because"),
            ("claimed", True, "because"),
        ]

    def test_what_ended_long_ago_is_forgotten(self, space: Space) -> None:
        pk = put_schedule(space, make_tick(5, state="skipped", ended_ms=5), make_tick(6), make_tick(7, ended_ms=7))
        space.write(lambda tx: tx.schedules.forget(7, 1_000))
        assert [tick.due_ms for _, tick in space.read(lambda tx: tx.schedules.list_ticks(pk, None, 9, 2**62))] == [7, 6]


def ticks_of(count: int) -> Sequence[Tick]:
    """Return some times, one after another."""
    return [make_tick(5 + number) for number in range(count)]
