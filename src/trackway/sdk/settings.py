"""What the environment can tell the SDK: one table of variables, read when they are asked for.

A variable that MLflow's clients know too is read under both names, ours first, so that a machine set up for them works.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import NamedTuple

from trackway.base.errors import InvalidInput


class Variable(NamedTuple):
    """An environment variable: its name, what MLflow calls it (or nothing), its value when neither is set, its help."""

    name: str
    mlflow_name: str
    default: str
    help: str


VARIABLES = (
    Variable("TRACKWAY_TRACKING_URI", "MLFLOW_TRACKING_URI", "", "where to log: http(s)://, postgresql://, sqlite:///, a folder"),
    Variable("TRACKWAY_WORKSPACE", "MLFLOW_WORKSPACE", "", "workspace of the server, for addresses that name none; empty for the caller's own default"),
    Variable("TRACKWAY_TRACKING_TOKEN", "MLFLOW_TRACKING_TOKEN", "", "token sent to the server"),
    Variable("TRACKWAY_TRACKING_USERNAME", "MLFLOW_TRACKING_USERNAME", "", "user name sent to the server"),
    Variable("TRACKWAY_TRACKING_PASSWORD", "MLFLOW_TRACKING_PASSWORD", "", "password sent to the server"),
    Variable("TRACKWAY_TRACKING_CA", "MLFLOW_TRACKING_SERVER_CERT_PATH", "", "file of certificates to trust"),
    Variable("TRACKWAY_TRACKING_CLIENT_CERT", "MLFLOW_TRACKING_CLIENT_CERT_PATH", "", "file with a client certificate and key"),
    Variable("TRACKWAY_TRACKING_INSECURE_TLS", "MLFLOW_TRACKING_INSECURE_TLS", "false", "trust any certificate"),
    Variable("TRACKWAY_RETRY_S", "", "30", "seconds for which a call that waits for its answer is tried again"),
    Variable("TRACKWAY_ANSWER_S", "", "120", "seconds after which a server's answer to one call must be whole, and a file's have begun; 0 for no limit"),
    Variable("TRACKWAY_EXPERIMENT_NAME", "MLFLOW_EXPERIMENT_NAME", "", "experiment to log to, by name"),
    Variable("TRACKWAY_EXPERIMENT_ID", "MLFLOW_EXPERIMENT_ID", "", "experiment to log to, by id"),
    Variable("TRACKWAY_RUN_ID", "MLFLOW_RUN_ID", "", "run that start_run resumes"),
    Variable("TRACKWAY_RUN_NAME", "MLFLOW_RUN_NAME", "", "name of the run that start_run starts"),
    Variable("TRACKWAY_ACTIVE_MODEL_ID", "MLFLOW_ACTIVE_MODEL_ID", "", "logged model that metrics belong to"),
    Variable("TRACKWAY_JOURNAL_DIR", "", "", "folder of journals; by default in a local store's folder, else the user's state folder"),
    Variable("TRACKWAY_JOURNAL_BYTES", "", "1073741824", "most bytes of records that a process keeps until delivered"),
    Variable("TRACKWAY_STAGED_BYTES", "", "17179869184", "most bytes of files that a process keeps until delivered"),
    Variable("TRACKWAY_FINISH_S", "", "30", "seconds for which the end of a run waits for delivery"),
    Variable("TRACKWAY_STRICT", "", "false", "raise what is otherwise counted and warned of"),
    Variable("TRACKWAY_PROGRESS", "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "true", "say on a terminal or in a notebook how far long transfers are"),
    Variable("TRACKWAY_CACHE_DIR", "", "", "folder of fetched models, environments and repositories; by default in the user's cache folder"),
    Variable("TRACKWAY_CONDA_CHANNELS", "", "conda-forge,defaults", "channels that environments may be made from, each NAME or NAME=ADDRESS"),
    Variable("TRACKWAY_CONTAINER_ENGINE", "", "", "docker or podman, for projects in containers; by default the first that is there"),
    Variable("TRACKWAY_ENVIRONMENT_DAYS", "", "30", "days for which an environment that nobody asks for is kept"),
    Variable("TRACKWAY_KEEP_CHANGES", "", "true", "keep with a run what its work tree holds beside the commit, so that it can be reproduced"),
    Variable("TRACKWAY_SYSTEM_METRICS", "MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING", "false", "log how busy the machine is"),
)  # fmt: skip
"""Every variable that the SDK reads."""

_BY_NAME: Mapping[str, Variable] = {variable.name: variable for variable in VARIABLES}


def get(name: str) -> str:
    """Return the value of a variable of the table: as set under our name, else under MLflow's, else its default."""
    variable = _BY_NAME[name]
    mlflow = os.environ.get(variable.mlflow_name, "") if variable.mlflow_name else ""
    return os.environ.get(name) or mlflow or variable.default


def get_number(name: str) -> float:
    """Return the value of a variable as a number of at least 0.

    raises: InvalidInput
    """
    text = get(name)
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not number >= 0:
        raise InvalidInput(f"{name} is {text[:40]!r}", hint="it must be a number of at least 0")
    return number


def get_switch(name: str) -> bool:
    """Return whether a variable is switched on.

    raises: InvalidInput unless it is true, false, 1, 0, yes, no, on or off
    """
    text = get(name).lower()
    if text in ("true", "1", "yes", "on"):
        return True
    if text in ("false", "0", "no", "off"):
        return False
    raise InvalidInput(f"{name} is {text[:40]!r}", hint="it must be true or false")


def get_addresses(name: str) -> dict[str, str]:
    """Return the value of a variable as names, each with its address or nothing: ``NAME,NAME=ADDRESS``."""
    parts = [part.strip().partition("=") for part in get(name).split(",")]
    return {given.strip(): address.strip() for given, _, address in parts if given.strip()}


def check() -> None:
    """Look at every variable now, so that a malformed one is told before training begins.

    raises: InvalidInput
    """
    for variable in VARIABLES:
        if variable.default in ("true", "false"):
            get_switch(variable.name)
        elif variable.default.isdigit():
            get_number(variable.name)
