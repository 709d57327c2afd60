"""What a search means, by the shortest way of saying it: the oracle that stores and grammar are compared with."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

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
    Or,
    OrderTerm,
    Relation,
    read_number,
)

Item = dict[str, Any]
"""A run or another object as plain data, every part optional:

attributes {key: value or None}, metrics {key: values, the last of them latest}, params and tags {key: text},
datasets [{key: text}], links [(key, run id)], parent (an item, or None).
"""


def matches(expression: Expression | None, item: Item) -> bool:
    match expression:
        case None:
            return True
        case And(terms):
            return all(matches(term, item) for term in terms)
        case Or(terms):
            return any(matches(term, item) for term in terms)
        case Not(term):
            return not matches(term, item)
        case Exists(field):
            return bool(list_values(field, item))
        case IsNan(field):
            return any(math.isnan(value) for value in list_values(field, item))
        case Relation(left, op, right):
            return any(compare(one, op, two) for one in list_values(left, item) for two in list_values(right, item))
        case Comparison(field, op, value):
            return any(compare(found, op, value) for found in list_comparable(field, item, value))


def sort_items(items: Sequence[Item], order: Sequence[OrderTerm]) -> list[Item]:
    """Sort by the terms; items that are equal in all of them keep their places."""
    found = list(items)
    for term in reversed(order):
        groups: tuple[list[Item], list[Item], list[Item]] = ([], [], [])
        for item in found:
            values = list_values(term.field, item)
            groups[2 if not values else 1 if values[0] != values[0] else 0].append(item)
        groups[0].sort(key=lambda item, field=term.field: list_values(field, item)[0], reverse=term.descending)  # type: ignore[misc]
        found = [item for group in groups for item in group]
    return found


def list_values(field: Formula, item: Item) -> list[Any]:
    """Every value that the item has for the field or formula; none when it is missing."""
    if isinstance(field, Arithmetic):
        operands = (list_values(field.left, item), list_values(field.right, item))
        return [
            value for one in operands[0] for two in operands[1] if (value := calculate(one, field.op, two)) == value
        ]
    if isinstance(field, float):
        return [field]
    if field.parent:
        parent = item.get("parent")
        return list_values(Field(field.entity, field.key, field.aggregate), parent) if parent else []
    if field.entity == "dataset":
        return [dataset[field.key] for dataset in item.get("datasets", []) if field.key in dataset]
    if field.entity == "link":
        return [run_id for key, run_id in item.get("links", []) if key == field.key]
    value = item.get(f"{field.entity}s", {}).get(field.key)
    if field.entity != "metric":
        return [] if value is None else [value]
    values = value or []
    numbers = [number for number in values if not math.isnan(number)]
    match field.aggregate:
        case "last":
            return values[-1:]
        case "min":
            return [min(numbers)] if numbers else []
        case "max":
            return [max(numbers)] if numbers else []
        case "any":
            return list(values)


def calculate(one: float, op: str, two: float) -> float:
    match op:
        case "+":
            return one + two
        case "-":
            return one - two
        case "*":
            return one * two
    return one / two if two != 0 else math.nan


def list_comparable(field: Field, item: Item, value: object) -> list[Any]:
    values = list_values(field, item)
    sample = value[0] if isinstance(value, tuple) else value
    if field.entity != "param" or isinstance(sample, str):
        return values
    return [number for text in values if (number := read_number(text)) is not None]


def compare(found: Any, op: str, value: Any) -> bool:
    match op:
        case "=":
            return bool(found == value)
        case "!=":
            return bool(found != value)
        case "<":
            return bool(found < value)
        case "<=":
            return bool(found <= value)
        case ">":
            return bool(found > value)
        case ">=":
            return bool(found >= value)
        case "in":
            return found in value
        case "not in":
            return found == found and found not in value
        case "like":
            return is_like(found, value)
        case "not like":
            return not is_like(found, value)
        case "ilike":
            return is_like(fold(found), fold(value))
        case "not ilike":
            return not is_like(fold(found), fold(value))
    raise AssertionError(op)


def is_like(text: str, pattern: str) -> bool:
    """Match by the table of all prefixes: ``row[i]`` says whether the pattern so far matches the first i characters."""
    row = [True] + [False] * len(text)
    for wanted in pattern:
        if wanted == "%":
            first = row.index(True) if True in row else len(row)
            row = [i >= first for i in range(len(row))]
        else:
            row = [False] + [row[i] and wanted in ("_", text[i]) for i in range(len(text))]
    return row[-1]


def fold(text: str) -> str:
    return "".join(chr(ord(char) + 32) if "A" <= char <= "Z" else char for char in text)
