from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.services.podman import Podman, run_podman
from tests.services.postgres import PostgresServer, run_postgres

pytest.register_assert_rewrite("trackway.testing")  # so that a failed contract says what it compared
# A machine may be busy: how long an example takes to make or to try says nothing about the code.
settings.register_profile("trackway", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("trackway")


APART = {
    "inference/spark": "spark",
    "models/h2o": "h2o",
    "models/libraries": "libraries",
    "models/spark": "spark",
    "sdk/autolog/frameworks": "libraries",
}
"""Folders of tests that import libraries of an environment of their own, and the marker of these tests."""


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave such a folder out of a run that leaves its tests out: its files cannot even be imported elsewhere."""
    inside = collection_path.relative_to(Path(__file__).parent)
    markers = (marker for folder, marker in APART.items() if inside.is_relative_to(folder))
    return True if any(f"not {marker}" in config.getoption("markexpr") for marker in markers) else None


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
