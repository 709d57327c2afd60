"""The web UI's files as the server gives them out, with a folder that stands for what was built."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from trackway.http.messages import BodyMemory, HttpRequest, HttpResponse
from trackway.server import static

DOCUMENT = b"<!doctype html><title>Trackway</title>" + b" " * 500
SCRIPT = b"console.log(1)" * 100
Send = Callable[..., HttpResponse]


@pytest.fixture
def built(tmp_path: Path) -> Path:
    folder = tmp_path / "static"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_bytes(DOCUMENT)
    (folder / "assets/main-1a2b.js").write_bytes(SCRIPT)
    (folder / "assets/main-1a2b.js.gz").write_bytes(b"as gzip")
    (folder / "secret.key").write_bytes(b"of no type that is served")
    return folder


def send(folder: Path, path: str, **headers: str) -> HttpResponse:
    """Send a request to the route of a path and return what it answers."""
    routes = {route.path: route for route in static.list_routes(folder)}
    found = [
        route for pattern, route in routes.items() if re.fullmatch(re.sub(r"\\\{.*?\}", ".+", re.escape(pattern)), path)
    ]
    assert len(found) == 1, path
    scope = {"type": "http", "method": "GET", "path": path, "query_string": b""}
    scope["headers"] = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    answering = found[0].handler(HttpRequest(scope, None, BodyMemory()), None)  # type: ignore[arg-type]
    with pytest.raises(StopIteration) as ended:  # nothing that is awaited there waits
        answering.__await__().__next__()
    answer = ended.value.value
    assert isinstance(answer, HttpResponse)
    return answer


@pytest.mark.parametrize(
    "path", ["/", "/experiments", "/experiments/1", "/runs/abc/artifacts/a/b.txt", "/models/a%2Fb/versions/3"]
)
def test_every_address_of_a_page_is_the_document_asked_for_each_time(built: Path, path: str) -> None:
    answer = send(built, path)
    assert (answer.status, answer.body, answer.content_type) == (200, DOCUMENT, b"text/html; charset=utf-8")
    headers = dict(answer.headers)
    assert headers[b"cache-control"] == b"no-cache"
    assert b"'unsafe" not in headers[b"content-security-policy"]
    assert b"http" not in headers[b"content-security-policy"]
    again = send(built, path, if_none_match=headers[b"etag"].decode())
    assert (again.status, again.body) == (304, b"")


@pytest.mark.parametrize(
    "accepted, coding, body",
    [
        ("", None, SCRIPT),
        ("gzip", b"gzip", b"as gzip"),
        ("deflate, gzip;q=0.5, br", b"gzip", b"as gzip"),
        ("br, gzip;q=0", None, SCRIPT),
        ("zstd", None, SCRIPT),
    ],
)
def test_an_asset_is_kept_for_ever_and_comes_as_small_as_the_client_takes_it(
    built: Path, accepted: str, coding: bytes | None, body: bytes
) -> None:
    answer = send(built, "/assets/main-1a2b.js", accept_encoding=accepted)
    headers = dict(answer.headers)
    assert (headers.get(b"content-encoding"), answer.body) == (coding, body)
    assert headers[b"cache-control"] == b"public, max-age=31536000, immutable"
    assert headers[b"vary"] == b"accept-encoding"


def test_forms_of_an_asset_have_tags_of_their_own(built: Path) -> None:
    tags = {
        dict(send(built, "/assets/main-1a2b.js", accept_encoding=coding).headers)[b"etag"] for coding in ("", "gzip")
    }
    assert len(tags) == 2


def test_nothing_but_the_files_of_a_page_is_served(built: Path) -> None:
    paths = {route.path for route in static.list_routes(built)}
    assert "/secret.key" not in paths
    assert "/index.html" not in paths
    assert {path for path in paths if "main" in path} == {"/assets/main-1a2b.js"}


def test_a_server_whose_pages_are_not_built_says_what_to_do(tmp_path: Path) -> None:
    answer = send(tmp_path / "nothing", "/experiments/1")
    assert answer.status == 503
    assert b"make ui" in bytes(answer.body)  # type: ignore[arg-type]
