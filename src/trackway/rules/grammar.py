"""The search language: a text and a schema in, a tree of ``trackway.api.query`` out.

Two dialects, chosen by the schema. The native one:

    filter     := either
    either     := all ( OR all )*
    all        := term ( AND term )*
    term       := NOT term | "(" either ")" | clause
    clause     := EXISTS field | EXISTS "(" field ")"
                | metric operator metric [ ( "+" | "-" ) number ]
                | field operator value | field [NOT] (LIKE | ILIKE) text | field [NOT] IN "(" value ( "," value )* ")"
                | field [NOT] BETWEEN value AND value | field IS [NOT] NULL | field IS [NOT] NAN | field IS [NOT] INF
    field      := path | ( min | max | last ) "(" path ")"
    path       := [ "parent." ] [ entity "." ] key

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
from trackway.api.limits import FILTER_CHARS, ORDER_TERMS
from trackway.api.query import (
    Aggregate,
    And,
    Comparison,
    Exists,
    Expression,
    Field,
    IsNan,
    Not,
    Operator,
    Or,
    OrderTerm,
    Relation,
    Scalar,
    read_number,
)
from trackway.base.clock import Clock, now_ms
from trackway.base.errors import InvalidInput
from trackway.rules.fields import (
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
from trackway.rules.lexer import Token, read_tokens, refuse, shorten
from trackway.rules.paths import resolve_field, split_path

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

_AGGREGATES = ("min", "max", "last")
_KEYWORDS = frozenset(("and", "or", "not", "in", "like", "ilike", "between", "is", "exists", "null"))
_BARE_MLFLOW_KEY = re.compile(r"[\w.]+")
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
            more than ``ORDER_TERMS`` terms
    """
    if len(terms) > ORDER_TERMS:
        raise InvalidInput(f"An order has at most {ORDER_TERMS} terms, not {len(terms)}", details={"term": ORDER_TERMS})
    found: dict[Field, OrderTerm] = {}
    for index, text in enumerate(terms):
        try:
            term = _Parser(text, schema, now_ms).parse_order_term()
            if term.field in found and not schema.repeat_order:
                raise refuse(text, 0, "the order names this field twice", "leave one of the two out")
        except InvalidInput as error:
            error.details["term"] = index
            raise
        found.setdefault(term.field, term)
    return tuple(found.values())


def resolve_order_field(name: str, schema: Schema) -> Field:
    """Resolve a field that is ordered by from its plain name, ``[entity.]key``, the key unquoted whatever it holds."""
    field, rule = resolve_field(schema, split_path(name), name, 0)
    _check_orderable(field, rule, name)
    return field


class _Parser:
    """One pass over one text; every method takes the tokens that it parses."""

    def __init__(self, text: str, schema: Schema, clock: Clock) -> None:
        if len(text) > FILTER_CHARS:
            raise refuse(text, FILTER_CHARS, f"at most {FILTER_CHARS:,} characters are allowed, not {len(text):,}")
        self._text = text
        self._schema = schema
        self._native = schema.dialect == "trackway"
        self._clock = clock
        self._tokens = read_tokens(text)
        self._next = next(self._tokens)
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
        terms = []
        while self._next.kind != "end":
            if not self._take_keyword("and"):
                terms.append(self._parse_clause())
        if start.kind == "end":
            raise self._refuse(start, "there is no comparison")
        return _join(And, terms) if terms else None

    def parse_order_term(self) -> OrderTerm:
        field, rule = self._parse_field()
        _check_orderable(field, rule, self._text)
        descending = self._take_keyword("desc")
        if not descending:
            self._take_keyword("asc")
        token = self._next
        if token.kind != "end":
            raise self._refuse(
                token, "an order term is a field, then ASC, DESC or nothing", "put one field in each term"
            )
        return OrderTerm(field, descending)

    def _parse_either(self, depth: int) -> Expression:
        alternatives = []
        terms = [self._parse_term(depth)]
        while True:
            if self._take_keyword("and"):
                terms.append(self._parse_term(depth))
            elif self._take_keyword("or"):
                alternatives.append(_join(And, terms))
                terms = [self._parse_term(depth)]
            else:
                return _join(Or, [*alternatives, _join(And, terms)])

    def _parse_term(self, depth: int) -> Expression:
        if depth > query.FILTER_DEPTH:
            raise self._refuse(self._next, f"parentheses and NOT nest at most {query.FILTER_DEPTH} deep")
        if self._take_keyword("not"):
            return Not(self._parse_term(depth + 1))
        if self._take_mark("("):
            expression = self._parse_either(depth + 1)
            self._expect_mark(")")
            return expression
        return self._parse_clause()

    def _parse_clause(self) -> Expression:
        start = self._next
        if self._native and self._take_keyword("exists"):
            self._count_clauses(start, 1)
            return self._parse_exists()
        field, rule = self._parse_field()
        field = msgspec.structs.replace(field, aggregate=rule.aggregate) if rule.aggregate == "any" else field
        operator = self._parse_operator(field, rule)
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
        if self._native and field.entity == "metric" and field.aggregate != "any" and self._begins_field():
            self._count_clauses(start, 1)
            return Relation(field, cast("Operator", operator), self._parse_other(), self._parse_shift())
        return Comparison(field, cast("Operator", operator), self._parse_value(rule, operator))

    def _begins_field(self) -> bool:
        token = self._next
        prefix, dot, _ = token.text.partition(".")
        named = prefix == "parent" or (prefix != "" and prefix in self._schema.prefixes)
        return token.keyword in _AGGREGATES or (named and dot != "")

    def _parse_other(self) -> Field:
        token = self._next
        other, _ = self._parse_field()
        if other.entity != "metric":
            raise self._refuse(token, "a number or another metric is expected here")
        if token.kind == "word" and "+" in token.text:
            raise self._refuse(token, "no key has a +", "what is added has a space before its sign")
        return other

    def _parse_shift(self) -> float:
        """Read what is added to a metric, 0 when that is nothing."""
        token = self._next
        if token.kind != "word" or token.text[0] not in "+-":
            return 0.0
        self._take()
        text = token.text if len(token.text) > 1 else token.text + self._take().text
        number = read_number(text)
        if number is None or abs(number) > query.LARGEST_SHIFT:
            hint = f"write a space, then + 0.1 or - 0.1; it is {query.LARGEST_SHIFT:g} at most"
            raise self._refuse(token, "a number that is added is expected here", hint)
        return number

    def _parse_exists(self) -> Expression:
        enclosed = self._take_mark("(")
        start = self._next
        field, rule = self._parse_field()
        if "is null" not in rule.operators:
            raise self._refuse(start, f"EXISTS does not go with {_describe(field)}")
        if enclosed:
            self._expect_mark(")")
        return Exists(field)

    def _parse_field(self) -> tuple[Field, Rule]:
        token = self._take()
        if not (self._native and token.keyword in _AGGREGATES and self._take_mark("(")):
            return self._parse_path(token)
        field, rule = self._parse_path(self._take())
        self._expect_mark(")")
        if field.entity != "metric" or rule.aggregate == "any":
            problem = f"{token.text}() does not go with {_describe(field)}"
            raise self._refuse(token, problem, "it goes with metrics of runs")
        if token.keyword != "last":
            rule = msgspec.structs.replace(rule, operators=tuple(op for op in rule.operators if "nan" not in op))
        return msgspec.structs.replace(field, aggregate=cast("Aggregate", token.keyword)), rule

    def _parse_path(self, token: Token) -> tuple[Field, Rule]:
        if token.quote in ("`", '"'):
            return resolve_field(self._schema, ("", _unquote(token)), self._text, token.start)
        if token.kind != "word" or token.keyword in _KEYWORDS:
            raise self._refuse(token, "a field is expected here", self._explain_field(token))
        rest = token.text.removeprefix("parent.") if self._schema.parent else token.text
        if rest.endswith(".") or not rest:
            key = self._take()
            if key.kind != "quoted" or key.start != token.end:
                raise self._refuse(token, f"no key follows {shorten(token.text)}")
            path = (rest[:-1] or "." if rest else "", _unquote(key))
        else:
            path = split_path(rest)
            if not self._native and not _BARE_MLFLOW_KEY.fullmatch(path[1]):
                raise self._refuse(token, f"{shorten(path[1])} must be quoted", "write it like metrics.`val/acc`")
        field, rule = resolve_field(self._schema, path, self._text, token.start)
        return msgspec.structs.replace(field, parent=len(rest) < len(token.text)), rule

    def _explain_field(self, token: Token) -> str:
        if not self._native and (token.text == "(" or token.keyword in ("or", "not")):
            return "this dialect joins comparisons with AND only"
        return "a field is written like metrics.loss, params.`learning rate`, tags.team or start_time"

    def _parse_operator(self, field: Field, rule: Rule) -> str:
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
            raise self._refuse(token, f"an operator of {_describe(field)} is expected here", hint)
        if self._schema.upper_case and operator in (*LIKES, "in") and not token.text.isupper():
            raise self._refuse(token, f"{operator.upper()} must be in upper case when searching {self._schema.subject}")
        return operator

    def _parse_range(self, rule: Rule) -> tuple[Scalar, Scalar]:
        low = self._parse_value(rule, ">=")
        if not self._take_keyword("and"):
            raise self._refuse(self._next, "BETWEEN needs two values with AND between them")
        return low, self._parse_value(rule, "<=")

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
        text = _unquote(token) if self._native else token.text[1:-1]
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

    def _take(self) -> Token:
        token = self._next
        if token.kind != "end":
            self._next = next(self._tokens)
        return token

    def _take_keyword(self, keyword: str) -> bool:
        found = self._next.keyword == keyword
        if found:
            self._take()
        return found

    def _take_mark(self, mark: str) -> bool:
        found = self._next.text == mark
        if found:
            self._take()
        return found

    def _expect_mark(self, mark: str) -> None:
        if not self._take_mark(mark):
            raise self._refuse(self._next, f"{mark} is expected here")

    def _refuse(self, token: Token, problem: str, hint: str = "") -> InvalidInput:
        return refuse(self._text, token.start, problem, hint)


def _check_orderable(field: Field, rule: Rule, text: str) -> None:
    if not rule.orderable or field.parent:
        raise refuse(text, 0, f"{_describe(field)} cannot be ordered by")


def _join(node: type[And | Or], terms: Sequence[Expression]) -> Expression:
    """Join terms into one node, taking in the terms of equal nodes; one term stays what it is."""
    flat = [inner for term in terms for inner in (term.terms if isinstance(term, node) else (term,))]
    return flat[0] if len(flat) == 1 else node(tuple(flat))


def _unquote(token: Token) -> str:
    return token.text[1:-1].replace(token.quote * 2, token.quote)


def _describe(field: Field) -> str:
    return f"{'the parent ' * field.parent}{field.entity} {shorten(field.key)}"


def _is_numeric(rule: Rule) -> bool:
    return rule.literals in ("number", "integer", "time", "metric", "version")


def _explain(token: Token) -> str:
    match token.keyword:
        case "null":
            return "missing values are found with IS NULL"
        case "nan":
            return "NaN is found with IS NAN"
    return "text is written in single quotes"
