"""Clients that keep a list of what a server acknowledged, and what they do not know of."""

from __future__ import annotations

import hashlib
import json
import random
import threading
from abc import ABC, abstractmethod
from array import array
from base64 import b64decode, b64encode
from http.client import HTTPConnection, HTTPException
from typing import Any

JSON = {"Content-Type": "application/json"}


class Lost(Exception):
    """The answer did not come: what was asked for was done or not."""


class Client:
    """One connection at a time to a server that may die."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._connection: HTTPConnection | None = None

    def send(self, method: str, path: str, body: Any = None, headers: dict[str, str] = JSON) -> Any:
        """Send JSON, or bytes as they are; return what a 200 answers.

        raises: Lost
        """
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        try:
            self._connection = self._connection or HTTPConnection("127.0.0.1", self._port, timeout=20)
            self._connection.request(method, path, data, headers)
            answer = self._connection.getresponse()
            content = answer.read()
        except (OSError, HTTPException) as error:
            self.close()
            raise Lost from error
        if answer.status == 503:  # it is being started, or ended
            raise Lost
        assert answer.status == 200, (method, path, answer.status, content[:500])
        return json.loads(content) if answer.headers["content-type"] == "application/json" and content else content

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class Writer(ABC):
    """Writes on a thread of its own from ``start`` until the server dies."""

    def __init__(self, port: int, seed: int) -> None:
        self.client = Client(port)
        self.random = random.Random(seed)
        self.count = 0
        """How many writes were acknowledged."""
        self._stopping = False
        self._thread = threading.Thread()
        self._error: BaseException | None = None

    def start(self) -> None:
        self._thread = threading.Thread(target=self._work)
        self._thread.start()

    @property
    def is_writing(self) -> bool:
        return self._thread.is_alive()

    def stop(self) -> None:
        """Write no more after what is being written."""
        self._stopping = True

    def join(self) -> None:
        """Wait until the writer has noticed that it is to stop, or the server dead; raise what broke it before."""
        self._thread.join(60)
        assert not self._thread.is_alive()
        if self._error is not None:
            raise self._error

    def _work(self) -> None:
        try:
            while not self._stopping:
                self.write()
                self.count += 1
        except Lost:
            pass
        except BaseException as error:  # noqa: BLE001 - told by ``join``
            self._error = error

    @abstractmethod
    def write(self) -> None:
        """Write something."""

    @abstractmethod
    def check(self) -> None:
        """Compare what the server has with what it acknowledged."""


class BatchWriter(Writer):
    """A client of the compatible protocol that never repeats a request: each batch is there whole or not at all."""

    POINTS = 20

    def __init__(self, port: int, seed: int) -> None:
        super().__init__(port, seed)
        body = {"experiment_id": "0"}
        self.run = self.client.send("POST", "/api/2.0/mlflow/runs/create", body)["run"]["info"]["run_id"]
        self.acknowledged: set[int] = set()
        self.unknown: set[int] = set()

    def write(self) -> None:
        number = len(self.acknowledged) + len(self.unknown)
        self.unknown.add(number)
        steps = range(number * self.POINTS, (number + 1) * self.POINTS)
        body = {
            "run_id": self.run,
            "metrics": [{"key": f"m{step % 3}", "value": step / 7, "timestamp": step, "step": step} for step in steps],
            "params": [{"key": f"p{number}", "value": str(number)}],
            "tags": [{"key": "last", "value": str(number)}, {"key": f"t{number}", "value": str(number)}],
        }
        self.client.send("POST", "/api/2.0/mlflow/runs/log-batch", body)
        self.unknown.remove(number)
        self.acknowledged.add(number)

    def check(self) -> None:
        run = self.client.send("GET", f"/api/v1/runs/{self.run}")
        there = {int(key[1:]) for key in run["params"]}
        assert there >= self.acknowledged, f"lost: {sorted(self.acknowledged - there)}"
        assert there <= self.acknowledged | self.unknown
        assert {int(key[1:]) for key in run["tags"] if key[1:].isdigit()} == there
        expected = sorted(step for n in there for step in range(n * self.POINTS, (n + 1) * self.POINTS))
        points = sorted(read_points(self.client, self.run, f"m{n}") for n in range(3))
        found = sorted(point for series in points for point in series)
        assert found == [(step, step, step / 7) for step in expected], "a batch is torn, or there twice"
        assert sum(summary[7] for summary in run["metrics"].values()) == len(expected)


class SessionWriter(Writer):
    """A client with a session, that sends again what was not answered: all of it is there once."""

    def __init__(self, port: int, seed: int) -> None:
        super().__init__(port, seed)
        self.run = f"session-{seed}"
        self.client.send("POST", "/api/v1/runs", {"run_id": self.run, "experiment_id": "0"})
        self.acknowledged = 0

    def write(self) -> None:
        first, last = self.acknowledged + 1, self.acknowledged + self.random.randint(1, 50)
        steps = range(first, last + 1)
        columns = (array("q", steps), array("q", steps), array("d", (step / 7 for step in steps)))
        series = ["m", *(b64encode(column.tobytes()).decode() for column in columns)]
        body = {"session_id": "s1", "first": first, "last": last, "series": [series]}
        answer = self.client.send("POST", f"/api/v1/runs/{self.run}/ingest", body)
        self.acknowledged = max(self.acknowledged, answer["acknowledged"])

    def check(self) -> None:
        points = read_points(self.client, self.run, "m")
        count = len(points)
        assert points == [(step, step, step / 7) for step in range(1, count + 1)]
        assert count >= self.acknowledged
        run = self.client.send("GET", f"/api/v1/runs/{self.run}")
        assert [summary[7] for summary in run["metrics"].values()] == ([count] if count else [])
        if count > self.acknowledged:  # the last one was written, and not answered: sent again, it is not written twice
            self.acknowledged = count


class FileWriter(Writer):
    """Uploads files, small ones and large ones: each is there whole or not at all, and a replaced one is never torn."""

    SIZES = (10, 60_000, 70_000, 1_500_000)

    def __init__(self, port: int, seed: int) -> None:
        super().__init__(port, seed)
        self.folder = f"/api/v1/files/0/files-{seed}/artifacts"
        self.acknowledged: dict[str, str] = {}
        self.unknown: dict[str, set[str]] = {}

    def write(self) -> None:
        name = f"f{self.random.randrange(40)}"
        data = self.random.randbytes(self.random.choice(self.SIZES))
        digest = hashlib.sha256(data).hexdigest()
        self.unknown.setdefault(name, set()).add(digest)
        self.client.send("PUT", f"{self.folder}/{name}", data, {})
        self.unknown.pop(name)
        self.acknowledged[name] = digest

    def check(self) -> None:
        folder = self.folder.removeprefix("/api/v1/files/")
        listed = self.client.send("POST", "/api/v1/artifacts/list", {"folder": folder})["files"]
        names = {file["path"].rpartition("/")[2] for file in listed}
        assert names >= self.acknowledged.keys()
        assert names <= self.acknowledged.keys() | self.unknown.keys()
        for name in names:
            digest = hashlib.sha256(self.client.send("GET", f"{self.folder}/{name}")).hexdigest()
            assert digest == self.acknowledged.get(name) or digest in self.unknown.get(name, ()), name
            self.acknowledged[name] = digest
            self.unknown.pop(name, None)


class RunWriter(Writer):
    """Makes runs, changes and deletes them: each is as it was when the last answer came, or one step on."""

    STEPS = ("made", "named", "ended", "deleted")

    def __init__(self, port: int, seed: int) -> None:
        super().__init__(port, seed)
        self.prefix = f"r{seed}"
        self.states: list[int] = []

    def write(self) -> None:
        number = len(self.states)
        path = f"/api/v1/runs/{self.prefix}-{number}"
        self.states.append(-1)
        body = {"run_id": f"{self.prefix}-{number}", "experiment_id": "0", "name": "new", "tags": {"a": "1"}}
        self.client.send("POST", "/api/v1/runs", body)
        self.states[number] = 0
        self.client.send("PATCH", path, {"name": "changed"})
        self.states[number] = 1
        self.client.send("PATCH", path, {"status": "FINISHED", "end_ms": 7})
        self.states[number] = 2
        if number % 2:
            self.client.send("DELETE", path)
            self.states[number] = 3

    def check(self) -> None:
        query = {"experiment_ids": ["0"], "filter": f"tags.a = '1' AND run_id LIKE '{self.prefix}-%'", "view": "all"}
        found = {run["run_id"]: run for run in self.client.send("POST", "/api/v1/runs/search", query)["runs"]}
        assert len(found) >= len([state for state in self.states if state >= 0])
        for number, state in enumerate(self.states):
            run = found.get(f"{self.prefix}-{number}")
            assert run is not None or state == -1, f"run {number} is lost"
            if run is not None:
                shown = 3 if run["lifecycle"] == "deleted" else 2 if run["status"] == "FINISHED" else 0
                shown = 1 if shown == 0 and run["name"] == "changed" else shown
                assert state <= shown <= state + 1, f"run {number} was {self.STEPS[state]}, and is {self.STEPS[shown]}"
                assert (run["end_ms"] == 7) == (shown >= 2)
                self.states[number] = shown


def make_writers(port: int, draw: random.Random) -> list[Writer]:
    """Return writers of every kind, none of them started."""
    kinds: list[type[Writer]] = [BatchWriter, BatchWriter, SessionWriter, SessionWriter, FileWriter, RunWriter]
    return [kind(port, draw.randrange(2**32)) for kind in kinds]


def read_points(client: Client, run_id: str, key: str) -> list[tuple[int, int, float]]:
    """Return a metric's points."""
    series = client.send("POST", "/api/v1/metrics/history", {"run_id": run_id, "key": key})["series"]
    columns = [array(kind, b64decode(text)) for kind, text in zip("qqd", series[1:], strict=True)]
    return list(zip(*columns, strict=True))
