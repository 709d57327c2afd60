from __future__ import annotations

import os
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.projects.folders import MakeProject
from trackway.sdk.connection import close_transports, is_local
from trackway.sdk.session import list_sessions

UV = Path(__file__).parents[2] / ".venvs" / "uv" / "bin"
"""Where `make` puts uv."""


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


@pytest.fixture
def wheels(tmp_path: Path) -> Path:
    """A folder with one package, of which there are two versions."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    for version in ("1.0", "2.0"):
        with zipfile.ZipFile(folder / f"tiny-{version}-py3-none-any.whl", "w") as wheel:
            wheel.writestr("tiny.py", f"VALUE = 'tiny {version}'\n")
            facts = f"tiny-{version}.dist-info"
            wheel.writestr(f"{facts}/METADATA", f"Metadata-Version: 2.1\nName: tiny\nVersion: {version}\n")
            wheel.writestr(f"{facts}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
            wheel.writestr(f"{facts}/RECORD", f"tiny.py,,\n{facts}/METADATA,,\n{facts}/WHEEL,,\n{facts}/RECORD,,\n")
    return folder


@pytest.fixture
def uv(wheels: Path, monkeypatch: pytest.MonkeyPatch, store: Path) -> Path:
    """The real uv, which knows of these wheels alone; ``uv.calls`` beside them counts how often it is called."""
    calls = wheels.parent / "calls"
    folder = wheels.parent / "bin"
    folder.mkdir()
    (folder / "uv").write_text(f'#!/bin/sh\necho "$@" >> {calls}\nexec {UV}/uv "$@"\n')
    (folder / "uv").chmod(0o755)
    calls.touch()
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.setenv("UV_NO_INDEX", "1")
    monkeypatch.setenv("UV_FIND_LINKS", str(wheels))
    monkeypatch.setenv("UV_PYTHON_DOWNLOADS", "never")
    monkeypatch.setattr("trackway.environments.uv.find_uv", lambda: str(folder / "uv"))
    return calls
