"""Projects: code packaged once, and run anywhere as a run that says what it was made of.

Everything here is imported when it is first used: the start of a project does not wait for the rest.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trackway.base.errors import ExecutionFailed as ExecutionException
    from trackway.projects.launch import run
    from trackway.projects.reproduction import reproduce
    from trackway.projects.running import ProjectRun
    from trackway.projects.running import ProjectRun as SubmittedRun

__all__ = ["ExecutionException", "ProjectRun", "SubmittedRun", "reproduce", "run"]

_PLACES = {
    "ExecutionException": ("trackway.base.errors", "ExecutionFailed"),
    "ProjectRun": ("trackway.projects.running", "ProjectRun"),
    "SubmittedRun": ("trackway.projects.running", "ProjectRun"),
    "reproduce": ("trackway.projects.reproduction", "reproduce"),
    "run": ("trackway.projects.launch", "run"),
}


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, attribute = _PLACES[name]
    value = globals()[name] = getattr(importlib.import_module(module), attribute)
    return value
