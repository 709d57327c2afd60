from __future__ import annotations

import psycopg
import pytest

from tests.services.postgres import PostgresServer


def test_two_databases_are_apart_and_a_deleted_one_is_gone(postgres_server: PostgresServer) -> None:
    one, two = postgres_server.create_database(), postgres_server.create_database()
    with psycopg.connect(one) as connection:
        connection.execute("CREATE TABLE points (step bigint)")
        connection.commit()
        with psycopg.connect(two) as other:
            assert other.execute("SELECT to_regclass('points')").fetchone() == (None,)
    postgres_server.delete_database(one)
    postgres_server.delete_database(two)
    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        psycopg.connect(one)
