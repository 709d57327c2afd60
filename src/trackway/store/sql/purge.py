"""Removing a run's rows for good, and counting them before."""

from __future__ import annotations

from trackway.api.experiments import PurgeReport
from trackway.store.sql.connection import Connection

_BY_RUN = (
    "gather_queue",
    "arrivals",
    "series",
    "params",
    "tags",
    "param_history",
    "run_sessions",
    "run_datasets",
    "run_models",
    "run_links",
)


def measure_run(db: Connection, pk: int) -> PurgeReport:
    """Count a run's points."""
    row = db.one("SELECT COALESCE(SUM(count), 0) FROM series WHERE run_pk = ?", (pk,))
    return PurgeReport(runs=1, points=int(row[0]) if row else 0)


def purge_run(db: Connection, pk: int) -> PurgeReport:
    """Remove a run and everything that hangs on it but its files; also what it was the last to share."""
    db.stop_assuming()
    report = measure_run(db, pk)
    datasets = db.all("SELECT dataset_pk FROM run_datasets WHERE run_pk = ?", (pk,))
    environments = db.all("SELECT environment_digest FROM runs WHERE pk = ? AND environment_digest IS NOT NULL", (pk,))
    for table in ("seal_queue", "chunks", "sealed_chunks"):
        db.run(f"DELETE FROM {table} WHERE series_pk IN (SELECT pk FROM series WHERE run_pk = ?)", (pk,))
    for table in _BY_RUN:
        db.run(f"DELETE FROM {table} WHERE run_pk = ?", (pk,))
    db.run("DELETE FROM run_links WHERE earlier_pk = ?", (pk,))
    db.run("DELETE FROM runs WHERE pk = ?", (pk,))
    if datasets:
        unused = "NOT EXISTS (SELECT 1 FROM run_datasets i WHERE i.dataset_pk = datasets.pk)"
        db.many(f"DELETE FROM datasets WHERE pk = ? AND {unused}", datasets)
    if environments:
        unused = "NOT EXISTS (SELECT 1 FROM runs r WHERE r.environment_digest = environments.digest)"
        db.many(f"DELETE FROM environments WHERE digest = ? AND {unused}", environments)
    return report
