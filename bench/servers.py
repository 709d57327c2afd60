"""Trackway and its peers as servers of one process, each on an empty store of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from bench.connection import Address
from tests.services.peers import peer_python
from tests.services.ports import free_port

NAMES = ("trackway", "fasttrackml", "mlflow")
START_S = 240
STOP_S = 20


@dataclass
class Server:
    """A running server.

    ready_s: from the start of its process to the first answer that it is healthy
    state:   what rows prepared on it and other rows use again
    """

    name: str
    address: Address
    folder: Path
    process: psutil.Process
    ready_s: float
    idle_bytes: int = 0
    state: dict[str, Any] = field(default_factory=dict)

    @property
    def is_ours(self) -> bool:
        return self.name == "trackway"

    def processor_s(self) -> float:
        """Return the processor time of the server, its children, and PostgreSQL, which works for one of them a time."""
        databases = [one for one in psutil.Process().children() if one.name() == "postgres"]
        spent = 0.0
        for parent in (self.process, *databases):
            for process in (parent, *parent.children(recursive=True)):
                times = process.cpu_times()
                spent += times.user + times.system
            ended = parent.cpu_times()
            spent += ended.children_user + ended.children_system
        return spent

    def rss_bytes(self) -> int:
        """Return the resident memory of the server and its children."""
        return sum(process.memory_info().rss for process in (self.process, *self.process.children(recursive=True)))


@contextmanager
def run_server(name: str, store: str = "") -> Iterator[Server]:
    """Run one until the block ends.

    store: address of a PostgreSQL database; SQLite without one
    """
    with tempfile.TemporaryDirectory(prefix=f"bench-{name}-") as made:
        folder = Path(made)
        address = Address("127.0.0.1", free_port())
        command, environment = _command(name, address, folder, store)
        with (
            (folder / "log").open("wb") as log,
            subprocess.Popen(
                command,
                cwd=folder,
                env={**os.environ, **environment},
                stdout=log,
                stderr=log,
                start_new_session=True,
            ) as process,
        ):
            try:
                started = time.perf_counter()
                _wait_until_ready(address, process, folder / "log")
                ready_s = time.perf_counter() - started
                server = Server(name, address, folder, psutil.Process(process.pid), ready_s)
                time.sleep(2)  # until what a start left behind is done
                server.idle_bytes = server.rss_bytes()
                yield server
            finally:
                _stop(process)


def get_version(name: str) -> str:
    """Return a server's version."""
    package = "mlflow" if name == "mlflow" else name
    code = f"import importlib.metadata as m; print(m.version({package!r}))"
    return subprocess.check_output([get_python(name), "-c", code], text=True).strip()


def get_python(name: str) -> str:
    """Return the interpreter of the environment that a server or its SDK is installed in."""
    return sys.executable if name == "trackway" else peer_python("mlflow-server" if name == "mlflow" else name)


def _command(name: str, address: Address, folder: Path, store: str) -> tuple[list[str], dict[str, str]]:
    binaries = Path(get_python(name)).parent
    host, port = address
    sqlite = folder / "store.db"
    artifacts = str(folder / "artifacts")
    if name == "trackway":
        where = store or f"sqlite:///{sqlite}"
        command = [str(binaries / "trackway"), "server", "--host", host, "--port", str(port)]
        return [*command, "--store", where, "--artifacts", artifacts], {}
    if name == "fasttrackml":
        where = store or f"sqlite://{sqlite}"
        command = [str(binaries / "fml"), "server", "--listen-address", f"{host}:{port}", "--log-level", "error"]
        return [*command, "--database-uri", where, "--default-artifact-root", artifacts], {"FML_DEV_MODE": "false"}
    where = store.replace("postgresql://", "postgresql+psycopg2://") or f"sqlite:///{sqlite}"
    command = [str(binaries / "mlflow"), "server", "--host", host, "--port", str(port), "--backend-store-uri", where]
    path = f"{binaries}{os.pathsep}{os.environ['PATH']}"
    quiet = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true", "PATH": path}
    return [*command, "--workers", "1", "--artifacts-destination", artifacts], quiet


def _wait_until_ready(address: Address, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline_s = time.monotonic() + START_S
    while True:
        try:
            with urllib.request.urlopen(f"http://{address.host}:{address.port}/health", timeout=5):
                return
        except (urllib.error.URLError, OSError):
            if process.poll() is not None or time.monotonic() > deadline_s:
                raise RuntimeError(f"A server did not start: {log.read_text()[-2000:]}") from None
            time.sleep(0.01)


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End a server with all its children, which share its process group."""
    process.terminate()
    try:
        process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
