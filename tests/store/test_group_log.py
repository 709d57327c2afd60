"""What several jobs log to SQLite in one transaction: few statements, each job's own outcome, numbers that hold."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from trackway.base.errors import NotFound
from trackway.store.base import RunRef, Transaction
from trackway.store.sql.connection import Connection
from trackway.store.sql.store import SqlStore
from trackway.store.sql.transaction import SqlTransaction
from trackway.testing.store.metrics import require
from trackway.testing.store.space import Point, Space, make_series
from trackway.testing.store.transactions import WAIT_S, submit_together


@pytest.fixture
def space(tmp_path: Path) -> Iterator[Space]:
    store = SqlStore(f"sqlite:///{tmp_path}/t.db")
    yield Space(store)
    store.close()


def log(space: Space, run_id: str, **series: list[Point]) -> Callable[[Transaction], None]:
    """Return a job that logs."""
    columns = [make_series(key, points) for key, points in series.items()]
    return lambda tx: tx.metrics.log(space.workspace, run_id, 7, columns, require)


def count_statements(space: Space) -> int:
    """Return how many statements the writer has sent."""

    def read(tx: Transaction) -> int:
        assert isinstance(tx, SqlTransaction)
        return tx.db.statements

    return space.write(read)


def log_twice(space: Space, ref: RunRef) -> None:
    """Log so that the numbers of the series are known."""
    for step in (0, 1):
        space.write(log(space, ref.run_id, b=[(step, 1, 0.5)], a=[(step, 1, 1.5)]))


def test_a_group_of_logs_costs_as_many_statements_as_one(space: Space) -> None:
    experiment = space.make_experiment()
    refs = [space.make_run(experiment) for _ in range(12)]
    spent = []
    for count in (12, 1, 12):  # at first, numbers of series are asked for
        jobs = [log(space, ref.run_id, **{f"m{n}": [(1, 1, 0.5)] for n in range(10)}) for ref in refs[:count]]
        before = count_statements(space)
        for future in submit_together(space.store, jobs):
            future.result(WAIT_S)
        spent.append(count_statements(space) - before)
    assert spent[1:] == [5, 5]
    assert [space.run(ref).version for ref in refs] == [4, *[3] * 11]


def test_jobs_of_one_group_fail_each_on_its_own_and_see_what_came_before_them(space: Space) -> None:
    ref = space.make_run(space.make_experiment())
    seen: list[int] = []
    jobs = [
        log(space, ref.run_id, m=[(1, 1, 0.5)]),
        log(space, "unknown", m=[(1, 1, 0.5)]),
        lambda tx: seen.append(tx.metrics.count(ref.pk, "m")),
        log(space, ref.run_id, m=[(2, 1, 1.5)], n=[(2, 1, 2.5)]),
        lambda tx: seen.append(tx.metrics.count(ref.pk, "m")),
    ]
    told = [future.exception(WAIT_S) for future in submit_together(space.store, jobs)]
    assert [type(error) for error in told] == [type(None), NotFound, type(None), type(None), type(None)]
    assert seen == [1, 2]
    assert space.points(ref, "m") == [(1, 1, 0.5), (2, 1, 1.5)]
    assert space.points(ref, "n") == [(2, 1, 2.5)]
    assert space.run(ref).version == 3


def test_a_group_that_cannot_be_written_is_done_again_one_by_one(space: Space, monkeypatch: pytest.MonkeyPatch) -> None:
    experiment = space.make_experiment()
    refs = [space.make_run(experiment) for _ in range(3)]
    post = Connection.post
    failed: list[str] = []

    def fail_once(self: Connection, sql: str, params: tuple[object, ...] = ()) -> None:
        if sql.startswith("INSERT INTO arrivals") and not failed:
            failed.append(sql)
            error = sqlite3.OperationalError("database or disk is full")
            error.sqlite_errorname = "SQLITE_FULL"
            raise error
        post(self, sql, params)

    monkeypatch.setattr(Connection, "post", fail_once)
    for future in submit_together(space.store, [log(space, ref.run_id, m=[(1, 1, 0.5)]) for ref in refs]):
        future.result(WAIT_S)
    assert failed
    assert [space.points(ref, "m") for ref in refs] == [[(1, 1, 0.5)]] * 3
    assert [space.run(ref).metrics["m"].count for ref in refs] == [1] * 3


def test_numbers_of_series_whose_transaction_was_undone_are_forgotten(space: Space) -> None:
    experiment = space.make_experiment()
    first, second = space.make_run(experiment), space.make_run(experiment)

    def log_and_fail(tx: Transaction) -> None:
        tx.metrics.append(first, [make_series(key, [(1, 1, 0.5)]) for key in ("a", "b")])
        raise OSError("the job fails after it has written")

    with pytest.raises(OSError, match="after it has written"):
        space.write(log_and_fail)
    log_twice(space, second)
    log_twice(space, first)
    assert space.points(first, "a") == space.points(second, "a") == [(0, 1, 1.5), (1, 1, 1.5)]
