"""Counts, names and columns of many runs, each by the index that holds it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from trackway.api.query import Field
from trackway.store.overviews import Activity, Names, ValueEntity
from trackway.store.sql.connection import Connection
from trackway.store.sql.filters import INDEXED_CHARS, RUN, Sql
from trackway.store.sql.search import among as one_of

RUNS_AT_ONCE: Final = 5_000
"""Runs that one statement asks for."""
LOOKED_AT: Final = 100
"""Newest runs of an experiment whose keys are read directly, as keys with long values are in no index."""
SCANNED_RUNS: Final = 20_000
"""Newest runs of an experiment whose attributes are looked through for values."""

_SHORT = f"LENGTH(value) <= {INDEXED_CHARS}"
_LAST = "\U0010ffff"
_TABLES: Final = {"param": "params", "tag": "tags"}
_SERIES_COLUMN: Final = {"last": "last_value", "min": "min_value", "max": "max_value"}


class OverviewTable:
    """See ``store.overviews.Overviews``."""

    def __init__(self, db: Connection) -> None:
        self._db = db

    def list_newest_experiments(self, workspace: str, limit: int, among: Collection[int] | None = None) -> list[int]:
        """Return the numbers of the newest live experiments, among some."""
        own = "workspace" if among is None else "(workspace || '')"  # which no index has: it would pass what is hidden
        seen = Sql("1 = 1") if among is None else one_of(self._db, "pk", among or (-1,))
        rows = self._db.all(
            f"SELECT pk FROM experiments WHERE {own} = ? AND {seen.text} AND deleted_ms IS NULL"
            " ORDER BY created_ms DESC, pk DESC LIMIT ?",
            (workspace, *seen.params, limit),
        )
        return [row[0] for row in rows]

    def keep_own(self, workspace: str, experiments: Collection[int]) -> list[int]:
        """Return those of some experiments that are the workspace's."""
        if not experiments:
            return []
        among, values = self._db.among(list(experiments))
        sql = f"SELECT pk FROM experiments WHERE workspace = ? AND pk {among} ORDER BY pk"
        return [row[0] for row in self._db.all(sql, (workspace, *values))]

    def find_homes(self, workspace: str, run_ids: Sequence[str]) -> Mapping[str, int]:
        """Return the experiments of runs by run id."""
        if not run_ids:
            return {}
        among, values = self._db.among(run_ids)
        sql = f"SELECT run_id, experiment_pk FROM runs WHERE workspace = ? AND run_id {among}"
        return {row[0]: row[1] for row in self._db.all(sql, (workspace, *values))}

    def summarize(self, experiment: int, newest: int) -> Activity:
        """Count an experiment's runs by its index, and look at the newest of them."""
        where = "FROM runs r JOIN experiments e ON e.pk = r.experiment_pk WHERE r.experiment_pk = ? AND r.deleted_ms"
        [(live,)] = self._db.all(
            "SELECT COUNT(*) FROM runs WHERE experiment_pk = ? AND deleted_ms IS NULL", (experiment,)
        )
        if not live:
            [(trashed,)] = self._db.all(
                f"SELECT COUNT(*) {where} IS NOT NULL AND e.deleted_ms IS NOT NULL", (experiment,)
            )
            return Activity(trashed, 0, None)
        [(running, started, ended)] = self._db.all(
            "SELECT SUM(CASE status WHEN 'RUNNING' THEN 1 ELSE 0 END), MAX(start_ms), MAX(end_ms) FROM"
            " (SELECT status, start_ms, end_ms FROM runs WHERE experiment_pk = ? AND deleted_ms IS NULL"
            " ORDER BY start_ms DESC, run_id LIMIT ?) n",
            (experiment, newest),
        )
        return Activity(live, int(running), max(started, ended or 0))

    def read_field(self, pks: Sequence[int], field: Field) -> Mapping[int, Any]:
        """Return the values of a field by run number; a NaN is NaN."""
        params: tuple[str, ...] = ()
        join = ""
        if field.entity == "attribute":
            value = RUN.attributes[field.key].format(r="r")
        elif field.entity == "metric":
            column = _SERIES_COLUMN[field.aggregate]
            value = f"v.{column}" if column != "last_value" else "COALESCE(v.last_value, 'NaN')"
            join, params = " JOIN series v ON v.run_pk = r.pk AND v.key = ?", (field.key,)
        else:
            value = "v.value"
            join, params = f" JOIN {_TABLES[field.entity]} v ON v.run_pk = r.pk AND v.key = ?", (field.key,)
        found: dict[int, Any] = {}
        for start in range(0, len(pks), RUNS_AT_ONCE):
            among, part = self._db.among(pks[start : start + RUNS_AT_ONCE])
            rows = self._db.all(f"SELECT r.pk, {value} FROM runs r{join} WHERE r.pk {among}", (*params, *part))
            found.update((pk, one) for pk, one in rows if one is not None)
        if field.entity == "metric":
            return {pk: float(one) for pk, one in found.items()}
        return found

    def list_names(self, experiments: Sequence[int], limit: int) -> Names:
        """Return the keys of metrics, params and tags, by skipping from key to key in their indexes."""
        kinds: list[set[str]] = []
        for table, short in (("series", ""), ("params", f" AND {_SHORT}"), ("tags", f" AND {_SHORT}")):
            keys: set[str] = set()
            for experiment in experiments:
                keys.update(row[0] for row in self._db.all(_skip(table, short), (experiment, experiment, limit + 1)))
                if short:
                    keys.update(row[0] for row in self._db.all(_newest_keys(table), (experiment, LOOKED_AT, limit + 1)))
                if len(keys) > limit:
                    break
            kinds.append(keys)
        return Names(*(sorted(keys)[: limit + 1] for keys in kinds))

    def list_values(
        self,
        experiments: Sequence[int],
        entity: ValueEntity,
        key: str,
        prefix: str,
        limit: int,
    ) -> list[str]:
        """Return different values that begin with a prefix, in order."""
        found: set[str] = set()
        for experiment in experiments:
            if entity == "attribute":
                value = RUN.attributes[key].format(r="r")
                sql = (
                    f"SELECT DISTINCT v FROM (SELECT {value} AS v FROM runs r WHERE r.experiment_pk = ?"
                    " AND r.deleted_ms IS NULL ORDER BY r.start_ms DESC, r.run_id LIMIT ?) n"
                    f" WHERE v >= ? AND v < ? AND LENGTH(v) BETWEEN 1 AND {INDEXED_CHARS} ORDER BY v LIMIT ?"
                )
                params: tuple[Any, ...] = (experiment, SCANNED_RUNS, prefix, prefix + _LAST, limit)
            else:
                sql = (
                    f"SELECT DISTINCT value FROM {_TABLES[entity]} WHERE experiment_pk = ? AND key = ?"
                    f" AND value >= ? AND value < ? AND {_SHORT} ORDER BY value LIMIT ?"
                )
                params = (experiment, key, prefix, prefix + _LAST, limit)
            found.update(row[0] for row in self._db.all(sql, params))
        return sorted(found)[:limit]


def _skip(table: str, short: str) -> str:
    """Return the query that goes from each key of an experiment to the next one."""
    return (
        f"WITH RECURSIVE k (key) AS (SELECT MIN(key) FROM {table} WHERE experiment_pk = ?{short} UNION ALL"
        f" SELECT (SELECT MIN(key) FROM {table} WHERE experiment_pk = ? AND key > k.key{short})"
        " FROM k WHERE k.key IS NOT NULL) SELECT key FROM k WHERE key IS NOT NULL LIMIT ?"
    )


def _newest_keys(table: str) -> str:
    return (
        f"SELECT DISTINCT v.key FROM (SELECT pk FROM runs WHERE experiment_pk = ? AND deleted_ms IS NULL"
        f" ORDER BY start_ms DESC, run_id LIMIT ?) n JOIN {table} v ON v.run_pk = n.pk LIMIT ?"
    )
