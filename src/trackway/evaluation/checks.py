"""Thresholds that pass or fail: on a value, on the whole of its interval, and on the change from a baseline."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from trackway.base.errors import InvalidInput
from trackway.evaluation.resampling import Estimate, find_interval

LOWER_IS_BETTER = frozenset(
    """
    log_loss brier_score_loss mean_absolute_error mean_squared_error root_mean_squared_error max_error
    mean_absolute_percentage_error false_positives false_negatives
    """.split()
)


class Threshold(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a metric must reach.

    min, max:             bounds of the value
    min_change:           how much better than the baseline it must be; negative for how much worse it may be
    min_relative_change:  the same as a share of the baseline's value
    on_interval:          the whole confidence interval must be within the bounds, and not the value alone
    every_slice:          each slice must be within ``min`` and ``max``, too
    greater_is_better:    which way a change is for the better; known for the metrics that are built in
    """

    min: float | None = None
    max: float | None = None
    min_change: float | None = None
    min_relative_change: float | None = None
    on_interval: bool = False
    every_slice: bool = False
    greater_is_better: bool | None = None

    def check(self, metric: str) -> None:
        """Check that it asks for something that can be.

        raises: InvalidInput
        """
        asked = [self.min, self.max, self.min_change, self.min_relative_change]
        if all(bound is None for bound in asked):
            raise InvalidInput(
                f"The threshold of {metric!r} asks for nothing", hint="give it min=, max= or min_change="
            )
        if any(bound is not None and not math.isfinite(bound) for bound in asked):
            raise InvalidInput(f"The threshold of {metric!r} is no finite number")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise InvalidInput(f"The threshold of {metric!r} asks for at least {self.min} and at most {self.max}")
        if self.every_slice and self.min is None and self.max is None:
            raise InvalidInput(f"The threshold of {metric!r} asks nothing of slices", hint="give it min= or max=")

    @property
    def needs_baseline(self) -> bool:
        return self.min_change is not None or self.min_relative_change is not None

    def rises(self, metric: str) -> bool:
        """Return whether greater values of the metric are better."""
        known = self.greater_is_better
        return metric not in LOWER_IS_BETTER if known is None else known


class Check(msgspec.Struct, frozen=True):
    """One demand and what was found: ``found`` is the value, the end of the interval or the change that counted."""

    metric: str
    demand: str
    found: float
    passed: bool

    def __str__(self) -> str:
        return f"{self.metric}: {self.demand}, found {format_number(self.found)}: {'ok' if self.passed else 'FAILED'}"


def read_thresholds(given: Mapping[str, Any] | None) -> dict[str, Threshold]:
    """Return thresholds by metric; a number stands for one that greater values pass, or lower ones, as is better.

    raises: InvalidInput
    """
    read: dict[str, Threshold] = {}
    for metric, one in (given or {}).items():
        if isinstance(one, int | float) and not isinstance(one, bool):
            one = Threshold(max=float(one)) if metric in LOWER_IS_BETTER else Threshold(min=float(one))
        elif isinstance(one, Mapping):
            try:
                one = msgspec.convert(dict(one), Threshold)
            except msgspec.ValidationError as error:
                raise InvalidInput(f"The threshold of {metric!r}: {error}") from None
        if not isinstance(one, Threshold):
            raise InvalidInput(f"The threshold of {metric!r} is a {type(one).__name__}", hint="a Threshold or a number")
        one.check(metric)
        read[metric] = one
    return read


def check(
    thresholds: Mapping[str, Threshold],
    found: Mapping[str, Estimate],
    baseline: Mapping[str, Estimate] | None = None,
    slices: Mapping[str, Sequence[Any]] | None = None,
    confidence: float = 0.95,
) -> list[Check]:
    """Compare what was found with what is asked.

    baseline: the same metrics of another model on the same rows
    slices:   a table of slices, as ``make_slice_table`` makes it
    raises:   InvalidInput for a metric that was not measured, and for a change without a baseline
    """
    checks: list[Check] = []
    for metric, threshold in thresholds.items():
        if metric not in found:
            raise InvalidInput(
                f"There is a threshold of {metric!r}, which was not measured", hint=f"there are {', '.join(found)}"
            )
        if threshold.needs_baseline and (baseline is None or metric not in baseline):
            raise InvalidInput(f"The threshold of {metric!r} needs a baseline", hint="give one as baseline=")
        if threshold.every_slice and not slices:
            raise InvalidInput(f"The threshold of {metric!r} is about slices", hint="name their columns as slices=")
        checks += _check_bounds(metric, threshold, found[metric])
        if baseline is not None and threshold.needs_baseline:
            checks += _check_change(metric, threshold, found[metric], baseline[metric], confidence)
        if threshold.every_slice and slices:
            checks += _check_slices(metric, threshold, slices)
    return checks


def format_number(value: float) -> str:
    """Return a number for people."""
    return f"{value:.6g}"


def _check_bounds(metric: str, threshold: Threshold, one: Estimate) -> list[Check]:
    low, high = one.value, one.value
    where = ""
    if threshold.on_interval:
        if one.low is None or one.high is None:
            raise InvalidInput(f"{metric!r} has no interval", hint="leave on_interval out, or ask for resamples")
        low, high, where = one.low, one.high, " by its whole interval"
    checks = []
    if threshold.min is not None:
        demand = f"at least {format_number(threshold.min)}{where}"
        checks.append(Check(metric, demand, low, low >= threshold.min))
    if threshold.max is not None:
        demand = f"at most {format_number(threshold.max)}{where}"
        checks.append(Check(metric, demand, high, high <= threshold.max))
    return checks


def _check_change(metric: str, threshold: Threshold, one: Estimate, other: Estimate, confidence: float) -> list[Check]:
    """Check by how much a metric is better than the baseline's, resample by resample when the interval counts."""
    sign = 1.0 if threshold.rises(metric) else -1.0
    change, where = sign * (one.value - other.value), ""
    if threshold.on_interval:
        low = _find_least_change(one, other, sign, confidence)
        if low is None:
            raise InvalidInput(f"The change of {metric!r} has no interval", hint="ask for resamples")
        change, where = low, " by its whole interval"
    checks = []
    if threshold.min_change is not None:
        demand = f"better than the baseline's {format_number(other.value)} by at least {threshold.min_change:g}{where}"
        checks.append(Check(metric, demand, change, change >= threshold.min_change))
    if threshold.min_relative_change is not None:
        share = change / abs(other.value) if other.value else math.inf if change > 0 else 0.0
        bound = threshold.min_relative_change
        demand = f"better than the baseline's {format_number(other.value)} by a share of at least {bound:g}{where}"
        checks.append(Check(metric, demand, share, share >= bound))
    return checks


def _find_least_change(one: Estimate, other: Estimate, sign: float, confidence: float) -> float | None:
    """Return the lower end of the interval of a change for the better; None when it has none.

    Two that were resampled together are compared resample by resample. Of two that were measured apart only the
    intervals are known, of which that of the difference is made as if the two were independent; measured on the same
    rows they move together, so that it is wider than it need be. Source: the method of variance estimates recovery,
    Zou and Donner, Statistics in Medicine 27 (2008) 1693.
    """
    if one.draws is not None and other.draws is not None and len(one.draws) == len(other.draws):
        return find_interval(sign * (one.draws - other.draws), confidence)[0]
    if one.low is None or one.high is None or other.low is None or other.high is None:
        return None
    better, worse = (one, other) if sign > 0 else (other, one)
    low, high = better.low, worse.high
    assert low is not None and high is not None  # noqa: PT018 - both were looked at above
    return better.value - worse.value - math.hypot(better.value - low, high - worse.value)


def _check_slices(metric: str, threshold: Threshold, slices: Mapping[str, Sequence[Any]]) -> list[Check]:
    ends = {"min": f"{metric}_low", "max": f"{metric}_high"} if threshold.on_interval else {}
    rows = zip(slices["column"], slices["value"], range(len(slices["value"])), strict=True)
    checks = []
    for column, value, row in rows:
        for side in ("min", "max"):
            bound = getattr(threshold, side)
            cell = slices.get(ends.get(side, metric), [None] * (row + 1))[row]
            if bound is None or cell is None:
                continue  # a slice without both classes has no area
            demand = f"at {'least' if side == 'min' else 'most'} {format_number(bound)} where {column} is {value}"
            checks.append(Check(metric, demand, cell, cell >= bound if side == "min" else cell <= bound))
    return checks
