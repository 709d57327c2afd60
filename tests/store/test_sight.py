"""What may not be seen costs nothing: what databases do for searches of a hundredth of all runs.

Of SQLite the steps of its machine are counted; of PostgreSQL, which has none, the rows and index entries that it reads.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Any

import pytest

from tests.services.postgres import PostgresServer
from trackway.rules.grammar import EXPERIMENTS, RUNS, parse_filter, parse_order
from trackway.store.base import Page, Search
from trackway.store.sql.connection import SQLITE_VARIABLES
from trackway.store.sql.store import SqlStore

SEEN = 10
RUNS_EACH = 100
HIDDEN = {"few": 10, "many": 990}
"""Hidden experiments, of as many runs each as those that are seen: with many, a hundredth of 100,000 runs is seen."""
QUESTIONS = [
    ("", []),
    ("", ["attributes.run_name"]),
    ("", ["metrics.loss DESC"]),
    ("metrics.loss > 0.5", []),
    ("params.lr = '0.1'", []),
    ("tags.team = 'a' AND metrics.loss < 0.9", ["metrics.loss"]),
    ("attributes.status = 'FAILED'", []),
    ("links.uses = 'r999'", []),
    ("links.uses LIKE 'r9%' OR links.retried_by = 'r7'", []),
]
BY_LINK = ["links.uses = 'r5'", "links.used_by IN ('r5', 'r700')"]
"""What an index leads to in all experiments at once, of which one run or two have it."""


def build(path: Any, hidden: int) -> SqlStore:
    """Make a store in which the seen experiments are the oldest, so that an order by time begins with hidden ones."""
    store = SqlStore(f"sqlite:///{path}")
    total = SEEN + hidden

    def fill(tx: Any) -> None:
        db = tx.db
        db.many(
            "INSERT INTO experiments (pk, workspace, name, artifact_location, created_ms, updated_ms)"
            " VALUES (?, 'w', ?, '', ?, ?)",
            [(e, f"e{e}", e, e) for e in range(1, total + 1)],
        )
        numbers = [(e, (e - 1) * RUNS_EACH + n) for e in range(1, total + 1) for n in range(1, RUNS_EACH + 1)]
        db.many(
            "INSERT INTO runs (pk, workspace, run_id, experiment_pk, name, status, user_name, start_ms, artifact_uri,"
            " version, arrived) VALUES (?, 'w', ?, ?, ?, 'FINISHED', '', ?, '', 1, 0)",
            [(pk, f"r{pk}", e, f"n{pk % 97}", pk) for e, pk in numbers],
        )
        db.many(
            "INSERT INTO series (run_pk, key, experiment_pk, count, nan_count, last_step, last_time_ms, last_value,"
            " min_value, max_value, open_chunks, gathered) VALUES (?, 'loss', ?, 1, 0, 0, 0, ?, 0, 1, 0, 0)",
            [(pk, e, pk % 101 / 101) for e, pk in numbers],
        )
        for table, key, value in (("params", "lr", "0.1"), ("tags", "team", "a")):
            db.many(
                f"INSERT INTO {table} (run_pk, key, experiment_pk, value) VALUES (?, ?, ?, ?)",
                [(pk, key, e, value if pk % 7 else "other") for e, pk in numbers],
            )
        links = [(pk + 1, pk) for _, pk in numbers]
        db.many("INSERT INTO run_links (run_pk, kind, earlier_pk) VALUES (?, 'uses', ?)", links)

    store.write(fill)
    return store


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, SqlStore]]:
    folder = tmp_path_factory.mktemp("sight")
    made = {name: build(folder / f"{name}.db", hidden) for name, hidden in HIDDEN.items()}
    yield made
    for store in made.values():
        store.close()


@pytest.mark.parametrize(("filter_", "order"), QUESTIONS, ids=[f"{f} {' '.join(o)}" for f, o in QUESTIONS])
def test_a_search_of_what_is_seen_takes_no_more_steps_however_much_is_hidden(
    stores: dict[str, SqlStore], filter_: str, order: list[str]
) -> None:
    search = Search(parse_filter(filter_, RUNS), parse_order(order, RUNS), "active")
    steps = {}
    found = {}
    seen = frozenset(range(1, SEEN + 1))
    for name, store in stores.items():
        steps[name], (runs, _) = _measure(store, lambda tx: tx.runs.search("w", seen, search, Page(50)))
        found[name] = [run.run_id for run in runs]
        assert all(int(run.experiment_id) <= SEEN for run in runs)
    assert found["few"] == found["many"]
    assert steps["many"] <= steps["few"] * 1.3 + 20, steps


def test_hundreds_of_conditions_on_what_is_seen_stay_within_what_sqlite_takes(stores: dict[str, SqlStore]) -> None:
    conditions = [f"parent.params.p{n} = 'x'" for n in range(200)]
    search = Search(parse_filter(" AND ".join(conditions), RUNS), (), "active")

    def work(tx: Any) -> tuple[list[Any], Any]:
        tx.db.raw.setlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER, SQLITE_VARIABLES)
        found: tuple[list[Any], Any] = tx.runs.search("w", frozenset(range(1, SEEN + 991)), search, Page(10))
        return found

    assert stores["few"].read(work) == ([], None)


def test_a_search_of_experiments_takes_no_more_steps_however_many_are_hidden(stores: dict[str, SqlStore]) -> None:
    seen = frozenset(range(1, SEEN + 1))
    for filter_, order in (("", []), ("name LIKE 'e%'", []), ("", ["name"])):
        search = Search(parse_filter(filter_, EXPERIMENTS), parse_order(order, EXPERIMENTS), "active")
        steps = {}
        for name, store in stores.items():
            steps[name], (found, _) = _measure(
                store, lambda tx, s=search: tx.experiments.search("w", s, Page(50), seen)
            )
            assert len(found) == SEEN
        assert steps["many"] <= steps["few"] * 1.3 + 20, steps


@pytest.mark.parametrize("filter_", BY_LINK)
def test_a_search_by_a_link_takes_no_more_steps_however_many_runs_there_are(
    stores: dict[str, SqlStore], filter_: str
) -> None:
    search = Search(parse_filter(filter_, RUNS), (), "active")
    steps = {}
    for name, store in stores.items():
        steps[name], (runs, _) = _measure(store, lambda tx: tx.runs.search("w", None, search, Page(50)))
        assert 1 <= len(runs) <= 2
    assert steps["many"] <= steps["few"] * 1.3 + 20, steps


FILL_POSTGRES = (
    (
        "INSERT INTO experiments (pk, workspace, name, artifact_location, created_ms, updated_ms)"
        " SELECT e, 'w', 'e' || e, '', e, e FROM generate_series(1, {total}) e"
    ),
    (
        "INSERT INTO runs (pk, workspace, run_id, experiment_pk, name, status, user_name, start_ms, artifact_uri,"
        " version, arrived) SELECT n, 'w', 'r' || n, (n - 1) / {each} + 1, 'n' || n % 97, 'FINISHED', '', n, '', 1, 0"
        " FROM generate_series(1, {runs}) n"
    ),
    (
        "INSERT INTO series (run_pk, key, experiment_pk, count, nan_count, last_step, last_time_ms, last_value,"
        " min_value, max_value, open_chunks, gathered) SELECT n, 'loss', (n - 1) / {each} + 1, 1, 0, 0, 0,"
        " n % 101 / 101.0, 0, 1, 0, 0 FROM generate_series(1, {runs}) n"
    ),
    (
        "INSERT INTO params (run_pk, key, experiment_pk, value) SELECT n, 'lr', (n - 1) / {each} + 1,"
        " CASE WHEN n % 7 > 0 THEN '0.1' ELSE 'other' END FROM generate_series(1, {runs}) n"
    ),
    (
        "INSERT INTO tags (run_pk, key, experiment_pk, value) SELECT n, 'team', (n - 1) / {each} + 1,"
        " CASE WHEN n % 7 > 0 THEN 'a' ELSE 'other' END FROM generate_series(1, {runs}) n"
    ),
    "INSERT INTO run_links (run_pk, kind, earlier_pk) SELECT n + 1, 'uses', n FROM generate_series(1, {runs}) n",
    "ANALYZE",
)
READ = (
    "SELECT SUM(pg_stat_get_xact_tuples_returned(oid) + pg_stat_get_xact_tuples_fetched(oid))"
    " FROM pg_class WHERE relkind IN ('r', 'i')"
)
"""Rows and index entries that this transaction has read so far."""


@pytest.fixture(scope="module")
def postgres_stores(postgres_server: PostgresServer) -> Iterator[dict[str, SqlStore]]:
    made = {}
    for name, hidden in HIDDEN.items():
        made[name] = SqlStore(postgres_server.create_database())
        size = {"total": SEEN + hidden, "each": RUNS_EACH, "runs": (SEEN + hidden) * RUNS_EACH}
        for sql in FILL_POSTGRES:
            made[name].write(lambda tx, sql=sql, size=size: tx.db.run(sql.format(**size)))
    yield made
    for store in made.values():
        store.close()


@pytest.mark.parametrize(("filter_", "order"), QUESTIONS, ids=[f"{f} {' '.join(o)}" for f, o in QUESTIONS])
def test_postgresql_reads_no_more_rows_however_much_is_hidden(
    postgres_stores: dict[str, SqlStore], filter_: str, order: list[str]
) -> None:
    search = Search(parse_filter(filter_, RUNS), parse_order(order, RUNS), "active")
    seen = frozenset(range(1, SEEN + 1))
    read = {}
    found = {}
    for name, store in postgres_stores.items():
        read[name], (runs, _) = store.read(lambda tx: _count_read(tx, seen, search))
        found[name] = [run.run_id for run in runs]
    assert found["few"] == found["many"]
    assert read["many"] <= SEEN * RUNS_EACH * 10, read  # of 100,000 runs with three values each
    assert read["many"] <= read["few"] * 1.5 + 200, read


@pytest.mark.parametrize("filter_", BY_LINK)
def test_postgresql_reads_no_more_rows_for_a_link_however_many_runs_there_are(
    postgres_stores: dict[str, SqlStore], filter_: str
) -> None:
    search = Search(parse_filter(filter_, RUNS), (), "active")
    read = {}
    for name, store in postgres_stores.items():
        read[name], (runs, _) = store.read(lambda tx: _count_read(tx, None, search))
        assert 1 <= len(runs) <= 2
    assert read["many"] <= read["few"] + 200, read


def _count_read(tx: Any, seen: frozenset[int] | None, search: Search) -> tuple[int, Any]:
    """Return how many rows and index entries a search read, and what it found."""
    tx.runs.search("w", seen, search, Page(50))  # what is read once, such as names of types, has been
    before = tx.db.one(READ)[0]
    found = tx.runs.search("w", seen, search, Page(50))
    return int(tx.db.one(READ)[0] - before), found


def _measure(store: SqlStore, work: Any) -> tuple[int, Any]:
    """Return how many hundreds of steps a reading job took, and what it returned."""
    steps = 0

    def count() -> int:
        nonlocal steps
        steps += 1
        return 0

    def job(tx: Any) -> Any:
        tx.db.raw.set_progress_handler(count, 100)
        try:
            return work(tx)
        finally:
            tx.db.raw.set_progress_handler(None, 100)

    result = store.read(job)
    return steps, result
