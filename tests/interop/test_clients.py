"""Unchanged MLflow clients of three generations write to one server, and what they read back is what they wrote."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from tests.interop.run import NAMES, expected, play
from tests.services.peers import peer_python

VERSIONS = ("1.30", "2.22", "3.17")
SINCE = {
    "active_models": VERSIONS[2:],
    "aliases": VERSIONS[1:],
    "autologging": VERSIONS[1:],
    "datasets": VERSIONS[1:],
    "models": VERSIONS[2:],
    "tables": VERSIONS[1:],
    "webhooks": VERSIONS[2:],
}
CASES = [(version, name) for version in VERSIONS for name in NAMES if version in SINCE.get(name, VERSIONS)]


@cache  # a client takes ten seconds to be imported
def play_all(version: str, port: int) -> dict[str, Any]:
    names = tuple(name for other, name in CASES if other == version)
    with TemporaryDirectory() as folder:
        return play(peer_python(f"mlflow-{version}"), "mlflow", f"http://127.0.0.1:{port}", Path(folder), names)


@pytest.mark.parametrize(("version", "name"), CASES)
def test_a_client_reads_back_what_it_wrote(version: str, name: str, trackway_port: int) -> None:
    assert play_all(version, trackway_port)[name] == expected(name)
