"""What logging costs the training process: the SDK beside MLflow's, each in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections import Counter
from functools import partial

from bench.rows import Row, Scale, Target
from bench.servers import Server, get_python

LIMIT_S = 100
PROBE = """
import json, os, time
started = time.perf_counter()
import {module} as sdk
imported_ms = (time.perf_counter() - started) * 1e3
imported_mb = int(open("/proc/self/statm").read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6
sdk.set_experiment("bench")
starts = []
for _ in range(5):
    started = time.perf_counter()
    sdk.start_run()
    starts.append((time.perf_counter() - started) * 1e3)
    sdk.log_metric("warm", 0.0, step=0)
    if len(starts) < 5:
        sdk.end_run()
times = []
end = time.perf_counter() + {seconds}
while time.perf_counter() < end or len(times) < 100:
    started = time.perf_counter()
    sdk.log_metric("m", 0.5, step=len(times))
    times.append((time.perf_counter() - started) * 1e6)
sdk.end_run()
times.sort()
print(json.dumps({{
    "import_ms": imported_ms, "import_mb": imported_mb, "start_ms": sorted(starts)[2],
    "median_us": times[len(times) // 2], "p99_us": times[int(len(times) * 0.99)],
}}))
"""


async def probe(figure: str, server: Server, scale: Scale) -> float:
    """Return a figure of the script with a server's own SDK; all figures of one turn are of the same process."""
    turns = server.state.setdefault("sdk_turns", Counter())
    probes = server.state.setdefault("sdk_probes", [])
    turns[figure] += 1
    if turns[figure] > len(probes):
        probes.append(_run_probe(server, scale))
    return float(probes[turns[figure] - 1][figure])


def _run_probe(server: Server, scale: Scale) -> dict[str, float]:
    with tempfile.TemporaryDirectory(prefix="bench-sdk-") as folder:
        store = folder if server.is_ours else f"sqlite:///{folder}/mlflow.db"
        script = PROBE.format(module=server.name, seconds=scale.seconds)
        environment = {**os.environ, "MLFLOW_TRACKING_URI": store, "MLFLOW_DISABLE_TELEMETRY": "true"}
        environment |= {"TRACKWAY_TRACKING_URI": folder}
        command = [get_python(server.name), "-c", script]
        done = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=LIMIT_S
        )
    if done.returncode:
        raise RuntimeError(f"The script with {server.name} failed: {done.stderr[-2000:]}")
    return dict(json.loads(done.stdout.splitlines()[-1]))


_BOTH = ("trackway", "mlflow")
# fmt: off
ROWS = [
    Row("sdk_median", "SDK: log_metric, median", "us", partial(probe, "median_us"), Target(most=10), _BOTH, falls=True),
    Row("sdk_p99", "SDK: log_metric, slowest 1 %", "us", partial(probe, "p99_us"), Target(most=200), _BOTH, falls=True),
    Row("sdk_start", "SDK: start_run", "ms", partial(probe, "start_ms"), Target(most=20), _BOTH, falls=True),
    Row("sdk_import", "SDK: import", "ms", partial(probe, "import_ms"), Target(most=100), _BOTH, falls=True),
    Row("sdk_memory", "SDK: memory, imported", "MB", partial(probe, "import_mb"), Target(most=40), _BOTH, falls=True),
]
# fmt: on
