"""One server for all attacks, with canaries: a file beside its data, and a trap for connections and child processes."""

from __future__ import annotations

import hashlib
import http.client
import os
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.services.trackway_server import run_trackway

SECRET = "canary-7f3a91-do-not-leak"
TRAP = """
import os, sys
_log = os.environ.get("TRACKWAY_TEST_TRAP")
_events = {"socket.connect", "subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork"}
def _note(event, _arguments):
    if event in _events:
        with open(_log, "a") as file:
            file.write(event + "\\n")
if _log:
    sys.addaudithook(_note)
"""


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out what imports large libraries where those are not installed."""
    if collection_path.name != "test_onnx.py":
        return None
    return True if "not libraries" in config.getoption("markexpr") or find_spec("catboost") is None else None


class Answer(NamedTuple):
    """What the server said."""

    status: int
    headers: dict[str, str]
    body: bytes


class Target:
    """The server under attack and its canaries."""

    def __init__(self, port: int, outside: Path, trap: Path) -> None:
        self._port = port
        self._outside = outside
        self._trap = trap
        self._before = self._take_inventory()

    def send(
        self, method: str, path: str, body: bytes | str | None = None, headers: dict[str, str] | None = None
    ) -> Answer:
        """Send a request whose path goes out as it is, byte for byte."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=20)
        try:
            connection.putrequest(method, path, skip_host=bool(headers and "Host" in headers))
            data = body.encode() if isinstance(body, str) else body
            for name, value in (headers or {"Content-Type": "application/json"}).items():
                connection.putheader(name, value)
            if data is not None:
                connection.putheader("Content-Length", str(len(data)))
            connection.endheaders(data)
            response = connection.getresponse()
            return Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
        finally:
            connection.close()

    def check_safe(self, answer: Answer) -> None:
        """Assert what holds after every attack: no fault, no leak, nothing changed, nobody called."""
        assert answer.status < 500 or answer.status == 501, answer
        assert SECRET.encode() not in answer.body
        assert b"root:x:0:0" not in answer.body
        assert b"Traceback" not in answer.body
        assert str(self._outside).encode() not in answer.body
        assert self._take_inventory() == self._before
        assert not self._trap.exists(), self._trap.read_text()

    def _take_inventory(self) -> dict[str, str]:
        return {
            str(path): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(self._outside.iterdir())
            if path.is_file() and path.name not in ("log", "trap")
        }


@pytest.fixture(scope="session")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """Start the server with its data in a folder, and canaries in the folder above."""
    outside = tmp_path_factory.mktemp("outside")
    (outside / "secret.txt").write_text(SECRET)
    data = outside / "data"
    data.mkdir()
    (outside / "data-evil").mkdir()
    (outside / "data-evil" / "secret.txt").write_text(SECRET)
    hooks = tmp_path_factory.mktemp("hooks")
    (hooks / "sitecustomize.py").write_text(TRAP)
    trap = outside / "trap"
    patch = pytest.MonkeyPatch()
    patch.setenv("PYTHONPATH", str(hooks))
    patch.setenv("TRACKWAY_TEST_TRAP", str(trap))
    try:
        with run_trackway(data) as port:
            assert os.environ["TRACKWAY_TEST_TRAP"] == str(trap)
            yield Target(port, outside, trap)
    finally:
        patch.undo()
