"""What was measured of runs and logged models, with the intervals that ``trackway.evaluate`` left beside it."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from trackway.api.logged_models import LoggedModel
from trackway.api.runs import TAG_CONTEXT, Run
from trackway.base.errors import InvalidInput, NotFound
from trackway.sdk.artifacts import find_file, get_run_folder, join_path
from trackway.sdk.client import Client

FILE = "evaluation.json"
"""Where an evaluation is summed up, among the files of its run."""
CONTEXT = "evaluation"
"""What the data set of an evaluation is called in a run."""


class Measurement(msgspec.Struct, frozen=True):
    """A metric: its value, what it was measured on (empty when that is not known), and its interval if it has one."""

    key: str
    value: float
    dataset: str = ""
    digest: str = ""
    low: float | None = None
    high: float | None = None


def measure_run(client: Client, run: Run, prefix: str = "") -> list[Measurement]:
    """Return the metrics of a run whose names begin with a prefix, without it."""
    told = read_evaluation(client, run.run_id, prefix)
    used = [one for one in run.inputs if one.tags.get(TAG_CONTEXT) == CONTEXT]
    name, digest = (used[0].dataset.name, used[0].dataset.digest) if len(used) == 1 else ("", "")
    return [
        Measurement(
            key.removeprefix(prefix),
            one.last_value,
            name,
            digest,
            *_find_interval(told, key.removeprefix(prefix), one.last_value),
        )
        for key, one in run.metrics.items()
        if key.startswith(prefix)
    ]


def measure_model(client: Client, record: LoggedModel) -> list[Measurement]:
    """Return the metrics of a logged model, of each data set the newest."""
    newest = {(point.dataset_name or "", point.key): point for point in sorted(record.metrics, key=lambda p: p.time_ms)}
    told = {run_id: read_evaluation(client, run_id) for run_id in {point.run_id for point in newest.values()}}
    return [
        Measurement(
            key, point.value, name, point.dataset_digest or "", *_find_interval(told[point.run_id], key, point.value)
        )
        for (name, key), point in newest.items()
    ]


def read_evaluation(client: Client, run_id: str, prefix: str = "") -> dict[str, Any]:
    """Return what ``trackway.evaluate`` left in a run; nothing when there is none."""
    try:
        data = find_file(client, join_path(get_run_folder(client, run_id), f"{prefix}{FILE}"))
        found = json.loads(data or b"{}")
    except (NotFound, InvalidInput, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _find_interval(told: dict[str, Any], key: str, value: float) -> tuple[float | None, float | None]:
    """Return the interval of a metric; a metric that was logged again since has none."""
    metrics = told.get("metrics")
    one = metrics.get(key) if isinstance(metrics, dict) else None
    if not isinstance(one, dict) or one.get("value") != value:
        return None, None
    low, high = (end if isinstance(end, int | float) else None for end in (one.get("low"), one.get("high")))
    return low, high
