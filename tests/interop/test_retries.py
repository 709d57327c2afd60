"""A client that hears no answer sends again, and leaves what it would have left with the first answer."""

from __future__ import annotations

import json
import os
import subprocess
import uuid
from pathlib import Path

import pytest

from tests.services.cutting import LEFT_BYTES, run_cutting
from tests.services.peers import peer_python

SCRIPT = Path(__file__).with_name("retries.py")
REPEATABLE = {
    "runs/log-metric",
    "runs/log-parameter",
    "runs/set-tag",
    "runs/log-batch",
    "runs/update",
    "experiments/set-experiment-tag",
}


@pytest.mark.parametrize("version", ["1.30", "3.17"])
def test_lost_answers_leave_no_trace(version: str, trackway_port: int, tmp_path: Path) -> None:
    with run_cutting(trackway_port) as front:
        front.cut_paths |= REPEATABLE
        done = subprocess.run(
            [peer_python(f"mlflow-{version}"), str(SCRIPT), uuid.uuid4().hex],
            cwd=tmp_path,
            env={
                **os.environ,
                "MLFLOW_TRACKING_URI": f"http://127.0.0.1:{front.port}",
                "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "4",
                "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "0",
                "MLFLOW_HTTP_REQUEST_BACKOFF_JITTER": "0",
                "MLFLOW_DISABLE_TELEMETRY": "true",
                "GIT_PYTHON_REFRESH": "quiet",
            },
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    assert done.returncode == 0, done.stderr[-4000:]
    assert {path for (path, _), times in front.seen.items() if times > len(LEFT_BYTES)} >= REPEATABLE
    assert json.loads(done.stdout.splitlines()[-1]) == {
        "single": [[1, "0.5"], [2, "nan"]],
        "batch": True,
        "params": {"p": "1", "p0": "x", "p500": "x"},
        "tag": "500",
        "experiment's tag": "1",
        "end": ["FINISHED", 5_000],
        "runs": 1,
    }
