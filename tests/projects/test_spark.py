"""The backend of Spark: on PySpark's own local cluster, every night; and what needs none."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.projects.folders import MakeProject, read_run, read_run_file
from trackway.base.errors import InvalidInput, NotSupported
from trackway.base.ids import new_id
from trackway.projects import run
from trackway.projects.backends import Backend, Job, Surroundings, load_backend
from trackway.projects.spark import SparkBackend
from trackway.testing.backends import BackendContract

QUIET = {"spark.ui.enabled": False, "spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1"}


@pytest.mark.spark
class TestSparkBackend(BackendContract):
    merges_streams = True

    @pytest.fixture
    def backend(self, monkeypatch: pytest.MonkeyPatch) -> Backend:
        monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=":")
        return load_backend("spark")

    @pytest.fixture
    def config(self) -> dict[str, Any]:
        return {"master": "local[1]", "conf": QUIET}


@pytest.mark.spark
def test_a_projects_session_is_on_the_cluster_that_was_named(store: Path, make_project: MakeProject) -> None:
    code = """
import os, sys
from pyspark.sql import SparkSession
spark = SparkSession.builder.getOrCreate()
print("master", spark.sparkContext.master, "conf", spark.conf.get("spark.sql.shuffle.partitions"))
print("sum", spark.sparkContext.parallelize(range(100), 4).map(lambda x: x * 2).sum(), sys.argv[1:])
"""
    config = {"master": "local-cluster[2,1,1024]", "conf": {**QUIET, "spark.sql.shuffle.partitions": 3}}
    done = run(
        str(make_project(main__py=code)),
        "main.py",
        parameters={"a": "$(id) b"},
        backend="spark",
        backend_config=config,
        env_manager="local",
    )
    told = read_run_file(done.run_id, "logs/stdout.log")
    assert "master local-cluster[2,1,1024] conf 3\n" in told
    assert "sum 9900 ['--a', '$(id) b']\n" in told
    assert read_run(done.run_id).tags["mlflow.project.backend"] == "spark"


def preview(folder: Path, config: dict[str, Any], **fields: Any) -> str:
    job = Job(run_id=new_id(), command=("python", "x.py"), folder=folder, config=config, **fields)
    SparkBackend().check(config)
    return SparkBackend().preview(job)


def test_settings_become_options(tmp_path: Path) -> None:
    config = {
        "master": "spark://head:7077",
        "executor_memory": "2g",
        "num_executors": 4,
        "packages": ["org.example:one:1", "org.example:two:2"],
        "py_files": ["lib.zip"],
        "conf": {"spark.speculation": True, "spark.x": "a b"},
        "options": ["--verbose"],
    }
    told = preview(tmp_path, config)
    for part in (
        "--deploy-mode client",
        "--master spark://head:7077",
        "--executor-memory 2g",
        "--num-executors 4",
        "--packages org.example:one:1,org.example:two:2",
        "--py-files lib.zip",
        "--conf spark.speculation=true",
        "--conf 'spark.x=a b'",
    ):
        assert part in told
    assert told.partition("--verbose ")[2].endswith("spark_command.py python x.py\n")


@pytest.mark.parametrize(
    ("config", "error", "said"),
    [
        ({"deploy_mode": "cluster"}, NotSupported, "Spark's own master runs no Python program"),
        ({"deploy_mode": "cluster", "master": "spark://head:7077"}, NotSupported, "'spark://head:7077' runs no Python"),
        ({"deploy_mode": "cluster", "master": "local[2]"}, NotSupported, "'local\\[2\\]' runs no Python"),
        ({"deploy_mode": "cluster", "master": "yarn"}, NotSupported, "'yarn', a run could be neither followed"),
        ({"deploy_mode": "cluster", "master": "k8s://https://h"}, NotSupported, "neither followed nor cancelled"),
        ({"deploy_mode": "moon"}, InvalidInput, "deploy_mode is 'moon'"),
        ({"master": "--verbose"}, InvalidInput, "master is '--verbose'"),
        ({"packages": ["--class"]}, InvalidInput, "packages is '--class'"),
        ({"packages": "one"}, InvalidInput, "packages"),
        ({"options": ["evil.py"]}, InvalidInput, "options is"),
        ({"grace_s": -1}, InvalidInput, "grace_s is -1"),
        ({"spark_home": "/no/such/folder"}, InvalidInput, "no spark-submit in /no/such/folder"),
    ],
    ids=[
        "cluster",
        "standalone",
        "in process",
        "yarn",
        "k8s",
        "mode",
        "master",
        "package",
        "packages",
        "options",
        "grace",
        "home",
    ],
)
def test_a_configuration_that_cannot_be_is_refused(
    tmp_path: Path, config: dict[str, Any], error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        preview(tmp_path, config)


def test_executors_get_the_projects_python_unless_told_otherwise(tmp_path: Path) -> None:
    program = tmp_path / "spark" / "bin" / "spark-submit"
    program.parent.mkdir(parents=True)
    program.write_text('#!/bin/bash\necho "$PYSPARK_DRIVER_PYTHON $PYSPARK_PYTHON"\n')
    program.chmod(0o755)
    home = {"spark_home": str(tmp_path / "spark")}
    around = Surroundings(python=Path(shutil.which("python3") or ""))
    for config, wanted in ((home, around.python), ({**home, "python": "/opt/python"}, "/opt/python")):
        written = bytearray()
        job = Job(run_id=new_id(), command=("python",), folder=tmp_path, surroundings=around, config=config)
        handle = SparkBackend().submit(job, lambda _, data, into=written: into.extend(data))  # type: ignore[misc]
        outcome = handle.wait(60)
        assert outcome is not None
        assert outcome.status == "FINISHED"
        assert written.decode() == f"{around.python} {wanted}\n"
