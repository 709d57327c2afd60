"""How long a project takes to start beside its script alone: ours, and MLflow's, in turn, with cached environments.

Start is the time until the script's first line is read; whole is until the command has ended and all is recorded.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.services.peers import peer_python

ROUNDS = 3
SCRIPT = "import time\nprint(time.time(), flush=True)\n"


def measure(command: Sequence[str], variables: Mapping[str, str], folder: Path) -> tuple[float, float]:
    """Return seconds until the script ran, and until the command had ended."""
    begin_s = time.time()
    done = subprocess.run(
        command, cwd=folder, env={**os.environ, **variables}, capture_output=True, text=True, check=True
    )
    whole_s = time.time() - begin_s
    (line,) = [line for line in done.stdout.splitlines() if line[:1].isdigit()]
    return float(line) - begin_s, whole_s


def main() -> None:
    """Print the medians of a few rounds."""
    with tempfile.TemporaryDirectory(prefix="bench-projects-") as scratch:
        folder = Path(scratch)
        (folder / "project").mkdir()
        (folder / "project" / "MLproject").write_text("entry_points: {main: {command: python now.py}}")
        (folder / "project" / "now.py").write_text(SCRIPT)
        mlflow = Path(peer_python("mlflow-3.17"))
        path = f"{mlflow.parent}{os.pathsep}{os.environ['PATH']}"
        contenders = {
            "python now.py": ([sys.executable, "project/now.py"], {}),
            "trackway run": (
                [sys.executable, "-m", "trackway", "run", "project"],
                {"TRACKWAY_TRACKING_URI": str(folder / "tracks")},
            ),
            "mlflow run --env-manager local": (
                [str(mlflow), "-m", "mlflow", "run", "project", "--env-manager", "local"],
                {
                    "MLFLOW_TRACKING_URI": f"sqlite:///{folder}/mlflow.db",
                    "MLFLOW_DISABLE_TELEMETRY": "true",
                    "PATH": path,
                },
            ),
        }
        for command, variables in contenders.values():
            measure(command, variables, folder)
        times: dict[str, list[tuple[float, float]]] = {name: [] for name in contenders}
        for _ in range(ROUNDS):
            for name, (command, variables) in contenders.items():
                times[name].append(measure(command, variables, folder))
        for name, measured in times.items():
            start_s, whole_s = (statistics.median(column) for column in zip(*measured, strict=True))
            print(f"{name:32} start {start_s:6.2f} s  whole {whole_s:6.2f} s")


if __name__ == "__main__":
    main()
