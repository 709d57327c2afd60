"""Paths that lead elsewhere, on every route that takes one."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from attacks.conftest import Target

PATHS = (
    "../secret.txt",
    "../../secret.txt",
    "a/../../secret.txt",
    "a/..",
    "..%2fsecret.txt",
    "%2e%2e/secret.txt",
    "%2e%2e%2fsecret.txt",
    "%252e%252e%252fsecret.txt",
    "%25252e%25252e%25252fsecret.txt",
    ".%2e/secret.txt",
    "....//secret.txt",
    "..\\secret.txt",
    "..%5csecret.txt",
    "%c0%ae%c0%ae/secret.txt",
    "%e0%80%ae%e0%80%ae/secret.txt",
    "\uff0e\uff0e/secret.txt",
    "/etc/passwd",
    "//etc/passwd",
    "///etc/passwd",
    "%2fetc%2fpasswd",
    "/proc/self/root/etc/passwd",
    "C:/windows/win.ini",
    "C:x",
    "C:/x.txt::$DATA",
    "\\\\host\\share",
    "x%00.txt",
    "../data-evil/secret.txt",
    "a" * 300 + "/b",
    "/".join("a" * 300),
    "a" * 5000,
)
READS = (
    ("GET", "/api/2.0/mlflow-artifacts/artifacts/{raw}"),
    ("GET", "/ajax-api/2.0/mlflow-artifacts/artifacts/{raw}"),
    ("DELETE", "/api/2.0/mlflow-artifacts/artifacts/{raw}"),
    ("GET", "/api/v1/files/{raw}"),
    ("DELETE", "/api/v1/files/{raw}"),
    ("GET", "/api/v1/archives/{raw}"),
    ("GET", "/static-files/{raw}"),
    ("GET", "/assets/{raw}"),
)
WRITES = (
    ("PUT", "/api/2.0/mlflow-artifacts/artifacts/{raw}"),
    ("PUT", "/api/v1/files/{raw}"),
    ("POST", "/api/v1/uploads/{raw}"),
)
QUERIES = (
    "/api/2.0/mlflow-artifacts/artifacts?path={raw}",
    "/get-artifact?run_uuid={run}&path={raw}",
    "/api/2.0/mlflow/artifacts/list?run_id={run}&path={raw}",
)


@pytest.fixture(scope="module")
def run_id(target: Target) -> str:
    """Start a run to attack."""
    assert target.send("POST", "/api/v1/runs", '{"run_id": "victim", "if_exists": "return"}').status == 200
    return "victim"


def write(path: str) -> str:
    """Write a path into a request line: what HTTP forbids there is encoded, nothing else."""
    return quote(path, safe="/%.\\:~") if not path.isascii() or "\\" in path else path


@pytest.mark.parametrize("path", PATHS, ids=lambda path: f"{path[:30]} {len(path)}")
@pytest.mark.parametrize("method, route", READS)
def test_a_path_that_leads_elsewhere_finds_nothing(target: Target, method: str, route: str, path: str) -> None:
    answer = target.send(method, route.format(raw=write(path)))
    target.check_safe(answer)
    assert answer.status in (400, 404, 405) or (method, answer.status) in (("DELETE", 200), ("GET", 200)), answer
    if answer.status == 200:
        assert answer.body in (b"", b"{}") or b'"files":0' in answer.body or answer.body.startswith(b"PK\x05\x06")


@pytest.mark.parametrize("path", PATHS, ids=lambda path: f"{path[:30]} {len(path)}")
@pytest.mark.parametrize("method, route", WRITES)
def test_a_path_that_leads_elsewhere_is_not_written(target: Target, method: str, route: str, path: str) -> None:
    answer = target.send(method, route.format(raw=write(path)), b"attack")
    target.check_safe(answer)
    assert answer.status in (400, 404, 405), answer


@pytest.mark.parametrize("path", PATHS, ids=lambda path: f"{path[:30]} {len(path)}")
@pytest.mark.parametrize("route", QUERIES)
def test_a_path_in_a_query_is_held_to_the_same_rule(target: Target, run_id: str, route: str, path: str) -> None:
    answer = target.send("GET", route.format(raw=quote(path, safe="%"), run=run_id))
    target.check_safe(answer)
    assert answer.status in (400, 404) or b"path" not in answer.body, answer
