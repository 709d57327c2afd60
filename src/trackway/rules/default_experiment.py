"""Where a run belongs that names no experiment."""

from __future__ import annotations

from trackway.api.calls import Call
from trackway.api.runs import CreateRun

NUMBER = "0"
"""The default workspace's, which every database begins with."""
NAME = "Default"
"""That of any other workspace, which is made by the first run that needs it."""
_HOME = "default"


def name_experiment(call: Call, q: CreateRun) -> str:
    """Return the name of the experiment that a new run belongs to; empty where an id says it."""
    if q.experiment_name or q.experiment_id or call.workspace == _HOME:
        return q.experiment_name
    return NAME
