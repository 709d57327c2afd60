"""Several runs beside one another: what they have in common, and what not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from trackway.api.runs import TAG_CONTEXT, Run

_TOLD = ("mlflow.source.name", "mlflow.source.git.commit")
"""Of the tags that programs set by themselves, those that say what was run."""


def compare_runs(runs: Sequence[Run], *, equal: bool) -> dict[str, list[Any]]:
    """Return the fields in which runs differ, each with the value of every run; None where a run has none.

    equal: also those in which they do not
    """
    described = [_describe(run) for run in runs]
    fields = dict.fromkeys(field for one in described for field in one)
    compared = {field: [one.get(field) for one in described] for field in fields}
    return {field: values for field, values in compared.items() if equal or any(one != values[0] for one in values)}


def choose_heads(runs: Sequence[Run]) -> list[str]:
    """Return what each run's column is called: by the run's name where that tells them apart, else by its id."""
    names = [run.name for run in runs]
    return [run.name if run.name and names.count(run.name) == 1 else run.run_id for run in runs]


def write_value(value: Any) -> str:
    """Return a value for a table."""
    if value is None:
        return ""
    return f"{value:.6g}" if isinstance(value, float) else str(value)[:60]


def _describe(run: Run) -> dict[str, Any]:
    return {
        "status": run.status,
        "user": run.user,
        **{f"params.{key}": run.params[key] for key in sorted(run.params)},
        **{f"metrics.{key}": run.metrics[key].last_value for key in sorted(run.metrics)},
        **{f"tags.{key}": run.tags[key] for key in sorted(run.tags) if key in _TOLD or not key.startswith("mlflow.")},
        **{
            f"datasets.{used.dataset.name} {used.tags.get(TAG_CONTEXT, '')}".rstrip(): used.dataset.digest
            for used in run.inputs
        },
    }
