"""Sweeps: a project or a function with many choices of parameters, and which of them is best."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from trackway.base.errors import InvalidInput
from trackway.projects.families import TAG_OWNER, check_free, describe_owner, find_experiment, pin_project
from trackway.projects.sweeps.board import Board, Trial
from trackway.projects.sweeps.driver import Driver
from trackway.projects.sweeps.options import SweepOptions, SweepPlan, make_plan
from trackway.projects.sweeps.records import PLAN, TAG_SWEEP, list_trials, read_plan
from trackway.projects.sweeps.result import SweepResult
from trackway.projects.sweeps.trials import (
    Family,
    FunctionStarter,
    FunctionTrial,
    ProjectStarter,
    Pruned,
    check_function,
)
from trackway.sdk.client import Client
from trackway.sdk.fluent import set_tags
from trackway.sdk.fluent_files import log_dict
from trackway.sdk.runs import end_run, start_run

__all__ = ["FunctionTrial", "Pruned", "SweepOptions", "SweepResult", "Trial", "resume_sweep", "sweep"]

Target = str | os.PathLike[str] | Callable[..., Any]


def sweep(target: Target, space: Mapping[str, Any], **given: Any) -> SweepResult:
    """Try choices of parameters, each in a run of its own below one of the sweep, and say which is best.

    target: a project, as ``trackway run`` takes it; or a function, called with the parameters by name, in the trial's
            run. It returns the value to compare, or logs it. One that has a parameter ``trial`` calls
            ``trial.report(value, step)`` as it goes, which ends it when it is not worth going on with
    space:  for each parameter a form (``"log(1e-4, 1e-1)"``), a list to choose from, or the one value of all trials
    given:  see ``SweepOptions``
    raises: InvalidInput before anything is started. A trial that fails is a result; when all fail, ``best`` is None
    """
    if callable(target):
        plan = make_plan("", getattr(target, "__name__", "function"), space, given)
        check_function(target, plan)
    else:
        plan = make_plan(os.fspath(target), "", space, given)
        uri, version = pin_project(plan.uri, plan.options.version)
        plan = msgspec.structs.replace(plan, uri=uri, options=msgspec.structs.replace(plan.options, version=version))
    how = plan.options
    experiment_id = find_experiment(how.experiment_name) if how.experiment_name else None
    with start_run(experiment_id=experiment_id, run_name=how.run_name or "sweep", nested=True) as run:
        set_tags({TAG_SWEEP: ", ".join(plan.space)[:5_000], TAG_OWNER: describe_owner()})
        log_dict(msgspec.to_builtins(plan), PLAN)
        return _drive(plan, run.run_id, target, [], [])


def resume_sweep(run_id: str, function: Callable[..., Any] | None = None, parallel: int | None = None) -> SweepResult:
    """Go on with a sweep whose process ended before it was done: what was under way is tried again.

    function: the one that it was begun with, for a sweep of a function
    raises:   NotFound when the run is no sweep's, Conflict while another process does it
    """
    client = Client()
    run = client.get_run(run_id)
    check_free(run)
    plan = read_plan(client, run_id)
    if plan.function and function is None:
        raise InvalidInput(f"This is a sweep of the function {plan.function!r}", hint="give it as function=")
    if parallel is not None:
        plan = msgspec.structs.replace(plan, options=msgspec.structs.replace(plan.options, parallel=parallel))
    with start_run(run_id=run_id, nested=True):
        set_tags({TAG_OWNER: describe_owner()})
        ended, cut_off = list_trials(client, run_id, plan.options.metric)
        return _drive(plan, run_id, function if plan.function else plan.uri, ended, cut_off)


def _drive(plan: SweepPlan, run_id: str, target: Any, ended: list[Trial], cut_off: list[Trial]) -> SweepResult:
    client = Client()
    board = Board(plan.maximize, plan.pruning)
    family = Family(run_id, client.get_run(run_id).experiment_id)
    if callable(target):
        starter: Any = FunctionStarter(target, plan, board, family)
    else:
        starter = ProjectStarter(plan, family, lambda child, tags: client.ingest(child, tags=dict(tags)))
    driver = Driver(plan, run_id, board, starter)
    driver.recall(ended, cut_off)
    with contextlib.closing(driver):
        driver.drive()
    if driver.best is None:
        end_run("FAILED")
    return SweepResult(
        run_id=run_id,
        metric=plan.options.metric or "value",
        goal=plan.options.goal,
        trials=tuple(sorted(driver.trials.values(), key=lambda one: one.number)),
        best=driver.best,
    )
