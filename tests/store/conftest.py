from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.services.postgres import PostgresServer
from trackway.store.sql.store import SqlStore


@pytest.fixture(scope="session")
def sqlite_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqlStore]:
    """A store in a file, shared: each test works in its own workspace."""
    store = SqlStore(f"sqlite:///{tmp_path_factory.mktemp('store')}/t.db")
    yield store
    store.close()


@pytest.fixture(scope="session")
def postgres_store(postgres_server: PostgresServer) -> Iterator[SqlStore]:
    """The same on PostgreSQL."""
    store = SqlStore(postgres_server.create_database())
    yield store
    store.close()
