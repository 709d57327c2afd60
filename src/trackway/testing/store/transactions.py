"""Jobs in transactions: what is told, what is kept, what others see meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from trackway.base.errors import Conflict, Unavailable
from trackway.store.base import Job, Store, Transaction
from trackway.testing.store.fixtures import StoreFixtures
from trackway.testing.store.space import Space

WAIT_S = 30.0


class Broken(Exception):
    """What a test's own job raises."""


def submit(store: Store, job: Job[Any]) -> Future[Any]:
    """Queue a writing job; the future is set by ``done``, and refuses to be set twice."""
    future: Future[Any] = Future()

    def done(result: Any, error: BaseException | None) -> None:
        if error is None:
            future.set_result(result)
        else:
            future.set_exception(error)

    store.submit_write(job, done)
    return future


def submit_together(store: Store, jobs: Sequence[Job[Any]]) -> list[Future[Any]]:
    """Queue jobs while the store is held up, so that it may carry them out as one batch."""
    entered, release = threading.Event(), threading.Event()

    def hold(_tx: Transaction) -> None:
        entered.set()
        assert release.wait(WAIT_S)

    held = submit(store, hold)
    assert entered.wait(WAIT_S)
    futures = [submit(store, job) for job in jobs]
    release.set()
    held.result(WAIT_S)
    return futures


class TransactionContract(StoreFixtures):
    """Group commit, snapshots, and the end of a store."""

    def test_a_write_is_seen_by_every_reader_once_it_is_told(self, space: Space) -> None:
        number = space.make_experiment()
        seen: list[dict[str, str]] = []
        told = threading.Event()

        def done(_result: None, _error: BaseException | None) -> None:
            seen.append(space.experiment(number).tags)
            told.set()

        space.store.submit_write(lambda tx: tx.experiments.set_tags(number, {"a": "1"}), done)
        assert told.wait(WAIT_S)
        assert seen == [{"a": "1"}]

    def test_a_write_is_seen_by_nobody_before_its_commit(self, space: Space) -> None:
        number = space.make_experiment()

        def work(tx: Transaction) -> dict[str, str]:
            tx.experiments.set_tags(number, {"a": "1"})
            with ThreadPoolExecutor(1) as other:
                return other.submit(lambda: space.experiment(number).tags).result(WAIT_S)

        assert space.write(work) == {}
        assert space.experiment(number).tags == {"a": "1"}

    def test_a_reader_sees_one_moment_from_its_first_look_to_its_last(self, space: Space) -> None:
        number = space.make_experiment()

        def look(tx: Transaction) -> dict[str, str]:
            found = tx.experiments.get(space.workspace, number)
            assert found is not None
            return found.tags

        def work(tx: Transaction) -> tuple[dict[str, str], dict[str, str]]:
            before = look(tx)
            with ThreadPoolExecutor(1) as other:
                other.submit(space.write, lambda tx: tx.experiments.set_tags(number, {"a": "1"})).result(WAIT_S)
            return before, look(tx)

        assert space.read(work) == ({}, {})
        assert space.read(look) == {"a": "1"}

    @pytest.mark.parametrize(
        "error", [Conflict("no"), Broken("no"), AssertionError("no")], ids=lambda e: type(e).__name__
    )
    @pytest.mark.parametrize("writes_first", [False, True])
    def test_a_job_that_fails_keeps_nothing_and_takes_no_other_with_it(
        self, space: Space, error: Exception, writes_first: bool
    ) -> None:
        number = space.make_experiment()

        def job(n: int) -> Job[int]:
            def work(tx: Transaction) -> int:
                if n % 5 != 2 or writes_first:
                    tx.experiments.set_tags(number, {f"t{n}": "1"})
                if n % 5 == 2:
                    raise error
                return n

            return work

        futures = submit_together(space.store, [job(n) for n in range(20)])
        for n, future in enumerate(futures):
            if n % 5 == 2:
                assert future.exception(WAIT_S) is error
            else:
                assert future.result(WAIT_S) == n
        assert space.experiment(number).tags == {f"t{n}": "1" for n in range(20) if n % 5 != 2}

    def test_more_jobs_than_one_commit_takes_are_each_told_once(self, space: Space) -> None:
        number = space.make_experiment()
        jobs = [lambda tx, n=n: tx.experiments.set_tags(number, {str(n): ""}) or n for n in range(1_000)]
        assert [future.result(WAIT_S) for future in submit_together(space.store, jobs)] == list(range(1_000))
        assert len(space.experiment(number).tags) == 1_000

    def test_many_threads_write_and_none_is_lost(self, space: Space) -> None:
        number = space.make_experiment()
        with ThreadPoolExecutor(8) as threads:
            list(
                threads.map(lambda n: space.write(lambda tx: tx.experiments.set_tags(number, {str(n): ""})), range(200))
            )
        assert len(space.experiment(number).tags) == 200

    def test_a_failed_read_tells_its_error_and_the_next_one_works(self, space: Space) -> None:
        number = space.make_experiment()

        def fail(tx: Transaction) -> None:
            tx.experiments.get(space.workspace, number)
            raise Broken

        with pytest.raises(Broken):
            space.read(fail)
        told: Future[Any] = Future()
        space.store.submit_read(fail, lambda _result, error: told.set_result(error))
        assert isinstance(told.result(WAIT_S), Broken)
        assert space.experiment(number).tags == {}

    def test_a_reader_cannot_write(self, space: Space) -> None:
        number = space.make_experiment()
        with pytest.raises(Unavailable):
            space.read(lambda tx: tx.experiments.set_tags(number, {"a": "1"}))
        assert space.experiment(number).tags == {}
