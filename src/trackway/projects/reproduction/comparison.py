"""Numbers of two runs, held against each other."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any, Final

import msgspec
import numpy as np

from trackway.api.runs import MetricSummary, Run
from trackway.models import parity
from trackway.projects.reproduction.report import Finding
from trackway.sdk.client import Client

RTOL: Final = 1e-5
ATOL: Final = 1e-8
MOST_POINTS: Final = 2_000_000
"""A longer series is compared by its last value, its extremes and its length."""
_CLOCK: Final = re.compile(
    r"^system/|(^|[_./ -])(time|duration|elapsed|runtime|latency|throughput|eta)([_./ -]|$)"
    r"|([_./ -](s|ms|us|ns|sec|secs|seconds|minutes|hours)$)|per_(s|sec|second|minute)",
    re.IGNORECASE,
)
"""Names of what is measured with a clock, or of the machine."""


class Tolerances(msgspec.Struct, frozen=True, kw_only=True):
    """How far numbers may be apart: by ``atol + rtol * abs(was)``.

    metric_rtol, metric_atol: of metrics by name or pattern, as ``val_*``; the first that fits counts
    ignored:     patterns of metrics that are not compared
    with_clock:  compare also what is measured with a clock, and what the machine did
    """

    rtol: float = RTOL
    atol: float = ATOL
    metric_rtol: Mapping[str, float] = {}
    metric_atol: Mapping[str, float] = {}
    ignored: Sequence[str] = ()
    with_clock: bool = False

    def choose(self, metric: str) -> parity.Tolerance:
        """Return what holds for a metric."""
        return parity.Tolerance(
            atol=_find(self.metric_atol, metric, self.atol), rtol=_find(self.metric_rtol, metric, self.rtol)
        )

    def leaves_out(self, metric: str) -> bool:
        """Tell whether a metric is not compared."""
        if any(fnmatchcase(metric, pattern) for pattern in self.ignored):
            return True
        return not self.with_clock and _CLOCK.search(metric) is not None

    def to_text(self) -> str:
        """Say what may differ."""
        more = [f"{name}: rtol {value:g}" for name, value in self.metric_rtol.items()]
        more += [f"{name}: atol {value:g}" for name, value in self.metric_atol.items()]
        return "; ".join([f"rtol {self.rtol:g}, atol {self.atol:g}", *more])


def compare_metrics(client: Client, was: Run, now: Run, tolerances: Tolerances) -> list[Finding]:
    """Return how each metric of two runs compares: all its points, and so its last value, extremes and length."""
    return [
        _compare_metric(client, was, now, name, tolerances.choose(name))
        for name in sorted({*was.metrics, *now.metrics})
        if not tolerances.leaves_out(name)
    ]


def _compare_metric(client: Client, was: Run, now: Run, name: str, tolerance: parity.Tolerance) -> Finding:
    before, after = was.metrics.get(name), now.metrics.get(name)
    told: dict[str, Any] = {"was": _describe(before), "now": _describe(after)}
    if before is None or after is None:
        reason = "was not there" if before is None else "is not there any more"
        return Finding(kind="metric", name=name, result="different", reason=reason, **told)
    if before.count == after.count == 1:
        expected, found = [before.last_value], [after.last_value]
        steps: Any = [before.last_step]
        same_steps = before.last_step == after.last_step
    elif max(before.count, after.count) > MOST_POINTS:
        expected, found = _summarize(before), _summarize(after)
        steps = [before.last_step, before.min_step, before.max_step]
        same_steps = before.count == after.count
    else:
        (steps, expected), (now_steps, found) = (_read(client, run.run_id, name) for run in (was, now))
        same_steps = np.array_equal(steps, now_steps)
    if not same_steps:
        reason = f"{before.count:,} points, now {after.count:,}" if before.count != after.count else "other steps"
        return Finding(kind="metric", name=name, result="different", reason=reason, **told)
    compared = parity.compare(name, np.asarray(expected, np.float64), np.asarray(found, np.float64), tolerance)
    if compared.row is None:
        return Finding(kind="metric", name=name, result="identical", **told)
    return Finding(
        kind="metric",
        name=name,
        result="within tolerance" if compared.agrees else "different",
        reason=f"by up to {compared.largest_absolute:.3g} (relatively {compared.largest_relative:.3g}), "
        f"most at step {steps[compared.row]}",
        **told,
    )


def _read(client: Client, run_id: str, name: str) -> tuple[Any, Any]:
    """Return steps and values of a metric, in the order of steps; of equal steps, in that of their times."""
    steps, _, values = client.get_history(run_id, name)
    order = np.argsort(steps, kind="stable")
    return steps[order], values[order]


def _summarize(summary: MetricSummary) -> list[float]:
    found = (summary.last_value, summary.min_value, summary.max_value)
    return [float("nan") if value is None else value for value in found]


def _describe(summary: MetricSummary | None) -> str:
    """Say what a series is, in figures that tell neighbouring numbers apart."""
    if summary is None:
        return ""
    if summary.count == 1:
        return repr(summary.last_value)
    return f"{summary.last_value!r} (min {summary.min_value!r}, max {summary.max_value!r}, {summary.count:,} points)"


def _find(values: Mapping[str, float], metric: str, default: float) -> float:
    return next((value for pattern, value in values.items() if fnmatchcase(metric, pattern)), default)
