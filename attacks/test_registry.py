"""The chain from a stored place to a read file: an experiment, a run, a registered model, a version, get-artifact."""

from __future__ import annotations

import json
import uuid
from typing import Any
from urllib.parse import quote

import pytest

from attacks.conftest import Answer, Target

API = "/api/2.0/mlflow"
PLACES = (
    "/etc",
    "//proc/self/root",
    "etc",
    ".//etc",
    "./etc",
    ":///etc",
    "file:etc",
    "file:/etc",
    "file:///etc",
    "FILE:///etc",
    "file://./etc",
    "file://host/../../../../etc",
    "file:///etc#x",
    "http:///#/../../../../etc/",
    "http:///;/../../../../etc/",
    "http://169.254.169.254/latest",
    "https://inside:8443/x",
    "ftp://evil/a",
    "sftp://evil/a",
    "hdfs://evil/a",
    "viewfs://evil/a",
    "r2://evil/a",
    "b2://evil/a",
    "abfss://box@evil/a",
    "s3://user@evil/x",
    "s3://evil:9000/x",
    "s3://bucket/../../etc",
    "s3://bucket/%2e%2e/etc",
    "s3://bucket/%252e%252e/etc",
    "s3://bucket\\@evil/etc",
    "mlflow-artifacts://evil/a",
    "mlflow-artifacts:/../../etc",
    "mlflow-artifacts:/0/victim/artifacts/../../../secret.txt",
    "mlflow-artifacts:/0/other/artifacts",
    "runs:/victim/../../secret.txt",
    "runs:/other/x",
    "models:/../../etc",
    "models:/m-" + "f" * 32,
    "dbfs://evil/a",
    "C:\\windows",
    "\\\\host\\share",
    "\uff0e\uff0e/etc",
    "x" * 10_000,
)
TAGS: tuple[list[dict[str, str]], ...] = ([], [{"key": "mlflow.prompt.is_prompt", "value": "true"}])
INSIDE = (
    "../secret.txt",
    "../../secret.txt",
    "%2e%2e/secret.txt",
    "%252e%252e%252fsecret.txt",
    "/etc/passwd",
    "..\\x",
    "a/../../x",
)


def post(target: Target, path: str, fields: dict[str, Any], method: str = "POST") -> Answer:
    return target.send(method, API + path, json.dumps(fields))


@pytest.fixture(scope="module")
def name(target: Target) -> str:
    """A registered model with no versions, and a run that versions may come from."""
    assert target.send("POST", "/api/v1/runs", '{"run_id": "victim", "if_exists": "return"}').status == 200
    made = f"model-{uuid.uuid4().hex}"
    assert post(target, "/registered-models/create", {"name": made}).status == 200
    return made


@pytest.mark.parametrize("run_id", ["", "victim", "unknown"])
@pytest.mark.parametrize("tags", TAGS, ids=["plain", "called a prompt"])
@pytest.mark.parametrize("source", PLACES, ids=lambda place: f"{place[:40]} {len(place)}")
def test_a_version_comes_from_no_place_that_a_client_makes_up(
    target: Target, name: str, source: str, tags: list[dict[str, str]], run_id: str
) -> None:
    answer = post(target, "/model-versions/create", {"name": name, "source": source, "run_id": run_id, "tags": tags})
    target.check_safe(answer)
    assert answer.status in (400, 404), answer
    read = target.send("GET", f"/model-versions/get-artifact?name={name}&version=1&path=passwd")
    target.check_safe(read)
    assert read.status == 404, "nothing was stored"


def test_a_place_that_is_there_and_one_that_is_not_are_refused_alike(target: Target, name: str) -> None:
    answers = {
        post(target, "/model-versions/create", {"name": name, "source": source}).body
        for source in ("/etc/passwd", "/etc/no-such-file")
    }
    assert len(answers) == 1


@pytest.mark.parametrize("path", INSIDE)
def test_a_path_below_a_version_leads_nowhere_else(target: Target, path: str) -> None:
    made = f"model-{uuid.uuid4().hex}"
    assert post(target, "/registered-models/create", {"name": made}).status == 200
    version = {"name": made, "source": "runs:/victim/model", "run_id": "victim"}
    assert post(target, "/model-versions/create", version).status == 200
    answer = target.send("GET", f"/model-versions/get-artifact?name={made}&version=1&path={quote(path, safe='%')}")
    target.check_safe(answer)
    assert answer.status == 400, answer


def test_a_place_in_a_bucket_is_kept_and_never_fetched(target: Target) -> None:
    made = f"model-{uuid.uuid4().hex}"
    assert post(target, "/registered-models/create", {"name": made}).status == 200
    assert post(target, "/model-versions/create", {"name": made, "source": "s3://bucket/model"}).status == 200
    answer = target.send("GET", f"/model-versions/get-artifact?name={made}&version=1&path=MLmodel")
    target.check_safe(answer)
    assert answer.status == 501


@pytest.mark.parametrize(
    "bad", ["my%6Dodel", "%2e%2e", "..", ".", "a/b", "a\\b", "a:b", "a\u0000b", "a\nb", "x" * 1_000_000]
)
def test_a_name_means_one_thing_in_every_address(target: Target, bad: str) -> None:
    answer = post(target, "/registered-models/create", {"name": bad})
    target.check_safe(answer)
    assert answer.status == 400, answer


@pytest.mark.parametrize("version", ["1' OR 1=1 --", "*", "-1", "1.5", "9" * 40, "٣", "\u0000", "../1", "[1]"])
@pytest.mark.parametrize(
    "route",
    ["/api/v1/registered-models/{name}/versions/{version}", API + "/model-versions/get?name={name}&version={version}"],
)
def test_a_version_is_a_number_or_not_there(target: Target, name: str, route: str, version: str) -> None:
    answer = target.send("GET", route.format(name=name, version=quote(version, safe="")))
    target.check_safe(answer)
    assert answer.status in (400, 404), answer
