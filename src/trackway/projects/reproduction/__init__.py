"""Reproduction: a run is made again from what it recorded, and both are held against each other."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple, Unpack

import msgspec

from trackway.api import operations as ops
from trackway.api.runs import Run, RunId
from trackway.base.errors import ExecutionFailed, PermissionDenied, TrackwayError
from trackway.projects.launch import Again, Request, launch
from trackway.projects.recording import RunChoice
from trackway.projects.reproduction.code import Code, bring_code
from trackway.projects.reproduction.comparison import Tolerances, compare_metrics
from trackway.projects.reproduction.files import restore_files
from trackway.projects.reproduction.inputs import check_inputs, compare_datasets, find_values
from trackway.projects.reproduction.members import Pair, list_members, pair_members
from trackway.projects.reproduction.plan import Plan, ReproduceOptions, find_differences, prepare
from trackway.projects.reproduction.predictions import Question, compare_models
from trackway.projects.reproduction.report import (
    NAME,
    PAGE,
    Finding,
    Gap,
    PackageDifference,
    Report,
    RunPair,
    Verdict,
    is_good,
    judge,
)
from trackway.projects.running import ProjectRun, wait_for
from trackway.sdk.artifacts import get_run_folder, join_path
from trackway.sdk.client import Client
from trackway.sdk.problems import PROBLEMS
from trackway.sdk.sources import BytesSource

__all__ = ["Finding", "Gap", "Plan", "Report", "ReproduceOptions", "Tolerances", "carry_out", "prepare", "reproduce"]

TAG_OF: Final = "trackway.reproduction.of"
"""Of a run that reproduces another: that one's id."""
TAG_BY: Final = "trackway.reproduction.by"
"""Of a run that was to be reproduced: the id of the run that did it last."""
TAG_VERDICT: Final = "trackway.reproduction.verdict"
"""Of both: what came of it."""
TAG_IMAGE: Final = "mlflow.docker.image.uri"


def reproduce(run_id: str, *, trust: bool = False, **options: Unpack[ReproduceOptions]) -> Report:
    """Make a run again from what it recorded, as a new run, and compare both.

    trust:   its code may be run here, with all that this user may do; ``prepare`` tells what that would be
    options: see ``ReproduceOptions``
    returns: the report, which the new run has among its files, with a verdict that both runs have as a tag; what is
             missing is told there, and not raised
    raises:  PermissionDenied without trust; NotFound; Conflict for a run that goes on; InvalidInput
    """
    plan = prepare(run_id, **options)
    if not (trust or plan.gaps or options.get("dry_run", False)):
        raise PermissionDenied(
            f"To reproduce run {run_id} is to run its code on this machine",
            hint="trust=True when you would run whatever its maker wrote",
        )
    return carry_out(plan)


def carry_out(plan: Plan) -> Report:
    """Do what was planned: bring the code here, check the data, run it, compare, and write down what came of it.

    raises: InvalidInput; KeyboardInterrupt, with the new run ended
    """
    begun = Begun(plan.gaps) if plan.gaps else _start(plan)
    started = begun.started
    if started is None:
        dry = plan.options.get("dry_run", False)
        verdict: Verdict = "not reproducible" if begun.gaps else "ready"
        report = Report(verdict=verdict, run_id=plan.recipe.run.run_id, gaps=begun.gaps, lost=begun.lost)
        if not dry:
            _tag(Client(), report)
        return report
    with suppress(ExecutionFailed):  # which is a result
        wait_for(started)
    client = Client()
    report = _compare(client, plan, started, begun.lost)
    folder = get_run_folder(client, started.run_id)
    for path, text in ((NAME, report.to_json()), (PAGE, report.to_markdown())):
        client.transport.upload(join_path(folder, path), BytesSource(text.encode()))
    _tag(client, report)
    return report


class Begun(NamedTuple):
    """What came of starting a run again.

    gaps: what kept it from being started
    lost: files that it may need or not
    """

    gaps: tuple[Gap, ...]
    started: ProjectRun | None = None
    lost: tuple[Gap, ...] = ()


def _start(plan: Plan) -> Begun:
    """Bring a run's code here and start it, if all that it needs is there.

    raises: InvalidInput for what the options name
    """
    recipe = plan.recipe
    try:
        code = bring_code(recipe)
    except TrackwayError as error:
        hint = error.hint or "bring the repository back to where it was"
        return Begun((Gap(f"its code cannot be had: {error.message}", hint),))
    given, started = plan.options.get("inputs", {}), None
    lost: tuple[Gap, ...] = ()
    try:
        lost = restore_files(recipe, code)
        gaps = tuple(check_inputs(Client(), recipe, code, given))
        if not gaps and not plan.options.get("dry_run", False):
            started = launch(_make_request(plan, code), code.checkout)
        return Begun(gaps, started, lost)
    except TrackwayError as error:
        hint = error.hint or "see to that; --env-manager local takes the environment at hand, and tells what differs"
        return Begun((Gap(f"it cannot be started: {error.message}", hint), *lost))
    finally:
        if started is None:
            code.checkout.remove()


def _make_request(plan: Plan, code: Code) -> Request:
    recipe, options = plan.recipe, plan.options
    run, record, name = recipe.run, recipe.record, options.get("experiment_name", "")
    versions = recipe.versions if plan.manager == "uv" else None
    request = Request(
        uri=code.checkout.uri,
        choice=RunChoice(
            experiment_id="" if name else run.experiment_id,
            experiment_name=name,
            name=options.get("run_name", "") or f"{plan.members.runs[0].name} again",
            tags={TAG_OF: run.run_id},
        ),
        backend=options.get("backend", "local"),
        backend_config=options.get("backend_config", {}),
        env_manager=plan.manager,
        echo="stderr",
        again=Again(command=code.command, versions=versions, variables=recipe.variables),
    )
    if code.command or record is None:
        return request
    return msgspec.structs.replace(
        request,
        entry_point=record.entry_point,
        parameters=find_values(recipe, options.get("inputs", {})),
        docker_args=record.docker_args if plan.manager == "docker" else {},
    )


def _compare(client: Client, plan: Plan, started: ProjectRun, lost: tuple[Gap, ...]) -> Report:
    """Compare all runs of the program, and say what that amounts to.

    lost: files that were missing, which may be why something differs
    """
    now = list_members(client, client.get_run(started.run_id))
    pairs = pair_members(plan.members.runs, now.runs)
    findings = [_compare_pair(client, plan, pair, started.python) for pair in pairs]
    everything = [one for found in findings for one in found]
    gaps = tuple(
        Gap(f"{one.label!r} cannot be compared: {one.reason}", "see to that, or leave it out")
        for one in everything
        if one.result == "unknown"
    )
    if plan.members.truncated or now.truncated:
        gaps += (Gap("its program opened more runs than are compared", "reproduce a program that opens fewer"),)
    verdict = judge(everything, gaps, lost)
    was = plan.recipe.run
    return Report(
        verdict=verdict,
        run_id=was.run_id,
        new_run_id=started.run_id,
        gaps=gaps if is_good(verdict) else (*gaps, *lost),
        findings=tuple(everything),
        ignored=tuple(
            sorted({name for run in plan.members.runs for name in run.metrics if plan.tolerances.leaves_out(name)})
        ),
        packages=_compare_packages(client, plan, now.runs[0]),
        tolerance=plan.tolerances.to_text(),
        lost=lost if is_good(verdict) else (),
        runs=() if len(pairs) == 1 else tuple(map(_make_pair, pairs, findings)),
    )


def _compare_pair(client: Client, plan: Plan, pair: Pair, python: Path | None) -> list[Finding]:
    """Return how one run of the program compares."""
    was, now, tolerances = pair.was, pair.now, plan.tolerances
    if was is None or now is None:
        reason = "was not there" if was is None else "was not opened this time"
        return [Finding(kind="run", name=pair.name, result="different", reason=reason)]
    findings = [_compare_status(was, now), *compare_datasets(was, now)]
    findings += compare_metrics(client, was, now, tolerances)
    if plan.options.get("models", True):
        data = plan.options.get("data", "")
        question = Question(
            pairs=(), data=str(Path(data).absolute()) if data else "", tolerance=tolerances.choose("predictions")
        )
        findings += compare_models(client, was, now, question, python)
    label = "" if was.run_id == plan.recipe.run.run_id else pair.name
    return [msgspec.structs.replace(one, run=label) for one in findings]


def _make_pair(pair: Pair, findings: list[Finding]) -> RunPair:
    was, now = (run.run_id if run is not None else "" for run in (pair.was, pair.now))
    return RunPair(name=pair.name, verdict=judge(findings), was=was, now=now)


def _compare_status(was: Run, now: Run) -> Finding:
    same = was.status == now.status
    reason = "" if same else now.tags.get("trackway.project.reason", "") or "it ended otherwise"
    return Finding(
        kind="status",
        name="of the run",
        result="identical" if same else "different",
        was=was.status,
        now=now.status,
        reason=reason,
    )


def _compare_packages(client: Client, plan: Plan, now: Run) -> tuple[PackageDifference, ...]:
    known = client.call(ops.GET_ENVIRONMENT, RunId(run_id=now.run_id)).environment
    found = () if known is None else find_differences(plan.recipe, known.python, known.packages)
    images = plan.recipe.run.tags.get(TAG_IMAGE, ""), now.tags.get(TAG_IMAGE, "")
    return found if images[0] == images[1] else (PackageDifference("image", *images), *found)


def _tag(client: Client, report: Report) -> None:
    """Give runs the verdict, the one that was to be reproduced that of all, others their own; and link them."""
    pairs = report.runs or (RunPair(name="", verdict=report.verdict, was=report.run_id, now=report.new_run_id),)
    for one in pairs:
        verdict = report.verdict if one.was == report.run_id else one.verdict
        by, of = {TAG_BY: one.now} if one.now else {}, {TAG_OF: one.was} if one.was else {}
        for run_id, tags in ((one.was, by), (one.now, of)):
            if run_id:
                _write(
                    run_id, "the verdict as a tag", partial(client.ingest, run_id, tags={TAG_VERDICT: verdict, **tags})
                )
        if one.was and one.now:
            _write(one.now, "its link", partial(client.link_run, one.now, "reproduces", one.was))


def _write(run_id: str, what: str, give: Callable[[], None]) -> None:
    """Give a run something; one that may only be read goes without."""
    try:
        give()
    except TrackwayError as error:
        PROBLEMS.note("reproduction", f"Run {run_id} could not be given {what}: {error.message}")
