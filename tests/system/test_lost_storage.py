"""The disk is full or the database is away while a server runs: it says so, serves what it can, and goes on later."""

from __future__ import annotations

import resource
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from tests.services.mlflow_api import Answer, Api
from tests.services.postgres import run_cluster
from tests.services.trackway_server import TrackwayServer, answers, run_server
from tests.services.waiting import Stopwatch

LARGE = bytes(300_000)


def log_step(api: Api, run: str, step: int) -> Answer:
    point = {"key": "m", "value": step, "timestamp": step, "step": step}
    body = {"run_id": run, "metrics": [point], "params": [{"key": f"p{step}", "value": "x" * 500}]}
    return api.post("/runs/log-batch", body)


def list_steps(api: Api, run: str) -> list[int]:
    """Return the steps that are there, each of which has its param, too."""
    found = [one["step"] for one in api.get("/metrics/get-history", {"run_id": run, "metric_key": "m"}).json["metrics"]]
    assert sorted(one["key"] for one in api.run(run)["data"]["params"]) == sorted(f"p{step}" for step in found)
    return found


def check_refusal(answer: Answer, place: str) -> None:
    """A 503 is tried again later by every client; it does not tell where the server keeps what."""
    assert answer.status == 503, answer
    assert int(answer.headers["retry-after"]) >= 1
    assert place not in answer.body.decode(), answer


@contextmanager
def full_disk(server: TrackwayServer) -> Iterator[None]:
    """No file of the server's may grow beyond a few bytes: to it, the disk is full."""
    unlimited = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (100, resource.RLIM_INFINITY))
    yield
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, unlimited)


def test_a_full_disk_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    files, place = "/api/v1/files/0/run/artifacts", str(tmp_path)
    with run_server(tmp_path) as server:
        api = Api(server.port)
        run = api.make_run("0")
        assert [log_step(api, run, step).status for step in range(5)] == [200] * 5
        assert api.send("PUT", f"{files}/old.bin", LARGE).status == 200
        for again in range(2):
            with full_disk(server):
                for step in (100, 101):
                    check_refusal(log_step(api, run, step), place)
                check_refusal(api.send("PUT", f"{files}/small.txt", b"small"), place)
                check_refusal(api.send("PUT", f"{files}/large.bin", LARGE), place)
                check_refusal(api.send("POST", "/api/v1/experiments", b'{"name": "x"}'), place)
                assert list_steps(api, run) == list(range(5 + again)), "reading goes on, and shows nothing half-written"
                assert api.send("GET", f"{files}/old.bin").body == LARGE
                assert server.process.poll() is None
            assert log_step(api, run, 5 + again).status == 200, "it goes on as soon as there is room"
            assert api.send("PUT", f"{files}/new{again}.bin", LARGE).status == 200
        listed = api.send("POST", "/api/v1/artifacts/list", b'{"folder": "0/run/artifacts"}').json["files"]
        assert [file["path"].rpartition("/")[2] for file in listed] == ["new0.bin", "new1.bin", "old.bin"]
    assert not list((tmp_path / "artifacts" / ".trackway" / "tmp").iterdir())
    with closing(sqlite3.connect(tmp_path / "t.db")) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_a_database_that_goes_away_and_comes_back_is_waited_for(tmp_path: Path) -> None:
    with run_cluster() as cluster, run_server(tmp_path, "--store", cluster.server.create_database()) as server:
        api = Api(server.port)
        run = api.make_run("0")
        steps, place = 0, str(cluster.server.port)
        for _ in range(2):
            for _ in range(3):
                assert log_step(api, run, steps).status == 200
                steps += 1
            cluster.stop()
            for _ in range(3):
                watch = Stopwatch()
                check_refusal(log_step(api, run, 100), place)
                check_refusal(api.get("/runs/get", {"run_id": run}), place)
                assert watch.read_s() < 5
            assert answers(server.port, "/health")
            assert not answers(server.port, "/ready")
            cluster.start()
            assert answers(server.port, "/ready"), "the first request finds it"
            assert log_step(api, run, steps).status == 200
            steps += 1
            assert list_steps(api, run) == list(range(steps))
