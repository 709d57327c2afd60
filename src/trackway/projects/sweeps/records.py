"""A sweep in the store: its own run with what it tries, and a child for each trial with what came of it."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Final

import msgspec

from trackway.api.runs import Run
from trackway.base.errors import InvalidInput, NotFound
from trackway.projects.families import end_leftover, list_children
from trackway.projects.sweeps.board import STATES, Trial
from trackway.projects.sweeps.options import SweepPlan
from trackway.projects.sweeps.space import Scalar
from trackway.sdk.artifacts import find_file, get_run_folder, join_path
from trackway.sdk.client import Client

PLAN: Final = "sweep.json"
TAG_SWEEP: Final = "trackway.sweep"
"""Of the sweep's run: what it varies. Of a trial: the sweep's run."""
TAG_BEST: Final = "trackway.sweep.best"
"""Of the sweep's run: the best trial's run. Of that trial: ``true``."""
TAG_TRIAL: Final = "trackway.sweep.trial"
TAG_PARAMS: Final = "trackway.sweep.params"
TAG_STATE: Final = "trackway.sweep.state"
TAG_REASON: Final = "trackway.sweep.reason"
TAG_VALUE: Final = "trackway.sweep.value"


def describe_trial(sweep_id: str, number: int, params: Mapping[str, Scalar]) -> dict[str, str]:
    """Return the tags of a trial that begins."""
    text = msgspec.json.encode(dict(params)).decode()
    return {TAG_SWEEP: sweep_id, TAG_TRIAL: str(number), TAG_PARAMS: text, TAG_STATE: "running"}


def describe_end(trial: Trial) -> dict[str, str]:
    """Return the tags of a trial that has ended."""
    tags: dict[str, str] = {TAG_STATE: trial.state}
    if trial.value is not None:
        tags[TAG_VALUE] = repr(trial.value)
    if trial.reason:
        tags[TAG_REASON] = trial.reason[:5_000]
    return tags


def read_plan(client: Client, run_id: str) -> SweepPlan:
    """Return what a sweep's run keeps of it.

    raises: NotFound when the run is no sweep's, InvalidInput when its file cannot be read
    """
    data = find_file(client, join_path(get_run_folder(client, run_id), PLAN))
    if data is None:
        raise NotFound(f"Run {run_id} is no sweep: it has no file {PLAN}")
    try:
        return msgspec.json.decode(data, type=SweepPlan)
    except msgspec.DecodeError as error:
        raise InvalidInput(f"The file {PLAN} of run {run_id} cannot be read: {error}") from None


def list_trials(client: Client, sweep_id: str, metric: str) -> tuple[list[Trial], list[Trial]]:
    """Return the trials that have ended, and those that were under way when their process ended.

    What is still running of the latter, on this machine, is ended, and its run is KILLED. One that finished all the
    same has ended.
    """
    ended: dict[int, Trial] = {}
    cut_off: dict[int, Trial] = {}
    for run in list_children(client, sweep_id, TAG_TRIAL):
        trial = _read_trial(run, metric)
        if trial.state == "running":
            end_leftover(client, run)
            cut_off[trial.number] = trial
        else:
            ended[trial.number] = trial
    return list(ended.values()), [one for number, one in cut_off.items() if number not in ended]


def _read_trial(run: Run, metric: str) -> Trial:
    try:
        number = int(run.tags.get(TAG_TRIAL, ""))
        params = msgspec.json.decode(run.tags.get(TAG_PARAMS, ""), type=dict[str, Scalar])
    except (ValueError, msgspec.DecodeError) as error:
        raise InvalidInput(
            f"Run {run.run_id} is no trial that can be read: {error}", hint="move it to the trash"
        ) from None
    state = run.tags.get(TAG_STATE, "running")
    value = _read_value(run, metric)
    if state == "running" and run.status == "FINISHED":
        state = "finished" if value is not None else "failed"
    if state not in STATES:
        raise InvalidInput(f"Run {run.run_id} is a trial in an unknown state {state[:40]!r}")
    return Trial(
        number=number,
        params=params,
        run_id=run.run_id,
        state=state,  # type: ignore[arg-type]  # as was looked at
        value=value if state == "finished" else None,
        reason=run.tags.get(TAG_REASON, ""),
    )


def _read_value(run: Run, metric: str) -> float | None:
    if TAG_VALUE in run.tags:
        with contextlib.suppress(ValueError):
            return float(run.tags[TAG_VALUE])
    return run.metrics[metric].last_value if metric in run.metrics else None
