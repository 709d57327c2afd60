"""Tables of PostgreSQL's that have grown or changed are vacuumed before it would do so by itself."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.services.postgres import PostgresServer
from tests.services.waiting import wait_until
from trackway.store.sql import store as sql_store
from trackway.store.sql.store import SqlStore
from trackway.testing.store.space import Space

FILL = """
INSERT INTO params (run_pk, key, experiment_pk, value)
 SELECT n / 10, 'p' || n % 10, 1, n::text FROM generate_series(1, ?) n"""
SEEN = "SELECT relallvisible FROM pg_class WHERE oid = ?::regclass"
ROWS = 20_000
"""More than are vacuumed, and on more than a hundred pages."""
FEW = sql_store.VACUUMED_ROWS


@pytest.fixture
def space(postgres_server: PostgresServer) -> Iterator[Space]:
    store = SqlStore(postgres_server.create_database())
    yield Space(store)
    store.close()


def count_seen(space: Space, table: str) -> int:
    """Return of how many pages PostgreSQL knows that everybody sees all of them."""
    return int(space.read(lambda tx: tx.db.one(SEEN, (table,)))[0])


def measure(space: Space, table: str) -> int:
    """Return the bytes of a table without its indexes."""
    return int(space.read(lambda tx: tx.db.one("SELECT pg_relation_size(?::regclass)", (table,)))[0])


def wait_for_statistics(space: Space, column: str = "n_ins_since_vacuum", count: int = ROWS) -> None:
    """Wait until PostgreSQL counts what was inserted or left behind, which it does when a connection is idle."""
    sql = f"SELECT {column} FROM pg_stat_user_tables WHERE relname = 'params'"

    def has_counted() -> bool:
        space.write(lambda tx: tx.db.one("SELECT 1"))
        return bool(space.read(lambda tx: tx.db.one(sql))[0] >= count)

    wait_until(has_counted)


def test_what_grew_is_vacuumed_and_the_rest_is_not(space: Space) -> None:
    space.write(lambda tx: tx.db.run(FILL, (ROWS,)))
    space.write(lambda tx: tx.db.run(FILL.replace("params", "tags"), (FEW,)))
    wait_for_statistics(space)
    assert count_seen(space, "params") == 0
    space.store.vacuum()
    assert count_seen(space, "params") > 100
    assert count_seen(space, "tags") == 0


def test_what_changed_is_vacuumed_before_the_table_grows_by_it(space: Space) -> None:
    space.write(lambda tx: tx.db.run(FILL, (ROWS,)))
    wait_for_statistics(space)
    space.store.vacuum()
    before = measure(space, "params")
    for _ in range(3):
        space.write(lambda tx: tx.db.run("UPDATE params SET experiment_pk = 2 WHERE run_pk % 4 = 0"))
        wait_for_statistics(space, "n_dead_tup", ROWS // 5)
        space.store.vacuum()
    assert measure(space, "params") < 1.4 * before, "each change found the room that the one before left"


def test_large_tables_are_left_to_postgresql(space: Space, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sql_store, "VACUUMED_ROWS_MOST", 1_000)
    space.write(lambda tx: tx.db.run(FILL, (ROWS,)))
    wait_for_statistics(space)
    space.store.vacuum()
    assert count_seen(space, "params") == 0


def test_sqlite_has_nothing_to_do(sqlite_store: SqlStore) -> None:
    space = Space(sqlite_store)
    experiment = space.make_experiment()
    sqlite_store.vacuum()
    assert space.experiment(experiment).name
