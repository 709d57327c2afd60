"""The scoring server as processes: how it starts and ends, what it follows, and what several of them do."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.services.ports import free_port
from tests.services.scoring_server import ScoringServer, run_scoring
from tests.services.trackway_server import COMMAND, answers
from tests.services.waiting import wait_until
from tests.serving import code_models as code
from tests.serving.conftest import ROWS, train
from trackway.api import operations as ops
from trackway.api.endpoints import EndpointName
from trackway.api.lineage import GetLineage
from trackway.api.registry import Alias, SetAlias
from trackway.base.errors import NotFound
from trackway.models import Signature, columns, save_model
from trackway.sdk.client import Client

ROW = {"dataframe_split": {"columns": ["a", "b", "c"], "data": ROWS.head(1).to_numpy().tolist()}}
LABEL = int(train().predict(ROWS.head(1))[0])
REGISTER = """
import numpy as np
import trackway as tw
from sklearn.linear_model import LogisticRegression
from tests.serving import code_models
from tests.serving.conftest import ROWS, train

client = tw.MlflowClient()
with tw.start_run():
    for labels in (0, 1):
        model = train()
        model.classes_ = np.array([10 + labels, 20 + labels])
        tw.sklearn.log_model(model, name="m", input_example=ROWS.head(2), registered_model_name="churn")
    tw.pyfunc.log_model("needs-trust", python_model=code_models.Echo, registered_model_name="churn")
client.set_registered_model_alias("churn", "champion", 1)
"""


@pytest.fixture(scope="module")
def tracks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A local store with three versions of a model: two that give other labels, and one that needs trust."""
    folder = tmp_path_factory.mktemp("registry")
    root = str(Path(__file__).parents[2])
    environment = {**os.environ, "TRACKWAY_TRACKING_URI": str(folder / "tracks"), "PYTHONPATH": root}
    subprocess.run([sys.executable, "-c", REGISTER], check=True, env=environment, cwd=folder, timeout=300)
    return folder / "tracks"


def set_champion(tracks: Path, version: int) -> None:
    request = SetAlias(name="churn", alias="champion", version=version)
    Client(str(tracks)).call(ops.SET_ALIAS, request)


class Load:
    """Clients that score one row after the other, each on its connection, until they are told to stop."""

    def __init__(self, server: ScoringServer, clients: int = 4) -> None:
        self.answers: list[tuple[int, str, Any]] = []
        self.faults: list[BaseException] = []
        self._server = server
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run) for _ in range(clients)]

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        wait_until(lambda: len(self.answers) >= 20 or bool(self.faults))
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(60)

    def _run(self) -> None:
        client = self._server.connect()
        try:
            while not self._stop.is_set():
                answer = client.score(ROW)
                self.answers.append((answer.status, answer.headers["x-trackway-model"], answer.json["predictions"]))
                if answer.headers.get("connection") == "close":
                    return  # it goes to another server
        except Exception as error:  # noqa: BLE001 - whatever it is, it is a request that failed
            self.faults.append(error)
        finally:
            client.close()


@contextmanager
def serving_champion(tracks: Path, folder: Path, *options: str) -> Iterator[ScoringServer]:
    """Serve version 1 by its alias."""
    set_champion(tracks, 1)
    options = ("--poll-s", "0.1", *options)
    with run_scoring(folder, "models:/churn@champion", *options, TRACKWAY_TRACKING_URI=str(tracks)) as server:
        yield server


@pytest.mark.parametrize("options", [(), ("--workers", "2")], ids=["one process", "two workers"])
def test_when_the_alias_moves_the_other_version_answers_and_no_request_fails(
    tracks: Path, tmp_path: Path, options: tuple[str, ...]
) -> None:
    with serving_champion(tracks, tmp_path, *options) as server, Load(server) as load:
        set_champion(tracks, 2)
        wait_until(lambda: {one[1] for one in load.answers[-40:]} == {"churn/2"} or bool(load.faults))
        set_champion(tracks, 3)  # which needs trust, and does not get it
        wait_until(lambda: "Cannot load version 3" in server.log.read_text())
        seen = len(load.answers)
        wait_until(lambda: len(load.answers) > seen + 50 or bool(load.faults))
        assert "can run any code" in server.log.read_text()
        if not options:
            assert "trackway_serving_swaps_total 1" in server.send("GET", "/metrics").body.decode()
        set_champion(tracks, 1)
        wait_until(lambda: {one[1] for one in load.answers[-40:]} == {"churn/1"} or bool(load.faults))
    assert load.faults == []
    labels = {"churn/1": (10, 20)[LABEL], "churn/2": (11, 21)[LABEL]}
    assert all((status, found) == (200, [labels[which]]) for status, which, found in load.answers)


def test_while_the_alias_stands_for_nothing_the_model_serves_on(tracks: Path, tmp_path: Path) -> None:
    with serving_champion(tracks, tmp_path) as server:
        Client(str(tracks)).call(ops.DELETE_ALIAS, Alias(name="churn", alias="champion"))
        wait_until(lambda: "Cannot ask what models:/churn@champion means" in server.log.read_text())
        assert server.score(ROW).json == {"predictions": [(10, 20)[LABEL]]}
        set_champion(tracks, 2)
        wait_until(lambda: server.score(ROW).headers["x-trackway-model"] == "churn/2")
        assert "The registry answers again" in server.log.read_text()


def test_a_server_that_is_told_to_stop_under_load_answers_what_it_was_sent(get_model: Any, tmp_path: Path) -> None:
    with run_scoring(tmp_path, str(get_model("labels")), "--drain-s", "1") as server, Load(server, 8) as load:
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(60) == 0
    assert load.faults == []
    assert {one[0] for one in load.answers} == {200}


def test_while_it_drains_it_is_not_ready_and_still_answers(get_model: Any, tmp_path: Path) -> None:
    with run_scoring(tmp_path, str(get_model("labels")), "--drain-s", "600") as server:
        client = server.connect()
        assert client.send("GET", "/v2/health/ready").status == 200
        server.process.send_signal(signal.SIGTERM)
        wait_until(lambda: server.send("GET", "/v2/health/ready").status == 503)
        assert server.send("GET", "/ping").status == 503
        assert server.send("GET", "/v2/health/live").status == 200
        answer = client.score(ROW)
        assert (answer.status, answer.headers["connection"]) == (200, "close")
        server.process.send_signal(signal.SIGTERM)  # for the second time: at once
        server.process.wait(60)


def test_a_request_that_is_being_computed_is_answered_before_the_end(tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    gate.mkdir()
    save_model(
        code.Gate, tmp_path / "m", signature=Signature(inputs=columns(x="double")), model_config={"folder": str(gate)}
    )
    found: list[Any] = []
    with run_scoring(tmp_path, str(tmp_path / "m"), "--trust") as server:
        thread = threading.Thread(target=lambda: found.append(server.score({"dataframe_records": [{"x": 2}]}).json))
        thread.start()
        wait_until(lambda: (gate / "call-1").exists())
        assert server.send("GET", "/ping").status == 200, "a model that computes does not keep the pages waiting"
        server.process.send_signal(signal.SIGTERM)
        wait_until(lambda: not answers(server.port, "/ping"))
        (gate / "open").touch()
        server.process.wait(60)
        thread.join(60)
    assert found == [{"predictions": [4.0]}]


def list_children(pid: int) -> set[int]:
    """Return the worker processes of a server."""
    found = set()
    for folder in Path("/proc").iterdir():
        try:
            if folder.name.isdigit():
                state, parent = (folder / "stat").read_text().rpartition(")")[2].split()[:2]
                command = (folder / "cmdline").read_bytes()
                if int(parent) == pid and state != "Z" and b"spawn_main" in command:
                    found.add(int(folder.name))
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


def test_a_worker_that_is_killed_is_replaced_while_the_others_serve(get_model: Any, tmp_path: Path) -> None:
    with run_scoring(tmp_path, str(get_model("labels")), "--workers", "2") as server:
        wait_until(lambda: len(list_children(server.process.pid)) == 2)
        before = list_children(server.process.pid)
        victim = min(before)
        os.kill(victim, signal.SIGKILL)
        wait_until(lambda: len(list_children(server.process.pid) - {victim}) == 2)
        assert server.score(ROW).json == {"predictions": [LABEL]}
        workers = list_children(server.process.pid)
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(60) == 0
        assert not any(Path(f"/proc/{pid}").exists() for pid in workers)


def test_workers_end_when_their_parent_is_killed(get_model: Any, tmp_path: Path) -> None:
    with run_scoring(tmp_path, str(get_model("labels")), "--workers", "2") as server:
        wait_until(lambda: len(list_children(server.process.pid)) == 2)
        server.process.kill()
        server.process.wait()
        wait_until(lambda: not answers(server.port, "/ping"))


@pytest.mark.parametrize(
    ("options", "status", "said"),
    [
        (("-m", "models:/nothing@champion"), 3, "nothing"),
        (("-m", "runs:/x/y"), 3, "x"),
        (("-m", "nowhere"), 1, "nowhere"),
        ((), 1, "No model was named"),
        (("-m", "{mixed}"), 1, "can run any code"),
        (("-m", "{mixed}", "--workers", "2"), 1, "can run any code"),
        (("-m", "{labels}", "--host", "0.0.0.0"), 1, "--insecure-open"),
        (("-m", "{labels}", "--port", "{taken}"), 4, "is taken"),
        (("-m", "{labels}", "--port", "70000"), 1, "70000"),
        (("-m", "{labels}", "--workers", "0"), 1, "1 or more"),
        (("-m", "{labels}", "--env-manager", "virtualenv"), 1, "local, uv, conda"),
    ],
)
def test_what_cannot_be_served_is_said_at_once(
    get_model: Any, tmp_path: Path, options: tuple[str, ...], status: int, said: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]
        words = [
            word.format(mixed=get_model("mixed"), labels=get_model("labels"), taken=taken) if "{" in word else word
            for word in options
        ]
        port = [] if "--port" in words else ["--port", str(free_port())]
        environment = {**os.environ, "TRACKWAY_TRACKING_URI": str(tmp_path / "tracks")}
        done = subprocess.run(
            [COMMAND, "models", "serve", *words, *port],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env=environment,
            timeout=300,
            check=False,
        )
    assert done.returncode == status, done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def list_servers(tracks: Path, name: str = "churn") -> list[tuple[str, int, str]]:
    """Return state, version and address of an endpoint's servers; nothing when there is no endpoint."""
    try:
        endpoint = Client(str(tracks)).call(ops.GET_ENDPOINT, EndpointName(name=name))
    except NotFound:
        return []
    return [(one.state, one.version, one.address) for one in endpoint.servers]


@pytest.mark.parametrize("options", [(), ("--workers", "2")], ids=["one process", "two workers"])
def test_the_registry_shows_where_a_model_is_served_for_as_long_as_it_is(
    tracks: Path, tmp_path: Path, options: tuple[str, ...]
) -> None:
    address = "https://models.example.com/churn"
    named = ("--endpoint", "live", "--endpoint-address", address)
    with serving_champion(tracks, tmp_path, *named, *options) as server:
        wait_until(lambda: list_servers(tracks, "live") == [("serving", 1, address)])
        set_champion(tracks, 2)
        wait_until(lambda: list_servers(tracks, "live") == [("serving", 2, address)])
        lineage = Client(str(tracks)).call(ops.GET_LINEAGE, GetLineage(kind="endpoint", id="live"))
        assert {node.kind for node in lineage.nodes} >= {"endpoint", "version", "run"}
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(60) == 0
    assert list_servers(tracks, "live") == [("ended", 2, address)]
