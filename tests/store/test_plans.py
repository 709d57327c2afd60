"""PostgreSQL keeps one plan for the searches that it is asked again and again: to plan one takes longer than a page."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from tests.services.postgres import PostgresServer
from trackway.rules.grammar import RUNS, parse_filter, parse_order
from trackway.store.base import Page, Search
from trackway.store.sql.search import find_runs
from trackway.store.sql.store import SqlStore

BIG = 2
"""The experiment that is searched, and the runs of each: what a plan for any of them reckons with is true of none."""
STORES = {"few": {1: 300, BIG: 6_000, 3: 20}, "many": {BIG: 6_000, **dict.fromkeys(range(3, 600), 3)}}
KEYS = {"few": [f"m{n}" for n in range(3)], "many": [f"m{n}" for n in range(20)]}
FEW = (0.98, 120)
"""A bound of a metric, and so many runs of the largest experiment that are above it."""
PAGES = 30
READ = (
    "SELECT SUM(pg_stat_get_xact_tuples_returned(oid) + pg_stat_get_xact_tuples_fetched(oid))"
    " FROM pg_class WHERE relname IN ('runs', 'series', 'runs_pkey', 'ix_runs_live', 'ix_runs_all', 'ix_series_value')"
)
"""Rows and index entries that this transaction has read so far."""
MADE = 5
"""So many plans does PostgreSQL make for given values before it takes one for all."""
QUESTIONS = [
    ("", ["metrics.m1 DESC"]),
    ("", ["metrics.m1"]),
    ("metrics.m2 > 0.9", ["metrics.m1 DESC"]),
    ("metrics.m2 > 0.9 AND params.lr = '0.1'", []),
]


@pytest.fixture(scope="module", params=STORES)
def database(request: pytest.FixtureRequest, postgres_server: PostgresServer) -> str:
    url = postgres_server.create_database()
    store = SqlStore(url)
    experiments = [number for number, runs in STORES[request.param].items() for _ in range(runs)]

    def fill(tx: Any) -> None:
        db = tx.db
        db.run(
            "INSERT INTO experiments (pk, workspace, name, artifact_location, created_ms, updated_ms)"
            " SELECT e, 'w', 'e' || e, '', 1, 1 FROM unnest(?::bigint[]) e",
            (list(STORES[request.param]),),
        )
        db.run(
            "INSERT INTO runs (pk, workspace, run_id, experiment_pk, name, status, user_name, start_ms, artifact_uri,"
            " version, arrived) SELECT n, 'w', 'r' || n, e, '', 'FINISHED', '', n, '', 1, 0"
            " FROM unnest(?::bigint[]) WITH ORDINALITY x(e, n)",
            (experiments,),
        )
        db.run(
            "INSERT INTO series (run_pk, key, experiment_pk, count, nan_count, last_step, last_time_ms, last_value,"
            " min_value, max_value, open_chunks, gathered) SELECT pk, key, experiment_pk, 1, 0, 0, 0,"
            " pk * 7919 % 5003 / 5003.0, 0, 1, 0, 0 FROM runs, unnest(?::text[]) key",
            (KEYS[request.param],),
        )
        db.run(
            "INSERT INTO params (run_pk, key, experiment_pk, value)"
            " SELECT pk, 'lr', experiment_pk, CASE WHEN pk % 7 > 0 THEN '0.1' ELSE 'other' END FROM runs"
        )

    store.write(fill)
    store.close()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")
    return url


@pytest.fixture
def store(database: str) -> Iterator[SqlStore]:
    """A store whose connections have prepared nothing yet."""
    store = SqlStore(database)
    yield store
    store.close()


@pytest.mark.parametrize("limit", [10, 100])
@pytest.mark.parametrize(("filter_", "order"), QUESTIONS, ids=[f"{f} {' '.join(o)}" for f, o in QUESTIONS])
def test_pages_are_planned_a_few_times_however_often_they_are_read(
    store: SqlStore, filter_: str, order: list[str], limit: int
) -> None:
    search = Search(parse_filter(filter_, RUNS), parse_order(order, RUNS), "active")
    plans: dict[str, int] = store.read(lambda tx: _read_pages(tx, search, limit)[1])
    assert plans
    assert {text: count for text, count in plans.items() if count > MADE} == {}


@pytest.mark.parametrize("order", [[], ["metrics.m1 DESC"]])
def test_few_runs_are_looked_up_one_by_one(store: SqlStore, order: list[str]) -> None:
    search = Search(parse_filter(f"metrics.m1 > {FEW[0]}", RUNS), parse_order(order, RUNS), "active")
    read = store.read(lambda tx: _read_pages(tx, search, 10)[0])
    assert max(read) <= 10 * FEW[1], read


@pytest.mark.parametrize("limit", [10, 100, 1_000])
@pytest.mark.parametrize("order", [[], ["metrics.m1 DESC"], ["metrics.m1"]])
def test_a_plan_for_all_values_walks_no_further_than_the_page(store: SqlStore, order: list[str], limit: int) -> None:
    search = Search(None, parse_order(order, RUNS), "active")
    read = store.read(lambda tx: _read_pages(tx, search, limit)[0])
    assert max(read) <= 4 * limit + 100


def _read_pages(tx: Any, search: Search, limit: int) -> tuple[list[int], dict[str, int]]:
    """Return the rows and index entries that the last first page and the last page read, and plans by statement."""
    read = []
    tx.db.one(READ)
    for turning in (False, True):
        after = None
        for _ in range(min(PAGES, 5_000 // limit)):
            before = tx.db.one(READ)[0]
            found, found_after = find_runs(tx.db, "w", [BIG], search, Page(limit, after))
            assert found
            after = found_after if turning else None
        read.append(int(tx.db.one(READ)[0] - before))
    return read, dict(tx.db.all("SELECT statement, custom_plans FROM pg_prepared_statements"))
