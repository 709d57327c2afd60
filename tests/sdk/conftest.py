from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sdk.fake import FakeStore, open_fake
from trackway.base import plugins
from trackway.sdk import context, runs
from trackway.sdk.connection import close_transports, set_tracking_uri
from trackway.sdk.problems import PROBLEMS
from trackway.sdk.sampling import OPTIONS, Options
from trackway.sdk.session import list_sessions

plugins.register("transport", "fake", "tests.sdk.fake:open_fake")


@pytest.fixture
def tracked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A process that logs to nowhere yet, with journals in a folder of its own, and that leaves nothing behind."""
    for name in list(os.environ):
        if name.startswith(("TRACKWAY_", "MLFLOW_")):
            monkeypatch.delenv(name)
    # As the SDK keeps its choices in the environment, the end of the test takes them away.
    for name in ("TRACKING_URI", "EXPERIMENT_ID", "EXPERIMENT_NAME", "RUN_ID"):
        monkeypatch.setenv(f"TRACKWAY_{name}", "")
    monkeypatch.setenv("TRACKWAY_JOURNAL_DIR", str(tmp_path / "journal"))
    monkeypatch.setenv("TRACKWAY_FINISH_S", "5")
    monkeypatch.chdir(tmp_path)
    PROBLEMS.clear()
    PROBLEMS.strict = None
    yield tmp_path
    while context.STACK.runs:
        runs.end_run()
    for session in list_sessions():
        session.close(1.0)
    close_transports()
    PROBLEMS.clear()
    PROBLEMS.strict = None
    OPTIONS.__dict__.update(Options().__dict__)


@pytest.fixture
def store(tracked: Path) -> FakeStore:
    """A store in memory that this process logs to."""
    uri = f"fake://{tracked}"
    set_tracking_uri(uri)
    return open_fake(uri)
