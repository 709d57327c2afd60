"""How long others wait beside a client that sends fifty times its share (promise T8).

``python -m bench.fairness`` starts a server that lets each caller have ``RATE`` requests a second, and prints how long
twenty callers at a quarter of that wait for a run by its id: alone, and while another one, from a process of its own,
sends fifty times what it may. Both are taken in turns, so a slow minute falls on both.
"""

from __future__ import annotations

import argparse
import multiprocessing
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from multiprocessing.synchronize import Event
from pathlib import Path
from statistics import quantiles

from tests.services.trackway_server import run_server

RATE = 20
CALLERS, CALLER_RATE = 20, 5
NOISE = 50
"""Times its share that the noisy one sends."""
CONNECTIONS = 50
TIMES_IDLE = 2.0
"""So many times what they wait alone the slowest of 100 may wait at most."""
PATH = "/api/v1/experiments/0"


def ask(connection: HTTPConnection, address: str) -> int:
    """Send one request of a caller behind the proxy, and return its status."""
    connection.request("GET", PATH, headers={"X-Forwarded-For": address})
    answer = connection.getresponse()
    answer.read()
    return answer.status


def shout(port: int, stop: Event, told: multiprocessing.Queue[Counter[int]]) -> None:
    """Send fifty times one's share over many connections, however it is answered, and tell the statuses."""
    statuses: Counter[int] = Counter()
    wait_s = CONNECTIONS / (RATE * NOISE)

    def send() -> None:
        with closing(HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
            due_s = time.perf_counter()
            while not stop.is_set():
                statuses[ask(connection, "198.51.100.1")] += 1
                due_s = max(due_s + wait_s, time.perf_counter() - 1)
                time.sleep(max(0.0, due_s - time.perf_counter()))

    threads = [threading.Thread(target=send) for _ in range(CONNECTIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    told.put(statuses)


@contextmanager
def noise(port: int) -> Iterator[Counter[int]]:
    """Have somebody shout meanwhile; the statuses are there at the end."""
    context = multiprocessing.get_context("spawn")
    stop, told, statuses = context.Event(), context.Queue(), Counter[int]()
    process = context.Process(target=shout, args=(port, stop, told), daemon=True)
    process.start()
    try:
        time.sleep(1)  # until it is at its rate
        yield statuses
    finally:
        stop.set()
        statuses.update(told.get(timeout=60))
        process.join()


def listen(port: int, seconds: float) -> list[float]:
    """Return how many ms each request of the ordinary callers took; none may be refused."""
    took = []
    with closing(HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
        begin_s = time.perf_counter()
        for number in range(int(seconds * CALLERS * CALLER_RATE)):
            time.sleep(max(0.0, begin_s + number / (CALLERS * CALLER_RATE) - time.perf_counter()))
            sent_s = time.perf_counter()
            status = ask(connection, f"192.0.2.{number % CALLERS}")
            took.append((time.perf_counter() - sent_s) * 1_000)
            if status != 200:
                raise SystemExit(f"an ordinary caller was answered {status}")
    return took


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.fairness", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=5.0, help="of each turn")
    options = parser.parse_args()
    idle, beside, noisy = list[float](), list[float](), Counter[int]()
    with (
        tempfile.TemporaryDirectory() as folder,
        run_server(Path(folder), "--behind-proxy", "127.0.0.1", "--caller-rate", str(RATE)) as server,
    ):
        listen(server.port, 1)
        for _ in range(options.rounds):
            idle += listen(server.port, options.seconds)
            with noise(server.port) as statuses:
                beside += listen(server.port, options.seconds)
            noisy += statuses
    print("| caller | median ms | slowest of 100, ms |\n| --- | --- | --- |")
    slowest = []
    for name, took in (("alone", idle), (f"beside one at {NOISE} times its share", beside)):
        cuts = quantiles(took, n=100)
        slowest.append(cuts[98])
        print(f"| {name} | {cuts[49]:.2f} | {cuts[98]:.2f} |")
    verdict = "met" if slowest[1] < TIMES_IDLE * slowest[0] else "MISSED"
    print(f"\nslowest of 100: {slowest[1] / slowest[0]:.2f} x (less than {TIMES_IDLE:g} x) {verdict}")
    print(f"the noisy one: {', '.join(f'{count:,} answered {status}' for status, count in sorted(noisy.items()))}")


if __name__ == "__main__":
    main()
