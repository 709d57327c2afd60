"""What is told and what is kept when the database itself fails: at a commit, by a deadlock, by going away."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest

from tests.services.postgres import PostgresServer
from trackway.base.errors import Conflict, InvalidInput, Unavailable
from trackway.base.ids import new_id
from trackway.store.base import RunRef, Transaction
from trackway.store.sql import store as sql_store
from trackway.store.sql.connection import Connection
from trackway.store.sql.store import SqlStore
from trackway.testing.store.space import Space, make_series, run_row
from trackway.testing.store.transactions import WAIT_S, submit, submit_together

Fail = Callable[[Connection, int], None]


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[Space]:
    store = SqlStore(f"sqlite:///{tmp_path}/t.db")
    yield Space(store)
    store.close()


@pytest.fixture
def postgres(postgres_store: SqlStore) -> Space:
    return Space(postgres_store)


@pytest.fixture
def one_writer(postgres_database: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Space]:
    """A store on PostgreSQL whose jobs are done one after the other, as many together as wait."""
    monkeypatch.setattr(sql_store, "POSTGRES_WRITERS", 1)
    store = SqlStore(postgres_database)
    yield Space(store)
    store.close()


def tag(number: int, key: str) -> Callable[[Transaction], str]:
    """Return a job that sets a tag of an experiment."""

    def work(tx: Transaction) -> str:
        tx.experiments.set_tags(number, {key: ""})
        return key

    return work


def fail_commits(monkeypatch: pytest.MonkeyPatch, fail: Fail) -> None:
    """Call ``fail(connection, n)`` before the n-th commit from now on, counted from 1."""
    commit = Connection.commit
    count = 0

    def counted(self: Connection) -> None:
        nonlocal count
        if self.wrote:
            count += 1
            fail(self, count)
        commit(self)

    monkeypatch.setattr(Connection, "commit", counted)


def disk_error() -> sqlite3.OperationalError:
    error = sqlite3.OperationalError("disk I/O error")
    error.sqlite_errorname = "SQLITE_IOERR_WRITE"
    return error


def test_a_failed_commit_of_many_jobs_is_tried_one_by_one(sqlite: Space, monkeypatch: pytest.MonkeyPatch) -> None:
    number = sqlite.make_experiment()

    def fail(_db: Connection, n: int) -> None:
        if n in (1, 3):  # the batch, and the second job alone
            raise disk_error()

    fail_commits(monkeypatch, fail)
    futures = submit_together(sqlite.store, [tag(number, key) for key in "abcd"])
    told = [future.exception(WAIT_S) for future in futures]
    assert [type(error) for error in told] == [type(None), Unavailable, type(None), type(None)]
    assert sqlite.experiment(number).tags.keys() == set("acd")


def test_a_commit_that_never_works_keeps_nothing_and_the_next_one_works(
    sqlite: Space, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = sqlite.make_experiment()

    def fail(_db: Connection, _n: int) -> None:
        raise disk_error()

    with monkeypatch.context() as patch:
        fail_commits(patch, fail)
        for future in submit_together(sqlite.store, [tag(number, key) for key in "abc"]):
            error = future.exception(WAIT_S)
            assert isinstance(error, Unavailable)
            assert error.retry_after_s is not None
    assert sqlite.experiment(number).tags == {}
    assert sqlite.write(tag(number, "d")) == "d"
    assert sqlite.experiment(number).tags == {"d": ""}


def test_a_locked_file_is_waited_for_and_tried_again(sqlite: Space, monkeypatch: pytest.MonkeyPatch) -> None:
    number = sqlite.make_experiment()

    def fail(_db: Connection, n: int) -> None:
        if n < 4:
            error = sqlite3.OperationalError("database is locked")
            error.sqlite_errorname = "SQLITE_BUSY_SNAPSHOT"
            raise error

    fail_commits(monkeypatch, fail)
    assert sqlite.write(tag(number, "a")) == "a"
    assert sqlite.experiment(number).tags == {"a": ""}


@pytest.mark.parametrize(
    ("value", "refused"),
    [(2**63 - 1, False), (2**63, True), (-(2**63) - 1, True), (10**30, True)],
)
@pytest.mark.parametrize("database", ["sqlite", "postgres"])
def test_a_number_that_does_not_fit_is_the_callers_mistake(
    request: pytest.FixtureRequest, database: str, value: int, refused: bool
) -> None:
    space: Space = request.getfixturevalue(database)
    ref = space.make_run(space.make_experiment())
    others = [tag(int(ref.experiment), key) for key in "ab"]
    futures = submit_together(space.store, [others[0], lambda tx: tx.runs.update(ref.pk, {"end_ms": value}), others[1]])
    error = futures[1].exception(WAIT_S)
    assert isinstance(error, InvalidInput) if refused else error is None
    assert [futures[0].result(WAIT_S), futures[2].result(WAIT_S)] == ["a", "b"]
    assert space.run(ref).end_ms == (None if refused else value)


def log(space: Space, ref: RunRef, key: str, step: int) -> Callable[[Transaction], None]:
    """Return a job that logs a point."""
    series = [make_series(key, [(step, step, float(step))])]
    return lambda tx: tx.metrics.log(space.workspace, ref.run_id, 7, series, lambda found: found)


def test_what_waits_to_be_logged_is_one_statement_for_all_runs(
    one_writer: Space, monkeypatch: pytest.MonkeyPatch
) -> None:
    space = one_writer
    runs = [space.make_run(space.make_experiment(), lease_ms=50, lease_until_ms=60) for _ in range(5)]
    spent: list[int] = []
    commit = Connection.commit

    def counted(self: Connection) -> None:
        if self.wrote:
            spent.append(self.statements)
        commit(self)

    monkeypatch.setattr(Connection, "commit", counted)
    space.write(log(space, runs[0], "a", 0))
    jobs = [log(space, runs[n % 5], "ab"[n % 2], n) for n in range(1, 41)]
    for future in submit_together(space.store, jobs):
        future.result(WAIT_S)
    assert len(spent) == 2
    assert spent[1] - spent[0] == 1
    monkeypatch.undo()
    for place, run in enumerate(runs):
        told = space.run(run)
        steps = {key: [n for n in range(41) if n % 5 == place and "ab"[n % 2] == key] for key in "ab"}
        assert {key: [point[0] for point in space.points(run, key)] for key in "ab"} == steps
        assert {key: (told.metrics[key].count, told.metrics[key].last_step) for key in "ab"} == {
            key: (len(some), some[-1]) for key, some in steps.items()
        }
        assert told.lease_until_ms == 57


@pytest.mark.parametrize("key", ["nul \x00", "surrogate \ud800"], ids=repr)
def test_what_cannot_be_logged_takes_nothing_with_it_that_waits_too(one_writer: Space, key: str) -> None:
    runs = [one_writer.make_run(one_writer.make_experiment()) for _ in range(3)]

    def fail(tx: Transaction) -> None:
        assert tx.runs.ref(one_writer.workspace, runs[0].run_id) is not None
        raise Conflict("no")

    wanted = [(runs[0], "m"), (runs[1], key), (runs[2], "m")]
    jobs = [*(log(one_writer, run, key, 1) for run, key in wanted), fail]
    errors = [future.exception(WAIT_S) for future in submit_together(one_writer.store, jobs)]
    assert [type(error) for error in errors] == [type(None), InvalidInput, type(None), Conflict]
    assert [list(one_writer.run(run).metrics) for run in runs] == [["m"], [], ["m"]]


@pytest.mark.parametrize("text", ["nul \x00", "surrogate \ud800"], ids=repr)
def test_a_text_that_postgres_cannot_hold_is_the_callers_mistake(postgres: Space, text: str) -> None:
    ref = postgres.make_run(postgres.make_experiment())
    for job in (lambda tx: tx.runs.set_tags(ref, {"a": text}), lambda tx: tx.runs.update(ref.pk, {"name": text})):
        with pytest.raises(InvalidInput):
            postgres.write(job)
    with pytest.raises(InvalidInput):
        postgres.read(lambda tx: tx.runs.find(postgres.workspace, text))
    assert postgres.run(ref).name == "run"


def touch(space: Space, ref: RunRef, tx: Transaction) -> None:
    tx.runs.touch(space.workspace, ref.run_id, 1, None)


def test_of_two_jobs_that_wait_for_each_other_both_are_done(postgres: Space) -> None:
    experiment = postgres.make_experiment()
    runs = [postgres.make_run(experiment) for _ in range(2)]
    entered, met = threading.Event(), threading.Barrier(2)

    def job(n: int) -> Callable[[Transaction], int]:
        first = True

        def work(tx: Transaction) -> int:
            nonlocal first
            touch(postgres, runs[n], tx)
            if first:
                first = False
                entered.set()
                met.wait(WAIT_S)
            touch(postgres, runs[1 - n], tx)
            return n

        return work

    futures = [submit(postgres.store, job(0))]
    assert entered.wait(WAIT_S)  # so that another writer takes the second
    futures.append(submit(postgres.store, job(1)))
    assert [future.result(WAIT_S) for future in futures] == [0, 1]
    assert [postgres.run(run).version for run in runs] == [3, 3]


@pytest.mark.parametrize("steps", ["one by one", "all together"])
def test_writers_of_the_same_runs_do_not_wait_for_each_other_in_a_ring(
    postgres: Space, monkeypatch: pytest.MonkeyPatch, steps: str
) -> None:
    experiment = postgres.make_experiment()
    runs = [postgres.make_run(experiment) for _ in range(6)]
    undone: list[BaseException] = []
    undo = Connection.undo

    def noted(self: Connection, error: BaseException) -> bool:
        undone.append(error)
        return undo(self, error)

    monkeypatch.setattr(Connection, "undo", noted)

    def work(n: int) -> Callable[[Transaction], None]:
        def touch_and_append(tx: Transaction) -> None:
            touch(postgres, runs[n % 6], tx)
            tx.metrics.append(runs[n % 6], [make_series("m", [(n, n, float(n))])])

        return log(postgres, runs[n % 6], "m", n) if steps == "all together" else touch_and_append

    futures: list[Future[Any]] = []
    for n in [5 * n for n in range(300)]:
        futures.append(Future())
        done = futures[-1]
        postgres.store.submit_write(
            work(n), lambda _result, error, done=done: done.set_result(error), runs[n % 6].run_id
        )
    assert [future.result(WAIT_S) for future in futures] == [None] * 300
    assert undone == []
    assert sum(postgres.run(run).metrics["m"].count for run in runs) == 300


def end_connections(server: PostgresServer, url: str) -> None:
    database = url.rpartition("/")[2]
    server.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database}'")


def test_connections_that_the_database_ended_are_made_anew(
    postgres_server: PostgresServer, postgres_database: str
) -> None:
    store = SqlStore(postgres_database)
    space = Space(store)
    number = space.make_experiment()
    for key in "ab":
        space.experiment(number)
        end_connections(postgres_server, postgres_database)
        assert space.write(tag(number, key)) == key
        end_connections(postgres_server, postgres_database)
        assert key in space.experiment(number).tags
    store.close()


def test_a_connection_lost_in_the_middle_of_a_job_costs_nothing(
    postgres_server: PostgresServer, postgres_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sql_store, "POSTGRES_WRITERS", 1)  # or another one could be told to commit at that moment
    store = SqlStore(postgres_database)
    space = Space(store)
    number = space.make_experiment()
    lost: list[str] = []

    def cut(tx: Transaction) -> str:
        tx.experiments.set_tags(number, {"cut": ""})
        if not lost:
            lost.append("once")
            end_connections(postgres_server, postgres_database)
        tx.experiments.set_tags(number, {"whole": ""})
        return "done"

    futures = submit_together(store, [tag(number, "a"), cut, tag(number, "b")])
    assert [future.result(WAIT_S) for future in futures] == ["a", "done", "b"]
    assert space.experiment(number).tags.keys() == {"a", "b", "cut", "whole"}
    store.close()


def test_a_commit_whose_answer_is_lost_is_told_as_unsure_and_not_done_twice(
    postgres_server: PostgresServer, postgres_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = SqlStore(postgres_database)
    space = Space(store)
    ref = space.make_run(space.make_experiment())
    cut: list[int] = []

    def fail(db: Connection, _n: int) -> None:
        if not cut:
            cut.append(1)
            with db.raw.pipeline():  # whose end waits until it has been carried out
                db.raw.execute("COMMIT")
            db.committing = True
            db.raw.close()
            raise ConnectionResetError

    runs = 0

    def job(tx: Transaction) -> None:
        nonlocal runs
        runs += 1
        touch(space, ref, tx)

    fail_commits(monkeypatch, fail)
    with pytest.raises(Unavailable, match="broke while it was told to commit"):
        space.write(job)
    assert (runs, space.run(ref).version) == (1, 2)
    space.write(job)
    assert space.run(ref).version == 3
    store.close()


def test_a_commit_of_a_transaction_that_had_failed_is_never_told_as_done(postgres: Space) -> None:
    number = postgres.make_experiment()

    def swallow(tx: Any) -> str:
        tx.experiments.set_tags(number, {"a": ""})
        with pytest.raises(Exception, match="no_such_table"):
            tx.db.all("SELECT * FROM no_such_table")
        return "fine"

    with pytest.raises(Unavailable, match="ROLLBACK"):
        postgres.write(swallow)
    assert postgres.experiment(number).tags == {}


def test_a_row_that_another_server_made_meanwhile_is_found_by_the_second_try(postgres: Space) -> None:
    other = SqlStore(postgres.store.uri)  # type: ignore[attr-defined]
    experiment = postgres.make_experiment()
    run_id = new_id()
    tries = 0

    def create(tx: Transaction) -> str:
        nonlocal tries
        tries += 1
        if tx.runs.ref(postgres.workspace, run_id) is not None:
            raise Conflict("it is there")
        if tries == 1:
            rival = Space(other)
            rival.workspace = postgres.workspace
            rival.make_run(experiment, run_id=run_id)
        tx.runs.create(run_row(postgres.workspace, experiment, run_id=run_id), {})
        return "created"

    with pytest.raises(Conflict, match="it is there"):
        postgres.write(create)
    assert tries == 2
    other.close()


def test_a_closing_store_finishes_what_is_queued_and_takes_no_more(tmp_path: Path) -> None:
    uri = f"sqlite:///{tmp_path}/t.db"
    store = SqlStore(uri)
    number = Space(store).make_experiment()
    entered, release = threading.Event(), threading.Event()

    def hold(_tx: Transaction) -> None:
        entered.set()
        assert release.wait(WAIT_S)

    futures = [submit(store, hold)]
    assert entered.wait(WAIT_S)
    futures += [submit(store, tag(number, str(n))) for n in range(500)]
    closing = threading.Thread(target=store.close)
    closing.start()
    release.set()
    closing.join(WAIT_S)
    assert [future.result(0) for future in futures[1:]] == [str(n) for n in range(500)]
    for late in (lambda: store.write(tag(number, "late")), lambda: store.read(lambda tx: None)):
        with pytest.raises(Unavailable, match="closed"):
            late()
    again = SqlStore(uri)
    [(count,)] = again._connect().all("SELECT COUNT(*) FROM experiment_tags")
    assert count == 500
    again.close()
