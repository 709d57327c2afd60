"""Formulas: what searches compute from the metrics of a run, ``metrics.val_loss / metrics.loss``."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import cast

from trackway.api import query
from trackway.api.query import Arithmetic, ArithmeticOperator, Field, Formula, read_number
from trackway.rules.lexer import Token
from trackway.rules.paths import AGGREGATES, FieldReader

_NUMBER_BEGINS = re.compile(r"[+-]|\.?[0-9]")


def compute(formula: Formula, read: Callable[[Field], float | None]) -> float | None:
    """Return what a formula comes to, None where it is missing; ``read`` returns the same of a metric."""
    match formula:
        case Field():
            return read(formula)
        case Arithmetic(left, op, right):
            one, two = compute(left, read), compute(right, read)
            if one is None or two is None:
                return None
            value = _compute_two(one, op, two)
            return None if math.isnan(value) else value
        case _:
            return formula


def _compute_two(one: float, op: ArithmeticOperator, two: float) -> float:
    match op:
        case "+":
            return one + two
        case "-":
            return one - two
        case "*":
            return one * two
        case "/":
            return one / two if two else math.nan


class FormulaReader(FieldReader):
    """Reads formulas.

    formula := product ( ( "+" | "-" ) product )*
    product := operand ( ( "*" | "/" ) operand )*
    operand := number | metric | "(" formula ")"

    A key may hold each of these signs but ``*``: so one that follows a metric stands behind a space.
    """

    _operands = 0
    """Numbers and metrics that were read, since that was last set to 0."""

    def _parse_formula(self, depth: int, first: Formula | None = None) -> Formula:
        """Parse a formula, whose first operand may have been read."""
        left = self._parse_product(depth, first)
        while sign := self._take_sign("+-"):
            left = self._compute(left, sign, self._parse_product(depth))
        return left

    def _parse_product(self, depth: int, first: Formula | None = None) -> Formula:
        left = self._parse_operand(depth) if first is None else first
        while sign := self._take_sign("*/"):
            left = self._compute(left, sign, self._parse_operand(depth))
        return left

    def _parse_operand(self, depth: int) -> Formula:
        token = self._next
        if depth > query.FILTER_DEPTH:
            raise self._refuse(token, f"parentheses and NOT nest at most {query.FILTER_DEPTH} deep")
        if self._take_mark("("):
            formula = self._parse_formula(depth + 1)
            self._expect_mark(")")
            return formula
        self._count_operand(token)
        if token.kind == "word" and (number := read_number(token.text)) is not None:
            self._take()
            return number
        return self._parse_metric(token)

    def _parse_metric(self, token: Token) -> Field:
        if not self._begins_field():
            hint = "write a space before and behind + - * /, and 0 - metrics.a for what is negative"
            raise self._refuse(token, "a number or a metric is expected here", hint)
        field, _ = self._parse_field()
        if field.entity != "metric":
            raise self._refuse(token, "a number or a metric is expected here", "nothing else is computed with")
        if token.kind == "word" and "+" in token.text:
            raise self._refuse(token, "no key has a +", "what is added has a space before its sign")
        return field

    def _begins_field(self) -> bool:
        token = self._next
        prefix, dot, _ = token.text.partition(".")
        named = prefix == "parent" or (prefix != "" and prefix in self._schema.prefixes)
        return token.keyword in AGGREGATES or (named and dot != "")

    def _begins_number(self) -> bool:
        """Tell whether a number comes next, or what was meant for one."""
        token = self._next
        if token.kind != "word":
            return False
        return _NUMBER_BEGINS.match(token.text) is not None or read_number(token.text) is not None

    def _begins_formula(self) -> bool:
        return self._next.text == "(" or self._begins_number() or self._begins_field()

    def _take_sign(self, signs: str) -> Token | None:
        """Take one of some signs, which the token may only begin with: ``-0.5``, where an operand cannot follow."""
        token = self._next
        if token.kind not in ("word", "mark") or token.text[0] not in signs:
            return None
        if len(token.text) == 1:
            return self._take()
        self._next = token._replace(text=token.text[1:], start=token.start + 1)
        return token._replace(text=token.text[0])

    def _count_operand(self, token: Token) -> None:
        self._operands += 1
        if self._operands > (most := query.FORMULA_OPERANDS):
            raise self._refuse(token, f"what is compared or ordered by has at most {most} numbers and metrics")

    def _compute(self, left: Formula, sign: Token, right: Formula) -> Arithmetic:
        if any(isinstance(one, float) and math.isinf(one) for one in (left, right)):
            raise self._refuse(sign, "numbers that are computed with are finite")
        return Arithmetic(left, cast("ArithmeticOperator", sign.text), right)
