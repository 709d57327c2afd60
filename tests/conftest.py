from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from tests.services.podman import Podman, run_podman
from tests.services.postgres import PostgresServer, run_postgres

pytest.register_assert_rewrite("trackway.testing")  # so that a failed contract says what it compared
# A machine may be busy: how long an example takes to make or to try says nothing about the code.
settings.register_profile("trackway", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("trackway")


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A private PostgreSQL server, one for each process that runs tests."""
    with run_postgres() as server:
        yield server


@pytest.fixture(scope="session")
def postgres_url(postgres_server: PostgresServer) -> str:
    """A database that the tests of one process share."""
    return postgres_server.create_database()


@pytest.fixture(scope="session")
def podman() -> Iterator[Podman]:
    """Podman with an image of Debian, one for each process that runs slow tests."""
    with run_podman() as found:
        yield found


@pytest.fixture
def postgres_database(postgres_server: PostgresServer) -> Iterator[str]:
    """A new, empty database for one test."""
    url = postgres_server.create_database()
    yield url
    postgres_server.delete_database(url)
