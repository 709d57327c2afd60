"""Pages that are not of either API, and what the server tells of itself."""

from __future__ import annotations

import re
import signal
import socket
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.services.mlflow_api import Api
from tests.services.ports import free_port
from tests.services.trackway_server import COMMAND, TrackwayServer, run_server
from trackway.api.operations import OPERATIONS
from trackway.artifacts.memory import MemoryBlobs
from trackway.base.errors import InvalidInput
from trackway.base.settings import read_settings
from trackway.server.files import FileRoutes
from trackway.server.native import PREFIX


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TrackwayServer]:
    """A server that logs each request."""
    with run_server(tmp_path_factory.mktemp("pages"), "--access-log") as server:
        yield server


@pytest.fixture
def api(server: TrackwayServer) -> Api:
    return Api(server.port)


def test_health_readiness_and_version_answer_in_plain_text(api: Api) -> None:
    for path, body in (("/health", b"OK"), ("/ready", b"ready")):
        answer = api.send("GET", path)
        assert (answer.status, answer.body) == (200, body)
    answer = api.send("GET", "/version")
    assert re.fullmatch(rb"\d+\.\d+\.\d+", answer.body)
    assert answer.headers["x-trackway-version"]


# The API's description


def follow(description: Any, reference: str) -> Any:
    found = description
    for name in reference.removeprefix("#/").split("/"):
        found = found[name]
    return found


def list_references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if "$ref" in value:
            yield value["$ref"]
        for inner in value.values():
            yield from list_references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from list_references(inner)


def test_the_api_is_described_whole(api: Api) -> None:
    description = api.send("GET", "/api/v1/openapi.json").json
    described = {
        (method.upper(), path): operation
        for path, methods in description["paths"].items()
        for method, operation in methods.items()
    }
    for operation in OPERATIONS:
        found = described.get((operation.method, PREFIX + operation.path))
        assert (found is None) == operation.internal, operation.name
    assert ("PUT", PREFIX + "/uploads/{upload_id}/{number}/{path}") in described
    names = [operation["operationId"] for operation in described.values()]
    assert len(set(names)) == len(names)
    for reference in list_references(description):
        assert follow(description, reference)
    for (_, path), operation in described.items():
        in_path = {one["name"] for one in operation["parameters"] if one["in"] == "path"}
        assert in_path == set(re.findall(r"\{(\w+)\}", path))
        for content in operation.get("requestBody", {}).get("content", {}).values():
            schema = content["schema"]
            body = follow(description, schema["$ref"]) if "$ref" in schema else schema
            assert not in_path & body.get("properties", {}).keys(), "a body need not say what the path says"


def test_every_route_of_bytes_is_described(api: Api) -> None:
    paths = api.send("GET", "/api/v1/openapi.json").json["paths"]
    for route in FileRoutes(MemoryBlobs()).list_routes():
        assert route.method.lower() in paths[route.path.replace("{path:path}", "{path}")]


# Metrics and logs

_SAMPLE = re.compile(r'(\w+)(?:\{((?:\w+="(?:[^"\\]|\\.)*",?)*)\})? (\S+)')


def test_metrics_are_prometheus_text(api: Api) -> None:
    api.send("GET", "/health")
    api.send("GET", "/nothing/of/the/kind?x=1")
    answer = api.send("GET", "/metrics")
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    kinds: dict[str, str] = {}
    samples: dict[tuple[str, str], float] = {}
    for line in answer.body.decode().splitlines():
        if line.startswith("# TYPE"):
            _, _, name, kind = line.split(" ")
            assert name not in kinds
            kinds[name] = kind
        elif not line.startswith("#"):
            found = _SAMPLE.fullmatch(line)
            assert found, line
            assert (found[1], found[2] or "") not in samples, "a series is there once"
            samples[found[1], found[2] or ""] = float(found[3])
    assert all(re.sub("_(bucket|sum|count)$", "", name) in kinds or name in kinds for name, _ in samples)
    health = 'method="GET",route="/health",status="200"'
    assert samples["trackway_request_seconds_count", health] >= 1
    assert samples["trackway_request_seconds_bucket", health + ',le="+Inf"'] >= 1
    assert samples["trackway_sent_bytes_total", health] >= 2
    assert ("trackway_request_seconds_count", 'method="GET",route="",status="404"') in samples, "no path is a label"
    assert samples["process_resident_memory_bytes", ""] > 10_000_000
    assert samples["process_cpu_seconds_total", ""] > 0


def test_a_request_leaves_one_line_with_its_id(server: TrackwayServer, api: Api) -> None:
    request_id = "0123456789abcdef0123456789abcdef"
    api.send("GET", "/nothing%0a2026-01-01%20INFO%20forged", headers={"x-request-id": request_id})
    deadline_s = time.monotonic() + 30
    lines: list[str] = []
    while not lines and time.monotonic() < deadline_s:  # it is written behind the answer
        lines = [line for line in server.log.read_text().splitlines() if request_id in line]
    assert len(lines) == 1
    assert re.search(r"GET /nothing%0a2026-01-01%20INFO%20forged 404 \d+ B \d+\.\d ms", lines[0]), lines


# Starting


def start(*options: str) -> subprocess.CompletedProcess[str]:
    """Start a server that will not do; it ends by itself."""
    return subprocess.run([COMMAND, "server", *options], capture_output=True, text=True, timeout=60)


def test_a_port_that_is_taken_is_told_before_anything_is_made(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        places = ["--store", f"sqlite:///{tmp_path}/t.db", "--artifacts", f"{tmp_path}/a"]
        done = start("--port", str(port), *places)
    assert done.returncode == 1
    assert done.stderr.startswith(f"Error: Port {port} of 127.0.0.1 cannot be opened: Address already in use\nHint: ")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "options, says",
    [
        (["--port", "99999"], "Invalid port 99999"),
        (["--host", "0.0.0.0"], "Refusing to listen on 0.0.0.0"),
        (["--host", "no.such.host.invalid", "--insecure-open"], "There is no address 'no.such.host.invalid'"),
        (["--host", "0.0.0.0", "--behind-proxy", "10.1.2.3"], "Refusing to listen on 0.0.0.0"),
        (["--workers", "0"], "Invalid number of workers 0"),
        (["--active", "-1"], "Invalid active -1"),
        (["--behind-proxy", "proxy"], "Invalid behind_proxy"),
        (["--tls-key", "key.pem"], "a key of TLS and no certificate"),
        (["--tls-cert", "missing.pem"], "missing.pem cannot be used: No such file"),
        (["--store", "mysql://x/y"], "mysql"),
        (["--artifacts", "ftp://x/y"], "ftp"),
        (["--artifacts", ""], "No place for artifacts is named"),
    ],
)
def test_settings_that_cannot_be_served_are_told_in_a_line(tmp_path: Path, options: list[str], says: str) -> None:
    places = ["--store", f"sqlite:///{tmp_path}/t.db", "--artifacts", f"{tmp_path}/a", "--port", str(free_port())]
    done = start(*places, *options)
    assert done.returncode == 1, done
    assert done.stderr.startswith("Error: "), done.stderr
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_files_are_beside_a_sqlite_file_unless_told_otherwise() -> None:
    store = {"store": "sqlite:////srv/tracks/trackway.db"}
    assert read_settings({}, {}).artifacts == "tracks/artifacts"
    assert read_settings(store, {}).artifacts == "/srv/tracks/artifacts"
    assert read_settings(store, {"TRACKWAY_ARTIFACTS": "s3://bucket/p"}).artifacts == "s3://bucket/p"
    with pytest.raises(InvalidInput, match="PostgreSQL store needs a place for artifacts"):
        read_settings({"store": "postgresql://me@db/trackway"}, {})


def test_a_database_of_mlflow_is_refused_in_two_lines_and_left_as_it_is(tmp_path: Path) -> None:
    theirs = tmp_path / "mlflow.db"
    with closing(sqlite3.connect(theirs)) as db:
        db.execute("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
        db.execute("INSERT INTO alembic_version VALUES ('dc11669786a5')")
        db.execute("CREATE TABLE experiments (experiment_id INTEGER, name VARCHAR(256))")
        db.commit()
    before = theirs.read_bytes()
    done = start("--store", f"sqlite:///{theirs}", "--artifacts", f"{tmp_path}/a", "--port", "0")
    assert done.returncode == 1, done
    assert [line.partition(":")[0] for line in done.stderr.splitlines()] == ["Error", "Hint"]
    assert "trackway import" in done.stderr
    assert theirs.read_bytes() == before
    assert list(tmp_path.iterdir()) == [theirs]


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT])
def test_a_server_says_where_it_serves_and_when_it_stops(tmp_path: Path, sent: signal.Signals) -> None:
    with run_server(tmp_path) as server:
        server.process.send_signal(sent)
        assert server.process.wait(10) == 0, "to be told to stop is no failure"
        said = server.log.read_text()
    assert f"serves http://127.0.0.1:{server.port} (store sqlite:///{tmp_path}/t.db" in said
    assert [line.rpartition("trackway.server ")[2] for line in said.splitlines()][-1] == "Stopped"
    assert "uvicorn" not in said
    assert "Traceback" not in said
