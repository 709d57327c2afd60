"""Filters as SQL: each node of a parsed filter becomes a condition that is true or false, never NULL."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from trackway.api.query import (
    RUN_LINK_ENDS,
    And,
    Arithmetic,
    Comparison,
    Exists,
    Expression,
    Field,
    Formula,
    IsNan,
    Not,
    Operator,
    Or,
    Relation,
)
from trackway.store.sql.connection import Dialect

INDEXED_CHARS = 100
"""Params and tags are indexed by values of at most so many characters: a B-tree entry has a limit."""


class Sql(NamedTuple):
    """A piece of SQL with the values of its ``?`` marks, in order."""

    text: str
    params: tuple[Any, ...] = ()


def conjoin(left: Sql, right: Sql) -> Sql:
    """Return the condition that both hold."""
    return Sql(f"{left.text} AND {right.text}", (*left.params, *right.params))


class Entity(NamedTuple):
    """How the fields of one kind of object are found in tables; ``{r}`` stands for the alias of the object's row.

    attributes: SQL of each attribute
    texts:      (table, column that points at the object) of params and tags
    metrics:    the same for metrics
    """

    table: str
    attributes: Mapping[str, str]
    texts: Mapping[str, tuple[str, str]]
    metrics: tuple[str, str] = ("", "")


_LIFECYCLE = "CASE WHEN {r}.deleted_ms IS NULL THEN 'active' ELSE 'deleted' END"

RUN = Entity(
    table="runs",
    attributes={
        "run_id": "{r}.run_id",
        "run_name": "{r}.name",
        "status": "{r}.status",
        "user_id": "{r}.user_name",
        "artifact_uri": "{r}.artifact_uri",
        "start_time": "{r}.start_ms",
        "end_time": "{r}.end_ms",
        "duration_ms": "({r}.end_ms - {r}.start_ms)",
        "experiment_id": "CAST({r}.experiment_pk AS TEXT)",
        "experiment_name": "(SELECT e.name FROM experiments e WHERE e.pk = {r}.experiment_pk)",
        "lifecycle": _LIFECYCLE,
        "parent_run_id": "{r}.parent_run_id",
        "external_key": "{r}.external_key",
    },
    texts={"param": ("params", "run_pk"), "tag": ("tags", "run_pk")},
    metrics=("series", "run_pk"),
)
EXPERIMENT = Entity(
    table="experiments",
    attributes={
        "experiment_id": "CAST({r}.pk AS TEXT)",
        "name": "{r}.name",
        "artifact_location": "{r}.artifact_location",
        "lifecycle": _LIFECYCLE,
        "creation_time": "{r}.created_ms",
        "last_update_time": "{r}.updated_ms",
    },
    texts={"tag": ("experiment_tags", "experiment_pk")},
)
LOGGED_MODEL = Entity(
    table="logged_models",
    attributes={
        "model_id": "{r}.model_id",
        "name": "{r}.name",
        "model_type": "{r}.model_type",
        "status": "{r}.status",
        "source_run_id": "{r}.source_run_id",
        "experiment_id": "CAST({r}.experiment_pk AS TEXT)",
        "artifact_location": "{r}.artifact_uri",
        "lifecycle_stage": _LIFECYCLE,
        "creation_timestamp": "{r}.created_ms",
        "last_updated_timestamp": "{r}.updated_ms",
    },
    texts={"param": ("logged_model_params", "model_pk"), "tag": ("logged_model_tags", "model_pk")},
    metrics=("logged_model_metrics", "model_pk"),
)
REGISTERED_MODEL = Entity(
    table="registered_models",
    attributes={
        "name": "{r}.name",
        "description": "{r}.description",
        "owner": "{r}.owner",
        "creation_timestamp": "{r}.created_ms",
        "last_updated_timestamp": "{r}.updated_ms",
    },
    texts={"tag": ("registered_model_tags", "model_pk")},
)
MODEL_NAME = "(SELECT m.name FROM registered_models m WHERE m.pk = {r}.model_pk)"
MODEL_VERSION = Entity(
    table="model_versions",
    attributes={
        "name": MODEL_NAME,
        "version_number": "{r}.version",
        "run_id": "{r}.run_id",
        "model_id": "{r}.model_id",
        "source_path": "{r}.source",
        "stage": "{r}.stage",
        "status": "{r}.status",
        "user_id": "{r}.user_name",
        "description": "{r}.description",
        "creation_timestamp": "{r}.created_ms",
        "last_updated_timestamp": "{r}.updated_ms",
    },
    texts={"tag": ("model_version_tags", "version_pk")},
)
_DATASET = {"name": "d.name", "digest": "d.digest", "context": "i.context"}
_ENDS = ("earlier_pk", "run_pk")
"""Where a link has its earlier run, and the later one."""


class Filters:
    """Compiles filters on one kind of object for one database.

    metric_scope: a condition on rows of the metrics' table, alias ``x`` (the data sets that count)
    seen:         a condition on parents and runs at the other ends of links, alias ``{o}`` (those that may be seen);
                  others are as if they were not there
    few:          only few rows come to be looked at, each of which is to be looked up
    """

    def __init__(
        self,
        entity: Entity,
        dialect: Dialect,
        metric_scope: Sql | None = None,
        *,
        seen: Sql | None = None,
        few: bool = False,
    ) -> None:
        self._entity = entity
        self.dialect = dialect
        self._scope = metric_scope
        self._seen = seen
        self._walks_values = entity is RUN and dialect == "postgresql" and not few
        """PostgreSQL chooses itself whether to look a value up or to walk its index: by experiment, key and value."""
        self._fence = " OFFSET 0" if few and dialect == "postgresql" else ""
        """What PostgreSQL does not make a join of, for which it would read all that has the value."""

    def for_few(self) -> Filters:
        """Return what compiles the same for few rows."""
        return Filters(self._entity, self.dialect, self._scope, seen=self._seen, few=True)

    def compile(self, node: Expression, row: str = "r") -> Sql:
        """Return the condition of a node on the row with alias ``row``."""
        match node:
            case And(terms) | Or(terms):
                parts = [self.compile(term, row) for term in terms]
                word = " AND " if isinstance(node, And) else " OR "
                return Sql(f"({word.join(part.text for part in parts)})", params_of(parts))
            case Not(term):
                part = self.compile(term, row)
                return Sql(f"NOT {part.text}", part.params)
            case Relation(Field() as left, op, Field() as right):
                return self._relate_metrics(left, op, right, row)
            case Relation():
                return self._relate(node, row)
            case _:
                return self._test(node.field, row, self._read_test(node))

    def compare(self, node: Comparison, indexed: bool = False) -> Sql:
        """Return a comparison's condition on ``{v}``, which is not NULL but for a metric that is NaN.

        indexed: so that the index on short values of params and tags serves it
        """
        op, value = node.op, node.value
        if isinstance(value, tuple):
            return Sql(f"{{v}} {op.upper()} ({', '.join('?' * len(value))})", value)
        if op in ("like", "not like"):
            return Sql(f"{{v}} {op.upper()} ?{self._no_escape()}", (value,))
        if op in ("ilike", "not ilike"):
            word = "NOT LIKE" if op == "not ilike" else "LIKE"
            return Sql(f"LOWER({{v}}) {word} LOWER(?{self._as_text()}){self._no_escape()}", (value,))
        if op == "!=" and node.field.entity == "metric" and node.field.aggregate in ("last", "any"):
            return Sql("({v} <> ? OR {v} IS NULL)", (value,))
        if op == "=" and indexed and is_short(value):
            return Sql(f"{{v}} = ? AND LENGTH({{v}}) <= {INDEXED_CHARS}", (value,))
        return Sql(f"{{v}} {op} ?", (value,))

    def scan_links(self, comparison: Comparison, workspace: str) -> Sql:
        """Return the query for numbers of runs of a workspace that have a link as compared, from its other end on."""
        own, linked = self._follow_links(comparison.field, self.compare(comparison))
        found = conjoin(linked, Sql("o.workspace = ?", (workspace,)))
        return Sql(f"SELECT DISTINCT {own} AS pk {found.text}", found.params)

    def _read_test(self, node: Comparison | Exists | IsNan) -> Sql | None:
        """Return the condition on ``{v}``; None when any value will do."""
        match node:
            case Exists():
                return None
            case IsNan():
                return Sql("{v} IS NULL")
            case Comparison(field):
                return self.compare(node, self._walks_values and field.entity in ("param", "tag"))

    def _test(self, field: Field, row: str, test: Sql | None) -> Sql:
        """Return that the field is there, and (``test``) what its value ``{v}`` satisfies."""
        if field.parent:
            inner = conjoin(self._find_parent(row), self._test_own(field, "q", test))
            return Sql(f"EXISTS (SELECT 1 FROM runs q WHERE {inner.text})", inner.params)
        return self._test_own(field, row, test)

    def _test_own(self, field: Field, row: str, test: Sql | None) -> Sql:
        if field.entity == "attribute":
            value = self._entity.attributes[field.key].format(r=row)
            if test is None:
                return Sql(f"({value} IS NOT NULL)")
            return Sql(f"({value} IS NOT NULL AND {test.text.format(v=value)})", test.params)
        if field.entity == "dataset":
            value = _DATASET[field.key]
            condition = f"{value} IS NOT NULL" + (f" AND {test.text.format(v=value)}" if test else "")
            return Sql(
                "EXISTS (SELECT 1 FROM run_datasets i JOIN datasets d ON d.pk = i.dataset_pk"
                f" WHERE i.run_pk = {row}.pk AND {condition})",
                test.params if test else (),
            )
        if field.entity == "link":
            own, linked = self._follow_links(field, test)
            return Sql(f"EXISTS (SELECT 1 {linked.text} AND {own} = {row}.pk{self._fence})", linked.params)
        is_metric = field.entity == "metric"
        table, owner = self._entity.metrics if is_metric else self._entity.texts[field.entity]
        text, params = f"x.{owner} = {row}.pk AND x.key = ?", (field.key,)
        if self._walks_values:
            text += f" AND x.experiment_pk = {row}.experiment_pk"
        value = f"x.{field.aggregate}_value" if is_metric and field.aggregate != "any" else "x.value"
        if not is_metric and test is not None and any(isinstance(one, int | float) for one in test.params):
            value = f"trackway_number({value})"
            text += f" AND {value} IS NOT NULL"
        if is_metric and field.aggregate in ("min", "max"):
            text += f" AND {value} IS NOT NULL"
        if test is not None:
            text, params = f"{text} AND {test.text.format(v=value)}", (*params, *test.params)
        if is_metric and self._scope is not None:
            text, params = f"{text} AND {self._scope.text}", (*params, *self._scope.params)
        return Sql(f"EXISTS (SELECT 1 FROM {table} x WHERE {text}{self._fence})", params)

    def _follow_links(self, field: Field, test: Sql | None) -> tuple[str, Sql]:
        """Return the column of the run that has a link, and the clauses for all such links to runs that are seen."""
        kind, later = RUN_LINK_ENDS[field.key]
        own, other = _ENDS if later else _ENDS[::-1]
        linked = self._see("o", Sql(f"FROM run_links x JOIN runs o ON o.pk = x.{other} WHERE x.kind = ?", (kind,)))
        if test is not None:
            linked = conjoin(linked, Sql(test.text.format(v="o.run_id"), test.params))
        return f"x.{own}", linked

    def _relate(self, node: Relation, row: str) -> Sql:
        """Return how two numbers of a run compare, one of them computed."""
        left, right = self._compute(node.left, row), self._compute(node.right, row)
        test = Sql(f"COALESCE({left.text} {node.op} {right.text}, FALSE)", (*left.params, *right.params))
        if node.op != "!=":
            return test
        for side, other in ((node.left, right), (node.right, left)):  # NULL is NaN, or missing
            if isinstance(side, Field) and side.aggregate == "last":
                nan = self.compile(IsNan(side), row)
                text = f"({test.text} OR ({nan.text} AND {other.text} IS NOT NULL))"
                test = Sql(text, (*test.params, *nan.params, *other.params))
        return test

    def _compute(self, formula: Formula, row: str) -> Sql:
        def read(field: Field) -> Sql:
            found = self._find_series(field, "x", row)
            return Sql(f"(SELECT x.{field.aggregate}_value FROM series x WHERE {found.text})", found.params)

        return compute(formula, self.dialect, read)

    def _relate_metrics(self, left: Field, op: Operator, right: Field, row: str) -> Sql:
        """Return how two metrics of runs compare."""
        first, second = self._find_series(left, "x", row), self._find_series(right, "y", row)
        one, two = f"x.{left.aggregate}_value", f"y.{right.aggregate}_value"
        test = f"{one} {op} {two}"
        if op == "!=":  # NULL is NaN here
            test = f"({one} <> {two} OR {one} IS NULL OR {two} IS NULL)"
        text = f"{first.text} AND {second.text} AND {test}"
        return Sql(
            f"EXISTS (SELECT 1 FROM series x, series y WHERE {text}{self._fence})", (*first.params, *second.params)
        )

    def _find_series(self, field: Field, series: str, row: str) -> Sql:
        """Return the condition that a row of the series' table is a field's of a run, and has the value."""
        owner, params = f"{row}.pk", ()
        if field.parent:
            parent = self._find_parent(row)
            owner, params = f"(SELECT q.pk FROM runs q WHERE {parent.text})", parent.params
        text = f"{series}.run_pk = {owner} AND {series}.key = ?"
        if field.aggregate in ("min", "max"):
            text += f" AND {series}.{field.aggregate}_value IS NOT NULL"
        return Sql(text, (*params, field.key))

    def _find_parent(self, row: str) -> Sql:
        """Return the condition that a run, alias ``q``, is the parent of another."""
        parent = Sql(f"q.workspace = {row}.workspace AND q.run_id = {row}.parent_run_id")
        return self._see("q", parent)

    def _see(self, other: str, condition: Sql) -> Sql:
        """Return a condition on another run of those that may be seen."""
        if self._seen is None:
            return condition
        return conjoin(condition, Sql(self._seen.text.format(o=other), self._seen.params))

    def _no_escape(self) -> str:
        return " ESCAPE ''" if self.dialect == "postgresql" else ""

    def _as_text(self) -> str:
        # As bytes, like the columns: another collation would fold more letters than A to Z.
        return '::text COLLATE "C"' if self.dialect == "postgresql" else ""


def compute(formula: Formula, dialect: Dialect, read: Callable[[Field], Sql]) -> Sql:
    """Return the SQL of a formula, which is NULL where it is missing; ``read`` returns that of a metric's value.

    SQLite's arithmetic is what a formula means; PostgreSQL's raises where that is infinite or missing.
    """
    match formula:
        case Field():
            return read(formula)
        case Arithmetic(left, op, right):
            one, two = compute(left, dialect, read), compute(right, dialect, read)
            text = f"({one.text} {op} {two.text})"
            if dialect == "postgresql":
                text = f"trackway_compute({one.text}, '{op}', {two.text})"
            return Sql(text, (*one.params, *two.params))
        case _:
            return Sql("?", (formula,))


def is_short(value: object) -> bool:
    """Tell whether a param or tag with this value is indexed."""
    return isinstance(value, str) and len(value) <= INDEXED_CHARS


def params_of(parts: Sequence[Sql]) -> tuple[Any, ...]:
    """Return the values of several pieces, in order."""
    return tuple(value for part in parts for value in part.params)
