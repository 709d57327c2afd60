"""Tables as columns: metrics of each class, and of slices of the rows by the values of a column."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
import numpy as np

from trackway.base.errors import InvalidInput
from trackway.evaluation.classes import ClassSample
from trackway.evaluation.numbers import NumberSample
from trackway.evaluation.resampling import LEAST_RESAMPLES, Estimate, Resampling, draw, estimate, to_estimate
from trackway.evaluation.sample import Array, count_missing

MAX_SLICES = 50
"""Of one column; rarer values share a slice."""
QUANTILES = 4
FEW_VALUES = 10
"""A column of numbers with at most so many values is sliced by them, else by quantiles."""
REST = "(others)"
MISSING = "(missing)"

Table = dict[str, list[Any]]
"""Columns by name, of one length."""
Sample = ClassSample | NumberSample


class Slice(NamedTuple):
    """Some of the rows, and how they are called."""

    column: str
    value: str
    rows: Array


def make_class_table(sample: ClassSample, how: Resampling) -> Table:
    """Return the metrics of each class against all others, F1 with its interval."""
    ones = sample.weights[None, :]
    counts = sample.count(ones)[0]
    rates = {name: found[0] for name, found in sample.measure_classes(ones).items()}
    drawn: list[Array] = []
    if sample.size <= how.count_rows(sample):
        blocks = draw(sample.size, min(how.count(sample), LEAST_RESAMPLES), how.seed)
        drawn = [sample.measure_classes(block * sample.weights)["f1_score"] for block in blocks]
    draws = np.concatenate(drawn) if drawn else None
    hits, support, called = np.diagonal(counts), counts.sum(axis=1), counts.sum(axis=0)
    rows = np.bincount(sample.targets, minlength=len(sample.labels))
    table: Table = {
        "positive_class": list(sample.labels),
        "example_count": rows.tolist(),
        "true_negatives": (counts.sum() - support - called + hits).tolist(),
        "false_positives": (called - hits).tolist(),
        "false_negatives": (support - hits).tolist(),
        "true_positives": hits.tolist(),
        **{name: found.tolist() for name, found in rates.items()},
    }
    columns = [None if draws is None else draws[:, place] for place in range(len(sample.labels))]
    f1 = [to_estimate(float(v), d, how.confidence) for v, d in zip(rates["f1_score"], columns, strict=True)]
    table |= {"f1_score_low": [one.low for one in f1], "f1_score_high": [one.high for one in f1]}
    if sample.probabilities is not None:
        areas = [sample.rank(place).measure(ones) for place in range(len(sample.labels))]
        table["roc_auc"] = [_to_cell(roc[0]) for roc, _ in areas]
        table["precision_recall_auc"] = [_to_cell(area[0]) for _, area in areas]
    return table


def make_slice_table(sample: Sample, slices: Sequence[Slice], how: Resampling) -> Table:
    """Return the metrics of slices, one row each, with intervals (``_low`` and ``_high``)."""
    fewer = min(LEAST_RESAMPLES, how.count(sample))
    rows: list[dict[str, Any]] = []
    for one in slices:
        measured = estimate(sample.take(one.rows), msgspec.structs.replace(how, resamples=fewer))
        rows.append(
            {"column": one.column, "value": one.value, "share": len(one.rows) / sample.size, **_flatten(measured)}
        )
    return {name: [row[name] for row in rows] for name in rows[0]} if rows else {}


def cut_slices(column: str, values: Any, how: int | Sequence[float] | None = None) -> list[Slice]:
    """Cut rows by a column: by its values, or by ranges of its numbers.

    how:    a number of quantiles; or the edges between ranges; None for what suits the column
    raises: InvalidInput when ranges are asked of what is no number
    """
    array = np.asarray(values.to_numpy() if hasattr(values, "to_numpy") else values)
    is_number = array.dtype.kind in "iuf"
    if how is not None and not is_number:
        raise InvalidInput(f"The column {column!r} holds no numbers, and cannot be cut into ranges")
    if how is None and (not is_number or len(np.unique(array)) <= FEW_VALUES):
        return _cut_by_value(column, array)
    there = np.isfinite(array) if array.dtype.kind == "f" else np.ones(len(array), dtype=bool)
    if not there.any():
        return _cut_by_value(column, array)
    edges = _find_edges(array[there], how)
    places = np.searchsorted(edges, array, side="right")
    slices = [
        Slice(column, _name_range(edges, place), np.flatnonzero(there & (places == place)))
        for place in range(len(edges) + 1)
    ]
    slices.append(Slice(column, MISSING, np.flatnonzero(~there)))
    return [one for one in slices if len(one.rows)]


def _find_edges(numbers: Array, how: int | Sequence[float] | None) -> Array:
    if how is None or isinstance(how, int):
        count = QUANTILES if how is None else how
        if not 2 <= count <= MAX_SLICES:
            raise InvalidInput(f"{count} quantiles cannot be", hint=f"2 to {MAX_SLICES}")
        return np.unique(np.quantile(numbers, np.arange(1, count) / count))
    edges = np.unique(np.asarray(how, dtype=np.float64))
    if not 1 <= len(edges) < MAX_SLICES or not np.isfinite(edges).all():
        raise InvalidInput(f"The edges {list(how)!r} cannot be", hint=f"1 to {MAX_SLICES - 1} numbers")
    return edges


def _name_range(edges: Array, place: int) -> str:
    low = f">= {edges[place - 1]:.6g}" if place > 0 else ""
    high = f"< {edges[place]:.6g}" if place < len(edges) else ""
    return " and ".join(part for part in (low, high) if part)


def _cut_by_value(column: str, array: Array) -> list[Slice]:
    texts = np.array([MISSING if count_missing(np.array([v], dtype=object)) else str(v) for v in array.tolist()])
    found, places, counts = np.unique(texts, return_inverse=True, return_counts=True)
    order = np.argsort(-counts, kind="stable")
    kept = order if len(order) <= MAX_SLICES else order[: MAX_SLICES - 1]
    slices = [Slice(column, str(found[place]), np.flatnonzero(places == place)) for place in kept]
    if len(kept) < len(order):
        slices.append(Slice(column, REST, np.flatnonzero(~np.isin(places, kept))))
    return slices


def _flatten(measured: Mapping[str, Estimate]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, one in measured.items():
        flat[name] = _to_cell(one.value)
        if one.draws is not None:
            flat |= {f"{name}_low": one.low, f"{name}_high": one.high}
    return flat


def _to_cell(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
