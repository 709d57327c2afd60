"""What is known of a sweep's trials, and which of them are not worth going on with."""

from __future__ import annotations

import math
import statistics
import threading
from collections.abc import Iterable
from typing import Final, Literal, get_args

import msgspec

from trackway.projects.sweeps.space import Scalar

TrialState = Literal["running", "finished", "failed", "pruned", "killed"]
STATES: Final[tuple[str, ...]] = get_args(TrialState)
PRUNERS: Final = ("none", "median", "halving")
FACTOR: Final = 3
"""Of those that reach a rung of successive halving, one in so many goes on; the next rung is so many times as far."""


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """One choice of parameters, the run that tried it, and what came of it; ``value`` None when nothing did."""

    number: int
    params: dict[str, Scalar]
    run_id: str
    state: TrialState
    value: float | None = None
    reason: str = ""


class Pruning(msgspec.Struct, frozen=True, kw_only=True):
    """When a trial is ended early, by the best value that it has had so far.

    pruner:  ``median``: at a step where it is worse than half of the others were at that step. ``halving``: at steps
             ``after_steps``, three times that, nine times that and so on, unless it is in the best third of those that
             came so far (asynchronous successive halving; Li and others, MLSys 2020)
    after_trials: so many others must have come as far
    after_steps:  and it itself must have come so far
    """

    pruner: Literal["none", "median", "halving"] = "none"
    after_trials: int = 4
    after_steps: int = 1


class Board:
    """The curves of all trials; any thread may call.

    maximize: greater values are better
    """

    def __init__(self, maximize: bool, pruning: Pruning) -> None:
        self._sign = -1.0 if maximize else 1.0
        self._pruning = pruning
        self._lock = threading.Lock()
        self._curves: dict[int, dict[int, float]] = {}

    @property
    def prunes(self) -> bool:
        return self._pruning.pruner != "none"

    def note(self, number: int, points: Iterable[tuple[int, float]]) -> None:
        """Hear of points of a trial; of several at one step the last counts."""
        with self._lock:
            self._curves.setdefault(number, {}).update((int(step), float(value)) for step, value in points)

    def get_curve(self, number: int) -> dict[int, float]:
        """Return the points of a trial by step, without those that are no number."""
        with self._lock:
            curve = sorted(self._curves.get(number, {}).items())
        return {step: value for step, value in curve if not math.isnan(value)}

    def is_better(self, one: float, other: float) -> bool:
        """Tell whether a value is better than another."""
        return self._sign * one < self._sign * other

    def should_end(self, number: int) -> bool:
        """Tell whether a trial is not worth going on with."""
        how = self._pruning
        with self._lock:
            curve = self._curves.get(number, {})
            if not self.prunes or not curve or max(curve) < how.after_steps:
                return False
            if how.pruner == "median":
                return self._is_below_median(number, max(curve))
            return any(self._falls_at(number, rung) for rung in self._list_rungs(max(curve)))

    def _is_below_median(self, number: int, step: int) -> bool:
        others = self._list_best(step, leave_out=number)
        mine = self._find_best(number, step)
        return len(others) >= self._pruning.after_trials and mine > statistics.median(others)

    def _falls_at(self, number: int, rung: int) -> bool:
        others = self._list_best(rung, leave_out=number)
        if len(others) < self._pruning.after_trials:
            return False
        mine = self._find_best(number, rung)
        better = sum(value < mine for value in others)
        return better >= math.ceil((len(others) + 1) / FACTOR)

    def _list_rungs(self, step: int) -> list[int]:
        rungs, rung = [], max(self._pruning.after_steps, 1)
        while rung <= step:
            rungs.append(rung)
            rung *= FACTOR
        return rungs

    def _list_best(self, step: int, leave_out: int) -> list[float]:
        """Return the best values up to a step of those trials that came so far, signed so that less is better."""
        return [
            self._find_best(number, step)
            for number, curve in self._curves.items()
            if number != leave_out and curve and max(curve) >= step
        ]

    def _find_best(self, number: int, step: int) -> float:
        values = [self._sign * value for at, value in self._curves[number].items() if at <= step]
        return min((value for value in values if not math.isnan(value)), default=math.inf)
