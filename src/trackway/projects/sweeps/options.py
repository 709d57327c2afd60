"""How a sweep is done: what its callers choose, and what is kept of it so that it can go on later."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Literal

import msgspec

from trackway.base.errors import InvalidInput
from trackway.projects.document import read_document
from trackway.projects.sweeps.board import PRUNERS, Pruning
from trackway.projects.sweeps.samplers import SAMPLERS, GridSampler, make_sampler
from trackway.projects.sweeps.space import Domain, Space, read_scalar, read_space

DEFAULT_TRIALS: Final = 20
MOST_TRIALS: Final = 100_000
MOST_PARALLEL: Final = 256
FILE_KEYS: Final = (
    *("parameters", "metric", "goal", "sampler", "trials", "parallel", "seed"),
    *("pruner", "prune_after_trials", "prune_after_steps"),
)
"""What a file of a sweep may say."""


class SweepOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a sweep is done.

    metric:   what counts: its last value in each trial's run. A function may return the value instead
    goal:     which values are better
    sampler:  ``grid``, ``random``, or one of Optuna's: ``tpe``, ``qmc``, ``nsgaii``, ``cmaes``
    trials:   how many; all of a grid, else 20, when left out
    parallel: how many at once; functions run in threads of this process
    seed:     of what is left to chance
    pruner:   ``none``, ``median`` or ``halving``: see ``Pruning``
    prune_after_trials, prune_after_steps: of the pruner
    entry_point, version, backend, backend_config, env_manager, storage_dir: as ``trackway run`` takes them
    experiment_name, run_name: of the sweep's own run, whose children the trials are
    """

    metric: str = ""
    goal: Literal["minimize", "maximize"] = "minimize"
    sampler: str = "random"
    trials: int | None = None
    parallel: int = 1
    seed: int = 0
    pruner: Literal["none", "median", "halving"] = "none"
    prune_after_trials: int = 4
    prune_after_steps: int = 1
    entry_point: str = "main"
    version: str = ""
    backend: str = "local"
    backend_config: dict[str, Any] = {}
    env_manager: str = ""
    storage_dir: str = ""
    experiment_name: str = ""
    run_name: str = ""


class SweepPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept of a sweep, as the file ``sweep.json`` of its run.

    uri: of the project; empty for a function, whose name is ``function``
    """

    uri: str = ""
    function: str = ""
    space: dict[str, Domain]
    options: SweepOptions

    @property
    def maximize(self) -> bool:
        return self.options.goal == "maximize"

    @property
    def pruning(self) -> Pruning:
        how = self.options
        return Pruning(pruner=how.pruner, after_trials=how.prune_after_trials, after_steps=how.prune_after_steps)

    def count_trials(self) -> int:
        """Return how many trials there are to be."""
        if self.options.sampler == "grid":
            count = GridSampler(self.space).count
            return count if self.options.trials is None else min(count, self.options.trials)
        return DEFAULT_TRIALS if self.options.trials is None else self.options.trials


def make_plan(uri: str, function: str, space: Mapping[str, Any], given: Mapping[str, Any]) -> SweepPlan:
    """Check a sweep before anything is started.

    raises: InvalidInput
    """
    try:
        options = msgspec.convert(dict(given), SweepOptions)
    except msgspec.ValidationError as error:
        raise InvalidInput(f"A sweep's options: {error}", hint=f"samplers: {', '.join(SAMPLERS)}") from None
    bounds = (
        ("trials", options.trials or 1, 1, MOST_TRIALS),
        ("parallel", options.parallel, 1, MOST_PARALLEL),
        ("seed", options.seed, 0, 2**32 - 1),
        ("prune_after_trials", options.prune_after_trials, 1, MOST_TRIALS),
        ("prune_after_steps", options.prune_after_steps, 0, 2**53),
    )
    for name, value, low, high in bounds:
        if not low <= value <= high:
            raise InvalidInput(f"{name} is {value:,}", hint=f"{low:,} to {high:,}")
    if options.trials == 0:
        raise InvalidInput("trials is 0", hint=f"1 to {MOST_TRIALS:,}")
    if options.sampler not in SAMPLERS:
        raise InvalidInput(f"There is no sampler {options.sampler[:40]!r}", hint=f"one of {', '.join(SAMPLERS)}")
    if not options.metric and (uri or options.pruner != "none"):
        raise InvalidInput("No metric was named", hint="name the one that trials are compared by")
    plan = SweepPlan(uri=uri, function=function, space=read_space(space), options=options)
    plan.count_trials()
    make_sampler(options.sampler, to_space(plan), plan.maximize, options.seed)  # what it lacks is told now
    return plan


def read_file(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Read a file of a sweep, and return its search space and its options.

    raises: InvalidInput, with line and column, for what is wrong in it
    """
    keys = read_document(path).read_mapping(FILE_KEYS)
    options: dict[str, Any] = {}
    for name, value in keys.items():
        if name != "parameters":
            text = value.read_text()
            options[name] = text if name in ("metric", "goal", "sampler", "pruner") else read_scalar(text)
    if "pruner" in options and options["pruner"] not in PRUNERS:
        raise keys["pruner"].fail(f"there is no pruner {options['pruner'][:40]!r}", f"one of {', '.join(PRUNERS)}")
    space: dict[str, Any] = {}
    for name, value in keys["parameters"].read_mapping().items() if "parameters" in keys else ():
        if value.is_list:
            space[name] = [read_scalar(item.read_text()) for item in value.read_list()]
        else:
            space[name] = value.read_text()
        try:
            read_space({name: space[name], "other": [0, 1]})
        except InvalidInput as error:
            raise value.fail(error.message, error.hint) from None
    return space, options


def to_space(plan: SweepPlan) -> Space:
    """Return a plan's search space."""
    return dict(plan.space)
