"""The search language: a text and a schema in, a tree of ``trackway.api.query`` out.

Two dialects, chosen by the schema. The native one:

    filter     := either
    either     := all ( OR all )*
    all        := term ( AND term )*
    term       := NOT term | "(" either ")" | clause
    clause     := EXISTS field | EXISTS "(" field ")"
                | formula operator formula | formula [NOT] BETWEEN formula AND formula | formula IS [NOT] NULL
                | field operator value | field [NOT] (LIKE | ILIKE) text | field [NOT] IN "(" value ( "," value )* ")"
                | field [NOT] BETWEEN value AND value | field IS [NOT] NULL | field IS [NOT] NAN | field IS [NOT] INF
    field      := path | ( min | max | last ) "(" path ")"
    path       := [ "parent." ] [ entity "." ] key
    formula    := as in ``trackway.rules.formulas``, of runs

The other accepts what MLflow accepts: ``( clause | AND )*`` with fewer operators, and no escape inside quoted text.
Every parse is one pass over the tokens, without backtracking.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, cast

import msgspec

from trackway.api import query
from trackway.api.limits import FILTER_CHARS, ORDER_METRICS, ORDER_TERMS
from trackway.api.query import (
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
    OrderTerm,
    Relation,
    Scalar,
    list_fields,
    read_number,
)
from trackway.base.clock import Clock, now_ms
from trackway.base.errors import InvalidInput
from trackway.rules.fields import (
    COMPUTED,
    EXPERIMENTS,
    LIKES,
    LOGGED_MODELS,
    MLFLOW_EXPERIMENTS,
    MLFLOW_LOGGED_MODELS,
    MLFLOW_MODEL_VERSIONS,
    MLFLOW_REGISTERED_MODELS,
    MLFLOW_RUNS,
    MODEL_VERSIONS,
    ORDERING,
    REGISTERED_MODELS,
    RUNS,
    Rule,
    Schema,
)
from trackway.rules.formulas import FormulaReader
from trackway.rules.lexer import Token, refuse, shorten, unquote
from trackway.rules.paths import describe, resolve_field, split_path

__all__ = [
    "EXPERIMENTS",
    "LOGGED_MODELS",
    "MLFLOW_EXPERIMENTS",
    "MLFLOW_LOGGED_MODELS",
    "MLFLOW_MODEL_VERSIONS",
    "MLFLOW_REGISTERED_MODELS",
    "MLFLOW_RUNS",
    "MODEL_VERSIONS",
    "REGISTERED_MODELS",
    "RUNS",
    "Schema",
    "parse_filter",
    "parse_order",
    "resolve_order_field",
]

_MIRRORED: Final[dict[str, Operator]] = {"=": "=", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
_INTEGER = re.compile(r"-?[0-9]{1,18}")
_TIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?(Z|[+-][0-9]{2}:[0-9]{2})?)?"
)
_SPAN = re.compile(r"([+-])([0-9]{1,9})(s|m|h|d|w)")
_SPAN_MS: Final = {"s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_INFINITIES: Final = (float("-inf"), float("inf"))
_LARGEST_DOUBLE: Final = 1.7976931348623157e308


def parse_filter(text: str, schema: Schema, clock: Clock = now_ms) -> Expression | None:
    """Parse a filter; None when there is nothing to filter by.

    clock:  read for ``now()`` only, which becomes a plain number of ms
    raises: InvalidInput with ``details["position"]``, the 0-based character of the fault; also beyond ``FILTER_CHARS``,
            ``FILTER_CLAUSES``, ``FILTER_DEPTH``, ``FILTER_VALUES`` and ``LIKE_CHARS``
    cost:   linear in the length of the text
    """
    if not text:
        return None
    parser = _Parser(text, schema, clock)
    return parser.parse_native() if schema.dialect == "trackway" else parser.parse_mlflow()


def parse_order(terms: Sequence[str], schema: Schema) -> tuple[OrderTerm, ...]:
    """Parse the terms of an order, each ``field [ASC | DESC]``.

    raises: InvalidInput with ``details["position"]`` and ``details["term"]``, both from 0; for a field named twice; for
            more than ``ORDER_TERMS`` terms, and more than ``ORDER_METRICS`` metrics in all formulas
    """
    if len(terms) > ORDER_TERMS:
        raise InvalidInput(f"An order has at most {ORDER_TERMS} terms, not {len(terms)}", details={"term": ORDER_TERMS})
    found: dict[Field | Arithmetic, OrderTerm] = {}
    computed_with = 0
    for index, text in enumerate(terms):
        try:
            term = _Parser(text, schema, now_ms).parse_order_term()
            if term.field in found and not schema.repeat_order:
                raise refuse(text, 0, "the order names this field twice", "leave one of the two out")
            if isinstance(term.field, Arithmetic):
                computed_with += sum(1 for _ in list_fields(term.field))
            if computed_with > ORDER_METRICS:
                raise refuse(text, 0, f"the formulas of an order have at most {ORDER_METRICS} metrics")
        except InvalidInput as error:
            error.details["term"] = index
            raise
        found.setdefault(term.field, term)
    return tuple(found.values())


def parse_formula(text: str, schema: Schema) -> Formula:
    """Parse a formula of a run's own metrics, of which it has at least one that changes from step to step.

    raises: InvalidInput with ``details["position"]``
    """
    return _Parser(text, schema, now_ms).parse_formula()


def resolve_order_field(name: str, schema: Schema) -> Field:
    """Resolve a field that is ordered by from its plain name, ``[entity.]key``, the key unquoted whatever it holds."""
    field, rule = resolve_field(schema, split_path(name), name, 0)
    _check_orderable(field, rule, name)
    return field


class _Parser(FormulaReader):
    """Reads filters and terms of orders, in both dialects."""

    def __init__(self, text: str, schema: Schema, clock: Clock) -> None:
        if len(text) > FILTER_CHARS:
            raise refuse(text, FILTER_CHARS, f"at most {FILTER_CHARS:,} characters are allowed, not {len(text):,}")
        super().__init__(text, schema)
        self._clock = clock
        self._clauses = 0
        self._values = 0

    def parse_native(self) -> Expression | None:
        if self._next.kind == "end":
            return None
        expression = self._parse_either(0)
        token = self._next
        if token.kind != "end":
            raise self._refuse(token, "AND, OR or the end is expected here")
        return expression

    def parse_mlflow(self) -> Expression | None:
        start = self._next
        terms: list[Expression] = []
        while self._next.kind != "end":
            if not self._take_keyword("and"):
                terms.append(cast("Expression", self._parse_clause(0, enclosed=False)))
        if start.kind == "end":
            raise self._refuse(start, "there is no comparison")
        return _join(And, terms) if terms else None

    def parse_order_term(self) -> OrderTerm:
        field = self._parse_order_field()
        descending = self._take_keyword("desc")
        if not descending:
            self._take_keyword("asc")
        token = self._next
        if token.kind != "end":
            raise self._refuse(
                token, "an order term is a field, then ASC, DESC or nothing", "put one field in each term"
            )
        return OrderTerm(field, descending)

    def _parse_order_field(self) -> Field | Arithmetic:
        start = self._next
        first: Formula | None = None
        if not (self._schema.computes and (start.text == "(" or self._begins_number())):
            first, rule = self._parse_field()
            _check_orderable(first, rule, self._text)
            if not self._schema.computes or first.entity != "metric":
                return first
            self._count_operand(start)
        formula = self._parse_formula(0, first)
        metrics = list(list_fields(formula))
        if isinstance(formula, float) or not metrics:
            raise self._refuse(start, "a metric is expected in what is ordered by")
        if any(metric.parent for metric in metrics):
            raise self._refuse(start, "metrics of the parent cannot be ordered by")
        return formula

    def parse_formula(self) -> Formula:
        start = self._next
        formula = self._parse_formula(0)
        if self._next.kind != "end":
            raise self._refuse(self._next, "a sign is expected between two numbers or metrics", "+, -, * or /")
        metrics = list(list_fields(formula))
        if any(metric.parent for metric in metrics):
            raise self._refuse(start, "metrics of the parent have steps of their own")
        if all(metric.aggregate != "last" for metric in metrics):
            raise self._refuse(start, "a metric is expected", "min(…) and max(…) are one number for all steps")
        return formula

    def _parse_either(self, depth: int, first: Expression | None = None) -> Expression:
        """Parse a filter, whose first term may have been read."""
        alternatives = []
        terms = [self._parse_term(depth) if first is None else first]
        while True:
            if self._take_keyword("and"):
                terms.append(self._parse_term(depth))
            elif self._take_keyword("or"):
                alternatives.append(_join(And, terms))
                terms = [self._parse_term(depth)]
            else:
                return _join(Or, [*alternatives, _join(And, terms)])

    def _parse_term(self, depth: int) -> Expression:
        return cast("Expression", self._parse_term_or_formula(depth, enclosed=False))

    def _parse_term_or_formula(self, depth: int, enclosed: bool) -> Expression | Formula:
        """Parse a term; or a formula, when that is all that parentheses around it enclose."""
        if depth > query.FILTER_DEPTH:
            raise self._refuse(self._next, f"parentheses and NOT nest at most {query.FILTER_DEPTH} deep")
        if self._take_keyword("not"):
            return Not(self._parse_term(depth + 1))
        start = self._next
        if not self._take_mark("("):
            return self._parse_clause(depth, enclosed)
        inner = self._parse_term_or_formula(depth + 1, enclosed=self._schema.computes)
        if isinstance(inner, Field | Arithmetic | float):
            self._expect_mark(")")
            return self._parse_test(start, self._parse_formula(depth, inner), depth, enclosed)
        inner = self._parse_either(depth + 1, inner)
        self._expect_mark(")")
        return inner

    def _parse_clause(self, depth: int, enclosed: bool) -> Expression | Formula:
        start = self._next
        self._operands = 0
        if self._native and self._take_keyword("exists"):
            self._count_clauses(start, 1)
            return self._parse_exists()
        if self._schema.computes and self._begins_number():
            return self._parse_test(start, self._parse_formula(depth), depth, enclosed)
        field, rule = self._parse_field()
        if self._schema.computes and field.entity == "metric":
            self._count_operand(start)
            return self._parse_test(start, self._parse_formula(depth, field), depth, enclosed)
        field = msgspec.structs.replace(field, aggregate=rule.aggregate) if rule.aggregate == "any" else field
        return self._parse_field_test(start, field, rule, depth)

    def _parse_test(self, start: Token, formula: Formula, depth: int, enclosed: bool) -> Expression | Formula:
        """Parse what a formula is tested for; nothing, when it is all that parentheses enclose."""
        if enclosed and self._next.text == ")":
            return formula
        if isinstance(formula, Field):
            return self._parse_field_test(start, formula, self._find_metric_rule(formula), depth)
        operator = self._parse_operator("what is computed", COMPUTED)
        if operator in ("is null", "is not null"):
            there = self._relate(start, formula, "<=", float("inf"))
            return there if operator == "is not null" else Not(there)
        return self._parse_relation(start, formula, operator, depth)

    def _parse_field_test(self, start: Token, field: Field, rule: Rule, depth: int) -> Expression:
        operator = self._parse_operator(describe(field), rule)
        if self._schema.computes and field.entity == "metric" and operator in COMPUTED.operators[:8]:
            return self._parse_relation(start, field, operator, depth)
        self._count_clauses(start, 2 if operator.endswith("between") else 1)
        match operator:
            case "is null":
                return Not(Exists(field))
            case "is not null":
                return Exists(field)
            case "is nan":
                return IsNan(field)
            case "is not nan":
                return And((Exists(field), Not(IsNan(field))))
            case "is inf":
                return Comparison(field, "in", _INFINITIES)
            case "is not inf":
                return And((Exists(field), Not(Comparison(field, "in", _INFINITIES))))
            case "between":
                low, high = self._parse_range(rule)
                return And((Comparison(field, ">=", low), Comparison(field, "<=", high)))
            case "not between":
                low, high = self._parse_range(rule)
                return Or((Comparison(field, "<", low), Comparison(field, ">", high)))
            case "in" | "not in":
                return Comparison(field, operator, self._parse_list(rule))
        return Comparison(field, cast("Operator", operator), self._parse_value(rule, operator))

    def _parse_relation(self, start: Token, left: Formula, operator: str, depth: int) -> Expression:
        """Parse what a number of a run is compared with."""
        if not operator.endswith("between"):
            return self._relate(start, left, cast("Operator", operator), self._parse_right(operator, depth))
        low = self._parse_right(operator, depth)
        self._expect_between()
        high = self._parse_right(operator, depth)
        if operator == "between":
            return And((self._relate(start, left, ">=", low), self._relate(start, left, "<=", high)))
        return Or((self._relate(start, left, "<", low), self._relate(start, left, ">", high)))

    def _parse_right(self, operator: str, depth: int) -> Formula:
        if self._begins_formula():
            return self._parse_formula(depth)
        return cast("float", self._parse_value(COMPUTED, operator))  # which says what is wrong with it

    def _relate(self, start: Token, left: Formula, op: Operator, right: Formula) -> Expression:
        """Return how two numbers of a run compare; one metric and one number in the form that indexes know."""
        metrics = sum(1 for side in (left, right) for _ in list_fields(side))
        if not metrics:
            raise self._refuse(start, "a metric is expected on one side")
        self._count_clauses(start, metrics)
        if isinstance(left, Field) and isinstance(right, float):
            return Comparison(left, op, right)
        if isinstance(left, float) and isinstance(right, Field):
            return Comparison(right, _MIRRORED[op], left)
        return Relation(left, op, right)

    def _parse_exists(self) -> Expression:
        enclosed = self._take_mark("(")
        start = self._next
        field, rule = self._parse_field()
        if "is null" not in rule.operators:
            raise self._refuse(start, f"EXISTS does not go with {describe(field)}")
        if enclosed:
            self._expect_mark(")")
        return Exists(field)

    def _parse_operator(self, subject: str, rule: Rule) -> str:
        token = self._take()
        if token.kind == "operator":
            operator = token.text
        else:
            words = [token.keyword]
            if words == ["not"] or words == ["is"]:
                words.append(self._take().keyword)
            if words == ["is", "not"]:
                words.append(self._take().keyword)
            operator = " ".join(words)
        if operator not in rule.operators:
            hint = f"it has {', '.join(rule.operators).upper()}"
            raise self._refuse(token, f"an operator of {subject} is expected here", hint)
        if self._schema.upper_case and operator in (*LIKES, "in") and not token.text.isupper():
            raise self._refuse(token, f"{operator.upper()} must be in upper case when searching {self._schema.subject}")
        return operator

    def _parse_range(self, rule: Rule) -> tuple[Scalar, Scalar]:
        low = self._parse_value(rule, ">=")
        self._expect_between()
        return low, self._parse_value(rule, "<=")

    def _expect_between(self) -> None:
        if not self._take_keyword("and"):
            raise self._refuse(self._next, "BETWEEN needs two values with AND between them")

    def _parse_list(self, rule: Rule) -> tuple[Scalar, ...]:
        start = self._next
        self._expect_mark("(")
        values: list[Scalar] = []
        while not values or (self._take_mark(",") and self._next.text != ")"):
            values.append(self._parse_value(rule, "in"))
            self._values += 1
            if self._values > query.FILTER_VALUES:
                raise self._refuse(start, f"the lists of a filter have at most {query.FILTER_VALUES:,} values")
        self._expect_mark(")")
        if len({isinstance(value, str) for value in values}) > 1:
            raise self._refuse(start, "a list holds quoted texts or numbers, not both")
        return tuple(values)

    def _parse_value(self, rule: Rule, operator: str) -> Scalar:
        token = self._take()
        if token.quote in ("'", '"'):
            return self._read_text(token, rule, operator)
        if token.keyword == "now" and rule.literals == "time" and self._native:
            return self._parse_moment()
        number = read_number(token.text) if token.kind == "word" else None
        if number is None or (not self._native and token.text.lstrip("-")[:1] not in ".0123456789"):
            raise self._refuse(
                token, f"a {'number' if _is_numeric(rule) else 'quoted text'} is expected here", _explain(token)
            )
        return self._read_number(token, number, rule, operator)

    def _read_text(self, token: Token, rule: Rule, operator: str) -> Scalar:
        text = unquote(token) if self._native else token.text[1:-1]
        if rule.literals == "time" and self._native:
            return self._read_time(token, text)
        if rule.literals == "id":
            if not _INTEGER.fullmatch(text):
                raise self._refuse(token, "a quoted integer is expected here")
            return str(int(text))
        if rule.literals == "version" and _INTEGER.fullmatch(text):
            return int(text)
        if _is_numeric(rule) or operator in ORDERING:
            raise self._refuse(token, "a number is expected here", "numbers are written without quotes")
        if operator.endswith("like") and len(text) > query.LIKE_CHARS:
            raise self._refuse(token, f"a pattern has at most {query.LIKE_CHARS:,} characters, not {len(text):,}")
        return rule.names.get(text, text)

    def _read_number(self, token: Token, number: float, rule: Rule, operator: str) -> Scalar:
        if rule.literals == "loose text":
            return rule.names.get(token.text, token.text)
        if rule.literals == "metric" or (rule.literals == "param" and not operator.endswith("like")):
            # MLflow stores the infinities as the largest double, so that its clients find them by that.
            return number * 2 if not self._native and abs(number) == _LARGEST_DOUBLE else number
        if rule.literals not in ("number", "integer", "time", "version"):
            raise self._refuse(token, "a quoted text is expected here", _explain(token))
        if _INTEGER.fullmatch(token.text):
            return int(token.text)
        if rule.literals in ("integer", "version"):
            raise self._refuse(token, "an integer is expected here")
        return number

    def _read_time(self, token: Token, text: str) -> int:
        try:
            moment = datetime.fromisoformat(text if _TIME.fullmatch(text) else "")
        except ValueError:
            hint = "write ms since 1970, '2026-01-31', '2026-01-31T18:00:00+01:00' or now() - 7d"
            raise self._refuse(token, f"{shorten(text)} is not a time", hint) from None
        since = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - _EPOCH
        return since // timedelta(milliseconds=1)

    def _parse_moment(self) -> int:
        self._expect_mark("(")
        self._expect_mark(")")
        if self._next.text[:1] not in ("+", "-"):
            return self._clock()
        sign = self._take()
        span = _SPAN.fullmatch(sign.text if len(sign.text) > 1 else sign.text + self._take().text)
        if span is None:
            raise self._refuse(sign, "a span of time is expected here", "write now() - 7d; units are s, m, h, d and w")
        return self._clock() + int(span[1] + span[2]) * _SPAN_MS[span[3]]

    def _count_clauses(self, token: Token, count: int) -> None:
        self._clauses += count
        if self._clauses > query.FILTER_CLAUSES:
            raise self._refuse(token, f"a filter has at most {query.FILTER_CLAUSES:,} comparisons")


def _check_orderable(field: Field, rule: Rule, text: str) -> None:
    if not rule.orderable or field.parent:
        raise refuse(text, 0, f"{describe(field)} cannot be ordered by")


def _join(node: type[And | Or], terms: Sequence[Expression]) -> Expression:
    """Join terms into one node, taking in the terms of equal nodes; one term stays what it is."""
    flat = [inner for term in terms for inner in (term.terms if isinstance(term, node) else (term,))]
    return flat[0] if len(flat) == 1 else node(tuple(flat))


def _is_numeric(rule: Rule) -> bool:
    return rule.literals in ("number", "integer", "time", "metric", "version")


def _explain(token: Token) -> str:
    match token.keyword:
        case "null":
            return "missing values are found with IS NULL"
        case "nan":
            return "NaN is found with IS NAN"
    return "text is written in single quotes"
