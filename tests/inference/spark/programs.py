"""Programs that have a Spark of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


def run_program(program: str, folder: Path, *words: str) -> str:
    """Run a program in an empty folder, which Spark takes relative paths from, and return what it printed."""
    script = folder / "program.py"
    script.write_text(program)
    (folder / "empty").mkdir()
    places = {"XDG_STATE_HOME": str(folder / "state"), "XDG_CACHE_HOME": str(folder / "cache")}
    done = subprocess.run(
        [sys.executable, str(script), *words],
        cwd=folder / "empty",
        env={**os.environ, **places, "PYSPARK_PYTHON": sys.executable, "SPARK_LOCAL_IP": "127.0.0.1"},
        capture_output=True,
        text=True,
        timeout=1_800,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stdout
