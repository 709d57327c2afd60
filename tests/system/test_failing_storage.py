"""Whichever call of storage fails, at every operation: all of it is done or nothing, and a repeat does it once."""

from __future__ import annotations

import os
from base64 import b64encode
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
import pytest

from tests.server.door import WHOLE, Door
from tests.services.postgres import PostgresServer
from tests.system.failing import Failures, Mode, open_failing
from tests.tracking.scenarios import Scenario, Stage
from tests.tracking.test_operations import SCENARIOS
from trackway.api import operations as ops
from trackway.api.metrics import GetHistory
from trackway.api.operations import Operation
from trackway.api.retention import SetRetention
from trackway.api.runs import Ingest, UpdateRun
from trackway.base.errors import Conflict, InvalidInput, NotFound, TrackwayError, Unavailable
from trackway.base.ids import new_id
from trackway.store.sql.connection import connector
from trackway.store.sql.schema import metadata
from trackway.testing.store.space import make_series
from trackway.tracking.chores import ABANDONED_MS
from trackway.wiring.platform import Platform

CARRIED_OUT = [one for one in SCENARIOS if one.kind == "valid" and not isinstance(one.expected, type)]
WRITING = [one for one in CARRIED_OUT if one.operation.access.writes]
READING = list({one.operation.name: one for one in reversed(CARRIED_OUT) if not one.operation.access.writes}.values())
ONE_EACH = list({one.operation.name: one for one in reversed(WRITING)}.values())
LOSABLE = [
    one
    for one in ONE_EACH
    if one.operation
    in (ops.CREATE_RUN, ops.INGEST, ops.COMMIT_UPLOAD, ops.PURGE_RUNS, ops.MOVE_RUNS, ops.CREATE_COMMENT)
]
KEYED: dict[Operation[Any, Any], Callable[[], dict[str, Any]]] = {
    ops.CREATE_RUN: lambda: {"run_id": new_id(), "if_exists": "return"},
    ops.CREATE_LOGGED_MODEL: lambda: {"model_id": f"m-{new_id()}"},
    ops.CREATE_MODEL_VERSION: lambda: {"external_key": new_id()},
    ops.COPY_MODEL_VERSION: lambda: {"external_key": new_id()},
    ops.INGEST: lambda: {"session_id": new_id(), "first": 1, "last": 1},
}
"""What a client tells its repeats by, beside the idempotency key of what adds each time."""
LOGS = {"audit", "model_events", "uploads", "pending_blobs"}
"""Who asked for what, also for what was so already; and room for bytes to come, which is given up when none do."""
MOST_CALLS = 2_000
"""No operation on a stage needs so many calls of storage."""


class World:
    """A platform whose storage fails on demand."""

    def __init__(self, platform: Platform, failures: Failures) -> None:
        self.platform = platform
        self.failures = failures
        self._onlooker = connector(platform.store.uri)[0]()

    def read_print(self) -> Any:
        """Return what differs when anything in the database does: on SQLite, the number of its version."""
        if self._onlooker.dialect == "sqlite":
            return self._onlooker.one("PRAGMA data_version")
        prints = " UNION ALL ".join(
            f"SELECT '{name}', count(*), sum(hashtextextended(t::text, 0)) FROM {name} t" for name in metadata.tables
        )
        return self._onlooker.all(prints)

    def count_rows(self) -> dict[str, int]:
        """Return the number of rows of each table, but for those that are shared by everybody."""
        names = metadata.tables.keys() - {"environments", "access_versions"}
        counts = " UNION ALL ".join(f"SELECT '{name}', count(*) FROM {name}" for name in names)
        return {str(name): int(count) for name, count in self._onlooker.all(counts)}

    def close(self) -> None:
        self._onlooker.close()
        self.platform.close()

    def fail_each(self, act: Callable[[], Any], mode: Mode, check: Callable[[TrackwayError], None]) -> Any:
        """Do something again and again, with its n-th call of storage failing, until it needs no n-th call.

        check: called after each failure, with working storage
        """
        for n in range(1, MOST_CALLS):
            self.failures.arm(n, mode)
            try:
                result = act()
            except TrackwayError as error:
                if not self.failures.hit:
                    raise
                self.failures.disarm()
                check(error)
            else:
                assert not self.failures.hit, f"call {n} failed, and it was told as done"
                self.failures.disarm()
                return result
        raise AssertionError("it never ends")


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """A folder in memory where there is one: what fails here are calls, and a disk would only be slow."""
    memory = "/dev/shm"
    with TemporaryDirectory(prefix="trackway-", dir=memory if os.path.isdir(memory) else None) as folder:
        yield Path(folder)


@pytest.fixture(scope="module")
def sqlite_world(folder: Path) -> Iterator[World]:
    yield from make_world(f"sqlite:///{folder}/t.db", folder / "blobs")


@pytest.fixture(scope="module")
def postgres_world(postgres_server: PostgresServer, folder: Path) -> Iterator[World]:
    url = postgres_server.create_database()
    yield from make_world(url, folder / "postgres-blobs")
    postgres_server.delete_database(url)


def make_world(uri: str, folder: Path) -> Iterator[World]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRACKWAY_MASTER_KEY", b64encode(bytes(32)).decode())
        platform, failures = open_failing(patch, uri, str(folder))
        world = World(platform, failures)
        platform.store.read(lambda _tx: None)  # what a reader's first connection takes is no part of an operation
        yield world
        world.close()


@pytest.fixture(params=["sqlite", "postgres"])
def world(request: pytest.FixtureRequest) -> World:
    found: World = request.getfixturevalue(f"{request.param}_world")
    return found


def find_id(answer: Any) -> Any:
    """Return what tells an answer's object from others."""
    return tuple(getattr(answer, name, "") for name in ("run_id", "model_id", "version", "name"))


def subtract(after: dict[str, int], before: dict[str, int]) -> dict[str, int]:
    return {name: after[name] - before[name] for name in after if after[name] != before[name]}


def prepare(stage: Stage, scenario: Scenario, **fields: Any) -> Callable[[], Any]:
    """Return what carries out a scenario's operation, and repeats it from then on, with one idempotency key."""
    request = msgspec.structs.replace(scenario.ask(stage), **fields)
    key = new_id()

    def act() -> Any:
        call = msgspec.structs.replace(stage.open(), idempotency_key=key)
        return stage.dispatch.call(scenario.operation, request, call)

    return act


def try_out(world: World, scenario: Scenario) -> tuple[dict[str, int], int]:
    """Return how many rows of each table a scenario's operation adds when nothing fails, and in how many calls."""
    stage = Stage(world.platform.dispatch, scenario.workspace)
    act = prepare(stage, scenario)
    before = world.count_rows()
    world.failures.arm(0, "before")
    act()
    calls = world.failures.calls
    return subtract(world.count_rows(), before), calls


def check_unchanged(world: World, untouched: Any) -> Callable[[TrackwayError], None]:
    def check(error: TrackwayError) -> None:
        assert isinstance(error, Unavailable), error
        assert world.read_print() == untouched

    return check


def fail_each_call(world: World, scenario: Scenario, mended_later: bool) -> None:
    assert not isinstance(scenario.expected, type)
    change, calls = try_out(world, scenario)
    stage = Stage(world.platform.dispatch, scenario.workspace)
    act = prepare(stage, scenario)
    before, check = world.count_rows(), check_unchanged(world, world.read_print())
    for n in range(1, calls + 1 if mended_later else 1):
        world.failures.arm(n, "from then on")
        with pytest.raises(TrackwayError) as told:
            act()
        world.failures.disarm()
        check(told.value)
    response = world.fail_each(act, "before", check)
    assert subtract(world.count_rows(), before) == change
    assert scenario.expected(stage, response)


@pytest.mark.parametrize("scenario", WRITING, ids=str)
def test_a_call_that_fails_undoes_an_operation_and_a_repeat_does_it_once(
    sqlite_world: World, scenario: Scenario
) -> None:
    fail_each_call(sqlite_world, scenario, mended_later=True)


@pytest.mark.parametrize("scenario", ONE_EACH, ids=str)
def test_so_it_is_on_postgres(postgres_world: World, scenario: Scenario) -> None:
    fail_each_call(postgres_world, scenario, mended_later=False)


@pytest.mark.parametrize("scenario", ONE_EACH, ids=str)
def test_what_is_sent_several_times_is_done_once(world: World, scenario: Scenario) -> None:
    """By several at once, too; a repeat is answered as the first, or told that it is done already."""
    assert not isinstance(scenario.expected, type)
    stage = Stage(world.platform.dispatch, scenario.workspace)
    act = prepare(stage, scenario, **KEYED.get(scenario.operation, dict)())
    answers: list[Any] = [act()]
    once = world.count_rows()

    def repeat(_: int) -> Any:
        try:
            return act()
        except (Conflict, InvalidInput, NotFound) as refusal:
            return refusal

    with ThreadPoolExecutor(4) as at_once:
        answers += at_once.map(repeat, range(4))
    more = subtract(world.count_rows(), once)
    assert not more.keys() - LOGS
    if scenario.operation.adds:
        assert not more
        assert scenario.operation.shown_once or answers == 5 * answers[:1]
    if scenario.operation in KEYED:
        assert len({find_id(answer) for answer in answers if not isinstance(answer, TrackwayError)}) == 1


@pytest.mark.parametrize("scenario", LOSABLE, ids=str)
def test_a_connection_that_is_lost_after_any_call_costs_nothing_and_doubles_nothing(
    postgres_world: World, scenario: Scenario
) -> None:
    world = postgres_world
    change, calls = try_out(world, scenario)
    unsure = []
    for n in range(1, calls + 1):
        stage = Stage(world.platform.dispatch, scenario.workspace)
        act = prepare(stage, scenario)
        before = world.count_rows()
        world.failures.arm(n, "lost")
        try:
            act()
        except Unavailable as error:
            unsure.append((n, "while it was told to commit" in error.message))
        assert world.failures.hit
        world.failures.disarm()
        assert subtract(world.count_rows(), before) == change
        if scenario.operation.adds:
            act()
            assert subtract(world.count_rows(), before) == change
    assert unsure == [(calls, True)], "only of the commit, the last call, nobody knows"


@pytest.mark.parametrize("scenario", READING, ids=str)
def test_a_read_that_fails_says_so_and_the_next_one_works(world: World, scenario: Scenario) -> None:
    assert not isinstance(scenario.expected, type)
    stage = Stage(world.platform.dispatch, scenario.workspace)
    request = scenario.ask(stage)
    check = check_unchanged(world, world.read_print())
    response = world.fail_each(lambda: stage.call(scenario.operation, request), "before", check)
    assert scenario.expected(stage, response)


# Files: the bytes in one place, the row in another.


def tidy_up(door: Door) -> list[str]:
    """Do what the jobs do long after, and return what is stored then."""
    door.tidy(10 * ABANDONED_MS)
    door.tidy(10 * ABANDONED_MS)
    return door.blobs()


def read_if_there(door: Door) -> bytes | None:
    try:
        return door.read()
    except NotFound:
        return None


SMALL, LARGE = b"small", b"large" * 50_000


@pytest.fixture
def door(world: World) -> Iterator[Door]:
    """The routes of files; what a test leaves is removed."""
    door = Door(world.platform)
    yield door
    door.send("DELETE", "/files/{path:path}")
    assert tidy_up(door) == []


@pytest.mark.parametrize("mode", ["before", "after", "from then on"])
@pytest.mark.parametrize("old", [None, SMALL, LARGE], ids=["new", "over small", "over large"])
@pytest.mark.parametrize("new", [b"other", b"other" * 50_000], ids=["small", "large"])
def test_a_file_is_the_old_one_or_the_new_one(
    world: World, door: Door, old: bytes | None, new: bytes, mode: Mode
) -> None:
    if old is not None:
        door.put(old)

    def check(error: TrackwayError) -> None:
        assert isinstance(error, Unavailable), error
        assert read_if_there(door) in ((old, new) if mode == "after" else (old,))

    world.fail_each(lambda: door.put(new), mode, check)
    assert door.read() == new
    assert len(tidy_up(door)) == (len(new) > 100)


@pytest.mark.parametrize("mode", ["before", "after", "from then on"])
def test_an_upload_in_parts_goes_on_after_every_failure(world: World, door: Door, mode: Mode) -> None:
    door.put(LARGE)

    def check(error: TrackwayError) -> None:
        assert isinstance(error, Unavailable), error
        assert door.read() in ((LARGE, WHOLE) if mode == "after" else (LARGE,))

    upload_id, body = world.fail_each(door.begin, mode, check)

    def check_late(error: TrackwayError) -> None:
        """Once the row is there, only the tidying and the answer are left to fail."""
        assert isinstance(error, Unavailable), error
        assert door.read() in (LARGE, WHOLE)

    first, second = (world.fail_each(lambda: door.complete(upload_id, body), mode, check_late) for _ in range(2))
    assert first == second
    assert door.read() == WHOLE
    assert len(tidy_up(door)) == 1


@pytest.mark.parametrize("mode", ["before", "after", "from then on"])
def test_an_upload_is_given_up_whatever_fails(world: World, door: Door, mode: Mode) -> None:
    upload_id, _ = door.begin()

    def check(error: TrackwayError) -> None:
        assert isinstance(error, Unavailable), error
        assert read_if_there(door) is None

    def abort() -> None:
        try:
            door.send("DELETE", "/uploads/{upload_id}/{path:path}", upload_id=upload_id)
        except NotFound:
            assert mode == "after"

    world.fail_each(abort, mode, check)
    assert tidy_up(door) == []


@pytest.mark.parametrize("mode", ["before", "after", "from then on"])
def test_a_deleted_file_is_gone_whatever_fails(world: World, door: Door, mode: Mode) -> None:
    door.put(LARGE)

    def check(error: TrackwayError) -> None:
        assert isinstance(error, Unavailable), error
        assert read_if_there(door) in ((LARGE, None) if mode == "after" else (LARGE,))

    world.fail_each(lambda: door.send("DELETE", "/files/{path:path}"), mode, check)
    assert read_if_there(door) is None

    def still_gone(error: TrackwayError) -> None:
        assert isinstance(error, Unavailable), error
        assert read_if_there(door) is None

    world.fail_each(lambda: door.tidy(10 * ABANDONED_MS), mode, still_gone)
    assert tidy_up(door) == []


def test_a_file_is_read_whole_or_told_as_unavailable(world: World, door: Door) -> None:
    for data in (SMALL, LARGE):
        door.put(data)
        read = world.fail_each(door.read, "before", check_unavailable)
        assert read == data


def check_unavailable(error: TrackwayError) -> None:
    assert isinstance(error, Unavailable), error


# What the server does by itself.


@pytest.mark.parametrize("mode", ["before", "from then on"])
def test_background_work_that_fails_changes_nothing_that_is_read(world: World, mode: Mode) -> None:
    stage = Stage(world.platform.dispatch, "default")  # the one that has a policy
    for step in range(40):
        series = [make_series("sealed", [(step, step, step / 7)])]
        stage.call(ops.INGEST, Ingest(run_id=stage.run, series=series))
    stage.call(ops.UPDATE_RUN, UpdateRun(run_id=stage.run, status="FINISHED"))
    leased = stage.make_run(stage.exp, lease_ms=1)
    stage.call(ops.SET_RETENTION, SetRetention(trash_ms=0))
    history = GetHistory(run_id=stage.run, key="sealed")
    before = stage.call(ops.GET_HISTORY, history)
    chores = world.platform.chores

    def check(error: TrackwayError) -> None:
        assert isinstance(error, Unavailable), error
        assert stage.call(ops.GET_HISTORY, history) == before

    for chore in (chores.seal_series, chores.expire_leases, chores.purge_trash, chores.reclaim_space):
        while world.fail_each(chore, mode, check):
            pass
    assert stage.call(ops.GET_HISTORY, history) == before
    assert stage.get_run(leased).status == "LOST"
    with pytest.raises(NotFound):
        stage.get_run(stage.gone_run)
    stage.call(ops.SET_RETENTION, SetRetention(trash_ms=None))
