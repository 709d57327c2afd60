"""Histories that MLflow's clients of several versions made, and their servers."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, NamedTuple

from tests.services.peers import peer_python
from tests.services.ports import free_port

TIMEOUT_S = 240
START_TIMEOUT_S = 60
_SERVE = """
import os, sys
os.environ["_MLFLOW_SERVER_FILE_STORE"], os.environ["_MLFLOW_SERVER_ARTIFACT_ROOT"] = sys.argv[1], "mlflow-artifacts:/"
os.environ["_MLFLOW_SERVER_ARTIFACT_DESTINATION"], os.environ["_MLFLOW_SERVER_SERVE_ARTIFACTS"] = sys.argv[2], "true"
from mlflow.server import app
app.run("127.0.0.1", int(sys.argv[3]), threaded=True)
"""


class Past(NamedTuple):
    """A history: the version that made it, its folder, its address for MLflow, and for an import."""

    version: str
    folder: Path
    uri: str
    source: str

    def go_on(self, what: str = "more") -> None:
        """Log more to it."""
        _run_peer(
            self.version, [str(Path(__file__).with_name("past.py")), self.uri, str(self.folder), what], self.folder
        )

    @property
    def facts(self) -> dict[str, Any]:
        """What the client that made it reads of it."""
        facts: dict[str, Any] = json.loads((self.folder / "facts.json").read_text(encoding="utf-8"))
        return facts


def make_past(name: str, folder: Path) -> Past:
    """Make a history, such as ``1.30 folder`` or ``3.17 database``."""
    version, kind = name.split()
    folder.mkdir(parents=True)
    source = str(folder / "mlruns") if kind == "folder" else f"sqlite:///{folder}/mlflow.db"
    past = Past(version, folder, source, source)
    past.go_on("make")
    return past


@contextmanager
def serve_past(past: Past) -> Iterator[str]:
    """Serve a history with the version of MLflow that made it; yields the address."""
    port = free_port()
    with (past.folder / "server.log").open("wb") as log:
        command = [
            peer_python(f"mlflow-{past.version}"),
            "-c",
            _SERVE,
            past.uri,
            str(past.folder / "served"),
            str(port),
        ]
        process = subprocess.Popen(command, cwd=past.folder, env=_environment(), stdout=log, stderr=log)
        try:
            deadline = time.monotonic() + START_TIMEOUT_S
            while not _answers(port):
                if process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError((past.folder / "server.log").read_text())
                time.sleep(0.2)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(10)


def _run_peer(version: str, arguments: list[str], folder: Path) -> None:
    command = [peer_python(f"mlflow-{version}"), *arguments]
    done = subprocess.run(command, cwd=folder, env=_environment(), capture_output=True, timeout=TIMEOUT_S, text=True)
    assert done.returncode == 0, done.stderr[-3_000:]


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("MLFLOW_", "TRACKWAY_"))}
    return {**kept, "MLFLOW_ALLOW_FILE_STORE": "true", "PYTHONWARNINGS": "ignore", "GIT_PYTHON_REFRESH": "quiet"}


def _answers(port: int) -> bool:
    connection = HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()
