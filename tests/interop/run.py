"""Start clients in processes of their own."""

from __future__ import annotations

import json
import os
import subprocess
import uuid
from pathlib import Path
from typing import Any

from tests.interop.play import SCRIPTS, load_script, to_plain

PLAY = Path(__file__).with_name("play.py")
NAMES = tuple(path.stem for path in sorted(SCRIPTS.glob("*.py")))
TIMEOUT_S = 300


def play(python: str, module: str, uri: str, folder: Path, names: tuple[str, ...] = NAMES) -> dict[str, Any]:
    """Return what each script read back through a module that logs to an address."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MLFLOW_", "TRACKWAY_"))}
    environment |= {
        "MLFLOW_TRACKING_URI": uri,
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
        "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "GIT_PYTHON_REFRESH": "quiet",
    }
    command = [python, str(PLAY), module, uuid.uuid4().hex[:12], *names]
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
    )
    assert done.returncode == 0, done.stderr[-4000:]
    read: dict[str, Any] = {}
    for line in done.stdout.splitlines():
        if line.startswith('{"'):
            read |= json.loads(line)
    return read


def expected(name: str) -> Any:
    """Return what a script must have read back."""
    return json.loads(json.dumps(to_plain(load_script(name).EXPECTED)))
