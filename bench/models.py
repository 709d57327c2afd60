"""What the wrapper around a model costs, beside MLflow's, and how fast files are predicted: ``python -m bench.models``.

Every figure is a ratio of one sitting: the library by itself and the wrapper take turns in one process, and the
processes of the products take turns, too.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.servers import get_python, run_server

ROUNDS = 3
FILE_ROWS = 300_000
COLUMNS = 10
PROBE = """
import json, time, warnings
warnings.filterwarnings("ignore")
import numpy as np, pandas as pd
from sklearn.linear_model import LinearRegression
rows = pd.DataFrame(np.random.default_rng(0).random((100_000, 30)), columns=["c" + str(i) for i in range(30)])
native = LinearRegression().fit(rows, rows.sum(axis=1))
{load}
def time_pair(rows, times):
    raw, wrapped = [], []
    for _ in range(times):
        for function, found in ((native.predict, raw), (model.predict, wrapped)):
            started = time.perf_counter()
            function(rows)
            found.append(time.perf_counter() - started)
    return min(raw), min(wrapped)
one, many = time_pair(rows.head(1), 500), time_pair(rows, 15)
print(json.dumps({{"one_us": (one[1] - one[0]) * 1e6, "many": many[1] / many[0]}}))
"""
LOADS = {
    "trackway": """
import tempfile, os
from trackway import models
folder = os.path.join(tempfile.mkdtemp(), "model")
models.save_model(native, folder, input_example=rows.head(2))
model = models.load_model(folder)
""",
    "mlflow": """
import tempfile, os, mlflow
folder = os.path.join(tempfile.mkdtemp(), "model")
mlflow.sklearn.save_model(native, folder, input_example=rows.head(2), serialization_format="cloudpickle")
model = mlflow.pyfunc.load_model(folder)
""",
}


LOADING = """
import json, time, warnings
warnings.filterwarnings("ignore")
import numpy as np, pandas as pd, skops.io
from sklearn.linear_model import LinearRegression
import trackway as tw
from trackway.sdk.model_files import fetch_model
rows = pd.DataFrame(np.random.default_rng(0).random((100, 30))).add_prefix("c")
with tw.start_run():
    native = LinearRegression().fit(rows, rows.sum(axis=1))
    tw.sklearn.log_model(native, name="m", input_example=rows.head(2), registered_model_name="bench")
tw.MlflowClient().set_registered_model_alias("bench", "champion", 1)
address = "models:/bench@champion"
file = fetch_model(address) / "model.skops"
def load():
    skops.io.load(file, trusted=skops.io.get_untrusted_types(file=file))
times = {"own": [], "version": []}
for _ in range(50):
    for name, function in (("own", load), ("version", lambda: tw.load_model(address))):
        started = time.perf_counter()
        function()
        times[name].append(time.perf_counter() - started)
print(json.dumps({name: min(found) * 1e3 for name, found in times.items()}))
"""


def main() -> None:
    """Measure, and print one table."""
    found: dict[str, list[dict[str, float]]] = {name: [] for name in LOADS}
    for _ in range(ROUNDS):
        for name, load in LOADS.items():
            python = sys.executable if name == "trackway" else str(get_python(name))
            done = subprocess.run(
                [python, "-c", PROBE.format(load=load)], capture_output=True, text=True, check=True, timeout=300
            )
            found[name].append(json.loads(done.stdout.splitlines()[-1]))
    print("The wrapper over the library, linear regression with 30 columns, medians of", ROUNDS, "rounds")
    for name, figures in found.items():
        one = statistics.median(figure["one_us"] for figure in figures)
        many = statistics.median(figure["many"] for figure in figures)
        print(f"  {name:9} one row: {one:7.1f} us more   100,000 rows: {many:6.3f} x the library's time")
    print("Targets: at most 30 us, at most 1.05 x")
    measure_loading()
    measure_files()


def measure_loading() -> None:
    """Load a version by its alias from a warm cache, and what the library loads of it by itself, by turns."""
    print("A version by its alias from a warm cache, linear regression with 30 columns, best of 50")
    with tempfile.TemporaryDirectory() as place, run_server("trackway") as server:
        for where, store in (
            ("a store in the process", f"{place}/tracks"),
            ("a server on loopback", f"http://{server.address.host}:{server.address.port}"),
        ):
            variables = {"TRACKWAY_TRACKING_URI": store, "TRACKWAY_CACHE_DIR": f"{place}/cache"}
            command = [sys.executable, "-c", LOADING]
            done = subprocess.run(
                command, capture_output=True, text=True, check=True, timeout=300, env={**os.environ, **variables}
            )
            found = json.loads(done.stdout.splitlines()[-1])
            more = found["version"] - found["own"]
            print(f"  {where:23} {found['version']:5.2f} ms, {more:5.2f} ms more than the library's own load")
    print("Target: at most 5 ms more")


def measure_files() -> None:
    """Predict a file with ``predict_file``, and with the library by hand, by turns."""
    import numpy as np
    import pandas as pd
    from sklearn.linear_model import LinearRegression

    from trackway import models

    rows = pd.DataFrame(np.random.default_rng(0).random((FILE_ROWS, COLUMNS))).add_prefix("c")
    native = LinearRegression().fit(rows, rows.sum(axis=1))
    print(f"Files of {FILE_ROWS:,} rows of {COLUMNS} columns, beside pandas and the library in chunks of 25,000 rows")
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        models.save_model(native, folder / "model", input_example=rows.head(2))
        model = models.load_model(folder / "model")
        for suffix in ("csv", "parquet", "jsonl"):
            given, output = folder / f"in.{suffix}", folder / f"out.{suffix}"
            _write(rows, given)
            by_hand = _take_turns(
                lambda given=given, output=output: _predict_by_hand(native, given, output),
                lambda given=given, output=output: models.predict_file(model, given, output, overwrite=True),
            )
            print(f"  {suffix:8} {FILE_ROWS / by_hand[1]:11,.0f} rows/s, {by_hand[0] / by_hand[1]:5.2f} x by hand")
    print("Target: at least 0.8 x")


def _take_turns(*functions: Callable[[], Any]) -> list[float]:
    times: list[list[float]] = [[] for _ in functions]
    for _ in range(ROUNDS):
        for function, found in zip(functions, times, strict=True):
            started = time.perf_counter()
            function()
            found.append(time.perf_counter() - started)
    return [statistics.median(found) for found in times]


def _write(rows: Any, path: Path) -> None:
    if path.suffix == ".csv":
        rows.to_csv(path, index=False)
    elif path.suffix == ".parquet":
        rows.to_parquet(path)
    else:
        rows.to_json(path, orient="records", lines=True, double_precision=15)


def _predict_by_hand(native: Any, given: Path, output: Path) -> None:
    import pandas as pd
    from pyarrow import parquet

    if given.suffix == ".parquet":
        parts = [batch.to_pandas() for batch in parquet.ParquetFile(given).iter_batches(25_000)]
        pd.concat([pd.DataFrame({"prediction": native.predict(part)}) for part in parts]).to_parquet(output)
        return
    read = (
        pd.read_csv(given, chunksize=25_000)
        if given.suffix == ".csv"
        else pd.read_json(given, lines=True, chunksize=25_000)
    )
    with output.open("w") as file:
        for number, part in enumerate(read):
            scored = pd.DataFrame({"prediction": native.predict(part)})
            if given.suffix == ".csv":
                scored.to_csv(file, index=False, header=number == 0)
            else:
                scored.to_json(file, orient="records", lines=True, double_precision=15)


if __name__ == "__main__":
    main()
