"""Transfers past the server, between clients and an object store, when the operator allows them."""

from __future__ import annotations

import json
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.services.mlflow_api import Answer, Api
from tests.services.peers import peer_python
from tests.services.seaweedfs import BUCKET, run_seaweedfs
from tests.services.trackway_server import COMMAND, run_trackway

INVALID = "INVALID_PARAMETER_VALUE"
UNKNOWN = "RESOURCE_DOES_NOT_EXIST"
PROXY = "/api/2.0/mlflow-artifacts"
SMALL, LARGE = b"small", bytes(range(256)) * 1_200


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A server whose artifacts are in a bucket of its own, with direct transfers."""
    with run_seaweedfs() as objects, pytest.MonkeyPatch.context() as patch:
        for name, value in objects.environment().items():
            patch.setenv(name, value)
        options = ("--artifacts", f"s3://{BUCKET}/direct", "--direct-transfers")
        with run_trackway(tmp_path_factory.mktemp("direct"), *options) as port:
            yield port


@pytest.fixture
def api(port: int) -> Api:
    """The server with an experiment ``{exp}`` and a run ``{run}`` of this test alone."""
    api = Api(port)
    api.made["exp"] = api.make_experiment()
    api.made["run"] = api.make_run(api.made["exp"])
    api.made["root"] = f"{api.made['exp']}/{api.made['run']}/artifacts"
    return api


def mpu(api: Api, act: str, **fields: Any) -> Answer:
    return api.post(f"/mpu/{act}/{{root}}/data", {"path": "/data/ann/f.bin", **fields}, prefix=PROXY)


def put(url: str, data: bytes, headers: dict[str, str]) -> str:
    request = urllib.request.Request(url, data, headers, method="PUT")
    with urllib.request.urlopen(request, timeout=30) as answer:
        return str(answer.headers["ETag"])


def send_parts(credentials: list[dict[str, Any]], *parts: bytes) -> list[dict[str, Any]]:
    return [
        {"part_number": c["part_number"], "etag": put(c["url"], part, c["headers"]), "url": c["url"]}
        for c, part in zip(credentials, parts, strict=True)
    ]


def download(api: Api, path: str) -> bytes:
    return api.send("GET", f"{PROXY}/artifacts/{api.fill(path)}").body


def test_the_server_says_that_it_offers_them(api: Api) -> None:
    info = api.get("/server-info", prefix="/api/3.0/mlflow").json
    assert info["multipart_uploads_enabled"] is info["multipart_downloads_enabled"] is True


def test_a_file_is_sent_in_parts_to_the_object_store(api: Api) -> None:
    opened = mpu(api, "create", num_parts=3)
    assert opened.status == 200, opened
    upload_id, credentials = opened.json["upload_id"], opened.json["credentials"]
    assert [one["part_number"] for one in credentials] == [1, 2, 3]
    assert len({one["url"] for one in credentials}) == 3
    assert not any(f"127.0.0.1:{api.port}/" in one["url"] for one in credentials)
    parts = send_parts(credentials, LARGE[:100_000], LARGE[100_000:200_000], LARGE[200_000:])
    assert "files" not in api.get("/artifacts/list", {"run_id": "{run}", "path": "data"}).json
    for _ in range(2):  # as after an answer that was lost
        done = mpu(api, "complete", upload_id=upload_id, parts=parts)
        assert (done.status, done.body) == (200, b"{}"), done
    [file] = api.get("/artifacts/list", {"run_id": "{run}", "path": "data"}).json["files"]
    assert file == {"path": "data/f.bin", "is_dir": False, "file_size": len(LARGE)}
    assert download(api, "{root}/data/f.bin") == LARGE


def test_an_upload_can_be_given_up(api: Api) -> None:
    opened = mpu(api, "create", num_parts=1).json
    send_parts(opened["credentials"], SMALL)
    assert mpu(api, "abort", upload_id=opened["upload_id"]).body == b"{}"
    parts = [{"part_number": 1, "etag": "", "url": ""}]
    for act in ("complete", "abort"):
        answer = mpu(api, act, upload_id=opened["upload_id"], parts=parts)
        assert (answer.status, answer.code) == (404, UNKNOWN)


WRONG: dict[str, tuple[str, dict[str, Any], int, str, str]] = {
    "no number of parts": ("create", {}, 400, INVALID, "num_parts"),
    "no parts": ("create", {"num_parts": 0}, 400, INVALID, "10000"),
    "too many parts": ("create", {"num_parts": 10_001}, 400, INVALID, "10000"),
    "far too many parts": ("create", {"num_parts": 10**9}, 400, INVALID, "10000"),
    "a file above": ("create", {"path": "..", "num_parts": 1}, 400, INVALID, "Invalid path"),
    "no name": ("create", {"path": "/tmp/", "num_parts": 1}, 400, INVALID, "Invalid path"),
    "a part that was not put": ("complete", {"parts": [{"part_number": 1}, {"part_number": 2}]}, 400, INVALID, "2"),
    "another part": ("complete", {"parts": [{"part_number": 1, "etag": '"x"'}]}, 400, INVALID, "ETag"),
    "parts in no order": ("complete", {"parts": [{"part_number": 2}, {"part_number": 1}]}, 400, INVALID, "rising"),
    "a part 0": ("complete", {"parts": [{"part_number": 0}]}, 400, INVALID, "rising"),
    "another's upload": ("complete", {"upload_id": "0" * 32, "parts": [{"part_number": 1}]}, 404, UNKNOWN, "upload"),
    "another path": ("complete", {"path": "g.bin", "parts": [{"part_number": 1}]}, 404, UNKNOWN, "upload"),
    "to give up another path": ("abort", {"path": "g.bin"}, 404, UNKNOWN, "upload"),
    "to give up what is no id": ("abort", {"upload_id": "../x"}, 404, UNKNOWN, "upload"),
}


@pytest.mark.parametrize("act, fields, status, code, says", WRONG.values(), ids=list(WRONG))
def test_a_wrong_request_is_told_what_is_wrong_and_the_upload_goes_on(
    api: Api, act: str, fields: dict[str, Any], status: int, code: str, says: str
) -> None:
    opened = mpu(api, "create", num_parts=2).json
    parts = send_parts(opened["credentials"][:1], SMALL)
    answer = mpu(api, act, **({"upload_id": opened["upload_id"]} | fields))
    assert (answer.status, answer.code) == (status, code), answer
    assert says in answer.message
    assert mpu(api, "complete", upload_id=opened["upload_id"], parts=parts).status == 200
    assert download(api, "{root}/data/f.bin") == SMALL


def test_a_large_file_is_fetched_from_the_object_store_and_a_small_one_from_the_server(api: Api) -> None:
    for name, data in (("large.bin", LARGE), ("a b.txt", SMALL)):
        path = api.fill(f"{PROXY}/artifacts/{{root}}/{name.replace(' ', '%20')}")
        assert api.send("PUT", path, data).status == 200
    signed = api.get("/presigned/{root}/large.bin", prefix=PROXY).json
    assert signed == {"url": signed["url"], "headers": {}, "file_size": len(LARGE)}
    small = api.get("/presigned/{root}/a b.txt", prefix=PROXY).json
    assert small.keys() == {"url", "headers"}
    presigned = api.post("/artifacts/presigned-download-url", {"run_id": "{run}", "path": "large.bin"}).json
    assert presigned == {"presigned_url": presigned["presigned_url"], "file_size": len(LARGE)}
    for url, data in ((signed["url"], LARGE), (presigned["presigned_url"], LARGE), (small["url"], SMALL)):
        with urllib.request.urlopen(url, timeout=30) as answer:
            assert answer.read() == data
    none = api.post("/artifacts/presigned-download-url", {"run_id": "{run}", "path": "a b.txt"})
    assert (none.status, none.code) == (400, INVALID)
    for missing in (
        api.get("/presigned/{root}/none", prefix=PROXY),
        api.post("/artifacts/presigned-download-url", {"run_id": "{run}", "path": "none"}),
    ):
        assert (missing.status, missing.code) == (404, UNKNOWN)


SCRIPT = """
import sys, pathlib, mlflow
mlflow.set_tracking_uri(sys.argv[1])
folder = pathlib.Path("sent"); folder.mkdir()
(folder / "large.bin").write_bytes(bytes(range(256)) * 100_000)
(folder / "small.txt").write_text("small")
with mlflow.start_run() as run:
    mlflow.log_artifacts(str(folder), "data")
back = pathlib.Path(mlflow.artifacts.download_artifacts(run_id=run.info.run_id, artifact_path="data", dst_path="got"))
for name in ("large.bin", "small.txt"):
    assert (back / name).read_bytes() == (folder / name).read_bytes(), name
print("same")
"""


@pytest.mark.parametrize("version, chosen", [("2.22", True), ("3.17", False)])
def test_an_mlflow_client_sends_and_fetches_large_files_so(
    port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str, chosen: bool
) -> None:
    """The one of 3.17 because the server says so, the one of 2.22 because it is told to."""
    monkeypatch.setenv("MLFLOW_MULTIPART_UPLOAD_MINIMUM_FILE_SIZE", "10000000")
    monkeypatch.setenv("MLFLOW_MULTIPART_UPLOAD_CHUNK_SIZE", "10000000")
    monkeypatch.setenv("MLFLOW_MULTIPART_DOWNLOAD_CHUNK_SIZE", "10000000")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    if chosen:
        monkeypatch.setenv("MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD", "true")
    before = count_completions(port)
    command = [peer_python(f"mlflow-{version}"), "-c", SCRIPT, f"http://127.0.0.1:{port}"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False)
    assert done.stdout.strip().endswith("same"), done.stderr[-3000:]
    assert count_completions(port) == before + 1


def count_completions(port: int) -> int:
    """Return how many uploads in parts the server says that it has completed."""
    lines = Api(port).send("GET", "/metrics").body.decode().splitlines()
    begin = (
        f'trackway_request_seconds_count{{method="POST",route="{PROXY}/mpu/complete/{{folder:path}}",status="200"}} '
    )
    return sum(int(line.removeprefix(begin)) for line in lines if line.startswith(begin))


def test_a_server_with_a_folder_does_not_start_with_direct_transfers(tmp_path: Path) -> None:
    command = [COMMAND, "server", "--port", "0", "--artifacts", str(tmp_path), "--direct-transfers"]
    command += ["--store", f"sqlite:///{tmp_path}/t.db"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode != 0
    assert "object store" in done.stderr, json.dumps(done.stderr[-2000:])
