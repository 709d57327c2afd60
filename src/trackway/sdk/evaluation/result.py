"""What an evaluation found: numbers, tables, files, and whether it passed."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from trackway.base.errors import ChecksFailed
from trackway.evaluation.checks import Check, format_number
from trackway.evaluation.resampling import Estimate, to_metrics

FAILED_STATUS = 6
"""Exit status of a process whose model did not pass."""


class Artifact(msgspec.Struct, frozen=True):
    """A file of an evaluation: where it was logged (empty when it was not), and what is in it."""

    uri: str
    content: Any


class Evaluation(msgspec.Struct, frozen=True, kw_only=True):
    """The result of ``trackway.evaluate``.

    estimates:  each metric with its confidence interval
    tables:     ``eval_results_table`` of rows; ``per_class_metrics``, ``slice_metrics``, ``explanations`` and
                ``feature_importance``, where there are such; DataFrames when pandas is installed
    artifacts:  curves, tables and pictures by name
    checks:     one for each demand of the thresholds; none when there were no thresholds
    baseline:   the baseline's metrics
    run_id:     the run that it was logged to; empty when it was not
    model:      what was evaluated, as it was named
    facts:      rows, resamples, seed, confidence and the like
    """

    model_type: str
    estimates: dict[str, Estimate]
    tables: dict[str, Any] = {}
    artifacts: dict[str, Artifact] = {}
    checks: tuple[Check, ...] = ()
    baseline: dict[str, Estimate] | None = None
    run_id: str = ""
    model: str = ""
    facts: dict[str, Any] = {}

    @property
    def metrics(self) -> dict[str, float]:
        """Each metric's value."""
        return to_metrics(self.estimates)

    @property
    def intervals(self) -> dict[str, tuple[float, float]]:
        """Each metric's confidence interval."""
        return {n: (e.low, e.high) for n, e in self.estimates.items() if e.low is not None and e.high is not None}

    @property
    def baseline_metrics(self) -> dict[str, float]:
        return to_metrics(self.baseline or {})

    @property
    def passed(self) -> bool:
        """Whether every threshold was met; true without thresholds."""
        return all(check.passed for check in self.checks)

    def raise_if_failed(self) -> None:
        """Raise unless every threshold was met.

        raises: ChecksFailed naming what was not
        """
        raise_failed("The model", self.checks)

    def exit_if_failed(self) -> None:
        """End the process with status 6, saying what failed, unless every threshold was met; for scripts in CI."""
        try:
            self.raise_if_failed()
        except ChecksFailed as error:
            sys.stderr.write(f"{error}\n")
            raise SystemExit(FAILED_STATUS) from None

    def to_dict(self) -> dict[str, Any]:
        """Return JSON values: what was measured, how, and what was checked."""
        return {
            "model": self.model,
            "model_type": self.model_type,
            **self.facts,
            "metrics": _describe(self.estimates),
            **({} if self.baseline is None else {"baseline_metrics": _describe(self.baseline)}),
            "checks": [msgspec.to_builtins(check) for check in self.checks],
            "passed": self.passed if self.checks else None,
        }

    def to_text(self) -> str:
        """Return a table for people: each metric, its interval, the baseline; then what was checked."""
        from tabulate import tabulate

        rows = []
        for name, one in self.estimates.items():
            interval = "" if one.low is None else f"{format_number(one.low)} to {format_number(one.high or 0.0)}"
            other = None if self.baseline is None else self.baseline.get(name)
            rows.append([name, format_number(one.value), interval, "" if other is None else format_number(other.value)])
        share = f"{self.facts.get('confidence', 0.95):.0%} interval"
        width = 3 if self.baseline is None else 4
        table = tabulate(
            [row[:width] for row in rows], headers=["metric", "value", share, "baseline"][:width], disable_numparse=True
        )
        verdict = f"\n\n{'Passed' if self.passed else 'FAILED'}.\n" if self.checks else "\n"
        return table + verdict + "".join(f"- {check}\n" for check in self.checks)

    def __repr__(self) -> str:
        return self.to_text()


def raise_failed(what: str, checks: Sequence[Check]) -> None:
    """Raise unless every check was met.

    raises: ChecksFailed naming what was not
    """
    failed = [check for check in checks if not check.passed]
    if failed:
        shown = "; ".join(f"{c.metric} {c.demand}, found {format_number(c.found)}" for c in failed[:10])
        more = f"; and {len(failed) - 10} more" if len(failed) > 10 else ""
        raise ChecksFailed(
            f"{what} does not meet {len(failed)} of {len(checks)} thresholds: {shown}{more}",
            details={"failed": [msgspec.to_builtins(check) for check in failed]},
        )


def _describe(estimates: Mapping[str, Estimate]) -> dict[str, Any]:
    return {name: {"value": one.value, "low": one.low, "high": one.high} for name, one in estimates.items()}
