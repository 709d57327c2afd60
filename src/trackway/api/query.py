"""A search as a small tree: what the search language is parsed to, and what a store answers.

Meaning of every node is two-valued: it is true or false of an object, never unknown.

- A comparison whose field the object does not have is false, whatever the operator: ``tags.t != 'x'`` finds only
  objects that have the tag ``t``.
- ``Not`` is the plain negation of what it holds: ``NOT tags.t = 'x'`` finds also the objects without the tag.
- NaN fails every operator but ``!=``, which it satisfies.
- A run may have many datasets, and many links of a kind: a comparison is true when at least one of them satisfies it,
  and each comparison looks for its own.

Fields by entity (``Field.entity``), with the type of value that they are compared with:

    metric     float. ``last`` value of the series, or ``min`` or ``max`` of it, which leave NaN out and are missing
               when every value is NaN; ``any`` (logged models only): true when one of the logged values satisfies it
    param      str; or a float, compared with what ``read_number`` makes of the param: missing when that is None
    tag        str
    dataset    str; key is ``name``, ``digest`` or ``context`` (the tag ``mlflow.data.context`` of the input)
    link       str, the id of the run at the other end; key as listed in ``RUN_LINK_ENDS``
    attribute  str, or int or float (ints fit int64); keys as listed in ``RUN_ATTRIBUTES`` and its siblings
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, Literal

import msgspec

from trackway.api.links import LinkKind

FILTER_CLAUSES: Final = 500
"""Most comparisons in one filter (BETWEEN counts as two); with the nesting, inside the 1,000 levels of SQLite."""
FILTER_DEPTH: Final = 100
"""Deepest nesting of parentheses and NOT."""
FILTER_VALUES: Final = 1_000
"""Most values in the IN lists of one filter, taken together."""
LIKE_CHARS: Final = 1_000
"""Longest pattern: what one match costs grows with pattern times value."""
FORMULA_OPERANDS: Final = 20
"""Most numbers and metrics in the formulas of one comparison, or of one term of an order."""

Entity = Literal["attribute", "metric", "param", "tag", "dataset", "link"]
Aggregate = Literal["last", "min", "max", "any"]
Kind = Literal["text", "number", "time"]
"""Type of an attribute: ``time`` is a number of ms since 1970 UTC, which the language also accepts as an ISO date."""
Operator = Literal["=", "!=", "<", "<=", ">", ">=", "like", "not like", "ilike", "not ilike", "in", "not in"]
ArithmeticOperator = Literal["+", "-", "*", "/"]
Scalar = str | int | float
Value = Scalar | tuple[Scalar, ...]

RUN_ATTRIBUTES: Final[dict[str, Kind]] = {
    "run_id": "text",
    "run_name": "text",
    "status": "text",
    "user_id": "text",
    "artifact_uri": "text",
    "start_time": "time",
    "end_time": "time",
    "duration_ms": "number",
    "experiment_id": "text",
    "experiment_name": "text",
    "lifecycle": "text",
    "parent_run_id": "text",
    "external_key": "text",
}
"""``duration_ms`` is end less start, missing while the run has no end. What a run keeps as a tag (its source, git
commit, ...) is a tag here also: the language's ``git_commit`` becomes the field of that tag."""

RUN_LINK_ENDS: Final[dict[str, tuple[LinkKind, bool]]] = {
    "uses": ("uses", False),
    "made_by": ("made_by", False),
    "retry_of": ("retry_of", False),
    "reproduces": ("reproduces", False),
    "used_by": ("uses", True),
    "made": ("made_by", True),
    "retried_by": ("retry_of", True),
    "reproduced_by": ("reproduces", True),
}
"""What a link is called at either end: its kind, and whether the run at the other end is the later one."""

EXPERIMENT_ATTRIBUTES: Final[dict[str, Kind]] = {
    "experiment_id": "text",
    "name": "text",
    "artifact_location": "text",
    "lifecycle": "text",
    "creation_time": "time",
    "last_update_time": "time",
}

LOGGED_MODEL_ATTRIBUTES: Final[dict[str, Kind]] = {
    "model_id": "text",
    "name": "text",
    "model_type": "text",
    "status": "text",
    "source_run_id": "text",
    "experiment_id": "text",
    "artifact_location": "text",
    "lifecycle_stage": "text",
    "creation_timestamp": "time",
    "last_updated_timestamp": "time",
}

REGISTERED_MODEL_ATTRIBUTES: Final[dict[str, Kind]] = {
    "name": "text",
    "description": "text",
    "owner": "text",
    "creation_timestamp": "time",
    "last_updated_timestamp": "time",
}

MODEL_VERSION_ATTRIBUTES: Final[dict[str, Kind]] = {
    "name": "text",
    "version_number": "number",
    "run_id": "text",
    "model_id": "text",
    "source_path": "text",
    "stage": "text",
    "status": "text",
    "user_id": "text",
    "description": "text",
    "creation_timestamp": "time",
    "last_updated_timestamp": "time",
}


class Node(msgspec.Struct, frozen=True):
    """One node of a search; all nodes compare and hash by value."""


class Field(Node, frozen=True):
    """What is compared or ordered by; with ``parent``, that of the parent run, missing when there is no parent."""

    entity: Entity
    key: str
    aggregate: Aggregate = "last"
    parent: bool = False


class Comparison(Node, frozen=True):
    """``field op value``; false when the field is missing.

    ``like`` patterns: ``%`` any characters, ``_`` exactly one, nothing escapes; the whole value must match. ``like`` is
    case-sensitive, ``ilike`` ignores the case of the letters A to Z. ``in`` and ``not in`` have a tuple of at least one
    value, every other operator one value. Text is compared by code point, without collation.
    """

    field: Field
    op: Operator
    value: Value


class Arithmetic(Node, frozen=True):
    """``left op right``, computed in double precision from numbers and from metrics of runs.

    It is missing when a metric in it is missing or NaN, when it divides by zero, and when it comes to no number, as the
    difference of two infinities. What is too large for a double is infinite.
    """

    left: Formula
    op: ArithmeticOperator
    right: Formula


Formula = Field | float | Arithmetic
"""A number of a run: a metric, a plain number, or what is computed from both; the numbers in it are finite."""


class Relation(Node, frozen=True):
    """``left op right`` of two numbers of a run, with a metric in at least one; false when one of them is missing.

    op: ``=``, ``!=`` or an order; a metric that stands alone and is NaN satisfies ``!=`` alone
    """

    left: Formula
    op: Operator
    right: Formula


class Exists(Node, frozen=True):
    """The object has the field: a key that was logged, an attribute with a value, at least one dataset or link.

    ``IS NOT NULL`` is this, ``IS NULL`` its negation; an empty text exists.
    """

    field: Field


class IsNan(Node, frozen=True):
    """The last value of a metric is NaN; false when the metric is missing."""

    field: Field


class Not(Node, frozen=True):
    """True when ``term`` is false."""

    term: Expression


class And(Node, frozen=True):
    """True when all of two or more terms are; no term is itself an ``And``."""

    terms: tuple[Expression, ...]


class Or(Node, frozen=True):
    """True when one of two or more terms is; no term is itself an ``Or``."""

    terms: tuple[Expression, ...]


Expression = And | Or | Not | Comparison | Relation | Exists | IsNan


class OrderTerm(Node, frozen=True):
    """One term of an order; objects without the field come last in both directions.

    Metrics: numbers, then NaN, then missing, in both directions. Params and tags are ordered as text, by code point.
    """

    field: Field | Arithmetic
    descending: bool = False


# Possessive, so that long digits with a wrong end cost one pass and not one for every way of sharing them out.
_NUMBER = re.compile(r"[+-]?(?:(?:[0-9]++(?:\.[0-9]*+)?|\.[0-9]++)(?:e[+-]?[0-9]++)?|inf(?:inity)?)", re.IGNORECASE)


def read_number(text: str) -> float | None:
    """Read a text as the number that numeric comparisons of params use: a decimal or an infinity, else None."""
    return float(text) if _NUMBER.fullmatch(text) else None


def format_field(field: Field) -> str:
    """Write a field in the native language, its key always quoted with backticks."""
    key = field.key.replace("`", "``")
    prefix = "parent." if field.parent else ""
    path = f"{prefix}{field.entity}s.`{key}`"
    return path if field.aggregate == "last" else f"{field.aggregate}({path})"


def list_fields(formula: Formula) -> Iterator[Field]:
    """Yield the metrics of a formula from left to right, one as often as it stands there."""
    match formula:
        case Field():
            yield formula
        case Arithmetic(left, _, right):
            yield from list_fields(left)
            yield from list_fields(right)


def format_formula(formula: Formula) -> str:
    """Write a formula in the native language, with no parentheses but those that it needs."""
    match formula:
        case Field():
            return format_field(formula)
        case Arithmetic(left, op, right):
            return f"{_format_operand(left, op, False)} {op} {_format_operand(right, op, True)}"
        case _:
            return repr(formula)


def _format_operand(operand: Formula, op: ArithmeticOperator, behind: bool) -> str:
    text = format_formula(operand)
    if not isinstance(operand, Arithmetic):
        return text
    binds = (op in "*/" and operand.op in "+-") or (behind and (op in "*/") == (operand.op in "*/"))
    return f"({text})" if binds else text


def format_expression(expression: Expression) -> str:
    """Write a tree in the native language, so that parsing gives an equal tree (``any`` aggregates are not native)."""
    match expression:
        case And(terms):
            return " AND ".join(_format_term(term) for term in terms)
        case Or(terms):
            return " OR ".join(_format_term(term) for term in terms)
        case Not(Exists(field)):
            return f"{format_field(field)} IS NULL"
        case Not(term):
            return f"NOT {_format_term(term)}"
        case Exists(field):
            return f"EXISTS({format_field(field)})"
        case IsNan(field):
            return f"{format_field(field)} IS NAN"
        case Comparison(field, op, value):
            return f"{format_field(field)} {op.upper()} {_format_value(value)}"
        case Relation(left, op, right):
            return f"{format_formula(left)} {op} {format_formula(right)}"


def _format_term(term: Expression) -> str:
    text = format_expression(term)
    return f"({text})" if isinstance(term, And | Or) else text


def _format_value(value: Value) -> str:
    if isinstance(value, tuple):
        return f"({', '.join(_format_value(item) for item in value)})"
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    return repr(value)
