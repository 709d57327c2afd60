"""The steps of a project: a graph of its entry points, run with results that are there taken as they are."""

from __future__ import annotations

import contextlib
import os
from typing import Any, Final

import msgspec

from trackway.base.errors import InvalidInput, NotFound
from trackway.projects.checkouts import Checkout, fetch
from trackway.projects.families import (
    TAG_OWNER,
    check_free,
    describe_owner,
    end_leftovers,
    find_experiment,
    pin_project,
)
from trackway.projects.launch import Request
from trackway.projects.specification import read_specification
from trackway.projects.steps.graph import Graph, read_steps
from trackway.projects.steps.keys import digest_code
from trackway.projects.steps.pipeline import DONE, TAG_RESULT, TAG_STEP, Before, Course, Pipeline, StepResult
from trackway.sdk.artifacts import find_file, get_run_folder, join_path
from trackway.sdk.client import Client
from trackway.sdk.fluent import set_tags
from trackway.sdk.fluent_files import log_dict
from trackway.sdk.runs import end_run, start_run

__all__ = ["StepOptions", "StepResult", "StepsResult", "resume_steps", "run_steps"]

PLAN: Final = "steps.json"
TAG_STEPS: Final = "trackway.steps"
"""Of the run of all steps: their names."""
MOST_PARALLEL: Final = 256


class StepOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How steps are run.

    parameters: values that steps have in common, named ``{NAME}`` there
    only:       steps to run, with what they need; none for all
    parallel:   how many at once
    cache:      take the result of an earlier run whose code, values and data were the same
    version, backend, backend_config, env_manager: as ``trackway run`` takes them
    experiment_name, run_name: of the run of all steps, whose children their runs are
    """

    parameters: dict[str, str] = {}
    only: list[str] = []
    parallel: int = 1
    cache: bool = True
    version: str = ""
    backend: str = "local"
    backend_config: dict[str, Any] = {}
    env_manager: str = ""
    experiment_name: str = ""
    run_name: str = ""


class _Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept of an execution, as the file ``steps.json`` of its run."""

    uri: str
    options: StepOptions


class StepsResult(msgspec.Struct, frozen=True, kw_only=True):
    """What became of each step, in the order in which they could run."""

    run_id: str
    steps: tuple[StepResult, ...]

    @property
    def passed(self) -> bool:
        """Whether every step that was asked for has a result."""
        return all(one.state in DONE or one.reason == "was not asked for" for one in self.steps)

    def to_dict(self) -> dict[str, Any]:
        """Return JSON values."""
        found: dict[str, Any] = msgspec.to_builtins(self)
        return found | {"passed": self.passed}

    def to_text(self) -> str:
        """Return a table for people."""
        from tabulate import tabulate

        rows = [[one.name, one.state, one.run_id, one.reason[:100]] for one in self.steps]
        return tabulate(rows, headers=["step", "state", "run", ""], disable_numparse=True) + "\n"

    def __repr__(self) -> str:
        return self.to_text()


def run_steps(uri: str | os.PathLike[str], **given: Any) -> StepsResult:
    """Run the steps of a project's MLproject: each as soon as what it needs is there, several at once on request.

    uri:    of the project, as ``trackway run`` takes it
    given:  see ``StepOptions``
    raises: InvalidInput, with line and column, for what is wrong in the file, before anything is started. A step that
            fails is a result; those that need it are skipped
    """
    try:
        options = msgspec.convert(given, StepOptions)
    except msgspec.ValidationError as error:
        raise InvalidInput(f"Options of steps: {error}") from None
    if not 1 <= options.parallel <= MOST_PARALLEL:
        raise InvalidInput(f"parallel is {options.parallel}", hint=f"1 to {MOST_PARALLEL}")
    address, version = pin_project(os.fspath(uri), options.version)
    options = msgspec.structs.replace(options, version=version)
    plan = _Plan(uri=address, options=options)
    with _fetch(plan) as checkout:
        graph = read_steps(read_specification(checkout.folder))
        _check(graph, options)
        experiment_id = find_experiment(options.experiment_name) if options.experiment_name else None
        with start_run(experiment_id=experiment_id, run_name=options.run_name or "steps", nested=True) as run:
            set_tags({TAG_STEPS: ", ".join(step.name for step in graph.steps)[:5_000], TAG_OWNER: describe_owner()})
            log_dict(msgspec.to_builtins(plan), PLAN)
            return _execute(plan, checkout, graph, run.run_id, Before())


def resume_steps(run_id: str, parallel: int | None = None) -> StepsResult:
    """Go on with steps that failed or were cut off: what has a result keeps it, if nothing that it depends on changed.

    raises: NotFound when the run is not one of steps, Conflict while another process does it
    """
    client = Client()
    run = client.get_run(run_id)
    check_free(run)
    data = find_file(client, join_path(get_run_folder(client, run_id), PLAN))
    if data is None:
        raise NotFound(f"Run {run_id} is no run of steps: it has no file {PLAN}")
    try:
        plan = msgspec.json.decode(data, type=_Plan)
    except msgspec.DecodeError as error:
        raise InvalidInput(f"The file {PLAN} of run {run_id} cannot be read: {error}") from None
    if parallel is not None:
        plan = msgspec.structs.replace(plan, options=msgspec.structs.replace(plan.options, parallel=parallel))
    prefix = TAG_RESULT.format("")
    kept = {key.removeprefix(prefix): value for key, value in run.tags.items() if key.startswith(prefix)}
    with _fetch(plan) as checkout, start_run(run_id=run_id, nested=True):
        set_tags({TAG_OWNER: describe_owner()})
        left = end_leftovers(client, run_id, TAG_STEP)
        graph = read_steps(read_specification(checkout.folder))
        _check(graph, plan.options)
        return _execute(plan, checkout, graph, run_id, Before(kept, left))


def _execute(plan: _Plan, checkout: Checkout, graph: Graph, run_id: str, before: Before) -> StepsResult:
    options = plan.options
    where = None
    if options.cache:
        where = {
            "folder": str(checkout.folder),
            "code": digest_code(checkout.folder),
            "manager": options.env_manager,
            "backend": options.backend,
            "backend_config": options.backend_config,
        }
    request = Request(
        uri=plan.uri,
        version=options.version,
        backend=options.backend,
        backend_config=options.backend_config,
        env_manager=options.env_manager,
        echo="",
    )
    course = Course(
        specification=read_specification(checkout.folder),
        graph=graph,
        values=options.parameters,
        request=request,
        experiment_id=Client().get_run(run_id).experiment_id,
        where=where,
        parallel=options.parallel,
        before=before,
    )
    pipeline = Pipeline(course, run_id)
    wanted = graph.list_before(options.only) if options.only else {step.name for step in graph.steps}
    with contextlib.closing(pipeline):
        pipeline.run(wanted)
    result = StepsResult(run_id=run_id, steps=tuple(pipeline.results[step.name] for step in graph.steps))
    if not result.passed:
        end_run("FAILED")
    return result


def _check(graph: Graph, options: StepOptions) -> None:
    names = [step.name for step in graph.steps]
    if unknown := [name for name in options.only if name not in names]:
        raise InvalidInput(f"There is no step {unknown[0][:100]!r}", hint=f"there are {', '.join(names)}")
    if missing := [name for name in graph.parameters if name not in options.parameters]:
        raise InvalidInput(f"No value was given for {', '.join(missing)}", hint=f"as in -P {missing[0]}=VALUE")
    if unused := [name for name in options.parameters if name not in graph.parameters]:
        hint = f"there are {', '.join(graph.parameters)}" if graph.parameters else "the steps have none in common"
        raise InvalidInput(f"No step takes {unused[0][:100]!r}", hint=hint)


@contextlib.contextmanager
def _fetch(plan: _Plan) -> Any:
    checkout = fetch(plan.uri, plan.options.version)
    try:
        yield checkout
    finally:
        checkout.remove()
