"""MLflow's SQLite database, as versions from 1.0 to 3.x make it: read only, with the tables and columns that it has."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np

from trackway.api.logged_models import LoggedMetric, ModelStatus
from trackway.api.registry import Stage
from trackway.api.runs import Dataset, DatasetInput, ModelOutput
from trackway.api.transfers import PastRegistered, PastVersion
from trackway.base.addresses import sqlite_address
from trackway.base.errors import InvalidInput, Unavailable
from trackway.exchange.folders import Folders
from trackway.exchange.history import (
    PastExperiment,
    PastFile,
    PastModel,
    PastPoints,
    PastRun,
    Problem,
    choose_source,
    read_old_fields,
    read_status,
    read_version_stage,
    read_version_status,
    restore_infinities,
)

ROWS_AT_ONCE = 50_000
BUSY_TIMEOUT_S = 60.0
_MODEL_STATUSES: dict[int, ModelStatus] = {1: "PENDING", 2: "READY", 3: "UPLOAD_FAILED"}
_NOT_IMPORTED = {
    "trace_info": "traces are not imported",
    "evaluation_datasets": "evaluation datasets are not imported",
    "scorers": "scorers are not imported",
}
Row = dict[str, Any]


class Database:
    """See ``history.History``. One thread at a time.

    path:      the SQLite file; MLflow may be writing to it
    artifacts: the folder that ``mlflow-artifacts:`` locations stand for, or that holds a copy of a bucket
    raises:    InvalidInput when it is not a database of MLflow's, Unavailable when it cannot be read
    """

    def __init__(self, path: Path, artifacts: Path | None, problem: Problem) -> None:
        self._path = path.absolute()
        self._problem = problem
        self._folders = Folders([Path.cwd(), self._path.parent], artifacts, problem)
        try:
            self._db = sqlite3.connect(
                f"file:{quote(str(self._path))}?mode=ro", uri=True, timeout=BUSY_TIMEOUT_S, check_same_thread=False
            )
        except sqlite3.Error as error:
            raise self._unreadable(error) from error
        self._db.row_factory = _make_row
        self._tables = {str(row["name"]) for row in self._read("SELECT name FROM sqlite_master")}
        if not {"experiments", "runs", "metrics", "params", "tags"} <= self._tables or "series" in self._tables:
            raise InvalidInput(
                f"{self._path} is not a database of MLflow's",
                hint="what Trackway kept is carried from store to store with `trackway export`",
            )
        self._select_points = self._compose_points()

    @property
    def label(self) -> str:
        return sqlite_address(self._path)

    def list_experiments(self) -> Iterator[PastExperiment]:
        tags = self._group("experiment_tags", "experiment_id", "key", "value")
        for row in self._read("SELECT * FROM experiments ORDER BY experiment_id"):
            workspace = row.get("workspace") or "default"
            created_ms = row.get("creation_time") or 0
            yield PastExperiment(
                experiment_id=str(row["experiment_id"]),
                name=row["name"] if workspace == "default" else f"{workspace}/{row['name']}",
                lifecycle="deleted" if row["lifecycle_stage"] == "deleted" else "active",
                created_ms=created_ms,
                updated_ms=row.get("last_update_time") or created_ms,
                tags=tags.get(row["experiment_id"], {}),
            )
        for table, why in _NOT_IMPORTED.items():
            if table in self._tables:
                [row] = self._read(f"SELECT COUNT(*) AS n FROM {table}")
                if row["n"]:
                    self._problem(f"{row['n']} rows of {table}", why)

    def list_runs(self, experiment: PastExperiment) -> Iterator[PastRun]:
        mine = "run_uuid IN (SELECT run_uuid FROM runs WHERE experiment_id = ?)"
        number = int(experiment.experiment_id)
        params = self._group("params", "run_uuid", "key", "value", mine, number)
        tags = self._group("tags", "run_uuid", "key", "value", mine, number)
        links = self._read_links(number)
        for row in self._read("SELECT * FROM runs WHERE experiment_id = ? ORDER BY start_time, run_uuid", number):
            run_id = row["run_uuid"]
            datasets, inputs, outputs = links.get(run_id, ([], [], []))
            yield PastRun(
                run_id=run_id,
                experiment_id=experiment.experiment_id,
                name=row["name"] or "",
                user=row["user_id"] or "",
                status=read_status(row["status"]),
                start_ms=row["start_time"] or 0,
                end_ms=row["end_time"],
                lifecycle="deleted" if row["lifecycle_stage"] == "deleted" else "active",
                deleted_ms=row.get("deleted_time"),
                params=params.get(run_id, {}),
                tags=read_old_fields(row) | tags.get(run_id, {}),
                datasets=datasets,
                model_inputs=inputs,
                model_outputs=outputs,
                place=row["artifact_uri"] or "",
            )

    def read_points(self, run: PastRun) -> Iterator[PastPoints]:
        cursor = self._db.cursor()
        cursor.row_factory = None  # plain tuples: this is the hot part
        try:
            cursor.execute(self._select_points, (run.run_id,))
            while rows := cursor.fetchmany(ROWS_AT_ONCE):
                yield from _split(rows)
        except sqlite3.Error as error:
            raise self._unreadable(error) from error

    def list_files(self, run: PastRun) -> Iterator[PastFile]:
        tail = (run.experiment_id, run.run_id, "artifacts")
        return self._folders.list_files(run.place, tail, f"run {run.run_id}")

    def list_models(self, experiment: PastExperiment) -> Iterator[PastModel]:
        if "logged_models" not in self._tables:
            return
        number = int(experiment.experiment_id)
        params = self._group("logged_model_params", "model_id", "param_key", "param_value", "experiment_id = ?", number)
        tags = self._group("logged_model_tags", "model_id", "tag_key", "tag_value", "experiment_id = ?", number)
        for row in self._read("SELECT * FROM logged_models WHERE experiment_id = ? ORDER BY model_id", number):
            if row["lifecycle_stage"] == "deleted":
                continue
            model_id = row["model_id"]
            yield PastModel(
                model_id=model_id,
                experiment_id=experiment.experiment_id,
                name=row["name"],
                model_type=row["model_type"] or "",
                source_run_id=row["source_run_id"] or "",
                status=_MODEL_STATUSES.get(row["status"], "UNSPECIFIED"),
                status_message=row["status_message"],
                created_ms=row["creation_timestamp_ms"],
                updated_ms=row["last_updated_timestamp_ms"],
                params=params.get(model_id, {}),
                tags=tags.get(model_id, {}),
                metrics=[
                    _to_metric(metric)
                    for metric in self._read("SELECT * FROM logged_model_metrics WHERE model_id = ?", model_id)
                ],
                place=row["artifact_location"],
            )

    def list_registered(self) -> Iterator[PastRegistered]:
        if "registered_models" not in self._tables:
            return
        for row in self._read("SELECT * FROM registered_models ORDER BY name"):
            name, workspace = row["name"], row.get("workspace") or "default"
            mine = "name = ?" if "workspace" not in row else "name = ? AND workspace = ?"
            keys = (name,) if "workspace" not in row else (name, workspace)
            aliases = self._group("registered_model_aliases", "name", "alias", "CAST(version AS TEXT)", mine, *keys)
            tags = self._group("model_version_tags", "version", "key", "value", mine, *keys)
            versions = [
                _to_version(version, stage, tags.get(version["version"], {}))
                for version in self._read(f"SELECT * FROM model_versions WHERE {mine} ORDER BY version", *keys)
                if (stage := read_version_stage(version["current_stage"])) is not None
            ]
            yield PastRegistered(
                name=name if workspace == "default" else f"{workspace}-{name}",
                description=row["description"] or "",
                created_ms=row["creation_time"] or 0,
                updated_ms=row["last_updated_time"] or 0,
                tags=self._group("registered_model_tags", "name", "key", "value", mine, *keys).get(name, {}),
                aliases={alias: int(number) for alias, number in aliases.get(name, {}).items()},
                versions=versions,
            )

    def list_model_files(self, model: PastModel) -> Iterator[PastFile]:
        tail = (model.experiment_id, "models", model.model_id, "artifacts")
        return self._folders.list_files(model.place, tail, f"model {model.model_id}")

    def close(self) -> None:
        """Close the database."""
        self._db.close()

    def _read(self, sql: str, *params: object) -> Iterator[Row]:
        try:
            return iter(self._db.execute(sql, params).fetchall())
        except sqlite3.Error as error:
            raise self._unreadable(error) from error

    def _unreadable(self, error: sqlite3.Error) -> Unavailable:
        return Unavailable(f"{self._path} cannot be read: {error}", hint="it must be a SQLite database of MLflow's")

    def _compose_points(self) -> str:
        """Return the query for a run's points; the first versions had neither steps nor NaN."""
        columns = {row["name"] for row in self._read("PRAGMA table_info(metrics)")}
        step = "step" if "step" in columns else "0"
        value = "CASE WHEN is_nan THEN NULL ELSE value END" if "is_nan" in columns else "value"
        return f"SELECT key, {step}, timestamp, {value} FROM metrics WHERE run_uuid = ? ORDER BY rowid"

    def _group(
        self, table: str, owner: str, key: str, value: str, where: str = "1", *params: object
    ) -> dict[Any, dict[str, str]]:
        """Return the key-value rows of a table by their owner."""
        found: dict[Any, dict[str, str]] = {}
        if table in self._tables:
            for row in self._read(f"SELECT {owner} AS o, {key} AS k, {value} AS v FROM {table} WHERE {where}", *params):
                found.setdefault(row["o"], {})[row["k"]] = row["v"] or ""
        return found

    def _read_links(self, number: int) -> dict[str, tuple[list[DatasetInput], list[str], list[ModelOutput]]]:
        """Return what the runs of an experiment took and made: data sets, models in, models out."""
        found: dict[str, tuple[list[DatasetInput], list[str], list[ModelOutput]]] = {}
        if "inputs" not in self._tables:
            return found
        datasets = {
            row["dataset_uuid"]: _to_dataset(row)
            for row in self._read("SELECT * FROM datasets WHERE experiment_id = ?", number)
        }
        labels = self._group("input_tags", "input_uuid", "name", "value")
        of_run = "SELECT run_uuid FROM runs WHERE experiment_id = ?"
        sql = f"SELECT * FROM inputs WHERE destination_id IN ({of_run}) OR source_id IN ({of_run}) ORDER BY rowid"
        for row in self._read(sql, number, number):
            kind = row["source_type"], row["destination_type"]
            run_id = row["destination_id"] if kind[1] == "RUN" else row["source_id"]
            taken, inputs, outputs = found.setdefault(run_id, ([], [], []))
            if kind == ("DATASET", "RUN") and row["source_id"] in datasets:
                dataset = datasets[row["source_id"]]
                taken.append(DatasetInput(dataset=dataset, tags=labels.get(row["input_uuid"], {})))
            elif kind == ("RUN_INPUT", "MODEL_INPUT"):
                inputs.append(row["destination_id"])
            elif kind == ("RUN_OUTPUT", "MODEL_OUTPUT"):
                outputs.append(ModelOutput(model_id=row["destination_id"], step=row.get("step") or 0))
        return found


def _make_row(cursor: sqlite3.Cursor, row: Sequence[Any]) -> Row:
    return {column[0]: value for column, value in zip(cursor.description, row, strict=True)}


def _split(rows: Sequence[tuple[str, int, int, float | None]]) -> Iterator[PastPoints]:
    """Yield rows of several metrics as columns of each, in their order; a value that is NULL becomes NaN."""
    keys, steps, times_ms, values = zip(*rows, strict=True)
    numbers: dict[str, int] = {}
    codes = np.array([numbers.setdefault(key, len(numbers)) for key in keys])
    points = PastPoints(
        "",
        np.array(steps, np.int64),
        np.array(times_ms, np.int64),
        restore_infinities(np.array(values, np.float64)),
    )
    order = np.argsort(codes, kind="stable")
    edges = np.searchsorted(codes[order], np.arange(len(numbers) + 1))
    for key, number in numbers.items():
        place = order[edges[number] : edges[number + 1]]
        yield PastPoints(key, points.steps[place], points.times_ms[place], points.values[place])


def _to_version(row: Row, stage: Stage, tags: dict[str, str]) -> PastVersion:
    return PastVersion(
        version=row["version"],
        source=choose_source(row["source"], row.get("storage_location")),
        run_id=row["run_id"] or "",
        model_id=row.get("model_id") or "",
        run_link=row.get("run_link") or "",
        description=row["description"] or "",
        user=row["user_id"] or "",
        status=read_version_status(row["status"]),
        status_message=row["status_message"] or "",
        stage=stage,
        created_ms=row["creation_time"] or 0,
        updated_ms=row["last_updated_time"] or 0,
        tags=tags,
    )


def _to_dataset(row: Row) -> Dataset:
    return Dataset(
        name=row["name"],
        digest=row["digest"],
        source_type=row["dataset_source_type"] or "",
        source=row["dataset_source"] or "",
        schema=row["dataset_schema"],
        profile=row["dataset_profile"],
    )


def _to_metric(row: Row) -> LoggedMetric:
    value = row["metric_value"]
    return LoggedMetric(
        model_id=row["model_id"],
        key=row["metric_name"],
        value=float("nan") if value is None else float(restore_infinities(np.array(value))),
        time_ms=row["metric_timestamp_ms"],
        step=row["metric_step"],
        run_id=row["run_id"],
        dataset_name=row["dataset_name"],
        dataset_digest=row["dataset_digest"],
    )
