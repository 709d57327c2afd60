"""Code that is run in the environments of MLflow, in one process for each version, as importing it takes seconds."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.services.peers import peer_python

ROOT = Path(__file__).parents[2]
LOOP = """
import contextlib, io, json, os, sys, traceback
sys.path += filter(None, os.environ.get("PEER_PACKAGES", "").split(":"))
for line in sys.stdin:
    code, arguments = json.loads(line)
    names = {"arguments": arguments}
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            exec(code, names)
        answer = {"result": names["result"]}
    except BaseException:
        answer = {"error": traceback.format_exc()}
    print(json.dumps(answer), flush=True)
"""


class Peer:
    """A process of MLflow in a folder that runs code and answers with what the code calls ``result``.

    borrows: run this Python, with its libraries, and take of MLflow's environment what it lacks
    """

    def __init__(self, version: str, folder: Path, *, borrows: bool = False) -> None:
        known = {name: value for name, value in os.environ.items() if not name.startswith(("MLFLOW_", "TRACKWAY_"))}
        quiet = {"MLFLOW_DISABLE_TELEMETRY": "true", "GIT_PYTHON_REFRESH": "quiet", "PYTHONWARNINGS": "ignore"}
        python = peer_python(f"mlflow-{version}")
        if borrows:
            quiet["PEER_PACKAGES"] = str(next(Path(python).parents[1].glob("lib/python*/site-packages")))
        self.version = version
        self._process = subprocess.Popen(
            [sys.executable if borrows else python, "-c", LOOP],
            cwd=folder,  # where it makes a store of its own when a model is saved or loaded
            env={**known, **quiet, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def run(self, code: str, *arguments: Any) -> Any:
        """Run code, which finds its arguments as ``arguments``."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([code, arguments]) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        assert "error" not in answer, answer["error"]
        return answer["result"]

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()
