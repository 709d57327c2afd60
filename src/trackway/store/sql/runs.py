"""Runs: creating, changing and loading them, with params, tags, data sets and models."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, cast

from trackway.api.experiments import PurgeReport
from trackway.api.runs import (
    TAG_CONTEXT,
    Dataset,
    DatasetInput,
    DatasetSummary,
    MetricSummary,
    ModelOutput,
    ParamRevision,
    Run,
    RunStatus,
    TreeNode,
)
from trackway.store.base import LostRun, Page, RunRef, RunRow, Search
from trackway.store.columns import RunColumns, ValueColumn
from trackway.store.sql.access import VERSION
from trackway.store.sql.connection import SQLITE_VARIABLES, Connection, Row
from trackway.store.sql.purge import measure_run, purge_run
from trackway.store.sql.run_cache import RunCache
from trackway.store.sql.search import MARKED, Aggregates, find_runs, join_runs
from trackway.store.sql.search import among as one_of
from trackway.store.sql.values import read_attributes, read_ids, read_values

REF = "r.pk, r.run_id, r.experiment_pk, r.deleted_ms, r.status, r.name, r.artifact_uri, r.parent_run_id"
_UPDATABLE = frozenset(("status", "end_ms", "name", "lease_ms", "lease_until_ms", "parent_run_id"))
_TAGS = "tags (run_pk, key, experiment_pk, value)"
_KINDS = "bigint text bigint text"
_CREATE = (
    "INSERT INTO runs (workspace, run_id, experiment_pk, name, status, user_name, start_ms, artifact_uri,"
    " parent_run_id, external_key, lease_ms, lease_until_ms, version, arrived)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1, 0)"
)
_CREATE_WITH_TAGS = (
    f"WITH r AS ({_CREATE} RETURNING pk, experiment_pk) INSERT INTO {_TAGS}"
    " SELECT r.pk, t.key, r.experiment_pk, t.value FROM r, unnest(?::text[], ?::text[]) t (key, value)"
)
_HOME = "SELECT experiment_pk FROM runs WHERE workspace = ? AND run_id = ?"
_INPUTS = (
    "SELECT i.run_pk, i.tags, d.name, d.digest, d.source_type, d.source, d.schema, d.profile"
    " FROM run_datasets i JOIN datasets d ON d.pk = i.dataset_pk"
)
_READ = (
    (
        "SELECT pk, run_id, experiment_pk, name, status, user_name, start_ms, end_ms, deleted_ms, artifact_uri,"
        " version, parent_run_id, external_key, lease_until_ms, environment_digest FROM runs WHERE pk {}"
    ),
    _INPUTS + " WHERE i.run_pk {} ORDER BY i.run_pk, i.dataset_pk",
    "SELECT run_pk, direction, model_id, step FROM run_models WHERE run_pk {} ORDER BY run_pk, step, model_id",
    (
        "SELECT run_pk, key, last_step, last_time_ms, last_value, min_value, min_step, max_value, max_step, count,"
        " nan_count FROM series WHERE run_pk {} ORDER BY run_pk, key"
    ),
    "SELECT run_pk, key, value FROM params WHERE run_pk {} ORDER BY run_pk, key",
    "SELECT run_pk, key, value FROM tags WHERE run_pk {} ORDER BY run_pk, key",
)
"""All that there is of some runs."""
_NAN = float("nan")
GATHER_REQUESTS = 256
"""After so many requests with points a run is queued for gathering; after fewer when they are large."""
_POINTS_PER_WEIGHT = 256
"""Every so many points of a request count as one: at most 65,536 points or so wait in arrivals."""
WEIGHT = f"({{0}} + {_POINTS_PER_WEIGHT - 1}) / {_POINTS_PER_WEIGHT}"
_TOUCH_RUNS = (
    f"UPDATE runs AS r SET version = version + 1, arrived = arrived + {WEIGHT}, lease_until_ms = {{1}} {{2}}"
    f" RETURNING {{3}}arrived % {GATHER_REQUESTS} < {WEIGHT} AS is_due, ({VERSION}) AS access, {{4}}"
)
KEEP = "CASE WHEN lease_until_ms IS NOT NULL THEN {} + lease_ms END"
_RENEW = """CASE WHEN end_ms IS NULL THEN CAST(? AS BIGINT) END, lease_ms = ?,
 status = CASE status WHEN 'LOST' THEN 'RUNNING' ELSE status END"""
_LIVE = ("WHERE workspace = ? AND run_id = ? AND deleted_ms IS NULL", "", REF.replace("r.", ""))
TOUCH, _TOUCH_AND_RENEW = (_TOUCH_RUNS.format("?", lease, *_LIVE) for lease in (KEEP.format("?"), _RENEW))
TOUCH_GIVEN = _TOUCH_RUNS.format("g.points", KEEP.format("g.now_ms"), "FROM g WHERE r.pk = g.pk", "g.place, ", REF)


class RunTable:
    """See ``store.base.Runs``. ``cache`` is for readers."""

    def __init__(self, db: Connection, cache: RunCache | None) -> None:
        self._db = db
        self._cache = cache

    def create(self, row: RunRow, tags: Mapping[str, str]) -> None:
        """Insert a run with its first tags; PostgreSQL is not waited for."""
        if self._db.dialect == "postgresql":
            self._db.post(_CREATE_WITH_TAGS, (*row, list(tags), list(tags.values())))
            return
        pk = self._db.number(_CREATE, row)
        self._db.insert(_TAGS, _KINDS, [(pk, key, row.experiment, value) for key, value in tags.items()])

    def ref(self, workspace: str, run_id: str) -> RunRef | None:
        """Say where a run is."""
        return self._ref("r.workspace = ? AND r.run_id = ?", (workspace, run_id))

    def find_home(self, workspace: str, run_id: str) -> int | None:
        """Return the number of the experiment that a run is in; a writer is told what it was the last time."""
        row = self._db.assume(_HOME, (workspace, run_id))
        return row[0] if row else None

    def find(self, workspace: str, external_key: str) -> RunRef | None:
        """Say where the run with an external key is."""
        return self._ref("r.workspace = ? AND r.external_key = ?", (workspace, external_key))

    def _ref(self, where: str, params: tuple[Any, ...]) -> RunRef | None:
        row = self._db.one(
            f"SELECT {REF}, e.deleted_ms FROM runs r JOIN experiments e ON e.pk = r.experiment_pk WHERE {where}",
            params,
        )
        return _run_ref(row[:8], row[8] is None) if row else None

    def touch(self, workspace: str, run_id: str, now_ms: int, lease_ms: int | None, points: int = 0) -> RunRef | None:
        """Raise a live run's version and renew its lease; a run in the trash is only found."""
        if lease_ms is None:
            rows = self._db.returning(TOUCH, (points, now_ms, workspace, run_id, points))
        else:
            values = (points, now_ms + lease_ms, lease_ms, workspace, run_id, points)
            rows = self._db.returning(_TOUCH_AND_RENEW, values)
        return self.take_touched(rows, workspace) or self.ref(workspace, run_id)

    def take_touched(self, rows: Sequence[Row], workspace: str) -> RunRef | None:
        """Return where the run is that was touched, if there is one; queue it when it is to be gathered."""
        if not rows:
            return None
        is_due, access, *columns = rows[0]
        ref = _run_ref(columns, True)  # if its experiment were in the trash, the run would be there itself
        assumed = self._db.assumed
        if assumed.pending:
            assumed.confirm((VERSION, ()), (access,))
            assumed.confirm((_HOME, (workspace, ref.run_id)), (ref.experiment,))
        if is_due:
            self._db.post("INSERT INTO gather_queue (run_pk, ended) VALUES (?, 0) ON CONFLICT DO NOTHING", (ref.pk,))
        return ref

    def update(self, pk: int, fields: Mapping[str, object]) -> None:
        """Change columns of a run."""
        assert fields.keys() <= _UPDATABLE
        sets = "".join(f", {name} = ?" for name in fields)
        self._db.run(f"UPDATE runs SET version = version + 1{sets} WHERE pk = ?", (*fields.values(), pk))

    def advance_session(self, pk: int, session_id: str, first: int, last: int) -> tuple[bool, int]:
        """Count a session's records as applied, if none of them was; return that, and the greatest one applied."""
        rows = self._db.returning(
            "INSERT INTO run_sessions (run_pk, session_id, sequence) VALUES (?, ?, ?)"
            " ON CONFLICT (run_pk, session_id) DO UPDATE SET sequence = excluded.sequence"
            " WHERE run_sessions.sequence < ? RETURNING sequence",
            (pk, session_id, last, first),
        )
        if rows:
            return True, last
        row = self._db.one("SELECT sequence FROM run_sessions WHERE run_pk = ? AND session_id = ?", (pk, session_id))
        return False, row[0] if row else 0

    def add_params(self, ref: RunRef, params: Mapping[str, str]) -> dict[str, str]:
        """Add params that are new; return those that are there with another value: then the caller must fail."""
        rows = [(ref.pk, key, ref.experiment, value) for key, value in sorted(params.items())]
        there = "ON CONFLICT (run_pk, key) DO NOTHING"
        if self._db.insert_new("params (run_pk, key, experiment_pk, value)", _KINDS, rows, there) == len(rows):
            return {}
        conflicts: dict[str, str] = {}
        for start in range(0, len(rows), SQLITE_VARIABLES - 1):
            among, keys = self._db.among([row[1] for row in rows[start : start + SQLITE_VARIABLES - 1]])
            known = self._db.all(f"SELECT key, value FROM params WHERE run_pk = ? AND key {among}", (ref.pk, *keys))
            conflicts.update((key, value) for key, value in known if value != params[key])
        return conflicts

    def set_tags(self, ref: RunRef, tags: Mapping[str, str]) -> None:
        """Set or replace tags."""
        self._db.insert(
            _TAGS,
            _KINDS,
            [(ref.pk, key, ref.experiment, value) for key, value in sorted(tags.items())],
            "ON CONFLICT (run_pk, key) DO UPDATE SET value = excluded.value",
        )

    def delete_tag(self, pk: int, key: str) -> bool:
        """Delete a tag; tell whether it was there."""
        return self._db.run("DELETE FROM tags WHERE run_pk = ? AND key = ?", (pk, key)) > 0

    def correct_param(self, ref: RunRef, key: str, value: str, by: ParamRevision) -> bool:
        """Replace a param's value, keeping the old one; tell whether there is such a param."""
        row = self._db.one("SELECT value FROM params WHERE run_pk = ? AND key = ?", (ref.pk, key))
        if row is None or row[0] == value:  # there is none, or it was corrected already
            return row is not None
        self._db.run(
            "INSERT INTO param_history (run_pk, key, value, replaced_ms, actor, reason) VALUES (?, ?, ?, ?, ?, ?)",
            (ref.pk, key, row[0], by.replaced_ms, by.actor, by.reason),
        )
        self._db.run("UPDATE params SET value = ? WHERE run_pk = ? AND key = ?", (value, ref.pk, key))
        return True

    def list_param_history(self, pk: int) -> list[ParamRevision]:
        """Return replaced values, oldest first."""
        rows = self._db.all(
            "SELECT key, value, replaced_ms, actor, reason FROM param_history WHERE run_pk = ? ORDER BY pk", (pk,)
        )
        return [
            ParamRevision(key=key, value=value, replaced_ms=replaced_ms, actor=actor, reason=reason)
            for key, value, replaced_ms, actor, reason in rows
        ]

    def add_datasets(self, ref: RunRef, inputs: Iterable[DatasetInput]) -> None:
        """Link data sets; the first description of a (name, digest) and the first link of a run stay."""
        for one in inputs:
            d = one.dataset
            self._db.run(
                "INSERT INTO datasets (experiment_pk, name, digest, source_type, source, schema, profile)"
                " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (experiment_pk, name, digest) DO NOTHING",
                (ref.experiment, d.name, d.digest, d.source_type, d.source, d.schema, d.profile),
            )
            self._db.run(
                "INSERT INTO run_datasets (run_pk, dataset_pk, context, tags)"
                " SELECT CAST(? AS BIGINT), pk, CAST(? AS TEXT), CAST(? AS TEXT) FROM datasets"
                " WHERE experiment_pk = ? AND name = ? AND digest = ? ON CONFLICT (run_pk, dataset_pk) DO NOTHING",
                (ref.pk, one.tags.get(TAG_CONTEXT), json.dumps(one.tags), ref.experiment, d.name, d.digest),
            )

    def add_models(self, pk: int, inputs: Iterable[str], outputs: Iterable[ModelOutput]) -> None:
        """Link models; a link that is there stays."""
        rows = [(pk, "input", model_id, 0) for model_id in inputs]
        rows += [(pk, "output", output.model_id, output.step) for output in outputs]
        self._db.insert(
            "run_models (run_pk, direction, model_id, step)", "bigint text text bigint", rows, "ON CONFLICT DO NOTHING"
        )

    def set_environment(self, pk: int, digest: str, data: bytes) -> None:
        """Link a run to an environment, stored once for all runs that have it."""
        self._db.run("INSERT INTO environments (digest, data) VALUES (?, ?) ON CONFLICT DO NOTHING", (digest, data))
        self._db.run("UPDATE runs SET environment_digest = ?, version = version + 1 WHERE pk = ?", (digest, pk))

    def get_environment(self, pk: int) -> tuple[str, bytes] | None:
        """Return a run's environment with its digest."""
        row = self._db.one(
            "SELECT e.digest, e.data FROM runs r JOIN environments e ON e.digest = r.environment_digest WHERE r.pk = ?",
            (pk,),
        )
        return (row[0], bytes(row[1])) if row else None

    def list_datasets(self, workspace: str, experiments: Collection[int], limit: int) -> list[DatasetSummary]:
        """Return the data sets of experiments by context of use."""
        marks = ", ".join("?" * len(experiments))
        rows = self._db.all(
            "SELECT DISTINCT d.experiment_pk, d.name, d.digest, i.context FROM datasets d"
            " JOIN experiments e ON e.pk = d.experiment_pk JOIN run_datasets i ON i.dataset_pk = d.pk"
            f" WHERE e.workspace = ? AND e.pk IN ({marks}) ORDER BY 1, 2, 3, 4 LIMIT ?",
            (workspace, *experiments, limit),
        )
        return [DatasetSummary(experiment_id=str(e), name=n, digest=d, context=c) for e, n, d, c in rows]

    def move(self, refs: Sequence[RunRef], experiment: int) -> None:
        """Change the experiment of runs, in every table that carries it; data sets are copied by name and digest."""
        self._db.stop_assuming()
        for ref in refs:
            for table, column in (("params", "run_pk"), ("tags", "run_pk"), ("series", "run_pk")):
                self._db.run(f"UPDATE {table} SET experiment_pk = ? WHERE {column} = ?", (experiment, ref.pk))
            rows = self._db.all(f"{_INPUTS} WHERE i.run_pk = ? ORDER BY i.dataset_pk", (ref.pk,))
            inputs = _group_inputs(rows).get(ref.pk, [])
            self._db.run("DELETE FROM run_datasets WHERE run_pk = ?", (ref.pk,))
            self._db.run("UPDATE runs SET experiment_pk = ?, version = version + 1 WHERE pk = ?", (experiment, ref.pk))
            self.add_datasets(ref._replace(experiment=experiment), inputs)

    def delete(self, pk: int, now_ms: int) -> None:
        """Move a run to the trash."""
        self._db.run(
            "UPDATE runs SET deleted_ms = ?, version = version + 1 WHERE pk = ? AND deleted_ms IS NULL", (now_ms, pk)
        )

    def restore(self, pk: int) -> None:
        """Bring a run back."""
        self._db.run("UPDATE runs SET deleted_ms = NULL, version = version + 1 WHERE pk = ?", (pk,))

    def list_descendants(
        self, workspace: str, run_id: str, depth: int, limit: int, among: Collection[int] | None = None
    ) -> list[TreeNode]:
        """Return a run and its descendants, parents first; each run once, so that a ring of parents ends.

        among: leave out the runs of other experiments, and what hangs on those

        cost: one statement for each level, and for each 32,000 runs of one
        """
        columns = "SELECT run_id, parent_run_id, name, status, start_ms, deleted_ms FROM runs WHERE workspace = ?"
        if among is not None:
            seen = one_of(self._db, "experiment_pk", among or (-1,))
            columns, scope = f"{columns} AND {seen.text}", (workspace, *seen.params)
        else:
            scope = (workspace,)
        level = self._db.all(f"{columns} AND run_id = ?", (*scope, run_id))
        nodes: dict[str, TreeNode] = {}
        for at in range(depth + 1):
            for row in sorted(level, key=lambda row: (row[4], row[0])):
                nodes[row[0]] = _tree_node(row, at)
            parents = [row[0] for row in level]
            if not parents or at == depth or len(nodes) >= limit:
                break
            level = []
            for start in range(0, len(parents), SQLITE_VARIABLES - MARKED - 2):
                part = parents[start : start + SQLITE_VARIABLES - MARKED - 2]
                level += self._db.all(
                    f"{columns} AND parent_run_id IN ({', '.join('?' * len(part))}) ORDER BY start_ms, run_id LIMIT ?",
                    (*scope, *part, limit + 1),  # a ring comes back to one run that is known
                )
            level = [row for row in level if row[0] not in nodes]
        return list(nodes.values())[:limit]

    def has_expired_leases(self, now_ms: int) -> bool:
        """Tell whether there are runs that ``expire_leases`` would mark."""
        found = self._db.all(
            "SELECT 1 FROM runs WHERE lease_until_ms < ? AND status IN ('RUNNING', 'SCHEDULED') LIMIT 1", (now_ms,)
        )
        return bool(found)

    def expire_leases(self, now_ms: int) -> list[LostRun]:
        """Mark runs as LOST whose lease ended, and return them."""
        rows = self._db.returning(
            "UPDATE runs SET status = 'LOST', lease_until_ms = NULL, version = version + 1"
            " WHERE lease_until_ms < ? AND status IN ('RUNNING', 'SCHEDULED')"
            " RETURNING workspace, run_id, experiment_pk, name",
            (now_ms,),
        )
        return [LostRun(*row) for row in rows]

    def list_trash(self, workspace: str, before_ms: int, limit: int) -> list[RunRef]:
        """Return runs that went to the trash at or before a time, but not with their experiment."""
        rows = self._db.all(
            f"SELECT {REF} FROM runs r JOIN experiments e ON e.pk = r.experiment_pk"
            " WHERE r.workspace = ? AND r.deleted_ms <= ? AND e.deleted_ms IS NULL ORDER BY r.deleted_ms LIMIT ?",
            (workspace, before_ms, limit),
        )
        return [_run_ref(row, True) for row in rows]

    def list_experiment(self, experiment: int, after: int, limit: int) -> list[RunRef]:
        """Return an experiment's runs by their numbers, in the trash or not."""
        rows = self._db.all(
            f"SELECT {REF} FROM runs r WHERE r.experiment_pk = ? AND r.pk > ? ORDER BY r.pk LIMIT ?",
            (experiment, after, limit),
        )
        return [_run_ref(row, True) for row in rows]

    def purge(self, pk: int) -> PurgeReport:
        """Remove a run for good, but for its files."""
        return purge_run(self._db, pk)

    def measure(self, pk: int) -> PurgeReport:
        """Count what a purge would remove."""
        return measure_run(self._db, pk)

    def search(
        self, workspace: str, experiments: Collection[int] | None, search: Search, page: Page
    ) -> tuple[list[Run], Sequence[object] | None]:
        """Return one page of found runs, and the key to go on from."""
        found, after = find_runs(self._db, workspace, experiments, search, page)
        return self.load(found), after

    def read_attributes(
        self, workspace: str, experiments: Collection[int] | None, search: Search, limit: int
    ) -> RunColumns:
        """Search, and return the attributes of all found runs, in order."""
        return read_attributes(self._db, workspace, experiments, search, limit)

    def read_ids(
        self, workspace: str, experiments: Collection[int] | None, search: Search, limit: int
    ) -> Sequence[str]:
        """Search, and return the ids of all found runs, in order."""
        return read_ids(self._db, workspace, experiments, search, limit)

    def count(self, workspace: str, experiments: Collection[int] | None, search: Search, limit: int) -> int:
        """Count found runs."""
        rows = join_runs(self._db, workspace, experiments, search._replace(order=()), limit, Aggregates("r.pk", "0"))
        return sum(row[0] for row in rows)

    def read_values(self, runs: RunColumns) -> Iterator[ValueColumn]:
        """See ``values.read_values``."""
        return read_values(self._db, runs.pks, runs.experiments)

    def get(self, pk: int) -> Run:
        """Return a run that is there."""
        [row] = self._db.all("SELECT pk, version FROM runs WHERE pk = ?", (pk,))
        return self.load([(row[0], row[1])])[0]

    def get_many(self, workspace: str, run_ids: Sequence[str]) -> list[Run]:
        """Return runs by their ids, in that order, without those that are not there."""
        if not run_ids:
            return []
        among, ids = self._db.among(run_ids)
        rows = self._db.all(
            f"SELECT run_id, pk, version FROM runs WHERE workspace = ? AND run_id {among}", (workspace, *ids)
        )
        found = {row[0]: (row[1], row[2]) for row in rows}
        return self.load([found[run_id] for run_id in run_ids if run_id in found])

    def load(self, found: Sequence[tuple[int, int]]) -> list[Run]:
        """Return runs by (number, version), in that order; only what the cache lacks is read."""
        known = self._cache.find(found) if self._cache is not None else {}
        missing = [pk for pk, _ in found if pk not in known]
        fresh: dict[int, Run] = {}
        for start in range(0, len(missing), SQLITE_VARIABLES):
            fresh.update(self._read(missing[start : start + SQLITE_VARIABLES]))
        if self._cache is not None and fresh:
            self._cache.keep(fresh)
        known.update(fresh)
        return [known[pk] for pk, _ in found]

    def _read(self, pks: Sequence[int]) -> dict[int, Run]:
        among, numbers = self._db.among(pks)
        rows, input_rows, model_rows, metric_rows, *texts = self._db.all_of([q.format(among) for q in _READ], numbers)
        inputs = _group_inputs(input_rows)
        params, tags = map(_group_texts, texts)
        metrics: dict[int, dict[str, MetricSummary]] = {}
        for row in metric_rows:
            metrics.setdefault(row[0], {})[row[1]] = _summary(row)
        models: dict[int, list[Row]] = {}
        for row in model_rows:
            models.setdefault(row[0], []).append(row)
        return {
            row[0]: Run(
                run_id=row[1],
                experiment_id=str(row[2]),
                name=row[3],
                status=row[4],
                user=row[5],
                start_ms=row[6],
                end_ms=row[7],
                lifecycle="active" if row[8] is None else "deleted",
                deleted_ms=row[8],
                artifact_uri=row[9],
                version=row[10],
                parent_run_id=row[11],
                external_key=row[12],
                lease_until_ms=row[13],
                environment_digest=row[14],
                params=params.get(row[0], {}),
                metrics=metrics.get(row[0], {}),
                tags=tags.get(row[0], {}),
                inputs=inputs.get(row[0], []),
                model_inputs=[m[2] for m in models.get(row[0], ()) if m[1] == "input"],
                model_outputs=[
                    ModelOutput(model_id=m[2], step=m[3]) for m in models.get(row[0], ()) if m[1] == "output"
                ],
            )
            for row in rows
        }


def _tree_node(row: Row, depth: int) -> TreeNode:
    run_id, parent, name, status, start_ms, deleted_ms = row
    return TreeNode(
        run_id=run_id,
        parent_run_id=parent,
        depth=depth,
        name=name,
        status=status,
        start_ms=start_ms,
        lifecycle="active" if deleted_ms is None else "deleted",
    )


def _run_ref(row: Sequence[Any], experiment_live: bool) -> RunRef:
    pk, run_id, experiment, deleted_ms, status, name, artifact_uri, parent = row
    return RunRef(
        pk, run_id, experiment, experiment_live, deleted_ms is None, cast(RunStatus, status), name, artifact_uri, parent
    )


def _group_texts(rows: Iterable[Row]) -> dict[int, dict[str, str]]:
    """Return params or tags by run."""
    texts: dict[int, dict[str, str]] = {}
    for pk, key, value in rows:
        texts.setdefault(pk, {})[key] = value
    return texts


def _group_inputs(rows: Iterable[Row]) -> dict[int, list[DatasetInput]]:
    """Return the data sets of ``_INPUTS`` by run."""
    inputs: dict[int, list[DatasetInput]] = {}
    for pk, labels, name, digest, kind, source, schema, profile in rows:
        dataset = Dataset(name=name, digest=digest, source_type=kind, source=source, schema=schema, profile=profile)
        inputs.setdefault(pk, []).append(DatasetInput(dataset=dataset, tags=json.loads(labels)))
    return inputs


def _summary(row: Row) -> MetricSummary:
    _, _, step, time_ms, last, low, low_step, high, high_step, count, nans = row
    return MetricSummary(
        last_step=step,
        last_time_ms=time_ms,
        last_value=_NAN if last is None else last,
        min_value=low,
        min_step=low_step,
        max_value=high,
        max_step=high_step,
        count=count,
        nan_count=nans,
    )
