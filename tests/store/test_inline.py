"""Short work by an event loop itself: what goes where, and that neither the loop nor the writer is held up."""

from __future__ import annotations

import asyncio
import math
import sqlite3
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.store.sites import Site, Work, run_site
from tests.store.test_group_commit import disk_error, fail_commits, tag
from trackway.base.addresses import sqlite_path
from trackway.base.errors import Conflict, TrackwayError, Unavailable
from trackway.store.base import Transaction
from trackway.store.sql import inline
from trackway.store.sql.connection import Connection
from trackway.store.sql.turns import Turn
from trackway.testing.store.transactions import WAIT_S


@pytest.fixture(autouse=True)
def nothing_is_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no job be the writer's because other work on the machine held the one before up."""
    monkeypatch.setattr(inline, "SLOW_S", math.inf)


def on_loop(folder: Path, work: Work) -> None:
    """Do some work on a loop that is lent to a store in a file."""
    run_site(f"sqlite:///{folder}/t.db", work)


def find_thread(_tx: Transaction) -> int:
    return threading.get_ident()


def find_file(site: Site) -> Path:
    return sqlite_path(site.store.uri)


async def is_on_loop(site: Site) -> bool:
    """Tell whether the next brief job is carried out on the loop's thread."""
    thread: int = await site.submit(find_thread)
    return thread == threading.get_ident()


def test_brief_jobs_that_come_together_are_one_transaction_on_the_loops_thread(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []

    def note(tx: Any) -> None:
        seen.append((threading.get_ident(), tx.db.transactions))

    async def work(site: Site) -> None:
        await asyncio.gather(*(site.submit(note) for _ in range(5)))
        await site.submit(note)

    on_loop(tmp_path, work)
    assert {thread for thread, _ in seen} == {threading.get_ident()}
    assert [transaction for _, transaction in seen] == [1, 1, 1, 1, 1, 2]


def test_what_is_not_brief_and_what_comes_from_another_thread_is_the_writers(tmp_path: Path) -> None:
    async def work(site: Site) -> None:
        assert await site.submit(find_thread, brief=False) != threading.get_ident()
        elsewhere = await asyncio.to_thread(site.space.write, find_thread)
        assert elsewhere != threading.get_ident()

    on_loop(tmp_path, work)


def test_more_jobs_than_a_group_may_have_are_done_in_order(tmp_path: Path) -> None:
    order: list[int] = []

    async def work(site: Site) -> None:
        await asyncio.gather(*(site.submit(lambda _tx, n=n: order.append(n)) for n in range(50)))

    on_loop(tmp_path, work)
    assert order == [*range(50)]


def test_a_job_that_fails_fails_alone(tmp_path: Path) -> None:
    def refuse(_tx: Transaction) -> None:
        raise Conflict("no")

    def write_and_refuse(tx: Transaction) -> None:
        tag(1, "half")(tx)
        raise Conflict("after writing")

    async def work(site: Site) -> None:
        jobs = [site.tag("a"), site.submit(refuse), site.submit(write_and_refuse), site.tag("b")]
        told: list[Any] = await asyncio.gather(*jobs, return_exceptions=True)
        assert [str(one) for one in told] == ["a", "no", "after writing", "b"]
        assert site.read_tags() == {"a", "b"}
        assert await is_on_loop(site)

    on_loop(tmp_path, work)


def test_what_cannot_be_committed_is_left_to_the_writer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    committed: list[int] = []

    def fail(_db: Connection, count: int) -> None:
        committed.append(threading.get_ident())
        if count == 1:
            raise disk_error()

    async def work(site: Site) -> None:
        fail_commits(monkeypatch, fail)
        assert [await one for one in (site.tag("a"), site.tag("b"))] == ["a", "b"]
        assert committed[0] == threading.get_ident() != committed[1]
        assert await site.tag("c") == "c"
        assert committed[-1] == threading.get_ident()
        assert site.read_tags() == {"a", "b", "c"}

    on_loop(tmp_path, work)


def test_a_failure_of_the_disk_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_db: Connection, _count: int) -> None:
        raise disk_error()

    async def work(site: Site) -> None:
        with monkeypatch.context() as patched:
            fail_commits(patched, fail)
            for told in await asyncio.gather(site.tag("a"), site.tag("b"), return_exceptions=True):
                assert isinstance(told, TrackwayError)
        assert site.read_tags() == set()
        assert await site.tag("c") == "c"

    on_loop(tmp_path, work)


def test_the_loop_goes_on_while_somebody_else_has_locked_the_file(tmp_path: Path) -> None:
    async def work(site: Site) -> None:
        with closing(sqlite3.connect(find_file(site), isolation_level=None, check_same_thread=False)) as other:
            other.execute("BEGIN IMMEDIATE")
            written = site.tag("a")
            for _ in range(100):  # passes of the loop, in which it is tried and left to the writer
                await asyncio.sleep(0)
            assert not written.done()
            other.execute("COMMIT")
            assert await written == "a"

    on_loop(tmp_path, work)


def test_the_loop_goes_on_while_the_writer_is_at_it_and_both_come_by_turns(tmp_path: Path) -> None:
    begun, end = threading.Event(), threading.Event()
    order: list[str] = []

    def hold(_tx: Transaction) -> None:
        order.append("long")
        begun.set()
        assert end.wait(WAIT_S)

    async def work(site: Site) -> None:
        long = site.submit(hold, brief=False)
        await asyncio.to_thread(begun.wait)
        brief = site.submit(lambda _tx: order.append("brief"))
        for _ in range(100):
            await asyncio.sleep(0)
        later = site.submit(lambda _tx: order.append("later"), brief=False)
        assert not brief.done()
        end.set()
        await asyncio.gather(long, brief, later)

    on_loop(tmp_path, work)
    assert order == ["long", "brief", "later"]


def test_after_a_slow_group_jobs_are_the_writers_for_a_while(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def work(site: Site) -> None:
        monkeypatch.setattr(inline, "PAUSE_TIMES", 1_000_000)
        monkeypatch.setattr(inline, "SLOW_S", 0.0)
        assert await is_on_loop(site)
        assert not await is_on_loop(site)
        assert not await is_on_loop(site)

    on_loop(tmp_path, work)


def test_sqlites_log_is_brought_into_the_file_and_does_not_grow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trackway.store.sql.connection.SQLITE_LOGGED_PAGES", 10)
    sizes: list[int] = []

    async def work(site: Site) -> None:
        for turn in range(10 * inline.WRITERS_GROUP):
            await site.tag(f"k{turn}")
            sizes.append(find_file(site).with_name("t.db-wal").stat().st_size)

    on_loop(tmp_path, work)
    assert max(sizes[5 * inline.WRITERS_GROUP :]) == max(sizes[: 5 * inline.WRITERS_GROUP])


def test_what_was_submitted_before_the_store_is_closed_is_done(tmp_path: Path) -> None:
    begun, end = threading.Event(), threading.Event()

    def hold(_tx: Transaction) -> None:
        begun.set()
        assert end.wait(WAIT_S)

    async def close_at_once(site: Site) -> None:
        written = site.tag("a")
        site.store.close()
        assert await written == "a"

    async def close_while_waiting(site: Site) -> None:
        long = site.submit(hold, brief=False)
        await asyncio.to_thread(begun.wait)
        written = site.tag("a")
        for _ in range(10):
            await asyncio.sleep(0)
        end.set()
        site.store.close()
        assert [await one for one in (long, written)] == [None, "a"]
        with pytest.raises(Unavailable):
            site.tag("late")

    for name, work in (("once", close_at_once), ("waiting", close_while_waiting)):
        (tmp_path / name).mkdir()
        on_loop(tmp_path / name, work)


def test_a_brief_read_is_done_on_the_loops_thread_and_sees_what_was_told(tmp_path: Path) -> None:
    async def work(site: Site) -> None:
        assert await site.submit_read(find_thread) == threading.get_ident()
        assert await site.submit_read(find_thread, brief=False, light=True) != threading.get_ident()
        assert await asyncio.to_thread(site.space.read, find_thread) != threading.get_ident()
        for key in "ab":
            await site.tag(key)
            assert key in await site.submit_read(lambda tx: tx.experiments.get(site.space.workspace, site.number).tags)

    on_loop(tmp_path, work)


def test_a_brief_read_changes_nothing_and_tells_its_own_failure(tmp_path: Path) -> None:
    def refuse(_tx: Transaction) -> None:
        raise Conflict("no")

    async def work(site: Site) -> None:
        told = await asyncio.gather(
            site.submit_read(refuse), site.submit_read(tag(site.number, "a")), return_exceptions=True
        )
        assert [type(one) for one in told] == [Conflict, Unavailable]
        assert site.read_tags() == set()
        assert await site.submit_read(find_thread) == threading.get_ident()

    on_loop(tmp_path, work)


def test_a_read_that_would_wait_for_a_lock_is_done_on_a_thread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begin = Connection.begin

    def fail_on_loop(db: Connection, write: bool) -> None:
        if not write and threading.get_ident() == loop_thread:
            raise sqlite3.OperationalError("database is locked")
        begin(db, write)

    async def work(site: Site) -> None:
        with monkeypatch.context() as patched:
            patched.setattr(Connection, "begin", fail_on_loop)
            assert await site.submit_read(find_thread) != loop_thread
        assert await site.submit_read(find_thread) == loop_thread

    loop_thread = threading.get_ident()
    on_loop(tmp_path, work)


def test_after_a_slow_read_threads_read_for_a_while_and_writes_are_the_loops(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def work(site: Site) -> None:
        with monkeypatch.context() as patched:
            patched.setattr(inline, "PAUSE_TIMES", 1_000_000_000)
            patched.setattr(inline, "SLOW_S", 0.0)
            assert await site.submit_read(find_thread) == threading.get_ident()
        assert await site.submit_read(find_thread) != threading.get_ident()
        assert await is_on_loop(site)

    on_loop(tmp_path, work)


def test_a_turn_that_was_given_and_is_not_wanted_any_more_can_be_given_on() -> None:
    turn, called = Turn(), threading.Event()
    with turn:
        assert not turn.take_or(called.set)
    assert called.is_set()
    assert not turn.stop_waiting()
    turn.give()
    assert turn.take_or(called.set)
    assert not turn.take_or(called.set)
    assert turn.stop_waiting()
    turn.give()
    with turn:
        pass
