"""What came of what: one step from a data set, run, logged model, version or endpoint to its neighbours."""

from __future__ import annotations

from typing import NamedTuple

from trackway.api.calls import Sight
from trackway.api.lineage import LineageNode, NodeKind
from trackway.store.base import Viewpoint
from trackway.store.links import Neighbour
from trackway.store.sql.connection import Connection
from trackway.store.sql.endpoints import SERVES
from trackway.store.sql.filters import Sql
from trackway.store.sql.search import among


class _Step(NamedTuple):
    """A query for neighbours of one kind.

    sql:    its columns are a neighbour's id, its digest, and the number that says whether it is seen (none for a data
            set, which is seen with a run); its marks are the workspace, then the parts of the node's id
    at_now: one more mark, at the end, is the time
    links:  one more column is the kind of a link
    """

    kind: NodeKind
    sql: str
    at_now: bool = False
    links: bool = False


_LIVE_RUN = "r.workspace = ? AND r.deleted_ms IS NULL"
_LIVE_MODEL = "l.workspace = ? AND l.deleted_ms IS NULL"
_RUN = "r.run_id, '', r.experiment_pk"
_VERSION = "m.name || '/' || CAST(v.version AS TEXT), '', m.pk"
_VERSIONS = "model_versions v JOIN registered_models m ON m.pk = v.model_pk"
_SERVED = "endpoint_servers s JOIN endpoints e ON e.pk = s.endpoint_pk JOIN registered_models m ON m.pk = s.model_pk"
_LINKED = (
    f"SELECT {_RUN}, x.kind FROM run_links x JOIN runs r ON r.pk = x.{{}} JOIN runs o ON o.pk = x.{{}}"
    " WHERE o.workspace = ? AND o.deleted_ms IS NULL AND r.deleted_ms IS NULL AND o.run_id = ?"
)
_RUN_MODELS = "run_models x JOIN runs r ON r.pk = x.run_pk"
_MODEL = (
    "x.model_id, '',"
    " (SELECT l.experiment_pk FROM logged_models l WHERE l.workspace = r.workspace AND l.model_id = x.model_id)"
)

DOWNSTREAM: dict[NodeKind, tuple[_Step, ...]] = {
    "dataset": (
        _Step(
            "run",
            f"SELECT DISTINCT {_RUN} FROM datasets d JOIN experiments e ON e.pk = d.experiment_pk"
            " JOIN run_datasets i ON i.dataset_pk = d.pk JOIN runs r ON r.pk = i.run_pk"
            " WHERE e.workspace = ? AND r.deleted_ms IS NULL AND d.name = ? AND (? = '' OR d.digest = ?)",
        ),
    ),
    "run": (
        _Step(
            "model",
            f"SELECT l.model_id, '', l.experiment_pk FROM logged_models l WHERE {_LIVE_MODEL} AND l.source_run_id = ?",
        ),
        _Step(
            "model",
            f"SELECT {_MODEL} FROM {_RUN_MODELS} WHERE {_LIVE_RUN} AND r.run_id = ? AND x.direction = 'output'",
        ),
        _Step(
            "version",
            f"SELECT {_VERSION} FROM {_VERSIONS} WHERE v.workspace = ? AND v.run_id = ? AND v.model_id = ''"
            " AND v.origin_pk IS NULL",
        ),
        _Step("run", _LINKED.format("run_pk", "earlier_pk"), links=True),
    ),
    "model": (
        _Step(
            "run",
            f"SELECT {_RUN} FROM {_RUN_MODELS} WHERE {_LIVE_RUN} AND x.model_id = ? AND x.direction = 'input'",
        ),
        _Step(
            "version",
            f"SELECT {_VERSION} FROM {_VERSIONS} WHERE v.workspace = ? AND v.model_id = ? AND v.origin_pk IS NULL",
        ),
    ),
    "version": (
        _Step(
            "version",
            f"SELECT {_VERSION} FROM {_VERSIONS} JOIN model_versions o ON o.pk = v.origin_pk"
            " JOIN registered_models n ON n.pk = o.model_pk WHERE v.workspace = ? AND n.name = ? AND o.version = ?",
        ),
        _Step(
            "endpoint",
            f"SELECT DISTINCT e.name, '', e.pk FROM {_SERVED}"
            f" WHERE e.workspace = ? AND m.name = ? AND s.version = ? AND {SERVES}",
            at_now=True,
        ),
    ),
    "endpoint": (),
}
UPSTREAM: dict[NodeKind, tuple[_Step, ...]] = {
    "dataset": (),
    "run": (
        _Step(
            "dataset",
            "SELECT d.name, d.digest, NULL FROM datasets d JOIN run_datasets i ON i.dataset_pk = d.pk"
            f" JOIN runs r ON r.pk = i.run_pk WHERE {_LIVE_RUN} AND r.run_id = ?",
        ),
        _Step(
            "model",
            f"SELECT {_MODEL} FROM {_RUN_MODELS} WHERE {_LIVE_RUN} AND r.run_id = ? AND x.direction = 'input'",
        ),
        _Step("run", _LINKED.format("earlier_pk", "run_pk"), links=True),
    ),
    "model": (
        _Step(
            "run",
            f"SELECT {_RUN} FROM logged_models l JOIN runs r ON r.workspace = l.workspace"
            f" AND r.run_id = l.source_run_id WHERE {_LIVE_RUN} AND l.model_id = ?",
        ),
        _Step(
            "run",
            f"SELECT {_RUN} FROM {_RUN_MODELS} WHERE {_LIVE_RUN} AND x.model_id = ? AND x.direction = 'output'",
        ),
    ),
    "version": (
        _Step(
            "version",
            f"SELECT {_VERSION} FROM {_VERSIONS} JOIN model_versions o ON o.origin_pk = v.pk"
            " JOIN registered_models n ON n.pk = o.model_pk WHERE v.workspace = ? AND n.name = ? AND o.version = ?",
        ),
        _Step(
            "model",
            "SELECT v.model_id, '', (SELECT l.experiment_pk FROM logged_models l"
            " WHERE l.workspace = v.workspace AND l.model_id = v.model_id)"
            f" FROM {_VERSIONS} WHERE v.workspace = ? AND m.name = ? AND v.version = ?"
            " AND v.model_id <> '' AND v.origin_pk IS NULL",
        ),
        _Step(
            "run",
            "SELECT v.run_id, '',"
            " (SELECT r.experiment_pk FROM runs r WHERE r.workspace = v.workspace AND r.run_id = v.run_id)"
            f" FROM {_VERSIONS} WHERE v.workspace = ? AND m.name = ? AND v.version = ?"
            " AND v.run_id <> '' AND v.model_id = '' AND v.origin_pk IS NULL",
        ),
    ),
    "endpoint": (
        _Step(
            "version",
            f"SELECT DISTINCT m.name || '/' || CAST(s.version AS TEXT), '', m.pk FROM {_SERVED}"
            f" WHERE e.workspace = ? AND e.name = ? AND {SERVES}",
            at_now=True,
        ),
    ),
}


def list_neighbours(
    db: Connection, view: Viewpoint, node: LineageNode, downstream: bool, limit: int
) -> list[Neighbour]:
    """Return what came of something, or what it came from, one step away: what is seen, at most ``limit`` of a kind."""
    found: dict[Neighbour, None] = {}
    for step in (DOWNSTREAM if downstream else UPSTREAM)[node.kind]:
        seen = _list_seen(view.sees, step.kind)
        if seen is not None and not seen:
            continue
        among_seen = Sql("1 = 1") if seen is None else among(db, "n.seen", seen)
        marks = (view.workspace, *_split(node), *((view.now_ms,) if step.at_now else ()))
        link = ", link" if step.links else ""
        sql = f"WITH n (id, digest, seen{link}) AS ({step.sql})"
        sql = f"{sql} SELECT n.id, n.digest{link} FROM n WHERE {among_seen.text} LIMIT ?"
        for one, digest, *kind in db.all(sql, (*marks, *among_seen.params, limit)):
            found[Neighbour(LineageNode(kind=step.kind, id=one, digest=digest), *kind)] = None
    return list(found)


def _list_seen(sees: Sight, kind: NodeKind) -> frozenset[int] | None:
    """Return the numbers by which neighbours of a kind are seen; None for all."""
    if kind == "dataset":
        return None
    return {"version": sees.models, "endpoint": sees.endpoints}.get(kind, sees.experiments)


def _split(node: LineageNode) -> tuple[str | int, ...]:
    if node.kind == "dataset":
        return node.id, node.digest, node.digest
    if node.kind == "version":
        name, _, number = node.id.rpartition("/")
        return name, int(number)
    return (node.id,)
