"""What a path of the search language names: ``metrics.loss``, ``start_time``."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches
from typing import cast

import msgspec

from trackway.api.query import Aggregate, Field
from trackway.rules.fields import Rule, Schema
from trackway.rules.lexer import Token, TokenReader, refuse, shorten, unquote

AGGREGATES = ("min", "max", "last")
_KEYWORDS = frozenset(("and", "or", "not", "in", "like", "ilike", "between", "is", "exists", "null"))
_BARE_MLFLOW_KEY = re.compile(r"[\w.]+")
_RUN_TOGETHER = re.compile(r"[-+/](?:metrics?|parent)\.")
_NAME_CHARS = 64
"""Names that are longer are not compared with those that there are."""


def split_path(path: str) -> tuple[str, str]:
    """Split at the first dot; the entity of a path that begins with a dot is unknown, not left out."""
    prefix, dot, key = path.partition(".")
    return (prefix or dot, key) if dot else ("", path)


def resolve_field(schema: Schema, path: tuple[str, str], text: str, position: int) -> tuple[Field, Rule]:
    """Return the field of a path, which stands at a character of a text, and how it may be used.

    raises: InvalidInput for what objects of the schema do not have
    """
    prefix, key = path
    entity = schema.prefixes.get(prefix)
    if entity is None:
        hint = _suggest(prefix, (known for known in schema.prefixes if known))
        raise refuse(text, position, f"{schema.subject} have nothing called {shorten(prefix)}", hint)
    if entity in schema.keyed:
        if not key:
            raise refuse(text, position, "the key is empty")
        return Field(entity, key), schema.keyed[entity]
    found = schema.named[entity].get(key)
    if found is None:
        hint = _suggest(key, schema.named[entity])
        raise refuse(text, position, f"{schema.subject} have no {entity} {shorten(key)} to search by", hint)
    return found


def _suggest(name: str, known: Iterable[str]) -> str:
    allowed = list(known)
    near = get_close_matches(name, allowed, 1) if len(name) <= _NAME_CHARS else []
    plain = [one for one in allowed if one.islower() and " " not in one]  # without other spellings of the same
    return (f"did you mean {near[0]}? " if near else "") + f"allowed: {', '.join(plain)}"


def describe(field: Field) -> str:
    """Name a field in a message."""
    return f"{'the parent ' * field.parent}{field.entity} {shorten(field.key)}"


class FieldReader(TokenReader):
    """Reads fields: paths, and aggregates of them."""

    def __init__(self, text: str, schema: Schema) -> None:
        super().__init__(text, schema.computes)
        self._schema = schema
        self._native = schema.dialect == "trackway"

    def _parse_field(self) -> tuple[Field, Rule]:
        token = self._take()
        if not (self._native and token.keyword in AGGREGATES and self._take_mark("(")):
            return self._parse_path(token)
        field, rule = self._parse_path(self._take())
        self._expect_mark(")")
        if field.entity != "metric" or rule.aggregate == "any":
            problem = f"{token.text}() does not go with {describe(field)}"
            raise self._refuse(token, problem, "it goes with metrics of runs")
        field = msgspec.structs.replace(field, aggregate=cast("Aggregate", token.keyword))
        return field, self._find_metric_rule(field)

    def _find_metric_rule(self, field: Field) -> Rule:
        rule = self._schema.keyed["metric"]
        if field.aggregate == "last":
            return rule
        return msgspec.structs.replace(rule, operators=tuple(op for op in rule.operators if "nan" not in op))

    def _parse_path(self, token: Token) -> tuple[Field, Rule]:
        if token.quote in ("`", '"'):
            return resolve_field(self._schema, ("", unquote(token)), self._text, token.start)
        if token.kind != "word" or token.keyword in _KEYWORDS:
            raise self._refuse(token, "a field is expected here", self._explain_field(token))
        rest = token.text.removeprefix("parent.") if self._schema.parent else token.text
        if rest.endswith(".") or not rest:
            key = self._take()
            if key.kind != "quoted" or key.start != token.end:
                raise self._refuse(token, f"no key follows {shorten(token.text)}")
            path = (rest[:-1] or "." if rest else "", unquote(key))
        else:
            path = split_path(rest)
            if not self._native and not _BARE_MLFLOW_KEY.fullmatch(path[1]):
                raise self._refuse(token, f"{shorten(path[1])} must be quoted", "write it like metrics.`val/acc`")
            if self._schema.computes and (together := _RUN_TOGETHER.search(token.text)):
                problem = "an operator that follows a metric has a space before it"
                hint = "write metrics.a / metrics.b; or put a key with these characters in backticks"
                raise refuse(self._text, token.start + together.start(), problem, hint)
        field, rule = resolve_field(self._schema, path, self._text, token.start)
        return msgspec.structs.replace(field, parent=len(rest) < len(token.text)), rule

    def _explain_field(self, token: Token) -> str:
        if not self._native and (token.text == "(" or token.keyword in ("or", "not")):
            return "this dialect joins comparisons with AND only"
        return "a field is written like metrics.loss, params.`learning rate`, tags.team or start_time"
