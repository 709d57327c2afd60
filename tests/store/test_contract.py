from __future__ import annotations

import pytest

from trackway.store.base import Store
from trackway.store.sql.store import SqlStore
from trackway.testing.store import StoreContract


class TestSqlite(StoreContract):
    @pytest.fixture
    def store(self, sqlite_store: SqlStore) -> Store:
        return sqlite_store


class TestPostgres(StoreContract):
    @pytest.fixture
    def store(self, postgres_store: SqlStore) -> Store:
        return postgres_store
