"""From what scripts hand over to what is logged: numbers, texts, steps, points as columns."""

from __future__ import annotations

import operator
import struct
from collections.abc import Iterable, Mapping
from typing import Any

from trackway.api.keys import check_key
from trackway.api.runs import Series
from trackway.base.errors import Conflict, InvalidInput


def to_number(value: Any) -> float:
    """Return a metric's value: of a number, or of an array or tensor with one element.

    raises: InvalidInput for anything else, texts included
    """
    if isinstance(value, str | bytes | bytearray):
        raise InvalidInput(f"{value[:80]!r} is a text, and a metric is a number", hint="log it as a param or tag")
    try:
        # Arrays and tensors of numpy, torch, tensorflow, jax; item() refuses more than one element.
        return float(value.item() if hasattr(value, "item") else value)
    except (TypeError, ValueError, OverflowError, RuntimeError) as error:
        raise InvalidInput(
            f"A {type(value).__name__} is no metric's value: {error}",
            hint="give a number, or an array with one element",
        ) from error


def to_step(step: Any) -> int:
    """Return a step; a whole float counts.

    raises: InvalidInput
    """
    try:
        return int(step) if isinstance(step, float) and step.is_integer() else operator.index(step)
    except TypeError as error:
        raise InvalidInput(f"{str(step)[:80]!r} is no step", hint="a step is a whole number") from error


def to_texts(kind: str, values: Mapping[str, Any]) -> dict[str, str]:
    """Return params or tags as texts, after a look at their keys.

    raises: InvalidInput
    """
    for key in values:
        if not isinstance(key, str):
            raise InvalidInput(f"The {kind} key {key!r} is no text")
        check_key(kind, key)
    return {key: value if type(value) is str else str(value) for key, value in values.items()}


def merge_params(params: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """Return params as a dictionary.

    raises: Conflict when one of them has two values
    """
    merged: dict[str, Any] = {}
    for key, value in params:
        if str(merged.setdefault(key, value)) != str(value):
            raise Conflict(f"The param {key!r} is given two values", hint="a param has one value")
    return merged


def to_series(points: Iterable[tuple[str, int, int, float]]) -> list[Series]:
    """Return points (key, step, time in ms, value) as one series of columns for each key."""
    columns: dict[str, list[tuple[int, int, float]]] = {}
    for key, *point in points:
        columns.setdefault(key, []).append(tuple(point))  # type: ignore[arg-type]
    series = []
    for key, rows in columns.items():
        steps, times_ms, values = zip(*rows, strict=True)
        count = len(rows)
        try:
            series.append(
                Series(
                    key=key,
                    steps=struct.pack(f"<{count}q", *steps),
                    times_ms=struct.pack(f"<{count}q", *times_ms),
                    values=struct.pack(f"<{count}d", *values),
                )
            )
        except struct.error as error:
            raise InvalidInput(f"A point of {key!r} has no such number: {error}") from error
    return series
