"""What a process logs to: the runs that are active in each thread, and the experiment of those to come.

It is kept apart from how runs are started and ended, so that what only asks is not kept waiting for that.
"""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, NamedTuple

from trackway.sdk import settings

if TYPE_CHECKING:
    from trackway.sdk.runs import ActiveRun

LAUNCHED = "TRACKWAY_PROJECT_JOBS"
"""Variable that a process has which was launched as a project."""


class _Stack(threading.local):
    """The active runs of one thread, the innermost last, and the model that its points belong to."""

    def __init__(self) -> None:
        self.runs: list[ActiveRun] = []
        self.model_id: str | None = settings.get("TRACKWAY_ACTIVE_MODEL_ID") or None


STACK = _Stack()


class Chosen(NamedTuple):
    """The experiment of new runs, by id or (when that is empty) by name; both empty for the default one."""

    experiment_id: str
    name: str


def active_run() -> ActiveRun | None:
    """Return this thread's innermost active run."""
    return STACK.runs[-1] if STACK.runs else None


def get_chosen() -> Chosen:
    """Return the experiment of new runs: as ``set_experiment`` chose, else as the environment says.

    The choice is kept in TRACKWAY_EXPERIMENT_ID or TRACKWAY_EXPERIMENT_NAME, so that child processes share it.
    """
    for prefix in ("TRACKWAY", "MLFLOW"):
        experiment_id = os.environ.get(f"{prefix}_EXPERIMENT_ID", "")
        name = os.environ.get(f"{prefix}_EXPERIMENT_NAME", "")
        if experiment_id or name:
            return Chosen("" if name else experiment_id, name)
    return Chosen("", "")
