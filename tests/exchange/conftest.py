from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.exchange.peers import Past, make_past
from trackway.sdk.transport import Transport
from trackway.wiring.local import open_local

Histories = Callable[[str], Past]


@pytest.fixture(scope="session")
def histories(tmp_path_factory: pytest.TempPathFactory) -> Histories:
    """Makes each history once for all tests, which leave it as it is."""
    made: dict[str, Past] = {}

    def get(name: str) -> Past:
        if name not in made:
            made[name] = make_past(name, tmp_path_factory.mktemp("past") / name.replace(" ", "-"))
        return made[name]

    return get


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Transport]:
    """An empty store in a folder."""
    transport = open_local(str(tmp_path / "tracks"))
    yield transport
    transport.close()
