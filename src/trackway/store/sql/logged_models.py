"""Records of logged models."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from trackway.api.logged_models import DatasetRef, LoggedMetric, LoggedModel, ModelStatus
from trackway.store.base import ModelRef, Page, Search
from trackway.store.sql.connection import Connection, Row
from trackway.store.sql.search import find_logged_models

COLUMNS = (
    "pk, model_id, experiment_pk, name, model_type, source_run_id, artifact_uri, status, status_message, created_ms,"
    " updated_ms, deleted_ms"
)
_KINDS = "bigint text text"
_NAN = float("nan")


class LoggedModelTable:
    """See ``store.base.LoggedModels``."""

    def __init__(self, db: Connection) -> None:
        self._db = db

    def create(self, workspace: str, model: LoggedModel) -> None:
        """Insert a record with its params and tags."""
        m = model
        self._db.hold("experiments", int(m.experiment_id))
        [(pk,)] = self._db.returning(
            "INSERT INTO logged_models (workspace, model_id, experiment_pk, name, model_type, source_run_id,"
            " artifact_uri, status, status_message, created_ms, updated_ms)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING pk",
            (
                workspace,
                m.model_id,
                int(m.experiment_id),
                m.name,
                m.model_type,
                m.source_run_id,
                m.artifact_uri,
                m.status,
                m.status_message,
                m.created_ms,
                m.updated_ms,
            ),
        )
        for table, pairs in (("logged_model_params", m.params), ("logged_model_tags", m.tags)):
            self._db.insert(f"{table} (model_pk, key, value)", _KINDS, [(pk, *pair) for pair in pairs.items()])

    def get(self, workspace: str, model_id: str, deleted: bool) -> LoggedModel | None:
        """Return a record; one in the trash only when ``deleted``."""
        live = "" if deleted else " AND deleted_ms IS NULL"
        row = self._db.one(
            f"SELECT {COLUMNS} FROM logged_models WHERE workspace = ? AND model_id = ?{live}", (workspace, model_id)
        )
        return self.load([row])[0] if row else None

    def update(self, workspace: str, model_id: str, status: ModelStatus, message: str | None, now_ms: int) -> None:
        """Set the status."""
        self._db.run(
            "UPDATE logged_models SET status = ?, status_message = ?, updated_ms = ?"
            " WHERE workspace = ? AND model_id = ?",
            (status, message, now_ms, workspace, model_id),
        )

    def delete(self, workspace: str, model_id: str, now_ms: int) -> None:
        """Move a record to the trash."""
        self._db.run(
            "UPDATE logged_models SET deleted_ms = ?, updated_ms = ?"
            " WHERE workspace = ? AND model_id = ? AND deleted_ms IS NULL",
            (now_ms, now_ms, workspace, model_id),
        )

    def list_trash(self, workspace: str, before_ms: int, limit: int) -> list[ModelRef]:
        """Return records that went to the trash at or before a time, and whose experiment did not."""
        rows = self._db.all(
            "SELECT m.pk, m.artifact_uri, m.experiment_pk FROM logged_models m"
            " JOIN experiments e ON e.pk = m.experiment_pk"
            " WHERE m.workspace = ? AND m.deleted_ms <= ? AND e.deleted_ms IS NULL ORDER BY m.deleted_ms LIMIT ?",
            (workspace, before_ms, limit),
        )
        return [ModelRef(*row) for row in rows]

    def list_experiment(self, experiment: int, after: int, limit: int) -> list[ModelRef]:
        """Return an experiment's records by their numbers, in the trash or not."""
        rows = self._db.all(
            "SELECT pk, artifact_uri, experiment_pk FROM logged_models"
            " WHERE experiment_pk = ? AND pk > ? ORDER BY pk LIMIT ?",
            (experiment, after, limit),
        )
        return [ModelRef(*row) for row in rows]

    def purge(self, pk: int) -> None:
        """Remove a record for good, but for its files."""
        for table in ("logged_model_params", "logged_model_tags", "logged_model_metrics"):
            self._db.run(f"DELETE FROM {table} WHERE model_pk = ?", (pk,))
        self._db.run("DELETE FROM logged_models WHERE pk = ?", (pk,))

    def set_tags(self, workspace: str, model_id: str, tags: Mapping[str, str]) -> None:
        """Set or replace tags."""
        pk = self._pk(workspace, model_id)
        self._db.insert(
            "logged_model_tags (model_pk, key, value)",
            _KINDS,
            [(pk, *pair) for pair in tags.items()],
            "ON CONFLICT (model_pk, key) DO UPDATE SET value = excluded.value",
        )

    def delete_tag(self, workspace: str, model_id: str, key: str) -> bool:
        """Delete a tag; tell whether it was there."""
        pk = self._pk(workspace, model_id)
        return self._db.run("DELETE FROM logged_model_tags WHERE model_pk = ? AND key = ?", (pk, key)) > 0

    def add_params(self, workspace: str, model_id: str, params: Mapping[str, str]) -> None:
        """Add params whose keys are new."""
        pk = self._pk(workspace, model_id)
        rows = [(pk, *pair) for pair in params.items()]
        self._db.insert("logged_model_params (model_pk, key, value)", _KINDS, rows)

    def add_metric(self, workspace: str, metric: LoggedMetric) -> bool:
        """Add a point; tell whether there is such a model."""
        pk = self._pk(workspace, metric.model_id)
        if pk is None:
            return False
        value = metric.value if metric.value == metric.value else None
        self._db.run(
            "INSERT INTO logged_model_metrics (model_pk, key, value, time_ms, step, run_id, dataset_name,"
            " dataset_digest) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                pk,
                metric.key,
                value,
                metric.time_ms,
                metric.step,
                metric.run_id,
                metric.dataset_name,
                metric.dataset_digest,
            ),
        )
        return True

    def search(
        self,
        workspace: str,
        experiments: Collection[int],
        search: Search,
        datasets: Sequence[DatasetRef],
        order_datasets: Sequence[DatasetRef | None],
        page: Page,
    ) -> tuple[list[LoggedModel], Sequence[object] | None]:
        """Return one page of found models, and the key to go on from."""
        numbers, after = find_logged_models(self._db, workspace, experiments, search, (datasets, order_datasets), page)
        if not numbers:
            return [], None
        marks = ", ".join("?" * len(numbers))
        rows = {r[0]: r for r in self._db.all(f"SELECT {COLUMNS} FROM logged_models WHERE pk IN ({marks})", numbers)}
        return self.load([rows[number] for number in numbers]), after

    def _pk(self, workspace: str, model_id: str) -> int | None:
        row = self._db.one(
            "SELECT pk FROM logged_models WHERE workspace = ? AND model_id = ? AND deleted_ms IS NULL",
            (workspace, model_id),
        )
        return row[0] if row else None

    def load(self, rows: Sequence[Row]) -> list[LoggedModel]:
        """Return the records of rows of ``COLUMNS``, with params, tags and every metric point in order of logging."""
        marks = ", ".join("?" * len(rows))
        pks = [row[0] for row in rows]
        texts: dict[str, dict[int, dict[str, str]]] = {}
        for table in ("logged_model_params", "logged_model_tags"):
            found = texts[table] = {}
            for pk, key, value in self._db.all(
                f"SELECT model_pk, key, value FROM {table} WHERE model_pk IN ({marks}) ORDER BY model_pk, key", pks
            ):
                found.setdefault(pk, {})[key] = value
        metrics: dict[int, list[Row]] = {}
        for row in self._db.all(
            "SELECT model_pk, key, value, time_ms, step, run_id, dataset_name, dataset_digest FROM logged_model_metrics"
            f" WHERE model_pk IN ({marks}) ORDER BY pk",
            pks,
        ):
            metrics.setdefault(row[0], []).append(row)
        return [
            LoggedModel(
                model_id=row[1],
                experiment_id=str(row[2]),
                name=row[3],
                model_type=row[4],
                source_run_id=row[5],
                artifact_uri=row[6],
                status=row[7],
                status_message=row[8],
                created_ms=row[9],
                updated_ms=row[10],
                lifecycle="active" if row[11] is None else "deleted",
                params=texts["logged_model_params"].get(row[0], {}),
                tags=texts["logged_model_tags"].get(row[0], {}),
                metrics=[_metric(row[1], m) for m in metrics.get(row[0], ())],
            )
            for row in rows
        ]


def _metric(model_id: str, row: Row) -> LoggedMetric:
    _, key, value, time_ms, step, run_id, dataset_name, dataset_digest = row
    return LoggedMetric(
        model_id=model_id,
        key=key,
        value=_NAN if value is None else value,
        time_ms=time_ms,
        step=step,
        run_id=run_id,
        dataset_name=dataset_name,
        dataset_digest=dataset_digest,
    )
