"""Versions in use, with what is known of where they came from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from trackway.api.calls import Sight
from trackway.api.lineage import PortfolioData, PortfolioEntry
from trackway.api.registry import Stage
from trackway.base.errors import InvalidInput
from trackway.store.base import Page
from trackway.store.sql.connection import Connection, Row
from trackway.store.sql.search import among

_COLUMNS = "m.name, v.version, m.owner, v.run_id, r.pk, r.name, r.experiment_pk"
_RUN = "LEFT JOIN runs r ON r.workspace = v.workspace AND r.run_id = v.run_id"


def list_portfolio(
    db: Connection, workspace: str, use: tuple[Stage, str], page: Page, sees: Sight
) -> tuple[list[PortfolioEntry], Sequence[object] | None]:
    """Return one page of the versions with a stage, or that an alias stands for, by name and number.

    Of a run that is not seen, its name, experiment and data sets are left out.
    """
    stage, alias = use
    if sees.models is not None and not sees.models:
        return [], None
    if alias:
        source = (
            "registered_models m JOIN model_aliases a ON a.model_pk = m.pk JOIN model_versions v ON v.pk = a.version_pk"
        )
        columns, chosen = "a.set_ms, a.set_by", "a.alias = ?"
    else:
        source = "registered_models m JOIN model_versions v ON v.model_pk = m.pk"
        columns, chosen = "COALESCE(v.staged_ms, v.created_ms), v.staged_by", "v.stage = ?"
    where = f"m.workspace = ? AND {chosen}"
    params: list[Any] = [workspace, alias or stage]
    if sees.models is not None:
        seen = among(db, "m.pk", sees.models)
        where, params = f"{where} AND {seen.text}", [*params, *seen.params]
    if page.after is not None:
        name, number = _read_key(page.after)
        where += " AND m.name >= ? AND (m.name > ? OR v.version > ?)"
        params += [name, name, number]
    rows = db.all(
        f"SELECT {_COLUMNS}, {columns} FROM {source} {_RUN} WHERE {where} ORDER BY m.name, v.version LIMIT ?",
        (*params, page.limit + 1),
    )
    after = (rows[page.limit - 1][0], rows[page.limit - 1][1]) if len(rows) > page.limit else None
    rows = rows[: page.limit]
    rows = [row if row[6] is None or sees.has_experiment(row[6]) else _hide_run(row) for row in rows]
    datasets = _list_datasets(db, [row[4] for row in rows if row[4] is not None])
    entries = [
        PortfolioEntry(
            name=name,
            version=version,
            owner=owner,
            since_ms=since_ms,
            by=by,
            run_id=run_id,
            run_name=run_name or "",
            experiment_id="" if experiment is None else str(experiment),
            datasets=datasets.get(run, []),
        )
        for name, version, owner, run_id, run, run_name, experiment, since_ms, by in rows
    ]
    return entries, after


def _hide_run(row: Row) -> Row:
    return (*row[:4], None, None, None, *row[7:])


def _list_datasets(db: Connection, runs: Sequence[int]) -> dict[int, list[PortfolioData]]:
    if not runs:
        return {}
    found: dict[int, list[PortfolioData]] = {}
    for run, name, digest, context in db.all(
        "SELECT i.run_pk, d.name, d.digest, i.context FROM run_datasets i JOIN datasets d ON d.pk = i.dataset_pk"
        f" WHERE i.run_pk IN ({', '.join('?' * len(runs))}) ORDER BY i.run_pk, i.dataset_pk",
        runs,
    ):
        found.setdefault(run, []).append(PortfolioData(name=name, digest=digest, context=context))
    return found


def _read_key(after: Sequence[object]) -> tuple[str, int]:
    if len(after) == 2 and isinstance(after[0], str) and isinstance(after[1], int):
        return after[0], after[1]
    raise InvalidInput("Invalid page token", hint="send next_page_token as it was received")
