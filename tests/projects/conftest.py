from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.projects.folders import MakeProject
from trackway.sdk.connection import close_transports, is_local
from trackway.sdk.session import list_sessions


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty local store, with caches and a working directory of the test's own."""
    for name in ("RUN_ID", "EXPERIMENT_ID", "EXPERIMENT_NAME", "TRACKING_URI"):
        monkeypatch.delenv(f"MLFLOW_{name}", raising=False)
        monkeypatch.delenv(f"TRACKWAY_{name}", raising=False)
    monkeypatch.setenv("TRACKWAY_TRACKING_URI", str(tmp_path / "tracks"))
    monkeypatch.setenv("TRACKWAY_CACHE_DIR", str(tmp_path / "cache"))
    (tmp_path / "cwd").mkdir()
    monkeypatch.chdir(tmp_path / "cwd")
    yield tmp_path / "tracks"
    for session in list_sessions():
        session.close(30 if is_local(session.uri) else 0)
    close_transports()


@pytest.fixture
def make_project(tmp_path: Path) -> MakeProject:
    """Make a project of files by their names."""
    count = iter(range(1_000))

    def make(**files: str) -> Path:
        folder = tmp_path / f"project{next(count)}"
        folder.mkdir()
        for name, text in files.items():
            (folder / name.replace("__", ".")).write_text(text)
        return folder

    return make
