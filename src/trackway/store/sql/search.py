"""Searches: one page of rows, found through whichever index leads to the fewest of them."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from typing import Any, NamedTuple

from trackway.api.logged_models import DatasetRef
from trackway.api.query import Arithmetic, Comparison, Expression, Field, OrderTerm, list_fields
from trackway.store.base import Page, Search
from trackway.store.sql.connection import Connection, Row
from trackway.store.sql.filters import (
    EXPERIMENT,
    LOGGED_MODEL,
    MODEL_NAME,
    MODEL_VERSION,
    REGISTERED_MODEL,
    RUN,
    Entity,
    Filters,
    Sql,
    compute,
    conjoin,
)
from trackway.store.sql.leads import Lead, choose_lead, list_terms
from trackway.store.sql.orders import VALUE, Key, Order, Term, Zone, behind

MARKED, MARKED_AGAIN = 1_000, 50
"""Most numbers that are written into a statement one by one, and in a condition that it may have hundreds of times."""

EQUALS = 8
"""So many more values are walked than rows are wanted: those equal to where the page before ended may be its own."""

_VERSION_LEADS = {
    "name": "r.model_pk = (SELECT m.pk FROM registered_models m WHERE m.workspace = ? AND m.name = ?)",
    "run_id": "r.pk IN (SELECT v.pk FROM model_versions v WHERE v.workspace = ? AND v.run_id = ?)",
    "model_id": "r.pk IN (SELECT v.pk FROM model_versions v WHERE v.workspace = ? AND v.model_id = ?)",
}
"""What a version equals in these attributes, as the few rows of a workspace that an index leads to."""

_NEXT = {"sqlite": "CROSS JOIN", "postgresql": "JOIN"}
"""Joins what is looked up for each row so far; SQLite keeps the order of tables so, PostgreSQL chooses it."""

_VALUE_COLUMN = {"last": "last_value", "min": "min_value", "max": "max_value", "any": "value"}


class Aggregates(NamedTuple):
    """Columns of ``runs r``, and aggregates of these columns, in the order of the rows."""

    columns: str
    joined: str


class _Plan(NamedTuple):
    """What every page of a search has in common."""

    entity: Entity
    columns: str
    scope: Sql
    filters: Filters
    expression: Expression | None
    order: Order


class _Walk(NamedTuple):
    """The index of an experiment's last values of a metric.

    source: FROM clause of the runs in its order, by ``w.last_value``
    where:  what its entries in ``series`` satisfy, be the experiment of the workspace or not
    asked:  what is asked of runs that it leads to
    """

    source: Sql
    where: Sql
    asked: Sql


class _Stretch(NamedTuple):
    """Rows that one query finds in order: those of one zone, or of all.

    walk:   the index that has them in order, if one has
    after:  values of the keys of the row to go on behind
    """

    zone: Zone
    keys: Sequence[Key]
    source: Sql
    where: Sql
    walk: _Walk | None = None
    after: Sequence[Any] | None = None


def find_runs(
    db: Connection, workspace: str, experiments: Collection[int] | None, search: Search, page: Page
) -> tuple[list[tuple[int, int]], Sequence[object] | None]:
    """Return (number, version) of found runs, and the key to go on from."""
    if experiments is not None and not experiments:
        return [], None
    plan, lead, walk = _plan_runs(db, workspace, experiments, search, "r.pk, r.version")
    rows, after = _read_few(db, plan, page, lead) if lead else _read_page(db, plan, page, walk)
    return [(row[0], row[1]) for row in rows], after


def join_runs(
    db: Connection, workspace: str, experiments: Collection[int] | None, search: Search, limit: int, what: Aggregates
) -> list[Row]:
    """Return up to ``limit`` found runs as a few rows, each for several runs: their count, and the aggregates."""
    rows: list[Row] = []
    if experiments is not None and not experiments:
        return rows
    plan, lead, walk = _plan_runs(db, workspace, experiments, search, what.columns)
    for stretch in [_lead_few(plan, None, lead)] if lead else _list_stretches(plan, None, walk):
        found = _write_select(plan, stretch, limit)
        [row] = db.all(f"SELECT COUNT(*), {what.joined} FROM ({found.text}) f", found.params)
        if row[0]:
            rows.append(row)
            limit -= row[0]
        if not limit:
            break
    return rows


def _plan_runs(
    db: Connection, workspace: str, experiments: Collection[int] | None, search: Search, columns: str
) -> tuple[_Plan, Lead | None, _Walk | None]:
    """Return what is to be found, the condition that leads to few runs, and the index that walks their order."""
    scope = _view(_within(db, workspace, experiments if isinstance(experiments, frozenset) else None), search)
    if experiments is not None:
        scope = conjoin(scope, among(db, "r.experiment_pk", experiments))
    # Parents and linked runs may be anywhere, and who may not see all finds nothing by those beyond that.
    sight = experiments if search.sight is None and isinstance(experiments, frozenset) else search.sight
    seen = None if sight is None else among(db, "{o}.experiment_pk", sight, MARKED_AGAIN)
    filters = Filters(RUN, db.dialect, seen=seen)
    ties = [_column("r.start_ms", True, "number"), _column("r.run_id", False, "text")]
    plan = _Plan(RUN, columns, scope, filters, search.expression, _order(db, RUN, search.order, ties))
    experiment = next(iter(experiments)) if experiments is not None and len(experiments) == 1 else None
    lead = None if search.expression is None else choose_lead(db, filters, workspace, experiment, search.expression)
    return plan, lead, None if experiment is None else _choose_walk(db, workspace, experiment, search)


def find_experiments(
    db: Connection, workspace: str, search: Search, page: Page, seen: Collection[int] | None
) -> tuple[list[int], Sequence[object] | None]:
    """Return numbers of found experiments, among those that are seen, and the key to go on from."""
    if seen is not None and not seen:
        return [], None
    scope = _view(_within(db, workspace, seen), search)
    if seen is not None:
        scope = conjoin(scope, among(db, "r.pk", seen))
    ties = [_column("r.created_ms", True, "number")] if not search.order else []
    ties.append(_column("r.pk", bool(search.order), "number"))
    order = _order(db, EXPERIMENT, search.order, ties)
    plan = _Plan(EXPERIMENT, "r.pk", scope, Filters(EXPERIMENT, db.dialect), search.expression, order)
    rows, after = _read_page(db, plan, page)
    return [row[0] for row in rows], after


def find_logged_models(
    db: Connection,
    workspace: str,
    experiments: Collection[int],
    search: Search,
    datasets: tuple[Sequence[DatasetRef], Sequence[DatasetRef | None]],
    page: Page,
) -> tuple[list[int], Sequence[object] | None]:
    """Return numbers of found models, and the key to go on from.

    datasets: those that metric filters count on (a model without such a metric is left out), and one for each term of
              the order, or None
    """
    if not experiments:
        return [], None
    scope = _view(Sql("r.workspace = ?", (workspace,)), search)
    scope = conjoin(scope, among(db, "r.experiment_pk", experiments))
    metric_scope = _on_datasets(datasets[0])
    if metric_scope is not None:
        exists = f"EXISTS (SELECT 1 FROM logged_model_metrics x WHERE x.model_pk = r.pk AND {metric_scope.text})"
        scope = Sql(f"{scope.text} AND {exists}", (*scope.params, *metric_scope.params))
    ties = [_column("r.created_ms", True, "number"), _column("r.model_id", False, "text")]
    terms = [
        _model_metric_term(term.field, term.descending, dataset)
        if isinstance(term.field, Field) and term.field.entity == "metric"
        else _term(db, LOGGED_MODEL, term, f"o{place}")
        for place, (term, dataset) in enumerate(zip(search.order, datasets[1], strict=True))
    ]
    filters = Filters(LOGGED_MODEL, db.dialect, metric_scope)
    plan = _Plan(LOGGED_MODEL, "r.pk", scope, filters, search.expression, Order(terms, ties))
    rows, after = _read_page(db, plan, page)
    return [row[0] for row in rows], after


def find_registered_models(
    db: Connection, workspace: str, search: Search, page: Page, seen: Collection[int] | None
) -> tuple[list[int], Sequence[object] | None]:
    """Return numbers of found registered models, among those that are seen, and the key to go on from."""
    if seen is not None and not seen:
        return [], None
    scope = _within(db, workspace, seen)
    if seen is not None:
        scope = conjoin(scope, among(db, "r.pk", seen))
    order = _order(db, REGISTERED_MODEL, search.order, [_column("r.name", False, "text")])
    plan = _Plan(REGISTERED_MODEL, "r.pk", scope, Filters(REGISTERED_MODEL, db.dialect), search.expression, order)
    rows, after = _read_page(db, plan, page)
    return [row[0] for row in rows], after


def find_model_versions(
    db: Connection, workspace: str, search: Search, page: Page, seen: Collection[int] | None
) -> tuple[list[int], Sequence[object] | None]:
    """Return numbers of found versions, among those of models that are seen, and the key to go on from."""
    if seen is not None and not seen:
        return [], None
    ties = [] if search.order else [_column("r.updated_ms", True, "number")]
    ties += [_column(MODEL_NAME.format(r="r"), False, "text"), _column("r.version", True, "number")]
    scope = _within(db, workspace, seen)
    for term in list_terms(search.expression):
        if isinstance(term, Comparison) and term.op == "=" and term.field.entity == "attribute":
            lead = _VERSION_LEADS.get(term.field.key)
            scope = Sql(lead, (workspace, term.value)) if lead else scope
    if seen is not None:
        scope = conjoin(scope, among(db, "r.model_pk", seen))
    order = _order(db, MODEL_VERSION, search.order, ties)
    plan = _Plan(MODEL_VERSION, "r.pk", scope, Filters(MODEL_VERSION, db.dialect), search.expression, order)
    rows, after = _read_page(db, plan, page)
    return [row[0] for row in rows], after


def _read_page(
    db: Connection, plan: _Plan, page: Page, walk: _Walk | None = None
) -> tuple[list[Row], Sequence[object] | None]:
    """Read one page, zone by zone of the first term, and one row more to know whether there is another page."""
    width = len(plan.columns.split(","))
    rows: list[Row] = []
    last: Sequence[object] | None = None
    for stretch in _list_stretches(plan, page.after, walk):
        found = _select(db, plan, stretch, page.limit + 1)[: page.limit + 1 - len(rows)]
        rows += found
        if len(rows) > page.limit:
            return rows[: page.limit], (stretch.zone, *found[-2][width:]) if len(found) > 1 else last
        if found:
            last = (stretch.zone, *found[-1][width:])
    return rows, None


def _list_stretches(plan: _Plan, after: Sequence[object] | None, walk: _Walk | None) -> Iterator[_Stretch]:
    """Yield the zones of the first term in order, from a row's key on; that of values along an index, if it has one."""
    base = plan.scope
    if plan.expression is not None:
        base = conjoin(base, plan.filters.compile(plan.expression))
    start, values = plan.order.split(after)
    for zone in plan.order.zones:
        if zone < start:
            continue
        keys, first = plan.order.keys(zone), plan.order.first
        source, joins, along = Sql(f"{plan.entity.table} r"), plan.order.joins, None
        if walk is not None and first is not None and zone == VALUE:
            source, joins, along = walk.source, joins[1:], walk
            first = Term(Sql("w.last_value"), None, first.descending, "number")
            keys = [Key(first.value, first.descending, "number"), *keys[1:]]
        where = base if first is None else conjoin(base, first.in_zone(zone))
        behind_values = values if zone == start else None
        if behind_values is not None:
            where = conjoin(where, behind(keys, behind_values))
        yield _Stretch(zone, keys, _join(source, joins), where, along, behind_values)


def _walk_in_parts(db: Connection, plan: _Plan, stretch: _Stretch, walk: _Walk, limit: int) -> list[Row]:
    """Read the first rows of the zone of values on PostgreSQL: from one part of the index after the other.

    A part is so many values, and those equal to its last one. Left to itself, PostgreSQL goes by what it reckons about
    experiments and metrics in general, and sorts all runs of one that has more than others. It is not shown the values
    either: it would plan each page anew for them, which takes longer than to read it.
    """
    width, count = len(plan.columns.split(",")), limit + EQUALS
    if plan.expression is not None:
        walk = walk._replace(asked=conjoin(walk.asked, plan.filters.compile(plan.expression)))
    rows: list[Row] = []
    after, passed = stretch.after, False
    while True:
        part = _write_part(plan, stretch.keys, walk, count, after, passed)
        found = db.all(part.text, part.params)
        rows += [row for row in found if row[0] is not None]
        if len(rows) >= limit or len(found) < count:
            return rows[:limit]
        after, passed, count = found[-1][width:], found[-1][0] is None, 4 * count


def _write_part(
    plan: _Plan, keys: Sequence[Key], walk: _Walk, count: int, after: Sequence[Any] | None, passed: bool
) -> Sql:
    """Return the query for a part of a walk; a row that is not asked for has no number, and is the last of its value.

    passed: nothing more is wanted of the value of ``after``
    """
    down = keys[0].descending
    asked, bound, joins = walk.asked, Sql(""), plan.order.joins[1:]
    if after is not None:
        bound = Sql(f" AND last_value {'<' if down else '>'}{'' if passed else '='} (SELECT ?)", (after[0],))
        asked = asked if passed else conjoin(asked, _hide(behind(keys, after)))
    direction = " DESC" if down else ""
    part = Sql(
        f"(SELECT run_pk, last_value FROM series WHERE {walk.where.text} AND last_value IS NOT NULL{bound.text}"
        f" ORDER BY last_value{direction} FETCH FIRST {count} ROWS WITH TIES) w",
        (*walk.where.params, *bound.params),
    )
    selected, by, key_params = _write_keys(plan, keys)
    first, *others = by
    named = () if after is None or passed else joins
    source = _join(part, [_look_up("LEFT JOIN", "w.run_pk", asked, named), *joins])
    return Sql(
        f"SELECT {selected} FROM {source.text} ORDER BY {', '.join([first, 'r.pk IS NULL', *others])} LIMIT {count}",
        (*key_params, *source.params),
    )


def _look_up(join: str, number: str, asked: Sql, named: Sequence[Sql] = ()) -> Sql:
    """Return what joins runs by their numbers on PostgreSQL, which looks up one by one what is behind an OFFSET.

    Else it may read all runs of an experiment that it takes for small.

    named: joins of what is asked of the runs beside their own columns
    """
    run = _join(Sql("SELECT r.* FROM runs r"), [*named, Sql(f" WHERE r.pk = {number} AND {asked.text}", asked.params)])
    return Sql(f" {join} LATERAL ({run.text} OFFSET 0) r ON TRUE", run.params)


def _read_few(db: Connection, plan: _Plan, page: Page, lead: Lead) -> tuple[list[Row], Sequence[object] | None]:
    """Read one page of the few rows that ``lead`` leads to."""
    rows = _select(db, plan, _lead_few(plan, page.after, lead), page.limit + 1)
    if len(rows) <= page.limit:
        return rows, None
    last = rows[page.limit - 1][len(plan.columns.split(",")) :]
    if plan.order.first is None:
        return rows[: page.limit], (VALUE, *last)
    zone = last[0]
    return rows[: page.limit], (zone, *(last[1:] if zone == VALUE else last[2:]))


def _lead_few(plan: _Plan, after: Sequence[object] | None, lead: Lead) -> _Stretch:
    """Return the few rows that ``lead`` leads to, from a row's key on: all zones at once, as all are sorted anyway."""
    asked, filters = plan.scope, plan.filters.for_few()
    for term in list_terms(plan.expression):
        if not any(term is one for one in lead.comparisons):
            asked = conjoin(asked, filters.compile(term))
    keys, first = plan.order.keys(VALUE), plan.order.first
    if first is not None:
        keys = [Key(first.zone(), False, "zone"), *keys]
    start, values = plan.order.split(after)
    where = Sql("TRUE")
    if values is not None:
        if first is not None:
            values = [start, *values] if start == VALUE else [start, None, *values]
        where = behind(keys, values)
    numbers = Sql(f"({lead.scan.text}) l", lead.scan.params)
    if filters.dialect == "postgresql":
        runs = _look_up("JOIN", "l.pk", asked)
    else:
        runs, where = Sql(" CROSS JOIN runs r ON r.pk = l.pk"), conjoin(asked, where)
    return _Stretch(VALUE, keys, _join(numbers, [runs, *plan.order.joins]), where)


def _select(db: Connection, plan: _Plan, stretch: _Stretch, limit: int) -> list[Row]:
    if stretch.walk is not None and db.dialect == "postgresql":
        return _walk_in_parts(db, plan, stretch, stretch.walk, limit)
    sql = _write_select(plan, stretch, limit)
    return db.all(sql.text, sql.params)


def _write_select(plan: _Plan, stretch: _Stretch, limit: int) -> Sql:
    """Return the query for a stretch: the plan's columns, then those of the key.

    The limit is part of the text: one that it does not know is to PostgreSQL a tenth of all rows.
    """
    selected, by, key_params = _write_keys(plan, stretch.keys)
    wanted = f"{stretch.source.text} WHERE {stretch.where.text}"
    return Sql(
        f"SELECT {selected} FROM {wanted} ORDER BY {', '.join(by)} LIMIT {limit}",
        (*key_params, *stretch.source.params, *stretch.where.params),
    )


def _write_keys(plan: _Plan, keys: Sequence[Key]) -> tuple[str, list[str], Sequence[Any]]:
    """Return what is selected, the plan's columns and then those of the key, the order by these, and their values."""
    width = len(plan.columns.split(","))
    selected = ", ".join([plan.columns, *(key.sql.text for key in keys)])
    by = [f"{width + n} DESC" if key.descending else str(width + n) for n, key in enumerate(keys, 1)]
    return selected, by, tuple(value for key in keys for value in key.sql.params)


def _hide(sql: Sql) -> Sql:
    """Return SQL whose values PostgreSQL does not look at when it plans."""
    return Sql(sql.text.replace("?", "(SELECT ?)"), sql.params)


def _join(source: Sql, joins: Sequence[Sql]) -> Sql:
    params = tuple(value for join in joins for value in join.params)
    return Sql(source.text + "".join(join.text for join in joins), (*source.params, *params))


def _within(db: Connection, workspace: str, seen: Collection[int] | None) -> Sql:
    """Return the condition of being in a workspace.

    seen: numbers that alone are looked at. Then no index of the whole workspace may be walked, as its walk would pass
          all that is hidden: a column that is computed with is in no index.
    """
    if seen is None:
        return Sql("r.workspace = ?", (workspace,))
    return Sql("+r.workspace = ?" if db.dialect == "sqlite" else "(r.workspace || '') = ?", (workspace,))


def _view(scope: Sql, search: Search) -> Sql:
    if search.view == "all":
        return scope
    return Sql(f"{scope.text} AND r.deleted_ms IS {'NULL' if search.view == 'active' else 'NOT NULL'}", scope.params)


def among(db: Connection, column: str, numbers: Collection[int], marked: int = MARKED) -> Sql:
    """Return the condition that a column is one of some numbers, however many they are; ``marked``: see ``MARKED``."""
    if len(numbers) == 1:
        return Sql(f"{column} = ?", tuple(numbers))
    if db.dialect == "postgresql":
        return Sql(f"{column} = ANY(?)", (list(numbers),))
    if len(numbers) <= marked:
        return Sql(f"{column} IN ({', '.join('?' * len(numbers))})", tuple(numbers))
    return Sql(f"{column} IN (SELECT value FROM json_each(?))", (json.dumps(list(numbers)),))


def _order(db: Connection, entity: Entity, order: Sequence[OrderTerm], ties: list[Term]) -> Order:
    """Return an order with the tie-breakers that it does not name itself."""
    terms = [_term(db, entity, term, f"o{place}") for place, term in enumerate(order)]
    named = {term.value.text for term in terms}
    return Order(terms, [tie for tie in ties[:-1] if tie.value.text not in named] + ties[-1:])


def _column(text: str, descending: bool, kind: Any) -> Term:
    return Term(Sql(text), None, descending, kind)


def _term(db: Connection, entity: Entity, term: OrderTerm, o: str) -> Term:
    """Return a term of an order, with alias ``o`` for the row that holds its value; nothing is ordered by parents."""
    field = term.field
    if isinstance(field, Arithmetic):
        return _computed_term(db, field, term.descending, o)
    if field.entity == "attribute":
        text = entity.attributes[field.key].format(r="r")
        number = text.endswith(("_ms", "_ms)", ".version"))
        if text == "CAST(r.pk AS TEXT)":
            text, number = "r.pk", True
        return Term(Sql(text), None, term.descending, "number" if number else "text")
    table, owner = entity.metrics if field.entity == "metric" else entity.texts[field.entity]
    column = _VALUE_COLUMN[field.aggregate] if field.entity == "metric" else "value"
    join = Sql(f" LEFT JOIN {table} {o} ON {o}.{owner} = r.pk AND {o}.key = ?", (field.key,))
    value = Sql(f"{o}.{column}")
    if field.entity != "metric" or field.aggregate != "last":
        return Term(value, None, term.descending, "number" if field.entity == "metric" else "text", join)
    return Term(value, Sql(f"({o}.{owner} IS NOT NULL)"), term.descending, "number", join)


def _computed_term(db: Connection, formula: Arithmetic, descending: bool, o: str) -> Term:
    """Return the order by a formula, with aliases that begin with ``o`` for the series of its metrics."""
    names = {key: f"{o}_{n}" for n, key in enumerate(dict.fromkeys(field.key for field in list_fields(formula)))}
    joins = "".join(f" LEFT JOIN series {name} ON {name}.run_pk = r.pk AND {name}.key = ?" for name in names.values())
    value = compute(formula, db.dialect, lambda field: Sql(f"{names[field.key]}.{_VALUE_COLUMN[field.aggregate]}"))
    return Term(value, None, descending, "number", Sql(joins, tuple(names)))


def _model_metric_term(field: Field, descending: bool, dataset: DatasetRef | None) -> Term:
    """Return the order by a model's newest value of a metric, perhaps on one data set."""
    on = _on_datasets([dataset]) if dataset else None
    where = "o.model_pk = r.pk AND o.key = ?" + (f" AND {on.text.replace('x.', 'o.')}" if on else "")
    params = (field.key, *(on.params if on else ()))
    newest = f"SELECT o.value FROM logged_model_metrics o WHERE {where} ORDER BY o.time_ms DESC, o.step DESC, o.pk DESC"
    value = Sql(f"({newest} LIMIT 1)", params)
    there = Sql(f"EXISTS (SELECT 1 FROM logged_model_metrics o WHERE {where})", params)
    return Term(value, there, descending, "number")


def _on_datasets(datasets: Sequence[DatasetRef]) -> Sql | None:
    if not datasets:
        return None
    pieces, params = [], []  # type: tuple[list[str], list[Any]]
    for one in datasets:
        pieces.append("x.dataset_name = ?" + ("" if one.digest is None else " AND x.dataset_digest = ?"))
        params += [one.name] if one.digest is None else [one.name, one.digest]
    return Sql(f"({' OR '.join(f'({piece})' for piece in pieces)})", tuple(params))


def _choose_walk(db: Connection, workspace: str, experiment: int, search: Search) -> _Walk | None:
    """Return the index of the first term's metric, when it is one."""
    if not search.order:
        return None
    field = search.order[0].field
    if isinstance(field, Arithmetic) or field.entity != "metric" or field.aggregate != "last" or field.parent:
        return None
    walked = "(SELECT run_pk, last_value FROM series WHERE experiment_pk = ? AND key = ?)"
    source = Sql(f"{walked} w {_NEXT[db.dialect]} runs r ON r.pk = w.run_pk", (experiment, field.key))
    within = Sql("(SELECT pk FROM experiments WHERE pk = ? AND workspace = ?)", (experiment, workspace))
    where = Sql(f"experiment_pk = {within.text} AND key = (SELECT ?)", (*within.params, field.key))
    return _Walk(source, where, _view(Sql("TRUE"), search))
