"""The server as processes: how it ends, and what several of them do when one dies."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from pathlib import Path

import pytest

from tests.server.wire import Wire, connect
from tests.services.mlflow_api import Api
from tests.services.trackway_server import TrackwayServer, answers, run_server
from tests.services.waiting import LONG_S, Stopwatch, wait_until

END_S = 5.0
LARGE = bytes(64 * 1024 * 1024)
FILE = "/api/v1/files/0/run/artifacts/large.bin"
OTHER = "/api/v1/files/0/run/artifacts/other.bin"


@contextmanager
def downloading(port: int) -> Iterator[Wire]:
    """A client that reads a large file and stops in the middle."""
    assert Api(port).send("PUT", FILE, LARGE).status == 200
    with connect(port, receive_bytes=16_384) as wire:
        wire.send(f"GET {FILE} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
        assert wire.read_line().startswith(b"HTTP/1.1 200")
        yield wire


@contextmanager
def uploading(port: int) -> Iterator[Wire]:
    """A client that sends half of a large file and no more."""
    with connect(port) as wire:
        wire.send(f"PUT {OTHER} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 10000000\r\n\r\n".encode())
        wire.send(bytes(5_000_000))
        yield wire


@contextmanager
def sending(port: int) -> Iterator[Wire]:
    """A client that has not sent all of its JSON yet."""
    with connect(port) as wire:
        wire.send(b"POST /api/v1/runs/search HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 12\r\n\r\n{")
        yield wire


@contextmanager
def idling(port: int) -> Iterator[Wire]:
    """A client whose connection is open for its next request."""
    with connect(port) as wire:
        wire.send(b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert wire.read_answer()[0] == 200
        yield wire


def test_the_server_ends_soon_whatever_its_clients_do(tmp_path: Path) -> None:
    with run_server(tmp_path) as server, ExitStack() as clients:
        for client in (downloading, uploading, sending, idling, connect):
            clients.enter_context(client(server.port))
        watch = Stopwatch()
        server.process.send_signal(signal.SIGTERM)
        server.process.wait(LONG_S)
        assert watch.read_s() < END_S
        assert "Traceback" not in server.log.read_text()


@pytest.mark.parametrize("client", [idling, connect], ids=["idle", "silent"])
def test_the_server_does_not_wait_for_clients_that_ask_for_nothing(
    tmp_path: Path, client: Callable[[int], AbstractContextManager[Wire]]
) -> None:
    with run_server(tmp_path) as server, client(server.port):
        watch = Stopwatch()
        server.process.send_signal(signal.SIGTERM)
        server.process.wait(LONG_S)
        assert watch.read_s() < END_S / 2


def test_a_request_that_was_being_answered_is_answered_before_the_end(tmp_path: Path) -> None:
    with run_server(tmp_path) as server:
        api = Api(server.port)
        run = api.make_run("0")
        acknowledged: list[int] = []

        def log() -> None:
            with suppress(OSError):
                while True:
                    step = len(acknowledged)
                    body = {"run_id": run, "key": "m", "value": 1, "timestamp": step, "step": step}
                    if api.post("/runs/log-metric", body).status != 200:
                        return
                    acknowledged.append(step)

        threads = [threading.Thread(target=log)]
        threads[0].start()
        wait_until(lambda: len(acknowledged) >= 20)
        server.process.send_signal(signal.SIGTERM)
        server.process.wait(LONG_S)
        threads[0].join()
    with run_server(tmp_path) as server:
        query = {"run_id": run, "metric_key": "m"}
        points = Api(server.port).get("/metrics/get-history", query).json["metrics"]
        assert [point["step"] for point in points] == acknowledged, "what was begun was answered, and what was not, not"


# Several workers


def list_children(pid: int) -> set[int]:
    """Return the processes that serve for another one."""
    found = set()
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with suppress(FileNotFoundError, ProcessLookupError):
                state, parent = (folder / "stat").read_text().rpartition(")")[2].split()[:2]
                command = (folder / "cmdline").read_bytes()
                if int(parent) == pid and state != "Z" and b"resource_tracker" not in command:
                    found.add(int(folder.name))
    return found


@pytest.fixture
def workers(postgres_database: str, tmp_path: Path) -> Iterator[TrackwayServer]:
    """A server of two processes."""
    with run_server(tmp_path, "--store", postgres_database, "--workers", "2") as server:
        wait_until(lambda: len(list_children(server.process.pid)) == 2)
        yield server


def test_when_a_worker_is_killed_the_others_serve_and_another_takes_its_place(workers: TrackwayServer) -> None:
    api = Api(workers.port)
    run = api.make_run("0")
    before = list_children(workers.process.pid)
    victim = min(before)
    os.kill(victim, signal.SIGKILL)
    acknowledged = 0
    deadline = time.monotonic() + LONG_S
    while len(list_children(workers.process.pid) - {victim}) < 2:
        assert time.monotonic() < deadline
        with suppress(OSError):  # of connections that the dead one had taken, and not answered
            body = {"run_id": run, "key": "m", "value": 1, "timestamp": acknowledged, "step": acknowledged}
            assert api.post("/runs/log-metric", body).status == 200
            acknowledged += 1
    assert acknowledged > 0, "nobody served meanwhile"
    assert list_children(workers.process.pid) > before - {victim}
    history = api.get("/metrics/get-history", {"run_id": run, "metric_key": "m"}).json["metrics"]
    assert len(history) >= acknowledged
    assert f"Child process [{victim}] died" in workers.log.read_text()


def test_all_workers_end_with_sigterm(workers: TrackwayServer) -> None:
    children = list_children(workers.process.pid)
    with idling(workers.port):
        watch = Stopwatch()
        workers.process.send_signal(signal.SIGTERM)
        workers.process.wait(LONG_S)
        assert watch.read_s() < END_S
    assert not [child for child in children if Path(f"/proc/{child}").exists()]


def test_no_worker_outlives_the_process_that_started_it(workers: TrackwayServer) -> None:
    children = list_children(workers.process.pid)
    workers.process.kill()
    workers.process.wait()
    wait_until(lambda: not any(is_running(child) for child in children))
    assert not answers(workers.port)


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
