"""MLflow's clients with a server that has people sign in: by name and password, by token, and its own users API."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.server.access import PASSWORD
from tests.services.peers import peer_python
from tests.services.trackway_server import run_trackway

SCRIPT = Path(__file__).with_name("auth_script.py")
TIMEOUT_S = 180


@pytest.fixture
def uri(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("MLFLOW_AUTH_ADMIN_USERNAME", "root")
    monkeypatch.setenv("MLFLOW_AUTH_ADMIN_PASSWORD", PASSWORD)
    with run_trackway(tmp_path, "--auth") as port:
        yield f"http://127.0.0.1:{port}"


def run(python: str, *command: str, **variables: str) -> str:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MLFLOW_")}
    environment |= {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1"} | variables
    done = subprocess.run(
        [python, *command], env=environment, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
    )
    assert done.returncode == 0, done.stderr[-3_000:]
    return done.stdout


@pytest.mark.parametrize("peer", ["mlflow-2.22", pytest.param("mlflow-server", marks=pytest.mark.slow)])
def test_its_client_of_users_and_permissions_finds_what_it_knows(peer: str, uri: str, tmp_path: Path) -> None:
    out = tmp_path / "facts.json"
    signed = {"MLFLOW_TRACKING_USERNAME": "root", "MLFLOW_TRACKING_PASSWORD": PASSWORD}
    run(peer_python(peer), str(SCRIPT), uri, PASSWORD, str(out), **signed)
    facts: dict[str, Any] = json.loads(out.read_text())
    first = {"given": [True, True, "READ"], "given again": "RESOURCE_ALREADY_EXISTS", "model": "MANAGE"}
    first |= {"shown": [1, 1], "gone": "RESOURCE_DOES_NOT_EXIST"}
    assert facts == {
        "made": ["bob", False, True],
        "again": "RESOURCE_ALREADY_EXISTS",
        "nobody": "RESOURCE_DOES_NOT_EXIST",
        "hidden": "RESOURCE_DOES_NOT_EXIST",
        "list": 0,
        "self": "bob",
        "others": "PERMISSION_DENIED",
        "create": "PERMISSION_DENIED",
        "seen": True,
        "write": "PERMISSION_DENIED",
        "registry": "done",
        "written": "done",
        "delete": "PERMISSION_DENIED",
        "hidden again": "RESOURCE_DOES_NOT_EXIST",
        "admin": True,
        "deleted": "UNAUTHENTICATED",
        **(first if peer == "mlflow-2.22" else {}),
    }


@pytest.mark.slow
def test_its_client_of_roles_finds_what_it_knows(uri: str, tmp_path: Path) -> None:
    out = tmp_path / "facts.json"
    signed = {"MLFLOW_TRACKING_USERNAME": "root", "MLFLOW_TRACKING_PASSWORD": PASSWORD}
    run(peer_python("mlflow-server"), str(SCRIPT.with_name("roles_script.py")), uri, PASSWORD, str(out), **signed)
    assert json.loads(out.read_text()) == {
        "made": ["ops", "default", "who is called at night", []],
        "again": "RESOURCE_ALREADY_EXISTS",
        "missing": "RESOURCE_DOES_NOT_EXIST",
        "updated": ["night", "at night", "night"],
        "given": [True, "experiment", True, "READ"],
        "given again": "RESOURCE_ALREADY_EXISTS",
        "pattern": "ch*",
        "denied": "INVALID_PARAMETER_VALUE",
        "unknown kind": "INVALID_PARAMETER_VALUE",
        "listed": [["experiment", "READ"], ["registered_model", "MANAGE"]],
        "hidden": "RESOURCE_DOES_NOT_EXIST",
        "others": ["PERMISSION_DENIED", "PERMISSION_DENIED"],
        "assigned": [True, True],
        "assigned again": "RESOURCE_ALREADY_EXISTS",
        "assigned to nobody": "RESOURCE_DOES_NOT_EXIST",
        "users": [True],
        "roles": ["night"],
        "seen": True,
        "write": "PERMISSION_DENIED",
        "registry": "done",
        "changed": "EDIT",
        "written": "done",
        "removed": "RESOURCE_DOES_NOT_EXIST",
        "registry then": "RESOURCE_DOES_NOT_EXIST",
        "unassigned": "RESOURCE_DOES_NOT_EXIST",
        "hidden again": "RESOURCE_DOES_NOT_EXIST",
        "all": [["night"], ["night"]],
        "deleted": "RESOURCE_DOES_NOT_EXIST",
    }


@pytest.mark.parametrize(
    "peer", ["mlflow-3.17", *(pytest.param(f"mlflow-{old}", marks=pytest.mark.slow) for old in ("1.30", "2.22"))]
)
def test_a_client_logs_with_a_token(peer: str, uri: str) -> None:
    signed = {"TRACKWAY_TRACKING_USERNAME": "root", "TRACKWAY_TRACKING_PASSWORD": PASSWORD}
    done = subprocess.run(
        ["trackway", "tokens", "create", "ci", "--uri", uri, "--json"],
        env=os.environ | signed | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    code = (
        "import mlflow; mlflow.set_experiment('e')\n"
        "with mlflow.start_run() as run:\n"
        "    mlflow.log_metric('m', 1.0); mlflow.log_text('hello', 'a.txt')\n"
        "print(mlflow.tracking.MlflowClient().get_run(run.info.run_id).data.metrics)"
    )
    variables = {"MLFLOW_TRACKING_URI": uri, "MLFLOW_TRACKING_TOKEN": json.loads(done.stdout)["secret"]}
    assert "{'m': 1.0}" in run(peer_python(peer), "-c", code, **variables)


WORKSPACE_SCRIPT = """
import sys
import mlflow
mlflow.set_experiment("cameras")
with mlflow.start_run() as run:
    mlflow.log_metric("loss", 0.5)
    mlflow.log_text("bytes", "a.txt")
print(run.info.run_id)
print(mlflow.artifacts.load_text(run.info.artifact_uri + "/a.txt") if hasattr(mlflow, "artifacts") else "bytes")
"""


@pytest.mark.parametrize(
    ("peer", "way"),
    [
        ("mlflow-1.30", "path"),
        ("mlflow-2.22", "path"),
        ("mlflow-3.17", "path"),
        ("mlflow-3.17", "header"),
    ],
)
def test_its_clients_work_in_a_workspace(peer: str, way: str, uri: str) -> None:
    signed = {"MLFLOW_TRACKING_USERNAME": "root", "MLFLOW_TRACKING_PASSWORD": PASSWORD}
    trackway = [sys.executable, "-m", "trackway"]
    ours = {"TRACKWAY_TRACKING_URI": uri, "TRACKWAY_TRACKING_USERNAME": "root", "TRACKWAY_TRACKING_PASSWORD": PASSWORD}
    run(trackway[0], *trackway[1:], "workspaces", "create", "vision", **ours)
    where = {"MLFLOW_TRACKING_URI": f"{uri}/w/vision"}
    if way == "header":
        where = {"MLFLOW_TRACKING_URI": uri, "MLFLOW_WORKSPACE": "vision"}
    run_id, text = run(peer_python(peer), "-c", WORKSPACE_SCRIPT, **signed, **where).split()[-2:]
    assert text == "bytes"
    shown = run(trackway[0], *trackway[1:], "runs", "get", run_id, "--json", "--workspace", "vision", **ours)
    assert json.loads(shown)["run_id"] == run_id
    listed = json.loads(run(trackway[0], *trackway[1:], "experiments", "list", "--json", **ours))
    assert [one["name"] for one in listed] == ["Default"]
