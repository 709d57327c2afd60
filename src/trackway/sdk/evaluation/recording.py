"""An evaluation logged: metrics, curves, tables and pictures to a run, the verdict to the registry."""

from __future__ import annotations

import csv
import io
import os
import tempfile
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from trackway.api import operations as ops
from trackway.api import registry as g
from trackway.api.logged_models import GetLoggedModel
from trackway.base.errors import InvalidInput, NotFound
from trackway.evaluation.checks import Check
from trackway.evaluation.curves import Curve
from trackway.evaluation.plots import FILES, draw_curve
from trackway.sdk import fluent, fluent_files, runs
from trackway.sdk.client import Client
from trackway.sdk.datasets import TrackedDataset
from trackway.sdk.entities import LoggedModelInput
from trackway.sdk.evaluation.result import Artifact, Evaluation
from trackway.sdk.versions import MODELS, find_version

TAG_VERDICT = "trackway.evaluation"
"""Of a run: ``passed`` or ``failed``, the last evaluation with thresholds."""


class Inputs(msgspec.Struct, frozen=True):
    """The data set, if it could be described, and what it is called in the run."""

    dataset: TrackedDataset | None
    context: str


class Subject(msgspec.Struct, frozen=True):
    """What is evaluated, as the store knows it; empty where it does not."""

    name: str = ""
    """As it was given."""
    model_id: str = ""
    version: g.ModelVersion | None = None


def find_subject(model: Any, model_id: str) -> Subject:
    """Return what a model is called in the store; only an address of a version is looked up.

    model: an address, or anything else
    """
    if not isinstance(model, str | os.PathLike):
        mlmodel = getattr(model, "mlmodel", None)
        told = model_id or str(getattr(mlmodel, "model_id", None) or "")
        if model is None or mlmodel is None:
            return Subject("" if model is None else _describe(model), told)
        return Subject(f"{MODELS}{told}" if told else str(model.path), told)
    uri = os.fspath(model)
    if not uri.startswith(MODELS) or uri.startswith(f"{MODELS}m-"):
        return Subject(uri, model_id or (uri.removeprefix(MODELS) if uri.startswith(MODELS) else ""))
    version = find_version(Client(), uri)
    return Subject(f"{MODELS}{version.name}/{version.version}", model_id or version.model_id, version)


def record(
    evaluation: Evaluation, curves: Mapping[str, Curve], subject: Subject, inputs: Inputs, prefix: str
) -> Evaluation:
    """Log an evaluation to the active run, and return it with the places of its files."""
    run_id = runs.get_active_run().run_id
    model_id = _find_model_id(subject.model_id)
    fluent.log_metrics(
        {f"{prefix}{name}": value for name, value in evaluation.metrics.items()},
        model_id=model_id,
        dataset=inputs.dataset if model_id else None,
    )
    fluent.log_input(inputs.dataset, inputs.context, model=LoggedModelInput(model_id) if model_id else None)
    if evaluation.checks:
        fluent.set_tag(TAG_VERDICT, "passed" if evaluation.passed else "failed")
    evaluation = msgspec.structs.replace(evaluation, run_id=run_id)
    files = _log_files(evaluation, curves, prefix)
    artifacts = {name: Artifact(f"runs:/{run_id}/{path}", content) for name, (path, content) in files.items()}
    return msgspec.structs.replace(evaluation, artifacts=artifacts)


def attest(evaluation: Evaluation, version: g.ModelVersion) -> None:
    """Say in the registry whether a version passed, so that a policy that asks for an evaluation sees it."""
    attest_checks(evaluation.checks, version, f"the evaluation of run {evaluation.run_id or '(none)'}")


def attest_checks(checks: Sequence[Check], version: g.ModelVersion, where: str) -> None:
    """Say in the registry whether a version passed all of some checks."""
    passed = sum(check.passed for check in checks)
    request = g.AttestVersion(
        name=version.name,
        version=version.version,
        what="evaluation",
        passed=passed == len(checks),
        note=f"{passed} of {len(checks)} thresholds met in {where}",
    )
    Client().call(ops.ATTEST_VERSION, request)


def log_custom(functions: Any, frame: Any, metrics: Mapping[str, float], prefix: str) -> dict[str, Artifact]:
    """Run functions that make files, log what they make to the active run, and return it by name.

    raises: InvalidInput for a function that fails, or does not return objects by name
    """
    made: dict[str, Artifact] = {}
    for function in functions:
        with tempfile.TemporaryDirectory(prefix="trackway-evaluation-") as folder:
            try:
                found = function(frame, dict(metrics), folder)
            except Exception as error:
                problem = f"{type(error).__name__}: {str(error)[:300]}"
                raise InvalidInput(f"The artifact function {_name(function)} failed: {problem}") from error
            if not isinstance(found, Mapping):
                raise InvalidInput(f"The artifact function {_name(function)} returned no dict of objects by name")
            for name, content in found.items():
                path = _log_object(str(name), content, prefix)
                made[str(name)] = Artifact(f"runs:/{runs.get_active_run().run_id}/{path}", content)
    return made


def to_csv(table: Mapping[str, Any]) -> str:
    """Return a table as text."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(table)
    writer.writerows(zip(*table.values(), strict=True))
    return text.getvalue()


def _log_files(evaluation: Evaluation, curves: Mapping[str, Curve], prefix: str) -> dict[str, tuple[str, Any]]:
    """Log the files, and return path and content of each by name."""
    files: dict[str, tuple[str, Any]] = {}
    summary = evaluation.to_dict()
    fluent_files.log_dict(summary, f"{prefix}evaluation.json")
    fluent_files.log_text(evaluation.to_text(), f"{prefix}evaluation.txt")
    files["evaluation"] = f"{prefix}evaluation.json", summary
    for name, table in evaluation.tables.items():
        path = f"{prefix}{name}.csv"
        fluent_files.log_text(to_csv({column: list(table[column]) for column in table}), path)
        files[name] = path, table
    for name, curve in curves.items():
        path = f"{prefix}{name}.json"
        fluent_files.log_dict(curve, path)
        files[name] = path, curve
        try:
            figure = draw_curve(name, curve)
        except ImportError:  # the numbers are there without matplotlib
            continue
        path = f"{prefix}{FILES[name]}"
        fluent_files.log_figure(figure, path)
        files[FILES[name].removesuffix(".png")] = path, figure
    return files


def _log_object(name: str, content: Any, prefix: str) -> str:
    if isinstance(content, str | os.PathLike) and os.path.isfile(content):
        path = f"{prefix}{name}{os.path.splitext(content)[1]}"
        with open(content, "rb") as file:
            fluent_files.log_stream(file, path)
    elif hasattr(content, "savefig"):
        path = f"{prefix}{name}.png"
        fluent_files.log_figure(content, path)
    elif hasattr(content, "to_csv"):
        path = f"{prefix}{name}.csv"
        fluent_files.log_text(content.to_csv(index=False), path)
    elif isinstance(content, str):
        path = f"{prefix}{name}.txt"
        fluent_files.log_text(content, path)
    else:
        path = f"{prefix}{name}.json"
        fluent_files.log_dict(content, path)
    return path


def _find_model_id(model_id: str) -> str | None:
    """Return the id of a logged model if the store has it: a model may come from another."""
    if not model_id:
        return None
    try:
        return Client().call(ops.GET_LOGGED_MODEL, GetLoggedModel(model_id=model_id)).model_id
    except NotFound:
        return None


def _describe(model: Any) -> str:
    return str(getattr(model, "__name__", "") or type(model).__name__)


def _name(function: Any) -> str:
    return repr(getattr(function, "__name__", function))
