"""Experiments and their tags."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from trackway.api.experiments import Experiment
from trackway.api.structs import View
from trackway.store.base import ExperimentRef, ExperimentRow, Page, Search
from trackway.store.sql.connection import Connection, Row
from trackway.store.sql.failures import Vanished
from trackway.store.sql.search import find_experiments

_WORKSPACE = "COALESCE((SELECT w.name FROM workspaces w WHERE w.key = experiments.workspace), workspace)"
COLUMNS = f"pk, name, artifact_location, created_ms, updated_ms, deleted_ms, {_WORKSPACE}"


class ExperimentTable:
    """See ``store.base.Experiments``."""

    def __init__(self, db: Connection) -> None:
        self._db = db

    def create(self, row: ExperimentRow) -> Experiment | None:
        """Insert an experiment; None when its number is taken, in whichever workspace.

        An empty location becomes ``mlflow-artifacts:/<number>``, which holds no place.
        """
        columns = "workspace, name, artifact_location, created_ms, updated_ms"
        values: tuple[Any, ...] = row[:5]
        if row.number is not None:
            columns, values = f"{columns}, pk", (*values, row.number)
        marks = ", ".join("?" * len(values))
        sql = f"INSERT INTO experiments ({columns}) VALUES ({marks}) ON CONFLICT (pk) DO NOTHING"
        sql = f"{sql} RETURNING pk, {_WORKSPACE}"
        while not (created := self._db.returning(sql, values)):
            if row.number is not None:
                return None
            # an import took the number that PostgreSQL's sequence came to: the next one is tried
        [(pk, workspace)] = created
        location = row.artifact_location
        if not location:
            location = f"mlflow-artifacts:/{pk}"
            self._db.run("UPDATE experiments SET artifact_location = ? WHERE pk = ?", (location, pk))
        return _experiment((pk, row.name, location, row.created_ms, row.updated_ms, None, workspace), {})

    def get(self, workspace: str, number: int) -> Experiment | None:
        """Return an experiment, in the trash or not."""
        row = self._db.one(f"SELECT {COLUMNS} FROM experiments WHERE pk = ? AND workspace = ?", (number, workspace))
        return self._load([row])[0] if row else None

    def ref(self, workspace: str, number: int) -> ExperimentRef | None:
        """Say where an experiment is."""
        row = self._db.recall(
            "SELECT artifact_location, deleted_ms FROM experiments WHERE pk = ? AND workspace = ?", (number, workspace)
        )
        return ExperimentRef(number, row[0], row[1] is None) if row else None

    def find(self, workspace: str, name: str, view: View) -> Experiment | None:
        """Return the experiment of a name: the live one, or the one that went to the trash last, as ``view`` asks."""
        live = {"active": " AND deleted_ms IS NULL", "deleted": " AND deleted_ms IS NOT NULL", "all": ""}[view]
        row = self._db.one(
            f"SELECT {COLUMNS} FROM experiments WHERE workspace = ? AND name = ?{live}"
            " ORDER BY deleted_ms IS NOT NULL, deleted_ms DESC, pk DESC LIMIT 1",
            (workspace, name),
        )
        return self._load([row])[0] if row else None

    def search(
        self, workspace: str, search: Search, page: Page, among: Collection[int] | None = None
    ) -> tuple[list[Experiment], Sequence[object] | None]:
        """Return one page of found experiments, and the key to go on from."""
        numbers, after = find_experiments(self._db, workspace, search, page, among)
        if not numbers:
            return [], None
        marks = ", ".join("?" * len(numbers))
        rows = {
            row[0]: row for row in self._db.all(f"SELECT {COLUMNS} FROM experiments WHERE pk IN ({marks})", numbers)
        }
        return self._load([rows[number] for number in numbers]), after

    def rename(self, number: int, name: str, now_ms: int) -> None:
        """Change the name of a live experiment.

        raises: Vanished when it is in the trash
        """
        sql = "UPDATE experiments SET name = ?, updated_ms = ? WHERE pk = ? AND deleted_ms IS NULL"
        self._change(sql, (name, now_ms, number))

    def set_tags(self, number: int, tags: Mapping[str, str]) -> None:
        """Set or replace tags."""
        self._db.hold("experiments", number)
        self._db.insert(
            "experiment_tags (experiment_pk, key, value)",
            "bigint text text",
            [(number, key, value) for key, value in sorted(tags.items())],
            "ON CONFLICT (experiment_pk, key) DO UPDATE SET value = excluded.value",
        )

    def delete_tag(self, number: int, key: str) -> bool:
        """Delete a tag; tell whether it was there."""
        return self._db.run("DELETE FROM experiment_tags WHERE experiment_pk = ? AND key = ?", (number, key)) > 0

    def delete(self, number: int, now_ms: int) -> None:
        """Move an experiment and its live runs to the trash, with one time stamp that no other run of it has.

        raises: Vanished when it is there already
        """
        row = self._db.one("SELECT MAX(deleted_ms) FROM runs WHERE experiment_pk = ?", (number,))
        deleted_ms = now_ms if row is None or row[0] is None else max(now_ms, row[0] + 1)
        sql = "UPDATE experiments SET deleted_ms = ?, updated_ms = ? WHERE pk = ? AND deleted_ms IS NULL"
        self._change(sql, (deleted_ms, now_ms, number))
        self._db.run(
            "UPDATE runs SET deleted_ms = ?, version = version + 1 WHERE experiment_pk = ? AND deleted_ms IS NULL",
            (deleted_ms, number),
        )

    def restore(self, number: int, now_ms: int, all_runs: bool) -> None:
        """Bring an experiment back with the runs that went with it, or with every run.

        raises: Vanished when it is back already
        """
        which = "" if all_runs else " AND deleted_ms = (SELECT deleted_ms FROM experiments WHERE pk = ?)"
        self._db.run(
            "UPDATE runs SET deleted_ms = NULL, version = version + 1"
            f" WHERE experiment_pk = ? AND deleted_ms IS NOT NULL{which}",
            (number,) if all_runs else (number, number),
        )
        sql = "UPDATE experiments SET deleted_ms = NULL, updated_ms = ? WHERE pk = ? AND deleted_ms IS NOT NULL"
        self._change(sql, (now_ms, number))

    def has_tag(self, number: int, key: str, value: str) -> bool:
        """Tell whether an experiment has a tag of a value."""
        sql = "SELECT 1 FROM experiment_tags WHERE experiment_pk = ? AND key = ? AND value = ?"
        return self._db.one(sql, (number, key, value)) is not None

    def list_trash(self, workspace: str, before_ms: int) -> list[int]:
        """Return experiments that went to the trash at or before a time."""
        rows = self._db.all(
            "SELECT pk FROM experiments WHERE workspace = ? AND deleted_ms <= ? ORDER BY pk", (workspace, before_ms)
        )
        return [row[0] for row in rows]

    def purge(self, number: int) -> None:
        """Remove an experiment whose runs are gone."""
        self._db.run("DELETE FROM experiment_tags WHERE experiment_pk = ?", (number,))
        self._db.run("DELETE FROM datasets WHERE experiment_pk = ?", (number,))
        self._db.run("DELETE FROM experiments WHERE pk = ?", (number,))

    def _change(self, sql: str, params: Sequence[Any]) -> None:
        """Update the row of an experiment if it still is what it was found to be."""
        if not self._db.run(sql, params):
            raise Vanished

    def _load(self, rows: Sequence[Row]) -> list[Experiment]:
        tags: dict[int, dict[str, str]] = {row[0]: {} for row in rows}
        marks = ", ".join("?" * len(tags))
        for number, key, value in self._db.all(
            f"SELECT experiment_pk, key, value FROM experiment_tags WHERE experiment_pk IN ({marks})", list(tags)
        ):
            tags[number][key] = value
        return [_experiment(row, tags[row[0]]) for row in rows]


def _experiment(row: Row, tags: dict[str, str]) -> Experiment:
    pk, name, location, created_ms, updated_ms, deleted_ms, workspace = row
    return Experiment(
        experiment_id=str(pk),
        name=name,
        artifact_location=location,
        lifecycle="active" if deleted_ms is None else "deleted",
        created_ms=created_ms,
        updated_ms=updated_ms,
        deleted_ms=deleted_ms,
        tags=tags,
        workspace=workspace,
    )
