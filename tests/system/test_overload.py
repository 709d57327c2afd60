"""T8: beside a client that sends far more than its share, the others are answered, and it is told to slow down."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection

import pytest

from tests.services.trackway_server import TrackwayServer, measure_bytes, run_server

TIMEOUT_S = 60
NORMAL = 20
RATE = 5
OPTIONS = ["--behind-proxy", "127.0.0.1", "--caller-rate", str(RATE)]


MEMORY_BYTES = 64 << 20
"""So much more memory than before the noise the server may have."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TrackwayServer]:
    folder = tmp_path_factory.mktemp("overload")
    with run_server(folder, *OPTIONS, "--active", "8", "--caller-active", "4") as server:
        yield server


@pytest.fixture(scope="module")
def port(server: TrackwayServer) -> int:
    return server.port


def ask(connection: HTTPConnection, address: str, path: str = "/api/v1/experiments/0") -> tuple[int, str]:
    connection.request("GET", path, headers={"X-Forwarded-For": address})
    answer = connection.getresponse()
    answer.read()
    return answer.status, answer.getheader("Retry-After", "")


def test_one_noisy_client_is_slowed_down_and_nobody_else(server: TrackwayServer) -> None:
    port, before = server.port, measure_bytes(server)
    stop = threading.Event()
    noisy: Counter[tuple[int, str]] = Counter()

    def shout() -> None:
        with closing(HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_S)) as connection:
            while not stop.is_set():
                noisy[ask(connection, "198.51.100.1")] += 1

    threads = [threading.Thread(target=shout, daemon=True) for _ in range(50)]
    for thread in threads:
        thread.start()
    try:
        with closing(HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_S)) as connection:
            answers = [ask(connection, f"192.0.2.{number}") for _ in range(10) for number in range(NORMAL)]
    finally:
        stop.set()
        for thread in threads:
            thread.join(TIMEOUT_S)
    assert {status for status, _ in answers} == {200}
    refused = {key: count for key, count in noisy.items() if key[0] != 200}
    assert {status for status, _ in refused} == {429}
    assert all(int(wait) >= 1 for _, wait in refused), refused
    assert sum(refused.values()) > noisy[200, ""] / 10
    assert measure_bytes(server) - before < MEMORY_BYTES


def test_a_client_does_not_become_many_by_what_it_says_of_itself(port: int) -> None:
    """A header that came with the request is in front of what the proxy adds, and is not looked at."""
    with closing(HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_S)) as connection:
        answers = (ask(connection, f"203.0.113.{number}, 198.51.100.9")[0] for number in range(RATE * 10 * 20))
        assert 429 in answers


def test_probes_are_answered_when_a_caller_has_no_turn_left(port: int) -> None:
    with closing(HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_S)) as connection:
        while ask(connection, "198.51.100.20")[0] != 429:
            pass
        assert ask(connection, "198.51.100.20", "/health")[0] == 200
