from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

import trackway as tw
from tests.models.peers import Peer
from tests.services.trackway_server import run_trackway
from trackway.sdk import context, runs
from trackway.sdk.connection import close_transports
from trackway.sdk.session import list_sessions


@pytest.fixture(scope="session", params=["2.22", "3.17"])
def peer(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Peer]:
    """A process of one version of MLflow."""
    peer = Peer(request.param, tmp_path_factory.mktemp("peer"))
    yield peer
    peer.close()


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    """A table of three columns."""
    return pd.DataFrame(np.random.default_rng(0).random((40, 3)), columns=list("abc"))


@pytest.fixture(scope="module")
def classifier(rows: pd.DataFrame) -> Any:
    """A model of scikit-learn that was trained on it."""
    return LogisticRegression().fit(rows, rows.a > 0.5)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with run_trackway(tmp_path_factory.mktemp("server")) as port:
        yield f"http://127.0.0.1:{port}"


@pytest.fixture(params=["local", "server"])
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A process that logs to a store, and leaves nothing behind."""
    for name in list(os.environ):
        if name.startswith(("TRACKWAY_", "MLFLOW_")):
            monkeypatch.delenv(name)
    for name in ("TRACKING_URI", "EXPERIMENT_ID", "EXPERIMENT_NAME", "RUN_ID"):
        monkeypatch.setenv(f"TRACKWAY_{name}", "")
    monkeypatch.setenv("TRACKWAY_JOURNAL_DIR", str(tmp_path / "journal"))
    monkeypatch.setenv("TRACKWAY_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    tw.set_tracking_uri(str(tmp_path / "tracks") if request.param == "local" else request.getfixturevalue("server"))
    yield tmp_path
    while context.STACK.runs:
        runs.end_run()
    for session in list_sessions():
        session.close(1.0)
    close_transports()
