"""Models of libraries of some hundred megabytes: what requirements/libraries.txt lists, in an environment of its own.

A run that leaves those libraries out does not even import these files, so that it can do without.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.models.peers import Peer

os.environ |= {
    "KERAS_BACKEND": "torch",
    "HF_HUB_OFFLINE": "1",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "TOKENIZERS_PARALLELISM": "0",
}

LOOP = """
import contextlib, io, json, sys, traceback
for line in sys.stdin:
    code, *sys.argv[1:] = json.loads(line)
    told = io.StringIO()
    try:
        with contextlib.redirect_stdout(told):
            exec(code, {})
        answer = {"told": told.getvalue().splitlines()[-1]}
    except BaseException:
        answer = {"error": traceback.format_exc()}
    print(json.dumps(answer), flush=True)
"""


class OtherProcess:
    """A process that runs code, and that never made a model: importing these libraries takes too long for each test."""

    def __init__(self, log: Path, environment: dict[str, str] | None = None) -> None:
        with log.open("w") as file:
            self._process = subprocess.Popen(
                [sys.executable, "-c", LOOP],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=file,
                text=True,
                env={**os.environ, **(environment or {})},
            )
        self._log = log

    def run(self, code: str, *arguments: str) -> Any:
        """Run code and return the JSON that it printed last."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([code, *arguments]) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline() or json.dumps({"error": self._log.read_text()[-4000:]}))
        assert "error" not in answer, answer["error"]
        return json.loads(answer["told"])

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()


@pytest.fixture(scope="session")
def other_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OtherProcess]:
    process = OtherProcess(tmp_path_factory.mktemp("process") / "log")
    yield process
    process.close()


@pytest.fixture(scope="session", params=["2.22", "3.17"])
def peer(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Peer]:
    """A process of one version of MLflow, with the large libraries."""
    peer = Peer(request.param, tmp_path_factory.mktemp("peer"), borrows=True)
    yield peer
    peer.close()


@pytest.fixture(autouse=True)
def _quiet(recwarn: pytest.WarningsRecorder) -> None:
    """Take the warnings that these libraries give to one another's calls."""
