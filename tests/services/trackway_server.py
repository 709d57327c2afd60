"""A `trackway server` process of a test session's own, on a loopback port and an empty store."""

from __future__ import annotations

import os
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path

from tests.services.ports import free_port

START_TIMEOUT_S = 120
STOP_TIMEOUT_S = 10
COMMAND = str(Path(sys.executable).with_name("trackway"))


@dataclass(frozen=True)
class TrackwayServer:
    """A running server; ``process`` is the one that was started, which has children when it has several workers."""

    port: int
    process: subprocess.Popen[bytes]
    log: Path
    certificate: Path | None = None


def measure_bytes(server: TrackwayServer) -> int:
    """Return the memory that a server has now."""
    pages = int(Path(f"/proc/{server.process.pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


@contextmanager
def run_trackway(folder: Path, *options: str, certificate: Path | None = None, port: int = 0) -> Iterator[int]:
    """Run a server with its database, artifacts and log in a folder until the block ends; yield its port.

    options:     more of the command line
    certificate: of a server that speaks TLS
    port:        one that was free, for a server that must know its address
    cost:        about 1 s and 100 MB
    """
    with run_server(folder, *options, certificate=certificate, port=port) as server:
        yield server.port


@contextmanager
def run_server(folder: Path, *options: str, certificate: Path | None = None, port: int = 0) -> Iterator[TrackwayServer]:
    """Run a server as ``run_trackway`` does, for tests that end it themselves."""
    port = port or free_port()
    command = [COMMAND, "server", "--host", "127.0.0.1", "--port", str(port)]
    places = ["--store", f"sqlite:///{folder}/t.db", "--artifacts", f"{folder}/artifacts"]
    with (
        (folder / "log").open("wb") as log,
        subprocess.Popen([*command, *places, *options], cwd=folder, stdout=log, stderr=log) as process,
    ):
        server = TrackwayServer(port, process, folder / "log", certificate)
        try:
            wait_until_ready(server)
            yield server
        finally:
            process.terminate()
            try:
                process.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                process.kill()
                raise


def wait_until_ready(server: TrackwayServer) -> None:
    deadline_s = time.monotonic() + START_TIMEOUT_S
    while not answers(server.port, certificate=server.certificate):
        if server.process.poll() is not None or time.monotonic() > deadline_s:
            raise RuntimeError(f"The server did not start: {server.log.read_text()}")
        time.sleep(0.05)


def answers(port: int, path: str = "/health", certificate: Path | None = None) -> bool:
    """Tell whether a page is served with status 200."""
    connection = HTTPConnection("127.0.0.1", port, timeout=5)
    if certificate is not None:
        context = ssl.create_default_context(cafile=str(certificate))
        connection = HTTPSConnection("127.0.0.1", port, timeout=5, context=context)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()
