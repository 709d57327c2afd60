"""``trackway environments``: what is kept on this machine, and what may go."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.cli.driving import Trackway
from trackway.environments.kept import hold_environment, keep_environment

AGE_S = 3 * 86_400


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two environments, one of which was not asked for in days."""
    monkeypatch.setenv("TRACKWAY_CACHE_DIR", str(tmp_path / "cache"))
    place = tmp_path / "cache" / "environments"

    def make(folder: Path) -> None:
        (folder / "bin").mkdir(parents=True)
        (folder / "lib" / "python3.11" / "site-packages" / "numpy-2.0.dist-info").mkdir(parents=True)
        (folder / "lib" / "big").write_bytes(bytes(3_000_000))

    for name in ("old", "new"):
        keep_environment(place, name, make)
    mark = place / "old" / ".complete"
    os.utime(mark, (mark.stat().st_atime - AGE_S, mark.stat().st_mtime - AGE_S))
    return place


def test_they_are_listed_with_what_they_take_and_what_is_in_them(trackway: Trackway, kept: Path) -> None:
    descriptor = hold_environment(kept / "old" / "bin" / "python")
    found = json.loads(trackway("environments", "list", "--json").output)
    os.close(descriptor)
    assert [(one["name"], one["held"], one["packages"]) for one in found] == [
        ("new", False, ["numpy"]),
        ("old", True, ["numpy"]),
    ]
    assert all(3_000_000 <= one["size_bytes"] < 3_200_000 for one in found)
    shown = trackway("environments", "list").output
    assert "numpy" in shown


def test_those_that_nobody_asked_for_go_and_a_rehearsal_says_which(trackway: Trackway, kept: Path) -> None:
    rehearsed = trackway("environments", "prune", "--unused", "2d", "--dry-run").output
    assert rehearsed == "old\n1 environment would be deleted, 3 MB.\n"
    assert (kept / "old").exists()
    descriptor = hold_environment(kept / "old" / "bin" / "python")
    assert "0 environments were deleted" in trackway("environments", "prune", "--unused", "2d").output
    os.close(descriptor)
    assert "0 environments were deleted" in trackway("environments", "prune").output, "a month is the default"
    assert json.loads(trackway("environments", "prune", "--unused", "2d", "--json").output)["deleted"] == ["old"]
    assert [path.name for path in kept.iterdir() if path.is_dir()] == ["new"]
    assert trackway("environments", "prune", "--unused", "soon").exit_code == 1
