"""Projects: code packaged once, and run anywhere as a run that says what it was made of."""

from __future__ import annotations

from trackway.base.errors import ExecutionFailed
from trackway.projects.launch import run
from trackway.projects.running import ProjectRun

SubmittedRun = ProjectRun
ExecutionException = ExecutionFailed

__all__ = ["ExecutionException", "ProjectRun", "SubmittedRun", "run"]
