from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.services.trackway_server import run_trackway


@pytest.fixture(scope="session")
def server_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A server of this test session on an empty SQLite store."""
    with run_trackway(tmp_path_factory.mktemp("server")) as port:
        yield port
