"""What is tried next: every combination, one by chance, or one that earlier trials speak for."""

from __future__ import annotations

import warnings
from importlib.util import find_spec
from typing import Any, Final, Protocol

from trackway.base.errors import InvalidInput
from trackway.projects.sweeps.board import Trial
from trackway.projects.sweeps.space import Scalar, Space, list_grid

OPTUNA: Final = {"tpe": "TPESampler", "qmc": "QMCSampler", "nsgaii": "NSGAIISampler", "cmaes": "CmaEsSampler"}
"""Optuna's samplers by our names."""
SAMPLERS: Final = ("grid", "random", *OPTUNA)


class Sampler(Protocol):
    """Says what is tried."""

    def ask(self, number: int) -> dict[str, Scalar] | None:
        """Return the parameters of a trial; None when there are no more."""

    def tell(self, trial: Trial, curve: dict[int, float]) -> None:
        """Hear what came of a trial, whether this sampler was asked for it or it is of an earlier process."""


class GridSampler:
    """Tries every combination, in order."""

    def __init__(self, space: Space) -> None:
        self._rows = list_grid(space)

    @property
    def count(self) -> int:
        return len(self._rows)

    def ask(self, number: int) -> dict[str, Scalar] | None:
        return self._rows[number] if number < len(self._rows) else None

    def tell(self, trial: Trial, curve: dict[int, float]) -> None:
        """Nothing changes."""


class RandomSampler:
    """Tries by chance: a trial's number and the seed alone decide, so that a sweep goes on where it stopped."""

    def __init__(self, space: Space, seed: int) -> None:
        self._space = space
        self._seed = seed

    def ask(self, number: int) -> dict[str, Scalar] | None:
        import numpy as np

        random = np.random.default_rng([self._seed, number])
        return {name: one.draw(random) for name, one in self._space.items()}

    def tell(self, trial: Trial, curve: dict[int, float]) -> None:
        """Nothing changes."""


class OptunaSampler:
    """Asks a sampler of Optuna's, which hears of every trial that has ended.

    raises: InvalidInput when Optuna is not installed
    """

    def __init__(self, name: str, space: Space, maximize: bool, seed: int) -> None:
        try:
            import optuna
        except ImportError as error:
            raise InvalidInput(f"The sampler {name!r} needs optuna", hint="pip install 'trackway[sweeps]'") from error
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._optuna: Any = optuna
        self._constants = {key: one.values[0] for key, one in space.items() if one.kind == "constant"}
        self._domains = {key: self._translate(one) for key, one in space.items() if one.kind != "constant"}
        if name == "cmaes" and find_spec("cmaes") is None:  # Optuna finds that out at the first trial
            raise InvalidInput("The sampler 'cmaes' needs the package cmaes", hint="pip install 'trackway[sweeps]'")
        # Choices are drawn by chance where a sampler knows numbers alone, which is nothing to warn of at each trial.
        options: dict[str, Any] = {
            "tpe": {"constant_liar": True},
            "cmaes": {"warn_independent_sampling": False},
        }.get(name, {})
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that constant_liar may change
            sampler = getattr(optuna.samplers, OPTUNA[name])(seed=seed, **options)
        self._study = optuna.create_study(direction="maximize" if maximize else "minimize", sampler=sampler)
        self._open: dict[int, Any] = {}

    def ask(self, number: int) -> dict[str, Scalar] | None:
        trial = self._study.ask(self._domains)
        self._open[number] = trial
        return self._constants | dict(trial.params)

    def tell(self, trial: Trial, curve: dict[int, float]) -> None:
        states = self._optuna.trial.TrialState
        state = {"finished": states.COMPLETE, "pruned": states.PRUNED}.get(trial.state, states.FAIL)
        asked = self._open.pop(trial.number, None)
        if asked is not None:
            for step, value in curve.items():
                asked.report(value, step)
            self._study.tell(asked, trial.value if state == states.COMPLETE else None, state)
            return
        params = {key: value for key, value in trial.params.items() if key in self._domains}
        self._study.add_trial(
            self._optuna.trial.create_trial(
                params=params,
                distributions={key: self._domains[key] for key in params},
                value=trial.value if state != states.FAIL else None,
                state=state,
                intermediate_values=dict(curve),
            )
        )

    def _translate(self, one: Any) -> Any:
        kinds = self._optuna.distributions
        if one.kind == "choice":
            return kinds.CategoricalDistribution(one.values)
        if one.kind == "int":
            step = int(one.step or 1)
            return kinds.IntDistribution(int(one.low), int(one.high), log=one.log, step=step)
        return kinds.FloatDistribution(one.low, one.high, log=one.log, step=one.step)


def make_sampler(name: str, space: Space, maximize: bool, seed: int) -> Sampler:
    """Return a sampler by its name.

    raises: InvalidInput
    """
    if name == "grid":
        return GridSampler(space)
    if name == "random":
        return RandomSampler(space, seed)
    if name in OPTUNA:
        return OptunaSampler(name, space, maximize, seed)
    raise InvalidInput(f"There is no sampler {name[:40]!r}", hint=f"one of {', '.join(SAMPLERS)}")
