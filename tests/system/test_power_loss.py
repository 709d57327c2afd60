"""Power cuts at random moments: what was acknowledged is there, and nothing is there by half."""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import random
import re
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.system.killing import run_killed_server
from tests.system.power import STRACE, Disk, Event, Survival, read_events, read_folder, record
from trackway.api import operations as ops
from trackway.api.metrics import GetHistory
from trackway.api.runs import GetRun
from trackway.base.errors import NotFound
from trackway.sdk.journal_reader import JournalReader
from trackway.wiring.local import LocalTransport
from trackway.wiring.platform import Platform

pytestmark = pytest.mark.slow
SEED = int(os.environ.get("POWER_SEED", "1"))
CUTS = 60
WRITERS = 4
REQUESTS = 120
SURVIVALS: tuple[Survival, ...] = ("none", "all", "some", "some")
FILE_BYTES = 70_000
_ANSWER = re.compile(rb"HTTP/1\.1 200 .*?x-request-id: (w[0-9-]+)", re.DOTALL | re.IGNORECASE)


def make_file(name: str) -> bytes:
    return random.Random(name).randbytes(FILE_BYTES)


class Writer(threading.Thread):
    """Logs numbered steps, each in one request of its own name, and now and then a file."""

    def __init__(self, port: int, number: int) -> None:
        super().__init__()
        self.number = number
        self._client = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        self.run_id: str = self.post("create", f"w{number}-run", {"experiment_id": "0"})["run"]["info"]["run_id"]
        self.failure: Exception | None = None

    def post(self, route: str, name: str, body: Any) -> Any:
        headers = {"Content-Type": "application/json", "X-Request-Id": name}
        return json.loads(self._send("POST", f"/api/2.0/mlflow/runs/{route}", json.dumps(body).encode(), headers))

    def run(self) -> None:
        try:
            for step in range(REQUESTS):
                self._log(step)
        except Exception as error:  # noqa: BLE001 - the thread's edge: the test tells it
            self.failure = error
        finally:
            self._client.close()

    def _log(self, step: int) -> None:
        name = f"w{self.number}-{step}"
        if step % 10 == 9:
            path = f"/api/2.0/mlflow-artifacts/artifacts/0/{self.run_id}/artifacts/{name}"
            self._send("PUT", path, make_file(name), {"X-Request-Id": name})
            return
        metrics = [{"key": key, "value": step + 0.5, "step": step, "timestamp": 1} for key in "ab"]
        params = [{"key": f"p{step}", "value": "x"}]
        self.post("log-batch", name, {"run_id": self.run_id, "metrics": metrics, "params": params})

    def _send(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> bytes:
        self._client.request(method, path, body, headers)
        answer = self._client.getresponse()
        data = answer.read()
        assert answer.status == 200, data
        return data


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, bytes], list[Event], list[str]]:
    """What a server did to its disk while four clients wrote: its folder, what it held before, the calls, the runs."""
    folder = tmp_path_factory.mktemp("power")
    trace = folder.with_name("trace")
    with run_killed_server(f"sqlite:///{folder}/t.db", folder, "serve_often_writing_back") as server:
        server.start()
        writers = [Writer(server.port, number) for number in range(WRITERS)]
        with record(server.pid, trace):
            begun = read_folder(folder)
            for writer in writers:
                writer.start()
            for writer in writers:
                writer.join()
        assert [writer.failure for writer in writers] == [None] * WRITERS
    return folder, begun, read_events(trace), [writer.run_id for writer in writers]


def find_acknowledged(events: list[Event], end: int) -> Iterator[tuple[int, int]]:
    """Yield (writer, step) of each request whose answer began to be sent before a place in the record."""
    for event in events:
        if event.kind == "send" and event.begin < end:
            for name in _ANSWER.findall(event.data):
                number, _, step = name.decode()[1:].partition("-")
                yield int(number), int(step)


def test_what_a_server_acknowledged_survives_a_power_cut(
    recorded: tuple[Path, dict[str, bytes], list[Event], list[str]], tmp_path: Path
) -> None:
    folder, begun, events, runs = recorded
    rng = random.Random(SEED)
    assert sum(1 for _ in find_acknowledged(events, events[-1].end + 1)) == WRITERS * REQUESTS
    assert sum(event.path.endswith("t.db") for event in events if event.kind == "sync") > 1, "there were checkpoints"
    for number in range(CUTS):
        at = rng.randrange(len(events))
        survival = SURVIVALS[number % len(SURVIVALS)]
        target = tmp_path / str(number)
        disk = Disk(folder, begun)
        disk.play([event for event in events if event.end < events[at].end])
        disk.cut(survival, rng, target)
        told = f"seed {SEED}, cut {number} before call {at}, {survival} of what was not synced arrived"
        check_store(target, runs, set(find_acknowledged(events, events[at].end)), told)


def check_store(target: Path, runs: list[str], acknowledged: set[tuple[int, int]], told: str) -> None:
    with closing(LocalTransport(Platform(f"sqlite:///{target}/t.db", str(target / "artifacts")), "")) as store:
        for number, run_id in enumerate(runs):
            params = store.call(ops.GET_RUN, GetRun(run_id=run_id)).params
            a, b = (read_steps(store, run_id, key) for key in "ab")
            assert a == b == {int(key[1:]) for key in params}, f"half a batch: {told}"
            files = {step for step in range(9, REQUESTS, 10) if read_file(store, run_id, f"w{number}-{step}", told)}
            missing = {step for writer, step in acknowledged if writer == number} - a - files
            assert not missing, f"acknowledged and lost: {missing}; {told}"
    with closing(sqlite3.connect(target / "t.db")) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",), told


def read_steps(store: LocalTransport, run_id: str, key: str) -> set[int]:
    history = store.call(ops.GET_HISTORY, GetHistory(run_id=run_id, key=key))
    steps = memoryview(history.series.steps).cast("q").tolist()
    assert len(steps) == len(set(steps))
    return set(steps)


def read_file(store: LocalTransport, run_id: str, name: str, told: str) -> bool:
    try:
        data = b"".join(store.download(f"0/{run_id}/artifacts/{name}"))
    except NotFound:
        return False
    assert hashlib.sha256(data).digest() == hashlib.sha256(make_file(name)).digest(), told
    return True


TRAINER = """
import time
import trackway as tw

with tw.start_run():
    for step in range(4_000):
        tw.log_metric("loss", step + 0.5, step=step)
        if step % 10 == 0:
            time.sleep(0.01)
"""


def test_a_power_cut_takes_at_most_the_last_second_of_what_a_training_process_logged(tmp_path: Path) -> None:
    trace, script, root = tmp_path / "trace", tmp_path / "train.py", tmp_path / "journal"
    script.write_text(TRAINER)
    environment: Mapping[str, str] = os.environ | {
        "TRACKWAY_TRACKING_URI": "http://127.0.0.1:9",
        "TRACKWAY_JOURNAL_DIR": str(root),
        "TRACKWAY_FINISH_S": "0",
    }
    subprocess.run([*STRACE, "-o", str(trace), sys.executable, str(script)], env=environment, check=True, timeout=120)
    events = [event for event in read_events(trace) if event.path.startswith(str(root))]
    written = [event for event in events if event.kind == "write" and event.path.endswith(".seg")]
    assert len(written) > 4_000
    rng = random.Random(SEED)
    for number in range(CUTS):
        at = rng.randrange(len(events))
        target = tmp_path / str(number)
        disk = Disk(root, {})
        disk.play([event for event in events if event.end < events[at].end])
        disk.cut(SURVIVALS[number % len(SURVIVALS)], rng, target)
        due = [event for event in written if event.time_s < events[at].time_s - 1.5]
        records = sum(1 for _ in read_records(target))
        assert records >= len(due) - 2, f"seed {SEED}, cut {number} before call {at}"


def read_records(root: Path) -> Iterator[Any]:
    for file in root.glob("*/session.json"):  # without this one, a folder is no session yet
        with JournalReader(str(file.parent)) as reader:
            while True:
                batch = reader.read_batch(1_000)
                for part in batch.parts:
                    yield from range(part.first_seq, part.last_seq + 1)
                if batch.at_end:
                    break
