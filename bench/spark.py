"""Predictions in Spark, beside MLflow's function of columns and the library by itself: ``python -m bench.spark``.

Each product has a process and a Spark of its own with two threads; they take turns. Rows are made by Spark and thrown
away by its ``noop`` sink, so that a figure is the way to the model and back. The first pass, which starts workers and
loads the model, is not counted. The environments: ``make .venvs/spark/.complete .venvs/mlflow-spark/.complete``.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
from pathlib import Path

ROWS = 1_000_000
ROUNDS = 3
PROBE = """
import json, os, sys, tempfile, time, warnings
warnings.filterwarnings("ignore")
os.environ["PYSPARK_PYTHON"] = sys.executable
import numpy as np, pandas as pd
from pyspark.sql import SparkSession, functions
from sklearn.linear_model import LinearRegression
names = ["a", "b", "c", "d"]
rows = pd.DataFrame(np.random.default_rng(0).random((100_000, 4)), columns=names)
native = LinearRegression().fit(rows, rows.sum(axis=1))
spark = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false").getOrCreate()
spark.sparkContext.setLogLevel("ERROR")
table = spark.range(ROWS).select(*(functions.rand(i).alias(name) for i, name in enumerate(names)))
folder = os.path.join(tempfile.mkdtemp(), "model")
def measure(result):
    times = []
    for _ in range(3):
        started = time.perf_counter()
        result.write.format("noop").mode("overwrite").save()
        times.append(time.perf_counter() - started)
    return ROWS / min(times[1:])
found = {}
BODY
started = time.perf_counter()
for _ in range(10):
    native.predict(rows)
found["the library alone, one thread"] = 10 * len(rows) / (time.perf_counter() - started)
print(json.dumps(found))
"""
BODIES = {
    "spark": """
from trackway import models
models.save_model(native, folder, input_example=rows.head(2))
found["trackway predict_dataframe"] = measure(models.predict_dataframe(folder, table, keep=[]))
found["trackway spark_udf"] = measure(table.select(models.spark_udf(spark, folder)(*names)))
""",
    "mlflow-spark": """
import mlflow
mlflow.sklearn.save_model(native, folder, input_example=rows.head(2), serialization_format="cloudpickle")
found["mlflow spark_udf"] = measure(table.select(mlflow.pyfunc.spark_udf(spark, folder, env_manager="local")(*names)))
""",
}


def main() -> None:
    """Measure, and print one table."""
    found: dict[str, list[float]] = {}
    for _ in range(ROUNDS):
        for name, body in BODIES.items():
            python = Path(".venvs", name, "bin", "python").absolute()
            program = PROBE.replace("BODY", body).replace("ROWS", str(ROWS))
            environment = {**os.environ, "SPARK_LOCAL_IP": "127.0.0.1"}
            done = subprocess.run(
                [python, "-c", program], capture_output=True, text=True, check=True, timeout=600, env=environment
            )
            for path, figure in json.loads(done.stdout.splitlines()[-1]).items():
                found.setdefault(path, []).append(figure)
    print(f"Spark, local[2], {ROWS:,} rows of 4 columns, linear regression, medians of {ROUNDS} rounds")
    peer = statistics.median(found["mlflow spark_udf"])
    for path, figures in found.items():
        figure = statistics.median(figures)
        print(f"  {path:30} {figure:12,.0f} rows/s {figure / peer:6.2f} x MLflow's function")


if __name__ == "__main__":
    main()
