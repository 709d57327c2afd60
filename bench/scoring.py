"""Measure the scoring server beside MLflow's and LitServe: logistic regression with 30 columns, in one sitting.

Run as ``python -m bench.scoring``; its peers' environments are made by ``make peers``. All three load the same trained
model and take the same rows. LitServe is given batches of up to 64 rows with no time to wait for more, as fits it best.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import pickle
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression

from bench.connection import Address, Connection, drive
from tests.services.peers import peer_python
from tests.services.ports import free_port
from trackway import models

COLUMNS = [f"f{number}" for number in range(30)]
MANY = 500
START_S = 120
"""Longest time that a server has to be ready, or its measurement is given up."""
NAMES = ("trackway", "mlflow", "litserve")
IMPORTS = "import numpy, pandas, sklearn.linear_model, skops.io"
"""The libraries that a server of this model loads, whichever it is."""
_LITSERVE = """
import json, pickle, sys
import litserve
import numpy as np

class Api(litserve.LitAPI):
    def setup(self, device):
        with open(sys.argv[1], "rb") as file:
            self.model = pickle.load(file)

    def decode_request(self, request):
        return np.array(request["dataframe_split"]["data"])

    def batch(self, inputs):
        self.sizes = [len(one) for one in inputs]
        return np.concatenate(inputs)

    def predict(self, rows):
        return self.model.predict(rows)

    def unbatch(self, found):
        return np.split(found, np.cumsum(self.sizes)[:-1])

    def encode_response(self, found):
        return {"predictions": found.tolist()}

if __name__ == "__main__":
    api = Api(max_batch_size=64, batch_timeout=0.0, api_path="/invocations")
    server = litserve.LitServer(api, accelerator="cpu", workers_per_device=1, timeout=60)
    server.run(host="127.0.0.1", port=int(sys.argv[2]), generate_client_file=False, log_level="warning")
"""


@dataclass(frozen=True)
class Bodies:
    """What is sent, and what must come back."""

    one: bytes
    many: bytes
    answer_to_one: list[int]
    answer_to_many: list[int]


@dataclass(frozen=True)
class Running:
    """A server that answers."""

    name: str
    address: Address
    ready_s: float


@dataclass(frozen=True)
class Row:
    """A line of the table: a figure of one server, and how many times MLflow's it must be, or at most what."""

    work: str
    unit: str
    measure: Callable[[Running, Bodies, float], float]
    times: float = 0.0
    most: float = 0.0


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser("bench.scoring", description="Measure scoring servers side by side.")
    parser.add_argument("--seconds", type=float, default=4, help="of each closed loop")
    parser.add_argument("--rounds", type=int, default=3, help="how often each row is measured; the median counts")
    parser.add_argument("--peers", default="mlflow,litserve", help="divided by commas, or none")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # the servers end too, and the folder goes
    names = [name for name in NAMES if name == "trackway" or name in options.peers.split(",")]
    with tempfile.TemporaryDirectory(prefix="bench-scoring-") as made, ExitStack() as stack:
        folder = Path(made)
        bodies = _prepare(folder)
        import_s = min(_time_imports(sys.executable) for _ in range(2))
        running = [stack.enter_context(_run(name, folder)) for name in names]
        for server in running:
            _check_answers(server, bodies)
        lines = [_measure(row, running, bodies, options) for row in ROWS]
    print(
        f"Load {os.getloadavg()[0]:.1f}, {options.rounds} rounds by turns of {options.seconds:g} s; "
        "all answer what the library does."
    )
    _print_table(lines, names)
    print(f"\nThe libraries alone take {import_s:.2f} s to import. Ready beside that, in s, to be at most 2:")
    print(", ".join(f"{server.name} {server.ready_s - import_s:.2f}" for server in running))


def _rate(connections: int, many: bool = False) -> Callable[[Running, Bodies, float], float]:
    def measure(server: Running, bodies: Bodies, seconds: float) -> float:
        raw = server.address.request("POST", "/invocations", bodies.many if many else bodies.one)
        rate = asyncio.run(drive(server.address, lambda _connection, _turn: raw, seconds, connections))
        return rate.per_s * (MANY if many else 1)

    return measure


def _measure_p99(server: Running, bodies: Bodies, seconds: float) -> float:
    raw = server.address.request("POST", "/invocations", bodies.one)
    return asyncio.run(drive(server.address, lambda _connection, _turn: raw, seconds, 8)).p99_ms


ROWS = (
    Row("one row, 1 connection", "requests/s", _rate(1), times=5),
    Row("one row, 8 connections", "requests/s", _rate(8), times=20),
    Row("the same, slowest of 100", "ms", _measure_p99, most=15),
    Row(f"{MANY} rows, 1 connection", "rows/s", _rate(1, many=True), times=5),
)


def _measure(row: Row, running: list[Running], bodies: Bodies, options: argparse.Namespace) -> tuple[Row, list[float]]:
    """Return each server's median; they take turns, so that a slow minute falls on all."""
    found: list[list[float]] = [[] for _ in running]
    for _ in range(options.rounds):
        for place, server in enumerate(running):
            found[place].append(row.measure(server, bodies, options.seconds))
    medians = [statistics.median(values) for values in found]
    print(f"{row.work}: {medians}", file=sys.stderr, flush=True)
    return row, medians


def _print_table(lines: list[tuple[Row, list[float]]], names: list[str]) -> None:
    head = ["work", "unit", *names, *(f"against {name}" for name in names[1:]), "must be", ""]
    print("| " + " | ".join(head) + " |")
    print("| " + " | ".join(["---"] * len(head)) + " |")
    for row, figures in lines:
        ratios = [figures[0] / one if row.times else one / figures[0] for one in figures[1:]]
        must = f"at least {row.times:g} x mlflow" if row.times else f"at most {row.most:g}"
        has_peer = "mlflow" in names
        met = (
            figures[0] >= row.times * figures[names.index("mlflow")]
            if row.times and has_peer
            else figures[0] <= row.most
        )
        verdict = ("met" if met else "MISSED") if has_peer or not row.times else ""
        cells = [f"{value:,.0f}" if value >= 100 else f"{value:.3g}" for value in figures]
        print("| " + " | ".join([row.work, row.unit, *cells, *(f"{r:.3g} x" for r in ratios), must, verdict]) + " |")


def _prepare(folder: Path) -> Bodies:
    """Train the model, save it as a folder that Trackway and MLflow load, and as what LitServe's code loads."""
    rows = pd.DataFrame(np.random.default_rng(0).normal(size=(2_000, len(COLUMNS))), columns=COLUMNS)
    model = LogisticRegression().fit(rows, (rows.f0 + rows.f1 > 0).astype(int))
    models.save_model(model, folder / "model", input_example=rows.head(3))
    bare = LogisticRegression().fit(rows.to_numpy(), (rows.f0 + rows.f1 > 0).astype(int))
    (folder / "model.pkl").write_bytes(pickle.dumps(bare))
    (folder / "serve.py").write_text(_LITSERVE)
    one, many = rows.head(1), rows.head(MANY)
    return Bodies(_encode(one), _encode(many), model.predict(one).tolist(), model.predict(many).tolist())


def _encode(rows: pd.DataFrame) -> bytes:
    return json.dumps({"dataframe_split": {"columns": COLUMNS, "data": rows.to_numpy().tolist()}}).encode()


def _check_answers(server: Running, bodies: Bodies) -> None:
    for body, expected in ((bodies.one, bodies.answer_to_one), (bodies.many, bodies.answer_to_many)):
        status, found = asyncio.run(
            Connection.once(server.address, server.address.request("POST", "/invocations", body))
        )
        if status != 200 or json.loads(found) != {"predictions": expected}:
            raise RuntimeError(f"{server.name} answered {status}: {found[:200]!r}")


def _time_imports(python: str) -> float:
    started = time.perf_counter()
    subprocess.run([python, "-c", IMPORTS], check=True)
    return time.perf_counter() - started


@contextmanager
def _run(name: str, folder: Path) -> Iterator[Running]:
    """Run a server until the block ends."""
    address = Address("127.0.0.1", free_port())
    command, variables = _command(name, folder, address.port)
    log = folder / f"{name}.log"
    with (
        log.open("wb") as file,
        subprocess.Popen(
            command, cwd=folder, env={**os.environ, **variables}, stdout=file, stderr=file, start_new_session=True
        ) as process,
    ):
        try:
            started = time.perf_counter()
            _wait_until_ready(address, process, log, "/health")
            ready_s = time.perf_counter() - started
            print(f"{name} is ready after {ready_s:.1f} s", file=sys.stderr, flush=True)
            yield Running(name, address, ready_s)
        finally:
            with suppress(ProcessLookupError):  # it may have ended by itself
                os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)


def _command(name: str, folder: Path, port: int) -> tuple[list[str], dict[str, str]]:
    if name == "trackway":
        command = [str(Path(sys.executable).with_name("trackway")), "models", "serve", "-m", str(folder / "model")]
        return [*command, "-p", str(port)], {}
    if name == "litserve":
        return [peer_python("litserve"), "serve.py", "model.pkl", str(port)], {}
    binaries = Path(peer_python("mlflow-server")).parent
    command = [str(binaries / "mlflow"), "models", "serve", "-m", str(folder / "model"), "-p", str(port)]
    path = f"{binaries}{os.pathsep}{os.environ['PATH']}"
    return [*command, "--env-manager", "local"], {"PATH": path, "MLFLOW_DISABLE_TELEMETRY": "true"}


def _wait_until_ready(address: Address, process: subprocess.Popen[Any], log: Path, path: str) -> None:
    deadline_s = time.monotonic() + START_S
    while True:
        try:
            with urllib.request.urlopen(f"http://{address.host}:{address.port}{path}", timeout=5) as answer:
                if answer.status == 200:
                    return
        except (urllib.error.URLError, OSError):
            if process.poll() is not None or time.monotonic() > deadline_s:
                raise RuntimeError(f"A server did not start: {log.read_text()[-2000:]}") from None
            time.sleep(0.01)


if __name__ == "__main__":
    main()
