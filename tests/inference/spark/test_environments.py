"""Environments that executors make for real, with an index: by uv, and by py-rattler from a channel in a folder."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.environments.channel import write_channel
from tests.inference.spark.programs import run_program

pytestmark = pytest.mark.spark
UV = Path(__file__).parents[3] / ".venvs" / "uv" / "bin" / "uv"
"""Where `make` puts uv."""
MODEL = """
import json, os, sys
import emoji, sklearn
from trackway import models, pyfunc
class Model(pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        here = [sys.prefix, os.getpid(), sklearn.__version__, emoji.__version__]
        return [json.dumps([int(one), *here]) for one in model_input.id]
models.set_model(Model())
"""
PROGRAM = """
import importlib.util
import json
import os
import sys
from pathlib import Path

import sklearn
from pyspark.sql import SparkSession

from trackway import models
from trackway.models.signature import Signature, columns

manager, code, variables = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
assert importlib.util.find_spec("emoji") is None and sklearn.__version__ != "1.7.2", "the executors have what is asked"
signature = Signature(inputs=columns(id="long"), outputs=columns(x="string"))
needs = ["scikit-learn==1.7.2", "emoji==2.14.1"]
models.save_model(code, "model", signature=signature, pip_requirements=needs)
settings = {
    "spark.ui.enabled": "false",
    "spark.cores.max": "2",
    "spark.task.maxFailures": "1",
    "spark.driver.host": "127.0.0.1",
    "spark.scheduler.minRegisteredResourcesRatio": "1.0",  # both executors are there when the first task begins
    "spark.scheduler.maxRegisteredResourcesWaitingTime": "300s",
    **{f"spark.executorEnv.{name}": value for name, value in variables.items()},
}
spark = SparkSession.builder.master("local-cluster[2,1,1024]").config(map=settings).getOrCreate()
predict = models.spark_udf(spark, "model", trust=True, env_manager=manager)
frame = spark.range(400).repartition(4)
print(json.dumps([[json.loads(row.x) for row in frame.select(predict("id").alias("x")).collect()] for _ in range(2)]))
"""


@pytest.mark.parametrize(("manager", "step"), [("uv", "venv "), ("conda", "pip install ")])
def test_packages_that_executors_lack_are_made_once_for_all_their_tasks(
    manager: str, step: str, tmp_path: Path
) -> None:
    calls, cache = tmp_path / "calls", tmp_path / "made"
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "uv").write_text(f'#!/bin/sh\necho "$@" >> {calls}\nexec {UV} "$@"\n')
    (tmp_path / "bin" / "uv").chmod(0o755)
    (tmp_path / "code.py").write_text(MODEL)
    variables = {
        "PATH": f"{tmp_path / 'bin'}:/usr/bin:/bin",
        "TRACKWAY_CACHE_DIR": str(cache),
        "TRACKWAY_CONDA_CHANNELS": f"conda-forge={write_channel(tmp_path / 'channel')}",
        "RATTLER_CACHE_DIR": str(tmp_path / "packages"),
        "UV_PYTHON_DOWNLOADS": "never",
    }
    said = run_program(PROGRAM, tmp_path, manager, str(tmp_path / "code.py"), json.dumps(variables))
    rounds = json.loads(said.splitlines()[-1])
    for rows in rounds:
        assert sorted(row[0] for row in rows) == list(range(400))
        assert {tuple(row[3:]) for row in rows} == {("1.7.2", "2.14.1")}
    places = {row[1] for rows in rounds for row in rows}
    assert places == {str(path.parent) for path in (cache / "environments").glob("*/.complete")}
    assert len(places) == 1
    assert len({row[2] for row in rounds[0]}) == 2, "each executor has asked"
    assert len([line for line in calls.read_text().splitlines() if line.startswith(step)]) == 1
    assert ("conda-meta" in {path.name for path in Path(places.pop()).iterdir()}) == (manager == "conda")
