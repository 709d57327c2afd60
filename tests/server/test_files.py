"""Files over the native door: ranges, validators, and clients that go away."""

from __future__ import annotations

import hashlib
import os
import uuid
import zipfile
from io import BytesIO
from pathlib import Path

import pytest

from tests.server.wire import connect
from tests.services.mlflow_api import Api
from tests.services.trackway_server import run_server
from tests.services.waiting import wait_until

SMALL = b"0123456789"
LARGE = bytes(range(256)) * 1_000
"""Kept as a blob, and not beside its row."""


@pytest.fixture(params=[SMALL, LARGE], ids=["beside its row", "as a blob"])
def data(request: pytest.FixtureRequest) -> bytes:
    return bytes(request.param)


@pytest.fixture
def http(server_port: int) -> Api:
    return Api(server_port, "/api/v1")


@pytest.fixture
def path(http: Api, data: bytes) -> str:
    """Where a file is."""
    path = f"/api/v1/files/0/{uuid.uuid4().hex}/artifacts/a b/ü.txt".replace(" ", "%20").replace("ü", "%C3%BC")
    assert http.send("PUT", path, data).status == 200
    return path


RANGES: dict[str, tuple[str, slice]] = {
    "the first bytes": ("bytes=0-3", slice(0, 4)),
    "one byte": ("bytes=5-5", slice(5, 6)),
    "the last bytes": ("bytes=-3", slice(-3, None)),
    "from a byte to the end": ("bytes=4-", slice(4, None)),
    "beyond the end": ("bytes=7-99999999", slice(7, None)),
    "all of it": ("bytes=0-", slice(0, None)),
    "more than there is from the end": ("bytes=-999999999", slice(-999_999_999, None)),
}
MEANINGLESS: dict[str, str] = {
    "a list, which may be ignored": "bytes=0-1,3-4",
    "another unit": "lines=1-2",
    "no numbers": "bytes=a-b",
    "digits of another script": "bytes=٣-".encode().decode("latin-1"),
    "a number too many": "bytes=1-2-3",
    "nothing": "bytes=",
}


@pytest.mark.parametrize("asked, part", RANGES.values(), ids=list(RANGES))
def test_a_range_is_answered_with_that_part(http: Api, path: str, data: bytes, asked: str, part: slice) -> None:
    answer = http.send("GET", path, None, {"Range": asked})
    expected = data[part]
    start, end, _ = part.indices(len(data))
    assert (answer.status, answer.body) == (206, expected)
    assert answer.headers["accept-ranges"] == "bytes"
    assert answer.headers["content-length"] == str(len(expected))
    assert answer.headers["content-range"] == f"bytes {start}-{end - 1}/{len(data)}"


@pytest.mark.parametrize("asked", MEANINGLESS.values(), ids=list(MEANINGLESS))
def test_a_range_that_means_nothing_here_is_answered_with_the_whole(
    http: Api, path: str, data: bytes, asked: str
) -> None:
    answer = http.send("GET", path, None, {"Range": asked})
    assert (answer.status, answer.body) == (200, data)
    assert "content-range" not in answer.headers


@pytest.mark.parametrize("asked", ["bytes={n}-", "bytes={n}-{n}", "bytes=-0", "bytes=3-1"])
def test_a_range_that_the_file_does_not_have_is_refused_with_its_size(
    http: Api, path: str, data: bytes, asked: str
) -> None:
    answer = http.send("GET", path, None, {"Range": asked.format(n=len(data))})
    assert (answer.status, answer.body) == (416, b"")
    assert answer.headers["content-range"] == f"bytes */{len(data)}"


def test_an_empty_file_is_read_whole_and_has_no_range(http: Api) -> None:
    path = f"/api/v1/files/0/{uuid.uuid4().hex}/artifacts/empty"
    assert http.send("PUT", path, b"").status == 200
    assert (http.send("GET", path).status, http.send("GET", path).body) == (200, b"")
    assert http.send("GET", path, None, {"Range": "bytes=0-"}).status == 416


def test_a_file_that_a_client_has_is_not_sent_again(http: Api, path: str, data: bytes) -> None:
    etag = http.send("GET", path).headers["etag"]
    assert etag == f'"{hashlib.sha256(data).hexdigest()}"'
    for known in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        answer = http.send("GET", path, None, {"If-None-Match": known})
        assert (answer.status, answer.body, answer.headers["etag"]) == (304, b"", etag), known
        assert "content-length" not in answer.headers
    for other in ('"other"', etag.strip('"'), ""):
        assert http.send("GET", path, None, {"If-None-Match": other}).status == 200, other
    assert http.send("PUT", path, b"changed").status == 200
    assert http.send("GET", path, None, {"If-None-Match": etag}).body == b"changed"


def test_a_part_of_a_file_that_has_changed_is_not_sent(http: Api, path: str, data: bytes) -> None:
    etag = http.send("GET", path).headers["etag"]
    part = {"Range": "bytes=4-", "If-Range": etag}
    assert http.send("GET", path, None, part).status == 206
    assert http.send("PUT", path, data + b"more").status == 200
    answer = http.send("GET", path, None, part)
    assert (answer.status, answer.body) == (200, data + b"more")


def test_head_tells_what_get_would_and_knows_no_ranges(http: Api, path: str, data: bytes) -> None:
    get, head = http.send("GET", path), http.send("HEAD", path)
    assert (head.status, head.body) == (200, b"")
    volatile = ("date", "x-request-id")
    assert [(k, v) for k, v in sorted(head.headers.items()) if k not in volatile] == [
        (k, v) for k, v in sorted(get.headers.items()) if k not in volatile
    ]
    ranged = http.send("HEAD", path, None, {"Range": "bytes=0-3"})
    assert (ranged.status, ranged.headers["content-length"]) == (200, str(len(data)))
    assert http.send("HEAD", f"{path}x").status == 404


def test_a_body_with_another_digest_than_announced_changes_nothing(http: Api, path: str, data: bytes) -> None:
    other = data[::-1]
    right, wrong = hashlib.sha256(other).hexdigest(), hashlib.sha256(data).hexdigest()
    answer = http.send("PUT", path, other, {"X-Content-SHA256": wrong})
    assert (answer.status, answer.json["error"]["code"]) == (400, "invalid_input")
    assert http.send("GET", path).body == data
    assert http.send("PUT", path, other, {"X-Content-SHA256": right.upper()}).status == 200
    assert http.send("GET", path).body == other


def test_an_upload_whose_client_goes_away_changes_nothing(http: Api, server_port: int, path: str, data: bytes) -> None:
    for head in (b"Content-Length: 500000\r\n\r\n" + b"x" * 300_000, b"Transfer-Encoding: chunked\r\n\r\n1000\r\nxyz"):
        with connect(server_port) as wire:
            wire.send(f"PUT {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n".encode() + head)
    assert http.send("PUT", f"{path}.after", b"x").status == 200
    assert http.send("GET", path).body == data


def test_a_folder_comes_as_an_archive(http: Api, path: str, data: bytes) -> None:
    folder = path.removeprefix("/api/v1/files/").rpartition("/artifacts/")[0] + "/artifacts"
    answer = http.send("GET", f"/api/v1/archives/{folder}")
    assert answer.status == 200
    assert answer.headers["content-disposition"].replace('"', "") == "attachment; filename=artifacts.zip"
    with zipfile.ZipFile(BytesIO(answer.body)) as archive:
        assert archive.namelist() == ["a b/ü.txt"]
        assert archive.read("a b/ü.txt") == data


def read_bytes(pid: int) -> int:
    """Return how many bytes a process has read from files and sockets."""
    lines = Path(f"/proc/{pid}/io").read_text().splitlines()
    return int(dict(line.split(": ") for line in lines)["rchar"])


@pytest.mark.parametrize("route", ["files", "archives"])
def test_a_download_ends_when_its_client_goes_away(tmp_path: Path, route: str) -> None:
    size = 80 * 1024 * 1024
    with run_server(tmp_path) as server:
        place = "0/run/artifacts" if route == "archives" else "0/run/artifacts/large.bin"
        with connect(server.port) as wire:
            wire.send(b"PUT /api/v1/files/0/run/artifacts/large.bin HTTP/1.1\r\nHost: 127.0.0.1\r\n")
            wire.send(f"Content-Length: {size}\r\n\r\n".encode())
            block = bytes(1 << 20)
            for _ in range(size // len(block)):
                wire.send(block)
            assert wire.read_answer()[0] == 200
        before = read_bytes(server.process.pid)
        with connect(server.port, receive_bytes=16_384) as wire:
            wire.send(f"GET /api/v1/{route}/{place} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
            assert wire.read_line().startswith(b"HTTP/1.1 200")
            wait_until(lambda: open_blobs(server.process.pid, tmp_path))
        wait_until(lambda: not open_blobs(server.process.pid, tmp_path))
        assert read_bytes(server.process.pid) - before < size / 4


def open_blobs(pid: int, folder: Path) -> list[str]:
    """Return the files below the artifact root that a process has open."""
    found = []
    for handle in os.listdir(f"/proc/{pid}/fd"):
        try:
            found.append(os.readlink(f"/proc/{pid}/fd/{handle}"))
        except FileNotFoundError:  # closed meanwhile
            continue
    return [path for path in found if path.startswith(str(folder / "artifacts"))]


def test_a_page_is_previewed_in_a_sandbox_that_reaches_nothing(http: Api) -> None:
    folder = f"0/{uuid.uuid4().hex}/artifacts"
    for name, data in {"a.html": b"<h1>A</h1>", "a.svg": b"<svg/>"}.items():
        assert http.send("PUT", f"/api/v1/files/{folder}/{name}", data).status == 200
    answer = http.send("GET", f"/api/v1/previews/{folder}/a.html")
    policy = answer.headers["content-security-policy"]
    assert (answer.status, answer.body) == (200, b"<h1>A</h1>")
    assert policy.startswith("sandbox allow-scripts; default-src 'none'")
    assert not [
        word for word in ("allow-same-origin", "allow-popups", "http", "'self';", "connect-src") if word in policy
    ]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert http.send("GET", f"/api/v1/previews/{folder}/a.svg").status == 400
    assert http.send("GET", f"/api/v1/previews/{folder}/b.html").status == 404
