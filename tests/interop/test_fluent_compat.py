"""Scripts written for MLflow run with ``import trackway as mlflow``, on a local store and against a server alike."""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from tests.interop.run import expected, play

NAMES = (
    "active_models",
    "aliases",
    "artifact_module",
    "artifacts",
    "datasets",
    "errors",
    "experiments",
    "metrics",
    "registered_again",
    "registry",
    "runs",
    "searches",
    "tables",
    "webhooks",
)


@cache
def play_all(port: int) -> dict[str, Any]:
    """Return what the scripts read back; port 0 is a local store."""
    with TemporaryDirectory() as folder:
        uri = f"http://127.0.0.1:{port}" if port else str(Path(folder, "tracks"))
        return play(sys.executable, "trackway", uri, Path(folder), NAMES)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("place", ["local store", "server"])
def test_a_script_reads_back_what_it_would_with_mlflow(name: str, place: str, trackway_port: int) -> None:
    assert play_all(trackway_port if place == "server" else 0)[name] == expected(name)
