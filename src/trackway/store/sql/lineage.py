"""What came of what: one step from a data set, run, logged model, version or endpoint to its neighbours."""

from __future__ import annotations

from typing import NamedTuple

from trackway.api.calls import EVERYTHING
from trackway.api.lineage import LineageNode, NodeKind
from trackway.store.base import Viewpoint
from trackway.store.sql.connection import Connection
from trackway.store.sql.endpoints import SERVES


class _Step(NamedTuple):
    """A query for the ids of neighbours of one kind.

    sql:    its marks are the workspace, then the parts of the node's id
    at_now: one more mark, at the end, is the time
    """

    kind: NodeKind
    sql: str
    at_now: bool = False


_LIVE_RUN = "r.workspace = ? AND r.deleted_ms IS NULL"
_LIVE_MODEL = "l.workspace = ? AND l.deleted_ms IS NULL"
_VERSION_NAME = "m.name || '/' || CAST(v.version AS TEXT), ''"
_VERSION = "model_versions v JOIN registered_models m ON m.pk = v.model_pk"
_SERVED = "endpoint_servers s JOIN endpoints e ON e.pk = s.endpoint_pk JOIN registered_models m ON m.pk = s.model_pk"
_RUN_MODELS = "run_models x JOIN runs r ON r.pk = x.run_pk"

DOWNSTREAM: dict[NodeKind, tuple[_Step, ...]] = {
    "dataset": (
        _Step(
            "run",
            "SELECT DISTINCT r.run_id, '' FROM datasets d JOIN run_datasets i ON i.dataset_pk = d.pk"
            f" JOIN runs r ON r.pk = i.run_pk WHERE {_LIVE_RUN} AND d.name = ? AND (? = '' OR d.digest = ?)",
        ),
    ),
    "run": (
        _Step("model", f"SELECT l.model_id, '' FROM logged_models l WHERE {_LIVE_MODEL} AND l.source_run_id = ?"),
        _Step(
            "model",
            f"SELECT x.model_id, '' FROM {_RUN_MODELS} WHERE {_LIVE_RUN} AND r.run_id = ? AND x.direction = 'output'",
        ),
        _Step(
            "version",
            f"SELECT {_VERSION_NAME} FROM {_VERSION} WHERE v.workspace = ? AND v.run_id = ? AND v.model_id = ''"
            " AND v.origin_pk IS NULL",
        ),
    ),
    "model": (
        _Step(
            "run",
            f"SELECT r.run_id, '' FROM {_RUN_MODELS} WHERE {_LIVE_RUN} AND x.model_id = ? AND x.direction = 'input'",
        ),
        _Step(
            "version",
            f"SELECT {_VERSION_NAME} FROM {_VERSION} WHERE v.workspace = ? AND v.model_id = ? AND v.origin_pk IS NULL",
        ),
    ),
    "version": (
        _Step(
            "version",
            f"SELECT {_VERSION_NAME} FROM {_VERSION} JOIN model_versions o ON o.pk = v.origin_pk"
            " JOIN registered_models n ON n.pk = o.model_pk WHERE v.workspace = ? AND n.name = ? AND o.version = ?",
        ),
        _Step(
            "endpoint",
            f"SELECT DISTINCT e.name, '' FROM {_SERVED}"
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
            "SELECT d.name, d.digest FROM datasets d JOIN run_datasets i ON i.dataset_pk = d.pk"
            f" JOIN runs r ON r.pk = i.run_pk WHERE {_LIVE_RUN} AND r.run_id = ?",
        ),
        _Step(
            "model",
            f"SELECT x.model_id, '' FROM {_RUN_MODELS} WHERE {_LIVE_RUN} AND r.run_id = ? AND x.direction = 'input'",
        ),
    ),
    "model": (
        _Step(
            "run",
            "SELECT r.run_id, '' FROM logged_models l JOIN runs r ON r.workspace = l.workspace"
            f" AND r.run_id = l.source_run_id WHERE {_LIVE_RUN} AND l.model_id = ?",
        ),
        _Step(
            "run",
            f"SELECT r.run_id, '' FROM {_RUN_MODELS} WHERE {_LIVE_RUN} AND x.model_id = ? AND x.direction = 'output'",
        ),
    ),
    "version": (
        _Step(
            "version",
            f"SELECT {_VERSION_NAME} FROM {_VERSION} JOIN model_versions o ON o.origin_pk = v.pk"
            " JOIN registered_models n ON n.pk = o.model_pk WHERE v.workspace = ? AND n.name = ? AND o.version = ?",
        ),
        _Step(
            "model",
            f"SELECT v.model_id, '' FROM {_VERSION} WHERE v.workspace = ? AND m.name = ? AND v.version = ?"
            " AND v.model_id <> '' AND v.origin_pk IS NULL",
        ),
        _Step(
            "run",
            f"SELECT v.run_id, '' FROM {_VERSION} WHERE v.workspace = ? AND m.name = ? AND v.version = ?"
            " AND v.run_id <> '' AND v.model_id = '' AND v.origin_pk IS NULL",
        ),
    ),
    "endpoint": (
        _Step(
            "version",
            f"SELECT DISTINCT m.name || '/' || CAST(s.version AS TEXT), '' FROM {_SERVED}"
            f" WHERE e.workspace = ? AND e.name = ? AND {SERVES}",
            at_now=True,
        ),
    ),
}


_SEEN: dict[NodeKind, str] = {
    "run": "SELECT run_id, experiment_pk FROM runs WHERE workspace = ? AND run_id",
    "model": "SELECT model_id, experiment_pk FROM logged_models WHERE workspace = ? AND model_id",
    "version": "SELECT name, pk FROM registered_models WHERE workspace = ? AND name",
    "endpoint": "SELECT name, pk FROM endpoints WHERE workspace = ? AND name",
}
"""Where the number is that says whether a node of a kind is seen. A data set is seen through a run that is."""


def list_neighbours(
    db: Connection, view: Viewpoint, node: LineageNode, downstream: bool, limit: int
) -> list[LineageNode]:
    """Return what came of something, or what it came from, one step away: each once, at most ``limit`` of a kind."""
    found: dict[LineageNode, None] = {}
    for step in (DOWNSTREAM if downstream else UPSTREAM)[node.kind]:
        marks = (view.workspace, *_split(node), *((view.now_ms,) if step.at_now else ()), limit)
        for one, digest in db.all(f"{step.sql} LIMIT ?", marks):
            found[LineageNode(kind=step.kind, id=one, digest=digest)] = None
    return list(found) if view.sees == EVERYTHING else _keep_seen(db, view, list(found))


def _keep_seen(db: Connection, view: Viewpoint, nodes: list[LineageNode]) -> list[LineageNode]:
    seen: set[tuple[str, str]] = set()
    sees = view.sees
    for kind, sql in _SEEN.items():
        numbers = {"version": sees.models, "endpoint": sees.endpoints}.get(kind, sees.experiments)
        names = {_name(node) for node in nodes if node.kind == kind}
        for name in names:
            row = db.one(f"{sql} = ?", (view.workspace, name))
            if row is not None and (numbers is None or row[1] in numbers):
                seen.add((kind, name))
    return [node for node in nodes if node.kind == "dataset" or (node.kind, _name(node)) in seen]


def _name(node: LineageNode) -> str:
    return node.id.rpartition("/")[0] if node.kind == "version" else node.id


def _split(node: LineageNode) -> tuple[str | int, ...]:
    if node.kind == "dataset":
        return node.id, node.digest, node.digest
    if node.kind == "version":
        name, _, number = node.id.rpartition("/")
        return name, int(number)
    return (node.id,)
