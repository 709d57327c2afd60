"""A secret that was given is nowhere to be read again: not in an answer, a log, an error, the database or a file."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.services.mlflow_api import Api
from tests.services.trackway_server import run_server
from tests.services.waiting import wait_until
from tests.webhooks.receivers import run_receiver

CANARY = "canary-4f1d93c2b7a85e06"
ENCODED = (
    CANARY.encode(),
    base64.b64encode(CANARY.encode()).rstrip(b"="),
    CANARY.encode().hex().encode(),
    CANARY.encode("utf-16-le"),
)
SCRIPT = """
import trackway as tw
with tw.start_run() as run:
    tw.log_metric("loss", 0.5)
tw.flush()
"""
NEW = {"name": "ci", "events": ["registered_model.created"], "secret": CANARY}


def find(data: bytes) -> list[bytes]:
    return [text for text in ENCODED if text in data]


def test_a_secret_is_nowhere_to_be_read_again(tmp_path: Path) -> None:
    answers: list[bytes] = []
    with (
        run_receiver() as receiver,
        run_server(tmp_path, "--access-log", "--webhook-networks", "127.0.0.1") as server,
    ):
        api = Api(server.port)

        def send(method: str, path: str, body: object = None) -> Any:
            answer = api.send(method, path, None if body is None else json.dumps(body).encode())
            answers.append(answer.body + repr(answer.headers).encode())
            return answer.json if answer.body.startswith(b"{") else None

        webhook_id = send("POST", "/api/v1/webhooks", NEW | {"url": receiver.url})["webhook_id"]
        path = f"/api/v1/webhooks/{webhook_id}"
        send("PATCH", path, {"secret": CANARY, "name": "cd"})
        send("PATCH", path, {"secret": CANARY, "name": "not a name!"})
        send("PATCH", path, {"secret": CANARY * 1_000})
        send("PATCH", path, {"secret": [CANARY]})
        send("POST", "/api/v1/webhooks", NEW | {"url": f"http://{CANARY}@example.org/"})
        send("POST", "/api/v1/webhooks", NEW | {"url": receiver.url, "events": [f"run.{webhook_id}"]})
        send("POST", "/api/2.0/mlflow/webhooks", NEW | {"url": receiver.url, "events": []})
        send("POST", f"{path}/test", {})
        send("POST", "/api/v1/registered-models", {"name": "churn"})
        wait_until(lambda: len(receiver.received) == 2)
        for read in (
            path,
            "/api/v1/webhooks",
            f"{path}/deliveries",
            "/api/v1/audit",
            "/api/2.0/mlflow/webhooks",
            "/metrics",
        ):
            send("GET", read)
        environment = os.environ | {
            "TRACKWAY_TRACKING_URI": f"http://127.0.0.1:{server.port}",
            "TRACKWAY_TOKEN": CANARY,
            "TRACKWAY_MASTER_KEY": CANARY,
            "MLFLOW_TRACKING_PASSWORD": CANARY,
            "MLFLOW_TRACKING_TOKEN": CANARY,
            "XDG_STATE_HOME": str(tmp_path / "state"),
        }
        script = [sys.executable, "-c", SCRIPT, "--password", CANARY, f"--db=mysql://u:{CANARY}@h/x"]
        done = subprocess.run(script, env=environment, cwd=tmp_path, capture_output=True, timeout=120, check=True)
        answers += [done.stdout, done.stderr]
    assert [number for number, answer in enumerate(answers) if find(answer)] == []
    kept = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert {"log", "t.db", "master.key"} <= {path.name for path in kept}
    assert [path for path in kept if find(path.read_bytes())] == []
    assert all(not find(one.body + repr(one.headers).encode()) for one in receiver.received)
