"""Removing for good: rows at once, the bytes of files by a job, which finds them on the list of pending blobs."""

from __future__ import annotations

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
    found = tx.runs.measure(ref.pk)
    if not report.dry_run:
        tx.runs.purge(ref.pk)
    report = msgspec.structs.replace(report, runs=report.runs + 1, points=report.points + found.points)
    return _purge_files(tx, call, ref.artifact_uri, report)


def purge_model(tx: Transaction, call: Call, ref: ModelRef, report: PurgeReport) -> PurgeReport:
    """Remove a logged model with its files, or only count; return the grown report. See ``purge_run``."""
    check_held(tx.holds, call, "experiment", str(ref.experiment))
    if not report.dry_run:
        tx.logged_models.purge(ref.pk)
    report = msgspec.structs.replace(report, models=report.models + 1)
    # The model's own place, in which its card is beside the folder of its files.
    return _purge_files(tx, call, ref.artifact_uri.removesuffix("/artifacts"), report)


def purge_experiment(tx: Transaction, call: Call, number: int, report: PurgeReport) -> PurgeReport:
    """Remove an experiment with all its runs and models, or only count; return the grown report. See ``purge_run``."""
    check_held(tx.holds, call, "experiment", str(number))
    after = 0
    while refs := tx.runs.list_experiment(number, after, ROWS_AT_ONCE):
        for ref in refs:
            report = purge_run(tx, call, ref, report)
        after = refs[-1].pk
    after = 0
    while models := tx.logged_models.list_experiment(number, after, ROWS_AT_ONCE):
        for model in models:
            report = purge_model(tx, call, model, report)
        after = models[-1].pk
    # What else was put into the experiment's own folder; a location that a client chose may hold others' files.
    report = _purge_files(tx, call, f"{SERVED}{number}", report)
    if not report.dry_run:
        tx.experiments.purge(number)
    return msgspec.structs.replace(report, experiments=report.experiments + 1)


def _purge_files(tx: Transaction, call: Call, location: str, report: PurgeReport) -> PurgeReport:
    folder = tree_path(location)
    if not folder:
        return report
    check_frozen(tx, call, folder, below=True)
    files, file_bytes = tx.files.measure(call.workspace, folder)
    if not report.dry_run:
        tx.files.delete(call.workspace, folder, LONG_AGO_MS)
    return msgspec.structs.replace(report, files=report.files + files, file_bytes=report.file_bytes + file_bytes)
