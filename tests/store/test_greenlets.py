"""Short work on PostgreSQL on an event loop's thread: the loop goes on, and what fails is told as by a thread."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.services.postgres import PostgresServer, run_cluster
from tests.store.sites import Site, run_site
from tests.store.test_group_commit import end_connections, tag
from trackway.api.runs import Series
from trackway.base.errors import Conflict, InvalidInput, TrackwayError, Unavailable
from trackway.store.base import Transaction
from trackway.store.sql.greenlets import GROUP_JOBS, GROUPS, READS

LOCK = 7
LARGE = 1_000_000
"""Points that are more bytes than a socket takes at once."""


class Lock:
    """What ``wait`` waits for, held by somebody else."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection
        connection.execute("SELECT pg_advisory_lock(%s)", (LOCK,))

    def release(self) -> None:
        self._connection.execute("SELECT pg_advisory_unlock(%s)", (LOCK,))

    async def wait_for_waiting(self, count: int = 1) -> None:
        """Let the loop go on until so many wait for it."""
        sql = (
            "SELECT COUNT(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database"
            " WHERE d.datname = current_database() AND l.locktype = 'advisory' AND NOT l.granted"
        )
        while self._connection.execute(sql).fetchone() != (count,):
            await asyncio.sleep(0.001)


@contextmanager
def hold_lock(url: str) -> Iterator[Lock]:
    """Hold the lock until it is released, or the block ends."""
    with psycopg.connect(url, autocommit=True) as connection:
        yield Lock(connection)


def wait(tx: Any) -> str:
    """Wait for the lock, in the database."""
    tx.db.one("SELECT pg_advisory_xact_lock(?)", (LOCK,))
    return "waited"


def test_brief_jobs_that_come_together_are_one_transaction_on_the_loops_thread(postgres_database: str) -> None:
    seen: list[tuple[int, int, int]] = []

    def note(tx: Any) -> None:
        tx.db.one("SELECT 1")
        seen.append((threading.get_ident(), id(tx), tx.db.transactions))

    async def work(site: Site) -> None:
        await asyncio.gather(*(site.submit(note) for _ in range(GROUP_JOBS)))
        assert await site.submit(lambda _tx: threading.get_ident(), brief=False) != threading.get_ident()

    run_site(postgres_database, work)
    assert len(seen) == GROUP_JOBS
    assert len(set(seen)) == 1
    assert seen[0][0] == threading.get_ident()


def test_the_loop_and_other_groups_go_on_while_the_database_works(postgres_database: str) -> None:
    async def work(site: Site) -> None:
        with hold_lock(postgres_database) as lock:
            waiting = site.submit(wait)
            await lock.wait_for_waiting()
            assert await site.tag("a") == "a"
            assert site.read_tags() == {"a"}
            assert not waiting.done()
            lock.release()
            assert await waiting == "waited"

    run_site(postgres_database, work)


def test_what_comes_while_all_connections_wait_is_done_after(postgres_database: str) -> None:
    order: list[int] = []

    async def work(site: Site) -> None:
        with hold_lock(postgres_database) as lock:
            waiting = []
            for group in range(GROUPS):
                waiting.append(site.submit(wait))
                await lock.wait_for_waiting(group + 1)
            later = [site.submit(lambda _tx, n=n: order.append(n)) for n in range(3 * GROUP_JOBS)]
            for _ in range(10):  # passes of the loop, in which they would be begun
                await asyncio.sleep(0)
            assert not order
            lock.release()
            await asyncio.gather(*waiting, *later)

    run_site(postgres_database, work)
    assert sorted(order) == [*range(3 * GROUP_JOBS)]


def test_a_job_that_fails_fails_alone(postgres_database: str) -> None:
    def refuse(_tx: Transaction) -> None:
        raise Conflict("no")

    def fail_in_the_database(tx: Transaction) -> None:
        tx.experiments.set_tags(1, {"nul": "\0"})

    async def work(site: Site) -> None:
        def write_and_refuse(tx: Transaction) -> None:
            tx.experiments.set_tags(site.number, {"half": ""})
            raise Conflict("after writing")

        jobs = [site.tag("a"), site.submit(refuse), site.submit(write_and_refuse), site.tag("b")]
        told: list[Any] = await asyncio.gather(*jobs, site.submit(fail_in_the_database), return_exceptions=True)
        assert [str(one) for one in told[:4]] == ["a", "no", "after writing", "b"]
        assert isinstance(told[4], InvalidInput)
        assert site.read_tags() == {"a", "b"}

    run_site(postgres_database, work)


def test_connections_that_the_database_ended_are_made_anew(
    postgres_server: PostgresServer, postgres_database: str
) -> None:
    async def work(site: Site) -> None:
        for key in "abc":
            assert await site.tag(key) == key
            end_connections(postgres_server, postgres_database)
        with hold_lock(postgres_database) as lock:
            waiting = site.submit(wait)
            await lock.wait_for_waiting()
            end_connections(postgres_server, postgres_database)  # that of the lock as well
            assert await waiting == "waited"
        assert site.read_tags() == {*"abc"}

    run_site(postgres_database, work)


def test_a_database_that_is_away_is_told_and_the_loop_goes_on(tmp_path: Path) -> None:
    async def work(site: Site) -> None:
        cluster.stop()
        told = asyncio.gather(*(site.tag(key) for key in "ab"), return_exceptions=True)
        assert [type(one) for one in await told] == [Unavailable] * 2
        cluster.start()
        assert await site.tag("c") == "c"
        assert site.read_tags() == {"c"}

    tmp_path.chmod(0o755)
    with run_cluster() as cluster:
        run_site(cluster.server.create_database(), work)


def test_what_was_submitted_before_the_store_is_closed_is_done(postgres_database: str) -> None:
    async def work(site: Site) -> None:
        with hold_lock(postgres_database) as lock:
            jobs = [site.submit(wait)]
            await lock.wait_for_waiting()
            jobs += [site.tag(str(n)) for n in range(2 * GROUP_JOBS)]
            threading.Timer(0.05, lock.release).start()
            site.store.close()
            assert await asyncio.gather(*jobs) == ["waited", *map(str, range(2 * GROUP_JOBS))]
        with pytest.raises(Unavailable):
            site.tag("late")

    run_site(postgres_database, work)


def test_closing_before_the_first_connection_is_made_does_what_was_submitted(postgres_database: str) -> None:
    async def work(site: Site) -> None:
        written = site.tag("a")
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        site.store.close()
        assert await written == "a"

    run_site(postgres_database, work)


def test_brief_reads_are_done_on_the_loops_thread_and_side_by_side(postgres_database: str) -> None:
    def find_thread(tx: Any) -> int:
        tx.db.one("SELECT 1")
        return threading.get_ident()

    async def work(site: Site) -> None:
        await site.tag("a")
        with hold_lock(postgres_database) as lock:
            waiting = [site.submit_read(wait) for _ in range(READS - 1)]
            await lock.wait_for_waiting(READS - 1)
            assert await site.submit_read(find_thread, brief=False, light=True) == threading.get_ident()
            assert await site.submit_read(find_thread, brief=False) != threading.get_ident()
            waiting.append(site.submit_read(wait))
            await lock.wait_for_waiting(READS)
            later = site.submit_read(find_thread)
            assert await site.tag("b") == "b"
            assert not later.done()
            lock.release()
            assert await asyncio.gather(*waiting) == ["waited"] * READS
            assert await later == threading.get_ident()

    run_site(postgres_database, work)


def test_a_brief_read_tells_its_own_failure_and_outlives_a_connection(
    postgres_server: PostgresServer, postgres_database: str
) -> None:
    def refuse(_tx: Transaction) -> None:
        raise Conflict("no")

    def read(tx: Any) -> int:
        return int(tx.db.one("SELECT 1")[0])

    async def work(site: Site) -> None:
        assert await site.submit_read(read) == 1
        end_connections(postgres_server, postgres_database)
        assert await site.submit_read(read) == 1
        told = await asyncio.gather(
            site.submit_read(refuse), site.submit_read(tag(site.number, "a")), return_exceptions=True
        )
        assert isinstance(told[0], Conflict)
        assert isinstance(told[1], TrackwayError)
        assert site.read_tags() == set()
        assert await site.submit_read(read) == 1

    run_site(postgres_database, work)


def test_a_read_that_was_begun_before_the_store_is_closed_is_told(postgres_database: str) -> None:
    async def work(site: Site) -> None:
        with hold_lock(postgres_database) as lock:
            waiting = site.submit_read(wait)
            await lock.wait_for_waiting()
            threading.Timer(0.05, lock.release).start()
            site.store.close()
            assert await waiting == "waited"

    run_site(postgres_database, work)


@pytest.mark.parametrize("brief", [True, False])
def test_what_no_socket_takes_at_once_is_sent_whole(postgres_database: str, brief: bool) -> None:
    async def work(site: Site) -> None:
        ref = site.space.make_run(site.number)
        zeros = bytes(8 * LARGE)
        series = Series(key="m", steps=zeros, times_ms=zeros, values=zeros)
        await site.submit(lambda tx: tx.metrics.append(ref, [series]), brief=brief)
        assert site.space.read(lambda tx: tx.metrics.count(ref.pk, "m")) == LARGE

    run_site(postgres_database, work)
