"""Runs the steps of a project: each as soon as what it needs is there, and not at all when its result is there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal, NamedTuple

import msgspec

from trackway.api import limits
from trackway.api import operations as ops
from trackway.api.artifacts import ListFiles
from trackway.api.runs import Run, SearchRuns
from trackway.artifacts.content import digest_content
from trackway.base.errors import InvalidInput, TrackwayError
from trackway.projects.launch import Request, launch
from trackway.projects.recording import RunChoice
from trackway.projects.running import ProjectRun
from trackway.projects.specification import Specification
from trackway.projects.steps.graph import Graph, Reference, Step, fill, list_references
from trackway.projects.steps.keys import digest_step
from trackway.sdk.artifacts import get_run_folder, join_path
from trackway.sdk.client import Client

TAG_STEP: Final = "trackway.step"
"""Of a step's run: its name."""
TAG_KEY: Final = "trackway.step.key"
"""Of a step's run: the digest of all that its result depends on."""
TAG_RESULT: Final = "trackway.step.{}"
"""Of the run of all steps: the run that has a step's result."""
LOOK_S: Final = 0.05
LISTED: Final = limits.SEARCH_PAGE

StepState = Literal["waiting", "running", "finished", "cached", "failed", "killed", "skipped"]
DONE: Final = ("finished", "cached")


class StepResult(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a step, and the run that has its result; ``reason`` when there is none."""

    name: str
    state: StepState
    run_id: str = ""
    key: str = ""
    reason: str = ""


class Before(NamedTuple):
    """What there is of this very execution, from before it was cut off: runs by the names of their steps.

    kept: those that have a step's result
    left: those that did not come to one
    """

    kept: Mapping[str, str] = {}
    left: Mapping[str, str] = {}


class Course(NamedTuple):
    """One execution of a graph: what is run, with which values, and whether results that are there count.

    request:  for every step, but its entry point, parameters and run
    where:    what all results depend on: see ``digest_step``; without it nothing is taken from earlier runs
    """

    specification: Specification
    graph: Graph
    values: Mapping[str, str]
    request: Request
    experiment_id: str
    where: Mapping[str, Any] | None
    parallel: int
    before: Before = Before()


class Pipeline:
    """Runs a graph's steps below the active run of the calling thread."""

    def __init__(self, course: Course, run_id: str) -> None:
        self.results: dict[str, StepResult] = {
            step.name: StepResult(name=step.name, state="waiting") for step in course.graph.steps
        }
        self._course = course
        self._run_id = run_id
        self._client = Client()
        self._active: dict[str, ProjectRun] = {}

    def run(self, only: set[str]) -> None:
        """Run some steps, and what they need; others are left out."""
        for name in self.results.keys() - only:
            self._set(name, state="skipped", reason="was not asked for")
        while True:
            for step in self._course.graph.steps:
                if len(self._active) < self._course.parallel and self._is_ready(step):
                    self._begin(step)
            if not self._active:
                return
            next(iter(self._active.values())).wait(LOOK_S)
            for name, started in list(self._active.items()):
                if started.get_status() != "RUNNING":
                    del self._active[name]
                    self._end(name, started)

    def close(self) -> None:
        """End what is under way."""
        for name, started in self._active.items():
            started.cancel()
            self._set(name, state="killed", run_id=started.run_id)

    def _is_ready(self, step: Step) -> bool:
        return self.results[step.name].state == "waiting" and all(
            self.results[name].state in DONE for name in step.needs
        )

    def _begin(self, step: Step) -> None:
        """Start a step, or take the result that is there."""
        try:
            values, stable = self._find_values(step)
            key = ""
            if self._course.where is not None:
                entry = self._course.specification.get_entry_point(step.entry_point)
                key = digest_step(entry, stable, self._course.where)
                known = self._find_result(key)
            else:
                known = self._find_kept(step)
            if known:
                self._client.ingest(self._run_id, tags={TAG_RESULT.format(step.name): known})
                self._set(step.name, state="cached", run_id=known, key=key)
                return
            choice = RunChoice(name=step.name, experiment_id=self._course.experiment_id)
            started = launch(
                msgspec.structs.replace(
                    self._course.request, entry_point=step.entry_point, parameters=values, choice=choice
                )
            )
        except TrackwayError as error:
            self._set(step.name, state="failed", reason=str(error))
            self._skip_after(step.name)
            return
        self._client.ingest(started.run_id, tags={TAG_STEP: step.name, TAG_KEY: key} if key else {TAG_STEP: step.name})
        self._active[step.name] = started
        self._set(step.name, state="running", run_id=started.run_id, key=key)
        for name in step.list_sources():
            self._client.link_run(started.run_id, "uses", self.results[name].run_id)
        if left := self._course.before.left.get(step.name):
            self._client.link_run(started.run_id, "retry_of", left)

    def _end(self, name: str, started: ProjectRun) -> None:
        status = started.get_status()
        if status == "FINISHED":
            self._client.ingest(self._run_id, tags={TAG_RESULT.format(name): started.run_id})
            self._set(name, state="finished")
            return
        self._set(name, state="killed" if status == "KILLED" else "failed", reason=started.reason)
        self._skip_after(name)

    def _skip_after(self, name: str) -> None:
        for other in self._course.graph.list_after(name):
            if self.results[other].state == "waiting":
                self._set(other, state="skipped", reason=f"needs {name}, which has no result")

    def _set(self, name: str, **fields: Any) -> None:
        self.results[name] = msgspec.structs.replace(self.results[name], **fields)

    def _find_result(self, key: str) -> str:
        """Return the newest run that finished with a key; empty for none."""
        request = SearchRuns(
            experiment_ids=[self._course.experiment_id],
            filter=f"tags.`{TAG_KEY}` = '{key}' AND status = 'FINISHED'",
            limit=1,
        )
        found = self._client.call(ops.SEARCH_RUNS, request).runs
        return found[0].run_id if found else ""

    def _find_kept(self, step: Step) -> str:
        """Return the run that has a step's result from before this execution was cut off; empty for none."""
        same = all(self.results[name].state == "cached" for name in step.needs)
        return self._course.before.kept.get(step.name, "") if same else ""

    def _find_values(self, step: Step) -> tuple[dict[str, str], dict[str, str]]:
        """Return the values of a step's parameters, and what stands for them in its digest.

        An address of an earlier step's run changes with each run; what is found there may be the same.
        """
        real: dict[Reference, str] = {}
        stable: dict[Reference, str] = {}
        for text in step.parameters.values():
            for one in list_references(text):
                if not one.step:
                    if one.key not in self._course.values:
                        raise InvalidInput(f"No value was given for {one.key!r}", hint=f"as in -P {one.key}=VALUE")
                    real[one] = stable[one] = self._course.values[one.key]
                else:
                    real[one], stable[one] = self._look_up(one)
        return (
            {name: fill(text, real) for name, text in step.parameters.items()},
            {name: fill(text, stable) for name, text in step.parameters.items()},
        )

    def _look_up(self, one: Reference) -> tuple[str, str]:
        """Return what a reference to an earlier step stands for, and what of it does not change from run to run."""
        result = self.results[one.step]
        if one.kind == "run_id":
            return result.run_id, f"step {result.key or result.run_id}"
        if one.kind == "artifacts":
            return f"runs:/{result.run_id}/{one.key}", self._digest(result.run_id, one)
        run = self._client.get_run(result.run_id)
        value = _read_value(run, one)
        if value is None:
            raise InvalidInput(f"The run of step {one.step!r} has no {one.kind.removesuffix('s')} {one.key!r}")
        return value, value

    def _digest(self, run_id: str, one: Reference) -> str:
        folder = get_run_folder(self._client, run_id)
        path = join_path(folder, one.key)
        for asked, deep in ((path, True), (path.rpartition("/")[0], False)):
            files = self._client.call(ops.LIST_FILES, ListFiles(folder=asked, recursive=deep, limit=LISTED)).files
            found = [
                (file.path.removeprefix(path), file.sha256 or "")
                for file in files
                if not file.is_dir and (file.path == path or file.path.startswith(f"{path}/"))
            ]
            if found:
                return digest_content(found)
        raise InvalidInput(f"The run of step {one.step!r} has no file {one.key!r}", hint="log it with log_artifact")


def _read_value(run: Run, one: Reference) -> str | None:
    if one.kind == "metrics":
        summary = run.metrics.get(one.key)
        return None if summary is None else repr(summary.last_value)
    return (run.params if one.kind == "params" else run.tags).get(one.key)
