"""The source tree as these tests read it."""

from __future__ import annotations

import ast
import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]


@cache
def list_files() -> list[str]:
    """Return the repository's files, with those not committed yet and without ignored ones, as POSIX paths."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    names = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return sorted(name for name in names.split("\0") if (ROOT / name).is_file())


def list_python() -> list[str]:
    return [name for name in list_files() if name.endswith(".py")]


def list_package() -> list[str]:
    return [name for name in list_python() if name.startswith("src/trackway/")]


@cache
def parse(name: str) -> ast.Module:
    return ast.parse((ROOT / name).read_text(encoding="utf-8"))
