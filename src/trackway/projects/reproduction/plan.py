"""What it takes to reproduce a run, told before anything of it is fetched or run."""

from __future__ import annotations

import math
import platform
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple, TypedDict, Unpack

from trackway.base.errors import InvalidInput, NotFound
from trackway.environments.requirements import get_name
from trackway.projects.environments import MANAGERS
from trackway.projects.reproduction.code import list_places
from trackway.projects.reproduction.comparison import ATOL, RTOL, Tolerances
from trackway.projects.reproduction.inputs import check_names
from trackway.projects.reproduction.members import Members, list_members
from trackway.projects.reproduction.predictions import list_models
from trackway.projects.reproduction.recipe import Recipe, find_gaps, read_recipe
from trackway.projects.reproduction.report import Gap, PackageDifference, show
from trackway.sdk.client import Client
from trackway.sdk.environment import list_packages

PYTHON: Final = "Python"
_FILES: Final = 20
_MANAGERS: Final = {"virtualenv": "uv", "none": "local"}


class ReproduceOptions(TypedDict, total=False):
    """How a run is to be reproduced.

    env_manager:     ``uv``, ``conda``, ``docker`` or ``local``. When left out: that of the run's project; for a run in
                     an environment that nobody made, the one at hand if it has all that was there then, else uv
    experiment_name: of the new run; the run's own when left out
    run_name:        of the new run
    backend, backend_config: what carries it out, as for ``run``
    inputs:          other places of inputs, by their names
    data:            file of rows on which models are compared, in the place of each model's own example
    models:          False to compare no models
    rtol, atol, metric_rtol, metric_atol, ignored, with_clock: see ``Tolerances``
    dry_run:         bring the code here and check all that can be, and run nothing
    """

    env_manager: str
    experiment_name: str
    run_name: str
    backend: str
    backend_config: Mapping[str, Any]
    inputs: Mapping[str, str]
    data: str
    models: bool
    rtol: float
    atol: float
    metric_rtol: Mapping[str, float]
    metric_atol: Mapping[str, float]
    ignored: tuple[str, ...]
    with_clock: bool
    dry_run: bool


class Plan(NamedTuple):
    """A reproduction before anything is fetched or run.

    gaps:    what is known to be missing already; with one, nothing will be run
    members: all runs of its program
    manager: of its environment
    """

    recipe: Recipe
    gaps: tuple[Gap, ...]
    members: Members
    manager: str
    tolerances: Tolerances
    options: ReproduceOptions

    def to_text(self) -> str:
        """Say what would be run, so that one can decide whether to."""
        run = self.recipe.run
        lines = [
            f"Run {run.run_id} ({run.name}), logged by {run.user or 'somebody'}",
            *self._describe_code(),
            f"Command:     {shlex.join(self.recipe.command)}",
            f"Environment: {self.manager}",
        ]
        record = self.recipe.record
        if self.manager == "docker" and record is not None:
            lines += [f"Container:   {record.image} {dict(record.docker_args) or ''}"]
        if len(self.members.runs) > 1:
            lines.append(f"Compared:    all {len(self.members.runs):,} runs that its program opened")
        lines.append(f"Carried out: {self.options.get('backend', 'local')}")
        return "".join(f"{show(line)}\n" for line in lines)

    def _describe_code(self) -> list[str]:
        record, known = self.recipe.record, self.recipe.environment
        if record is not None and record.archive:
            return [f"Code:        {record.uri}, {record.archive}"]
        state = known.git if known is not None else None
        commit = (record.commit if record is not None else "") or (state.commit if state else "")
        places = ", or else ".join(place.address for place in list_places(self.recipe))
        lines = [f"Code:        commit {commit[:12]} of {places or 'a repository that nobody knows'}"]
        if state is not None:
            changed = [line.partition(" b/")[2] for line in state.diff.splitlines() if line.startswith("diff --git ")]
            lines += [f"             changed: {name}" for name in changed[:_FILES]]
            lines += [f"             and {len(changed) - _FILES} more"] if len(changed) > _FILES else []
        return lines


def prepare(run_id: str, **options: Unpack[ReproduceOptions]) -> Plan:
    """Read what a run recorded, and say what it takes to reproduce it; nothing else is fetched, nor run.

    raises: NotFound, Conflict for a run that goes on, InvalidInput
    """
    manager = options.get("env_manager", "")
    if manager and manager not in MANAGERS:
        raise InvalidInput(f"There is no environment manager {manager[:40]!r}", hint=f"one of {', '.join(MANAGERS)}")
    if (data := options.get("data", "")) and not Path(data).is_file():
        raise NotFound(f"There is no file {data[:200]!r} of rows")
    tolerances = _read_tolerances(options)
    client = Client()
    recipe = read_recipe(client, run_id)
    check_names(recipe, options.get("inputs", {}))
    gaps = find_gaps(client, recipe)
    members = list_members(client, recipe.run)
    compared = [name for run in members.runs for name in run.metrics if not tolerances.leaves_out(name)]
    with_models = options.get("models", True)
    if not compared and not (with_models and any(list_models(client, run) for run in members.runs)):
        gaps.append(Gap("it has neither a metric nor a model to compare", "log one, or name fewer that are ignored"))
    manager = _MANAGERS.get(manager, manager) or _choose_manager(recipe)
    return Plan(recipe, tuple(gaps), members, manager, tolerances, options)


def find_differences(was: Recipe, python: str, packages: Mapping[str, str]) -> tuple[PackageDifference, ...]:
    """Return what versions differ from those that a run had, what it had itself first."""
    known = was.environment
    before = {get_name(name): version for name, version in (known.packages if known is not None else {}).items()}
    after = {get_name(name): version for name, version in packages.items()}
    found = [
        PackageDifference(name, before.get(name, ""), after.get(name, ""))
        for name in (*sorted(before), *sorted(after.keys() - before))
        if before.get(name) != after.get(name)
    ]
    if known is not None and known.python != python:
        found.insert(0, PackageDifference(PYTHON, known.python, python))
    return tuple(found)


def _choose_manager(recipe: Recipe) -> str:
    record = recipe.record
    if record is not None and record.manager != "local":
        return record.manager
    differences = find_differences(recipe, platform.python_version(), list_packages(None))
    return "uv" if any(one.was for one in differences) else "local"


def _read_tolerances(options: ReproduceOptions) -> Tolerances:
    """Return the tolerances among options.

    raises: InvalidInput for one that is no number from 0 on
    """
    found = Tolerances(
        rtol=options.get("rtol", RTOL),
        atol=options.get("atol", ATOL),
        metric_rtol=options.get("metric_rtol", {}),
        metric_atol=options.get("metric_atol", {}),
        ignored=options.get("ignored", ()),
        with_clock=options.get("with_clock", False),
    )
    given: tuple[Any, ...] = (found.rtol, found.atol, *found.metric_rtol.values(), *found.metric_atol.values())
    for value in given:
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
            raise InvalidInput(f"{value!r} is no tolerance", hint="a number from 0 on")
    return found
