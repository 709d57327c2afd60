from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.services.trackway_server import run_trackway


@pytest.fixture(scope="session")
def trackway_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A server for the pages that need one."""
    with run_trackway(tmp_path_factory.mktemp("trackway")) as port:
        yield port
