from __future__ import annotations

from pathlib import Path

import pytest

from tests.sdk.repositories import run_git
from trackway.projects import run

MLPROJECT = """
name: sums
entry_points:
  main:
    parameters:
      alpha: {type: float, default: 0.5}
      data: {type: path, default: rows.txt}
    command: "python train.py {alpha} {data}"
"""
TRAIN = """
import pathlib, sys, time
import trackway as tw

with tw.start_run():
    numbers = [float(line) for line in pathlib.Path(sys.argv[2]).read_text().split()]
    for step, number in enumerate(numbers):
        tw.log_metric("loss", number * float(sys.argv[1]), step=step)
    tw.log_metric("train_seconds", time.time())
"""


@pytest.fixture
def repository(tmp_path: Path, store: Path) -> Path:
    """A project in a folder of a git repository, with one commit."""
    root = tmp_path / "work"
    folder = root / "inner"
    folder.mkdir(parents=True)
    (folder / "MLproject").write_text(MLPROJECT)
    (folder / "train.py").write_text(TRAIN)
    (folder / "rows.txt").write_text("1 2 3")
    run_git(root, "init", "--quiet")
    commit(root)
    return root


@pytest.fixture
def project(repository: Path) -> Path:
    return repository / "inner"


@pytest.fixture
def recorded(project: Path) -> str:
    """A run of the project as it was committed."""
    return run(project).run_id


def commit(root: Path) -> None:
    run_git(root, "add", "--all")
    run_git(root, "commit", "--quiet", "--message", "more")
