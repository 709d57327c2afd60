"""Removing for good: rows at once, the bytes of files by a job, which finds them on the list of pending blobs."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from trackway.api.calls import Call
from trackway.api.experiments import PurgeReport
from trackway.rules.holds import check_held
from trackway.rules.locations import SERVED, tree_path
from trackway.store.base import ModelRef, RunRef, Transaction
from trackway.tracking.frozen import check_frozen

ROWS_AT_ONCE = 500
LONG_AGO_MS = 0
"""Since when the blobs of what is purged count as needed by nobody: they go when the job comes next, not in a day."""


def purge_run(tx: Transaction, call: Call, ref: RunRef, report: PurgeReport) -> PurgeReport:
    """Remove a run with points and files, or (``report.dry_run``) only count; return the grown report.

    raises: Conflict for what is held, and for files that a version needs
    """
    check_held(tx.holds, call, "experiment", str(ref.experiment))
    _check_files(tx, call, ref.artifact_uri)
    report = measure_run(tx, call, ref, report)
    if not report.dry_run:
        tx.runs.purge(ref.pk)
        _delete_files(tx, call, ref.artifact_uri)
    return report


def purge_model(tx: Transaction, call: Call, ref: ModelRef, report: PurgeReport) -> PurgeReport:
    """Remove a logged model with its files, or only count; return the grown report. See ``purge_run``."""
    check_held(tx.holds, call, "experiment", str(ref.experiment))
    _check_files(tx, call, _find_place(ref))
    report = measure_model(tx, call, ref, report)
    if not report.dry_run:
        tx.logged_models.purge(ref.pk)
        _delete_files(tx, call, _find_place(ref))
    return report


def purge_experiment(tx: Transaction, call: Call, number: int, report: PurgeReport) -> PurgeReport:
    """Remove an experiment with all its runs and models, or only count; return the grown report. See ``purge_run``."""
    check_held(tx.holds, call, "experiment", str(number))
    _check_files(tx, call, f"{SERVED}{number}")
    report = measure_experiment(tx, call, number, report)
    for run in _list_runs(tx, number):
        _check_files(tx, call, run.artifact_uri)
        if not report.dry_run:
            tx.runs.purge(run.pk)
            _delete_files(tx, call, run.artifact_uri)
    for model in _list_models(tx, number):
        _check_files(tx, call, _find_place(model))
        if not report.dry_run:
            tx.logged_models.purge(model.pk)
            _delete_files(tx, call, _find_place(model))
    if not report.dry_run:
        _delete_files(tx, call, f"{SERVED}{number}")
        tx.experiments.purge(number)
    return report


def measure_run(tx: Transaction, call: Call, ref: RunRef, report: PurgeReport, counted: str = "") -> PurgeReport:
    """Count what goes with a run, whatever keeps it; the files below the folder ``counted`` are known already."""
    found = tx.runs.measure(ref.pk)
    report = msgspec.structs.replace(report, runs=report.runs + 1, points=report.points + found.points)
    return _count_files(tx, call, ref.artifact_uri, report, counted)


def measure_model(tx: Transaction, call: Call, ref: ModelRef, report: PurgeReport, counted: str = "") -> PurgeReport:
    """Count what goes with a logged model. See ``measure_run``."""
    report = msgspec.structs.replace(report, models=report.models + 1)
    return _count_files(tx, call, _find_place(ref), report, counted)


def measure_experiment(tx: Transaction, call: Call, number: int, report: PurgeReport) -> PurgeReport:
    """Count what goes with an experiment. See ``measure_run``."""
    report = msgspec.structs.replace(report, experiments=report.experiments + 1)
    # The folder of its own has what else was put there; a location that a client chose may hold others' files.
    report = _count_files(tx, call, f"{SERVED}{number}", report)
    for run in _list_runs(tx, number):
        report = measure_run(tx, call, run, report, str(number))
    for model in _list_models(tx, number):
        report = measure_model(tx, call, model, report, str(number))
    return report


def describe_purge(report: PurgeReport) -> str:
    """Say in a line what was removed, for the audit log."""
    counts = f"{report.experiments} experiments, {report.runs} runs, {report.models} models"
    others = f", {report.objects} other things" if report.objects else ""
    return f"{counts}{others}, {report.file_bytes} bytes of files"


def _list_runs(tx: Transaction, experiment: int) -> Iterator[RunRef]:
    after = 0
    while refs := tx.runs.list_experiment(experiment, after, ROWS_AT_ONCE):
        yield from refs
        after = refs[-1].pk


def _list_models(tx: Transaction, experiment: int) -> Iterator[ModelRef]:
    after = 0
    while refs := tx.logged_models.list_experiment(experiment, after, ROWS_AT_ONCE):
        yield from refs
        after = refs[-1].pk


def _find_place(ref: ModelRef) -> str:
    """Return a model's own place, in which its card is beside the folder of its files."""
    return ref.artifact_uri.removesuffix("/artifacts")


def _check_files(tx: Transaction, call: Call, location: str) -> None:
    if folder := tree_path(location):
        check_frozen(tx, call, folder, below=True)


def _count_files(tx: Transaction, call: Call, location: str, report: PurgeReport, counted: str = "") -> PurgeReport:
    folder = tree_path(location)
    if not folder or (counted and folder.startswith(f"{counted}/")):
        return report
    files, file_bytes = tx.files.measure(call.workspace, folder)
    return msgspec.structs.replace(report, files=report.files + files, file_bytes=report.file_bytes + file_bytes)


def _delete_files(tx: Transaction, call: Call, location: str) -> None:
    if folder := tree_path(location):
        tx.files.delete(call.workspace, folder, LONG_AGO_MS)
