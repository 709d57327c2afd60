"""Values with confidence intervals: the percentile bootstrap, over whole blocks of resamples at once.

Rows are drawn with replacement, and a resample is the number of times that each was drawn: a row of weights. With the
same seed and number of rows the same resamples are drawn, so that two models are compared resample by resample.

The cost is bounded: of more than ``MOST_ROWS`` rows, as many are chosen once, resampled, and what the resamples differ
by is narrowed by the square root of their share, as the error of a mean is.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

import msgspec
import numpy as np

from trackway.base.errors import InvalidInput
from trackway.evaluation.sample import Array, Sample

DEFAULT_RESAMPLES = 1_000
LEAST_RESAMPLES = 200
MAX_RESAMPLES = 100_000
WORK = 20_000_000
"""Rows times resamples times curves that are meant to be enough: about two seconds."""
MOST_ROWS = 20_000
LEAST_ROWS = 1_000
_BLOCK = 2_000_000


class Estimate(msgspec.Struct, frozen=True):
    """A metric's value, and the interval that holds it with the confidence asked for; None where there is none."""

    value: float
    low: float | None = None
    high: float | None = None
    draws: Array | None = None
    """Its value in each resample."""


class Resampling(msgspec.Struct, frozen=True):
    """How intervals are made: how many resamples (0 for none), from which seed, and with what confidence."""

    resamples: int | None = None
    """None: 1,000, and fewer, down to 200, for many rows."""
    seed: int = 0
    confidence: float = 0.95

    def check(self) -> None:
        """Check the three.

        raises: InvalidInput
        """
        if self.resamples is not None and not 0 <= self.resamples <= MAX_RESAMPLES:
            raise InvalidInput(f"{self.resamples} resamples were asked for", hint=f"0 for none, up to {MAX_RESAMPLES}")
        if not 0 < self.confidence < 1:
            raise InvalidInput(f"A confidence of {self.confidence} cannot be", hint="such as 0.95")

    def count(self, sample: Sample) -> int:
        """Return how many resamples are drawn of a sample."""
        if self.resamples is not None:
            return self.resamples
        rows = min(sample.size, self.count_rows(sample))
        return max(LEAST_RESAMPLES, min(DEFAULT_RESAMPLES, WORK // max(rows * sample.curves, 1)))

    def count_rows(self, sample: Sample) -> int:
        """Return how many rows are resampled at most."""
        return max(LEAST_ROWS, min(MOST_ROWS, WORK // (LEAST_RESAMPLES * sample.curves)))


def estimate(sample: Sample, how: Resampling) -> dict[str, Estimate]:
    """Return every metric of a sample with its interval.

    cost: of 10,000 rows or more about a second with probabilities, a third of it without
    """
    if sample.size == 0:
        raise InvalidInput("There are no rows to evaluate")
    counted = {name: Estimate(float(found[0])) for name, found in sample.describe().items()}
    values = _measure(sample)
    draws = resample(sample, values, how)
    return counted | {name: to_estimate(value, draws.get(name), how.confidence) for name, value in values.items()}


def resample(sample: Sample, values: dict[str, float], how: Resampling) -> dict[str, Array]:
    """Return every metric in each resample.

    values: the metrics of the whole sample
    """
    part, scale = sample, 1.0
    resamples = how.count(sample)
    most = how.count_rows(sample)
    if sample.size > most and resamples:
        part = sample.take(np.sort(np.random.default_rng(how.seed).choice(sample.size, most, replace=False)))
        scale = (most / sample.size) ** 0.5
    found: dict[str, list[Array]] = {name: [] for name in values}
    for counts in draw(part.size, resamples, how.seed):
        for name, block in part.measure(counts * part.weights).items():
            found[name].append(block)
    draws = {name: np.concatenate(blocks) for name, blocks in found.items() if blocks}
    if part is sample:
        return draws
    middle = _measure(part)
    return {name: values[name] + (block - middle[name]) * scale for name, block in draws.items()}


def _measure(sample: Sample) -> dict[str, float]:
    return {name: float(found[0]) for name, found in sample.measure(sample.weights[None, :]).items()}


def draw(size: int, resamples: int, seed: int) -> Iterator[Array]:
    """Yield resamples in blocks: arrays (b, n) that say how often each row was drawn."""
    random = np.random.default_rng(seed)
    height = max(1, _BLOCK // max(size, 1))
    for start in range(0, resamples, height):
        rows = min(height, resamples - start)
        places = random.integers(0, size, (rows, size)) + np.arange(rows)[:, None] * size
        yield np.bincount(places.reshape(-1), minlength=rows * size).reshape(rows, size).astype(np.float64)


def to_estimate(value: float, draws: Array | None, confidence: float) -> Estimate:
    """Return a value with the interval that its resamples give."""
    low, high = find_interval(draws, confidence)
    return Estimate(value, low, high, draws)


def find_interval(draws: Array | None, confidence: float) -> tuple[float | None, float | None]:
    """Return the percentiles between which resamples lie; resamples without a value do not count."""
    if draws is None or not np.isfinite(draws).any():
        return None, None
    tail = (1 - confidence) / 2
    low, high = np.nanquantile(draws[np.isfinite(draws)], [tail, 1 - tail])
    return float(low), float(high)


def to_metrics(estimates: Mapping[str, Estimate]) -> dict[str, float]:
    """Return the values by name, without those that do not exist, as an area without a class."""
    return {name: one.value for name, one in estimates.items() if not math.isnan(one.value)}
