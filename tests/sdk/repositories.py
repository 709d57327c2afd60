"""Git repositories that tests make."""

from __future__ import annotations

import subprocess
from pathlib import Path


def run_git(folder: Path, *arguments: str) -> str:
    """Run a git command in a folder, and return what it prints."""
    identity = ["-c", "user.name=T", "-c", "user.email=t@example.org", "-c", "init.defaultBranch=main"]
    done = subprocess.run(["git", "-C", str(folder), *identity, *arguments], check=True, capture_output=True, text=True)
    return done.stdout.strip()


def create_repository(folder: Path) -> Path:
    """Make a repository with one commit of one file, ``train.py``."""
    folder.mkdir()
    run_git(folder, "init", "--quiet")
    (folder / "train.py").write_text("print('one')\n")
    run_git(folder, "add", ".")
    run_git(folder, "commit", "--quiet", "--message", "first")
    return folder
