"""Spark, in an environment of its own: a run that leaves it out does not even import these files."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.environments import stand_ins
from tests.environments.stand_ins import write_program

ROWS = 400


@pytest.fixture(scope="session")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of what executors use: a stand-in for uv, which writes down how it is called, and their cache."""
    folder = tmp_path_factory.mktemp("machine")
    write_program(folder / "bin" / "uv", stand_ins.UV)
    return folder


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory, machine: Path) -> Iterator[Any]:
    """Two executors, each a process of Java of its own with its own Python workers; batches are of 50 rows."""
    from pyspark.sql import SparkSession

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYSPARK_PYTHON", sys.executable)
        settings = {
            "spark.ui.enabled": "false",
            "spark.cores.max": "2",
            "spark.task.maxFailures": "1",
            "spark.driver.host": "127.0.0.1",
            "spark.sql.shuffle.partitions": "2",
            "spark.sql.execution.arrow.maxRecordsPerBatch": "50",
            "spark.sql.session.timeZone": "UTC",
            "spark.sql.warehouse.dir": str(tmp_path_factory.mktemp("warehouse")),
            "spark.executorEnv.PATH": f"{machine / 'bin'}:{os.environ['PATH']}",
            "spark.executorEnv.TRACKWAY_CACHE_DIR": str(machine / "cache"),
        }
        session = SparkSession.builder.master("local-cluster[2,1,1024]").config(map=settings).getOrCreate()
        yield session
        session.stop()


@pytest.fixture(scope="session")
def rows() -> pd.DataFrame:
    random = np.random.default_rng(0)
    return pd.DataFrame({"a": random.random(ROWS), "b": random.random(ROWS), "id": np.arange(ROWS)})


@pytest.fixture(scope="session")
def frame(spark: Any, rows: pd.DataFrame) -> Any:
    return spark.createDataFrame(rows).repartition(4).cache()
