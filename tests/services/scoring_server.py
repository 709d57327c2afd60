"""A `trackway models serve` process of a test's own, on a loopback port, and a client that keeps its connection."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from tests.services.ports import free_port
from tests.services.trackway_server import COMMAND, answers

START_TIMEOUT_S = 300
STOP_TIMEOUT_S = 60


class Scored:
    """An answer."""

    def __init__(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self.status = status
        self.headers = {name.lower(): value for name, value in headers.items()}
        self.body = body

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    def __repr__(self) -> str:
        return f"{self.status} {self.body[:500]!r}"


class Client:
    """Sends requests on one connection."""

    def __init__(self, port: int) -> None:
        self._connection = HTTPConnection("127.0.0.1", port, timeout=120)

    def send(self, method: str, path: str, body: Any = None, kind: str = "application/json", **headers: str) -> Scored:
        """Send a request; what is neither bytes nor text is sent as JSON, and underscores in headers as dashes."""
        data = body if isinstance(body, bytes | str | None) else json.dumps(body)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if kind and body is not None:
            named["Content-Type"] = kind
        self._connection.request(method, path, data.encode() if isinstance(data, str) else data, named)
        response = self._connection.getresponse()
        return Scored(response.status, dict(response.getheaders()), response.read())

    def score(self, body: Any, kind: str = "application/json") -> Scored:
        return self.send("POST", "/invocations", body, kind)

    def close(self) -> None:
        self._connection.close()


@dataclass(frozen=True)
class ScoringServer:
    """A running server."""

    port: int
    process: subprocess.Popen[bytes]
    log: Path

    def connect(self) -> Client:
        return Client(self.port)

    def send(self, method: str, path: str, body: Any = None, kind: str = "application/json", **headers: str) -> Scored:
        """Send one request on a connection of its own."""
        client = self.connect()
        try:
            return client.send(method, path, body, kind, **headers)
        finally:
            client.close()

    def score(self, body: Any, kind: str = "application/json") -> Scored:
        return self.send("POST", "/invocations", body, kind)


@contextmanager
def run_scoring(
    folder: Path, model: str, *options: str, wait: bool = True, **variables: str
) -> Iterator[ScoringServer]:
    """Run a server with its log in a folder until the block ends.

    wait: until it serves
    cost: about 2 s and 150 MB
    """
    port = free_port()
    command = [COMMAND, "models", "serve", "-m", model, "-p", str(port), "--drain-s", "0", *options]
    log = folder / f"serve-{port}.log"
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MLFLOW_", "TRACKWAY_"))}
    with (
        log.open("wb") as file,
        subprocess.Popen(command, cwd=folder, stdout=file, stderr=file, env=environment | variables) as process,
    ):
        server = ScoringServer(port, process, log)
        try:
            if wait:
                wait_until_serving(server)
            yield server
        finally:
            process.terminate()
            try:
                process.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                process.kill()
                raise


def wait_until_serving(server: ScoringServer) -> None:
    deadline_s = time.monotonic() + START_TIMEOUT_S
    while not answers(server.port, "/ping"):
        if server.process.poll() is not None or time.monotonic() > deadline_s:
            raise RuntimeError(f"The scoring server did not start: {server.log.read_text()}")
        time.sleep(0.05)
