"""What the system knows, as this protocol shows it.

An optional field that is not set, and an empty list, are left out; a set but empty text is there; 64-bit integers are
numbers; NaN and the infinities are strings. Keys stand in the order of the protocol's field numbers.
"""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Mapping, Sequence
from itertools import repeat
from math import isfinite
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from trackway.api.artifacts import FileEntry
from trackway.api.experiments import Experiment
from trackway.api.logged_models import LoggedMetric, LoggedModel
from trackway.api.registry import ModelVersion, RegisteredModel
from trackway.api.runs import DatasetInput, Run, Series

encode = msgspec.json.encode
_encode_into = msgspec.json.Encoder().encode_into
EMPTY = b"{}"
RENDERED_BYTES = 32 * 1024 * 1024
"""Most bytes of encoded runs that are kept."""
RUNS_PER_TURN, POINTS_PER_TURN = 500, 5_000
"""After so many encoded runs or points, other requests get their turn on the event loop."""


class RunRenderer:
    """Encodes runs of search results, keeping what it made of each ``Run`` object for as long as that object lives.

    The store hands out the same object for the same version of a run, so a kept answer is never out of date.
    """

    def __init__(self, capacity_bytes: int = RENDERED_BYTES) -> None:
        self._capacity_bytes = capacity_bytes
        self._size_bytes = 0
        self._known: dict[int, tuple[weakref.ref[Run], bytes]] = {}

    def render(self, run: Run) -> bytes:
        """Return a run as an item of a search result, which leaves out its input models."""
        known = self._known.get(id(run))
        if known is not None and known[0]() is run:
            return known[1]
        inputs = {"dataset_inputs": _dataset_inputs(run.inputs)} if run.inputs else {}
        rendered = encode({"info": run_info(run), "data": _data(run), "inputs": inputs, "outputs": _outputs(run)})
        if self._size_bytes + len(rendered) > self._capacity_bytes:
            self._known.clear()
            self._size_bytes = 0
        if len(rendered) <= self._capacity_bytes:
            self._known[id(run)] = (weakref.ref(run), rendered)
            self._size_bytes += len(rendered)
        return rendered

    async def render_page(self, runs: Sequence[Run], next_page_token: str) -> bytes:
        """Return the answer of a search."""
        rendered = []
        for i, run in enumerate(runs, 1):
            rendered.append(self.render(run))
            if not i % RUNS_PER_TURN:
                await asyncio.sleep(0)
        return encode_page(b"runs", b",".join(rendered), next_page_token)


def encode_page(name: bytes, items: bytes, next_page_token: str) -> bytes:
    """Return a page of items that are encoded already, divided by commas."""
    pieces = [b"{"]
    if items:
        pieces += [b'"', name, b'":[', items, b"]"]
    if next_page_token:
        pieces += [b"," if items else b"", b'"next_page_token":', encode(next_page_token)]
    return b"".join([*pieces, b"}"])  # which copies a large page once


def encode_run(run: Run, created: bool = False) -> bytes:
    """Return a run with its inputs and, unless it was just created, its outputs."""
    inputs: dict[str, Any] = {}
    if run.inputs:
        inputs["dataset_inputs"] = _dataset_inputs(run.inputs)
    if run.model_inputs:
        inputs["model_inputs"] = [{"model_id": model_id} for model_id in run.model_inputs]
    shown = {"info": run_info(run), "data": _data(run), "inputs": inputs}
    if not created:
        shown["outputs"] = _outputs(run)
    return encode({"run": shown})


def run_info(run: Run) -> dict[str, Any]:
    """Return a run without its data; a run that was lost counts as killed, as this protocol has no word for it."""
    info: dict[str, Any] = {
        "run_uuid": run.run_id,
        "experiment_id": run.experiment_id,
        "run_name": run.name,
        "user_id": run.user,
        "status": "KILLED" if run.status == "LOST" else run.status,
        "start_time": run.start_ms,
    }
    if run.end_ms is not None:
        info["end_time"] = run.end_ms
    info["artifact_uri"] = run.artifact_uri
    info["lifecycle_stage"] = run.lifecycle
    info["run_id"] = run.run_id
    return info


def show_experiment(experiment: Experiment) -> dict[str, Any]:
    """Return an experiment."""
    shown: dict[str, Any] = {
        "experiment_id": experiment.experiment_id,
        "name": experiment.name,
        "artifact_location": experiment.artifact_location,
        "lifecycle_stage": experiment.lifecycle,
        "last_update_time": experiment.updated_ms,
        "creation_time": experiment.created_ms,
    }
    if experiment.tags:
        shown["tags"] = _pairs(experiment.tags)
    shown["workspace"] = experiment.workspace
    return shown


def show_model(model: LoggedModel) -> dict[str, Any]:
    """Return the record of a model."""
    info: dict[str, Any] = {
        "model_id": model.model_id,
        "experiment_id": model.experiment_id,
        "name": model.name,
        "creation_timestamp_ms": model.created_ms,
        "last_updated_timestamp_ms": model.updated_ms,
        "artifact_uri": model.artifact_uri,
        "status": f"LOGGED_MODEL_{'STATUS_' if model.status == 'UNSPECIFIED' else ''}{model.status}",
        "model_type": model.model_type,
        "source_run_id": model.source_run_id,
    }
    if model.status_message:
        info["status_message"] = model.status_message
    if model.tags:
        info["tags"] = _pairs(model.tags)
    data: dict[str, Any] = {}
    if model.params:
        data["params"] = _pairs(dict(sorted(model.params.items())))
    if model.metrics:
        data["metrics"] = [_model_metric(metric) for metric in model.metrics]
    return {"info": info, "data": data}


def show_registered_model(model: RegisteredModel) -> dict[str, Any]:
    """Return a registered model; an empty description is none."""
    shown: dict[str, Any] = {
        "name": model.name,
        "creation_timestamp": model.created_ms,
        "last_updated_timestamp": model.updated_ms,
    }
    if model.owner:
        shown["user_id"] = model.owner
    if model.description:
        shown["description"] = model.description
    if model.latest_versions:
        shown["latest_versions"] = [show_version(version) for version in model.latest_versions]
    if model.tags:
        shown["tags"] = _pairs(model.tags)
    if model.aliases:
        shown["aliases"] = [{"alias": alias, "version": str(number)} for alias, number in model.aliases.items()]
    return shown


def show_version(version: ModelVersion, with_aliases: bool = False) -> dict[str, Any]:
    """Return a version; aliases are shown only where one version, or the newest ones, are asked for."""
    shown: dict[str, Any] = {
        "name": version.name,
        "version": str(version.version),
        "creation_timestamp": version.created_ms,
        "last_updated_timestamp": version.updated_ms,
    }
    if version.user:
        shown["user_id"] = version.user
    shown["current_stage"] = version.stage
    shown["description"] = version.description
    shown["source"] = version.source
    shown["run_id"] = version.run_id
    shown["status"] = version.status if version.status == "READY" else f"{version.status}_REGISTRATION"
    if version.status_message:
        shown["status_message"] = version.status_message
    if version.tags:
        shown["tags"] = _pairs(version.tags)
    shown["run_link"] = version.run_link
    if with_aliases and version.aliases:
        shown["aliases"] = version.aliases
    if version.model_id:
        shown["model_id"] = version.model_id
    return shown


def show_file(file: FileEntry, path: str) -> dict[str, Any]:
    """Return a file or folder under the path that the reader asked from."""
    if file.is_dir:
        return {"path": path, "is_dir": True}
    return {"path": path, "is_dir": False, "file_size": file.size_bytes}


class _Point(msgspec.Struct, gc=False):
    """A point as it is written."""

    key: str
    value: float | str
    timestamp: int
    step: int


class _RunPoint(_Point, gc=False):
    """A point among those of several runs."""

    run_id: str


async def add_points(page: bytearray, series: Series, run_id: str = "") -> None:
    """Add a series' points to a page that ends in ``[`` or in a point; each with ``run_id`` when it is given.

    cost: about 0.15 us a point; others get their turn on the event loop in between
    """
    steps, times_ms = np.frombuffer(series.steps, "<i8"), np.frombuffer(series.times_ms, "<i8")
    values = np.frombuffer(series.values, "<f8")
    for start in range(0, len(values), POINTS_PER_TURN):
        part = slice(start, start + POINTS_PER_TURN)
        columns = repeat(series.key), _show_numbers(values[part]), times_ms[part].tolist(), steps[part].tolist()
        points = map(_RunPoint, *columns, repeat(run_id)) if run_id else map(_Point, *columns)
        end, is_first = len(page), page.endswith(b"[")
        _encode_into([*points], page, end - is_first)
        if not is_first:
            page[end : end + 1] = b","
        del page[-1:]
        await asyncio.sleep(0)


def _show_numbers(values: NDArray[np.float64]) -> Sequence[float | str]:
    """Return numbers, with names in the places of those that JSON has no number for."""
    numbers: list[float] = values.tolist()
    return numbers if np.isfinite(values).all() else [*map(show_number, numbers)]


def show_number(value: float) -> float | str:
    """Return a number, or the name of one that JSON has no number for."""
    if isfinite(value):
        return value
    return "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"


def _data(run: Run) -> dict[str, Any]:
    data: dict[str, Any] = {}
    if run.metrics:
        data["metrics"] = [
            {"key": key, "value": show_number(m.last_value), "timestamp": m.last_time_ms, "step": m.last_step}
            for key, m in run.metrics.items()
        ]
    if run.params:
        data["params"] = _pairs(run.params)
    if run.tags:
        data["tags"] = _pairs(run.tags)
    return data


def _outputs(run: Run) -> dict[str, Any]:
    if not run.model_outputs:
        return {}
    return {"model_outputs": [{"model_id": output.model_id, "step": output.step} for output in run.model_outputs]}


def _dataset_inputs(inputs: Sequence[DatasetInput]) -> list[dict[str, Any]]:
    shown = []
    for one in inputs:
        d = one.dataset
        dataset = {"name": d.name, "digest": d.digest, "source_type": d.source_type, "source": d.source}
        if d.schema is not None:
            dataset["schema"] = d.schema
        if d.profile is not None:
            dataset["profile"] = d.profile
        item: dict[str, Any] = {"tags": _pairs(one.tags)} if one.tags else {}
        shown.append({**item, "dataset": dataset})
    return shown


def _model_metric(metric: LoggedMetric) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "key": metric.key,
        "value": show_number(metric.value),
        "timestamp": metric.time_ms,
        "step": metric.step,
    }
    optional = {"dataset_name": metric.dataset_name, "dataset_digest": metric.dataset_digest}
    shown |= {name: value for name, value in optional.items() if value is not None}
    return {**shown, "model_id": metric.model_id, "run_id": metric.run_id}


def _pairs(items: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in items.items()]
