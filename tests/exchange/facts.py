"""What a history holds and what a store holds, in one form, so that they can be compared value by value."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from typing import Any

from trackway.api import experiments as e
from trackway.api import logged_models as m
from trackway.api import operations as ops
from trackway.api import registry as g
from trackway.api import runs as r
from trackway.api.links import ListRunLinks
from trackway.exchange.files import list_stored
from trackway.exchange.points import read_history
from trackway.exchange.registry_reader import list_names
from trackway.exchange.runs import TAG_IMPORTED
from trackway.sdk.locations import get_folder
from trackway.sdk.transport import Transport

PROMPT = "greeting"
"""What ``past`` registers beside models; MLflow's clients read it by other calls, and it is left out here."""
Facts = dict[str, Any]
LARGEST = repr(1.7976931348623157e308)


def expect(facts: Facts) -> Facts:
    """Return what a store must hold of what MLflow's client read.

    An infinity is one again, a run is in the trash with its experiment, and equal points count once. What that client
    reads of a model's metrics is the last point of each in a folder, and every point in a database: the last it is.
    """
    gone = {one["experiment_id"] for one in facts["experiments"] if one["lifecycle"] == "deleted"}
    return {
        "experiments": {one["experiment_id"]: one for one in facts["experiments"]},
        "runs": {
            run["run_id"]: {
                **run,
                "lifecycle": "deleted" if run["experiment_id"] in gone else run["lifecycle"],
                "metrics": {key: _restore(points) for key, points in run["metrics"].items()},
                "datasets": sorted(run["datasets"], key=lambda one: str(one["name"])),
            }
            for run in facts["runs"]
        },
        "models": {model["model_id"]: {**model, "metrics": _keep_last(model["metrics"])} for model in facts["models"]},
        "registered": {
            model["name"]: {**model, "versions": {str(one["version"]): one for one in model["versions"]}}
            for model in facts["registered"]
        },
    }


def read_store(transport: Transport) -> Facts:
    """Return what a store holds of imported things, as ``expect`` does."""
    experiments = transport.call(ops.SEARCH_EXPERIMENTS, e.SearchExperiments(view="all")).experiments
    ids = [one.experiment_id for one in experiments]
    runs = transport.call(ops.SEARCH_RUNS, r.SearchRuns(experiment_ids=ids, view="all")).runs
    models = transport.call(ops.SEARCH_LOGGED_MODELS, m.SearchLoggedModels(experiment_ids=ids)).models
    return {
        "experiments": {one.experiment_id: _read_experiment(one) for one in experiments},
        "runs": {run.run_id: _read_run(transport, run) for run in runs},
        "models": {model.model_id: _read_model(transport, model) for model in models},
        "registered": {name: _read_registered(transport, name) for name in list_names(transport) if name != PROMPT},
    }


def differ(found: Facts, expected: Facts) -> list[str]:
    """Return where two such facts differ, with both values; what the default experiment is made with is no matter."""
    return differ_in(_without_default_times(found), _without_default_times(expected))


def differ_in(found: Any, expected: Any, path: str = "") -> list[str]:
    """Return where two values differ, into objects and lists, with both."""
    if isinstance(found, list) and isinstance(expected, list) and len(found) == len(expected):
        found, expected = dict(enumerate(found)), dict(enumerate(expected))
    if isinstance(found, dict) and isinstance(expected, dict):
        lines = []
        for key in sorted({*found, *expected}):
            if key not in found or key not in expected:
                lines.append(f"{path}/{key}: only {'expected' if key in expected else 'found'}")
            else:
                lines += differ_in(found[key], expected[key], f"{path}/{key}")
        return lines
    return [] if found == expected else [f"{path}: found {found!r}, expected {expected!r}"]


def _without_default_times(facts: Facts) -> Facts:
    experiments = {**facts["experiments"]}
    experiments["0"] = {**experiments["0"], "created_ms": 0, "updated_ms": 0}
    return {**facts, "experiments": experiments}


def _restore(points: list[list[Any]]) -> list[list[Any]]:
    infinities = {LARGEST: "inf", f"-{LARGEST}": "-inf"}
    return _arrange([[step, time_ms, infinities.get(value, value)] for step, time_ms, value in points])


def _arrange(points: list[list[Any]]) -> list[list[Any]]:
    return [list(point) for point in sorted({tuple(point) for point in points})]


def _read_experiment(one: e.Experiment) -> Facts:
    return {
        "experiment_id": one.experiment_id,
        "name": one.name,
        "lifecycle": one.lifecycle,
        "created_ms": one.created_ms,
        "updated_ms": one.updated_ms,
        "tags": _without_mark(one.tags),
    }


def _read_run(transport: Transport, run: r.Run) -> Facts:
    metrics = {}
    links = transport.call(ops.LIST_RUN_LINKS, ListRunLinks(run_id=run.run_id))
    for key in run.metrics:
        points = read_history(transport, run.run_id, key)
        rows = zip(points.steps.tolist(), points.times_ms.tolist(), points.values.tolist(), strict=True)
        metrics[key] = _arrange([[step, time_ms, repr(value)] for step, time_ms, value in rows])
    return {
        "run_id": run.run_id,
        "experiment_id": run.experiment_id,
        "name": run.name,
        "status": run.status,
        "user": run.user,
        "start_ms": run.start_ms,
        "end_ms": run.end_ms,
        "lifecycle": run.lifecycle,
        "params": run.params,
        "tags": _without_mark(run.tags),
        "metrics": metrics,
        "files": _read_files(transport, run.artifact_uri),
        "datasets": [
            {
                "name": one.dataset.name,
                "digest": one.dataset.digest,
                "source_type": one.dataset.source_type,
                "source": one.dataset.source,
                "schema": one.dataset.schema,
                "profile": one.dataset.profile,
                "tags": one.tags,
            }
            for one in sorted(run.inputs, key=lambda one: one.dataset.name)
        ],
        "model_inputs": run.model_inputs,
        "model_outputs": [[one.model_id, one.step] for one in run.model_outputs],
        "links": sorted([one.kind, one.run_id] for one in links.earlier),
    }


def _read_files(transport: Transport, artifact_uri: str) -> dict[str, str]:
    folder = get_folder(artifact_uri)
    digests = {}
    for path, file in list_stored(transport, folder).items():
        digest = hashlib.sha256(b"".join(transport.download(f"{folder}/{path}"))).hexdigest()
        assert digest == file.sha256
        digests[base64.b64encode(path.encode()).decode()] = digest
    return digests


def _read_model(transport: Transport, model: m.LoggedModel) -> Facts:
    return {
        "model_id": model.model_id,
        "experiment_id": model.experiment_id,
        "name": model.name,
        "model_type": model.model_type,
        "source_run_id": model.source_run_id,
        "status": model.status,
        "created_ms": model.created_ms,
        "updated_ms": model.updated_ms,
        "params": model.params,
        "tags": _without_mark(model.tags),
        "metrics": _keep_last(
            [x.key, x.step, x.time_ms, x.value, x.run_id, x.dataset_name or "", x.dataset_digest or ""]
            for x in model.metrics
        ),
        "files": _read_files(transport, model.artifact_uri),
    }


def _read_registered(transport: Transport, name: str) -> Facts:
    model = transport.call(ops.GET_REGISTERED_MODEL, g.RegisteredModelName(name=name))
    versions = transport.call(ops.SEARCH_MODEL_VERSIONS, g.SearchModelVersions()).versions
    assert all(one.digest or one.source.startswith("s3:") for one in versions), "the files of each are here"
    return {
        "name": name,
        "description": model.description,
        "created_ms": model.created_ms,
        "updated_ms": model.updated_ms,
        "tags": _without_mark(model.tags),
        "aliases": model.aliases,
        "versions": {
            str(one.version): {
                "version": one.version,
                "stage": one.stage,
                "description": one.description,
                "run_id": one.run_id,
                "tags": one.tags,
                "status": one.status,
                "user": one.user,
                "created_ms": one.created_ms,
                "updated_ms": one.updated_ms,
            }
            for one in versions
            if one.name == name
        },
    }


def _keep_last(metrics: Iterable[list[Any]]) -> list[list[Any]]:
    return list({metric[0]: metric for metric in sorted(metrics)}.values())


def _without_mark(tags: dict[str, str]) -> dict[str, str]:
    return {key: value for key, value in tags.items() if key != TAG_IMPORTED}
