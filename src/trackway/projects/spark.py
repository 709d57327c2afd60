"""The backend that runs a job by ``spark-submit``, so that its SparkSession is on the cluster that was configured.

The driver is a process group of this machine, in the project's environment, and ends as one. What Spark submits is a
small program that becomes the command, whatever that is.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from trackway.base.errors import InvalidInput, NotSupported
from trackway.projects import spark_command
from trackway.projects.backends import Job, Sink
from trackway.projects.local import GRACE_S, LocalBackend, LocalHandle
from trackway.projects.remote import read_options

PROGRAM: Final = "spark-submit"
_VALUED: Final = (
    *("master", "driver_memory", "driver_cores", "executor_memory", "executor_cores", "num_executors"),
    *("total_executor_cores", "queue", "repositories"),
)
"""Settings that become the option of the same name."""
_LISTED: Final = ("packages", "exclude_packages", "py_files", "files", "jars", "archives")
"""Those whose values are lists."""
_RUNNER: Final = Path(spark_command.__file__)


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The configuration of the backend; all of it is optional.

    master, driver_memory, driver_cores, executor_memory, executor_cores, num_executors, total_executor_cores, queue,
    repositories: as spark-submit has them
    packages, exclude_packages, py_files, files, jars, archives: the same, as lists
    conf:        properties of Spark by name
    deploy_mode: ``client``: the driver runs here; a driver in the cluster is refused, with the master's reason
    python:      interpreter that executors run; that of the driver when left out
    spark_home:  folder of a distribution of Spark; else the ``spark-submit`` that the project's environment has
    options:     a list of further options, such as ``["--verbose"]``
    grace_s:     seconds between SIGTERM and SIGKILL when it is cancelled
    """

    master: str | None = None
    driver_memory: str | None = None
    driver_cores: int | None = None
    executor_memory: str | None = None
    executor_cores: int | None = None
    num_executors: int | None = None
    total_executor_cores: int | None = None
    queue: str | None = None
    repositories: str | None = None
    packages: tuple[str, ...] = ()
    exclude_packages: tuple[str, ...] = ()
    py_files: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    jars: tuple[str, ...] = ()
    archives: tuple[str, ...] = ()
    conf: dict[str, str | int | float | bool] = {}
    deploy_mode: str = "client"
    python: str = ""
    spark_home: str = ""
    options: tuple[str, ...] = ()
    grace_s: float = GRACE_S


class SparkBackend:
    """Runs jobs by ``spark-submit``; see ``Options`` for its configuration."""

    name = "spark"

    def check(self, config: Mapping[str, Any]) -> None:
        options = _read_options(config)
        LocalBackend().check({"grace_s": options.grace_s})

    def preview(self, job: Job) -> str:
        return LocalBackend().preview(_wrap(job))

    def submit(self, job: Job, sink: Sink) -> LocalHandle:
        return LocalBackend().submit(_wrap(job), sink)


def _wrap(job: Job) -> Job:
    """Return the job of this machine that submits another to Spark.

    raises: InvalidInput; NotSupported for a project in a container
    """
    options = _read_options(job.config)
    if job.surroundings.docker is not None:
        raise NotSupported("spark-submit is not started in containers", hint="choose --env-manager uv, conda or local")
    program = str(Path(options.spark_home, "bin", PROGRAM)) if options.spark_home else PROGRAM
    if options.spark_home and shutil.which(program) is None:
        raise InvalidInput(f"There is no {PROGRAM} in {options.spark_home}/bin", hint="spark_home is Spark's folder")
    words = [program, "--name", f"{job.name or job.folder.name} {job.run_id}", "--deploy-mode", "client"]
    for name in (*_VALUED, *_LISTED):
        value = getattr(options, name)
        if value is not None and value != ():
            words += [f"--{name.replace('_', '-')}", ",".join(value) if isinstance(value, tuple) else str(value)]
    for key, value in options.conf.items():
        words += ["--conf", f"{key}={str(value).lower() if isinstance(value, bool) else value}"]
    variables = dict(job.variables)
    python = str(job.surroundings.python or "")
    if options.python or python:
        variables |= {"PYSPARK_PYTHON": options.python or python, "PYSPARK_DRIVER_PYTHON": python or options.python}
    command = (*words, *options.options, str(_RUNNER), *job.command)
    return msgspec.structs.replace(job, command=command, variables=variables, config={"grace_s": options.grace_s})


def _read_options(config: Mapping[str, Any]) -> Options:
    """Check a configuration.

    raises: InvalidInput; NotSupported for a driver elsewhere
    """
    options = read_options(config, Options, "spark")
    if options.deploy_mode == "cluster":
        raise _refuse_cluster(options.master or "")
    if options.deploy_mode != "client":
        raise InvalidInput(f"deploy_mode is {options.deploy_mode[:40]!r}", hint="it is client when left out")
    if not all(word.startswith("-") for word in options.options):
        raise InvalidInput(f"options is {list(options.options)!r}", hint='options of spark-submit, as ["--verbose"]')
    for name in (*_VALUED, *_LISTED):
        value = getattr(options, name)
        for word in value if isinstance(value, tuple) else (value,):
            if word is not None and (not str(word) or str(word).startswith("-") or "\0" in str(word)):
                raise InvalidInput(f"{name} is {word!r}", hint="a value as spark-submit takes it")
    return options


def _refuse_cluster(master: str) -> NotSupported:
    """Return why there is no driver in the cluster of a master."""
    kind, _, _ = master.partition("://" if "://" in master else "[")
    if kind == "yarn" or kind == "k8s":
        return NotSupported(
            f"With a driver in the cluster of {master[:100]!r}, a run could be neither followed nor cancelled:"
            " spark-submit hands it over, and its output stays in the cluster",
            hint="leave deploy_mode out; the kubernetes backend runs a project, driver and all, in a cluster",
        )
    said = f"The master {master[:100]!r}" if master else "Spark's own master"
    return NotSupported(
        f"{said} runs no Python program as a driver in the cluster: Spark has that on YARN and Kubernetes alone",
        hint="leave deploy_mode out",
    )
