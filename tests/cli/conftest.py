from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.cli.driving import Trackway
from tests.services.trackway_server import run_trackway
from trackway.cli.main import cli
from trackway.sdk.connection import close_transports


@pytest.fixture
def trackway(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Trackway]:
    """Run a command on a fresh store, in the test's folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TRACKWAY_TRACKING_URI", str(tmp_path / "tracks"))

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(cli, list(arguments))

    yield run
    close_transports()


@pytest.fixture(scope="session")
def trackway_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A server of this test session, which may send webhooks to this machine."""
    with run_trackway(tmp_path_factory.mktemp("server"), "--webhook-networks", "127.0.0.1") as port:
        yield port
