"""Points on their way to a store: in batches, and only those that are not there yet."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from trackway.api import operations as ops
from trackway.api.limits import HISTORY_PAGE
from trackway.api.metrics import GetHistory
from trackway.api.runs import MetricSummary, Series
from trackway.exchange.history import PastPoints
from trackway.sdk.transport import Transport

BATCH_POINTS = 250_000
"""Points of one request: 6 MB, and a commit that others do not wait long for."""
BATCH_SERIES = 2_000


def batch_points(pieces: Iterable[PastPoints]) -> Iterator[list[PastPoints]]:
    """Gather pieces into lists in which each metric is once, with about ``BATCH_POINTS`` points each."""
    gathered: dict[str, list[PastPoints]] = {}
    size = 0
    for piece in pieces:
        for start in range(0, len(piece.values), BATCH_POINTS):
            part = take_points(piece, slice(start, start + BATCH_POINTS))
            gathered.setdefault(piece.key, []).append(part)
            size += len(part.values)
            if size >= BATCH_POINTS or len(gathered) >= BATCH_SERIES:
                yield [join_points(parts) for parts in gathered.values()]
                gathered, size = {}, 0
    if gathered:
        yield [join_points(parts) for parts in gathered.values()]


def find_new(
    transport: Transport, run_id: str, known: Mapping[str, MetricSummary], pieces: Iterable[PastPoints]
) -> Iterator[PastPoints]:
    """Yield the points that a run does not have.

    A metric that it lacks passes through as it comes. One of which it has as many points as the history passes for
    complete; else the points are compared one by one, so that their order in the history does not matter.
    """
    held: dict[str, list[PastPoints]] = {}
    for piece in pieces:
        if piece.key in known:
            held.setdefault(piece.key, []).append(piece)
        else:
            yield piece
    for key, parts in held.items():
        past = join_points(parts)
        if len(past.values) != known[key].count:
            fresh = _subtract(past, read_history(transport, run_id, key))
            if len(fresh.values):
                yield fresh


def read_history(transport: Transport, run_id: str, key: str) -> PastPoints:
    """Return all points of a metric in a store, by (time, step, value)."""
    pages = []
    token = ""
    while True:
        request = GetHistory(run_id=run_id, key=key, limit=HISTORY_PAGE, page_token=token)
        page = transport.call(ops.GET_HISTORY, request)
        pages.append(unpack_points(page.series))
        token = page.next_page_token
        if not token:
            return join_points(pages)


def pack_points(points: PastPoints) -> Series:
    """Return points as the columns that travel."""
    return Series(
        key=points.key,
        steps=np.ascontiguousarray(points.steps, "<i8").tobytes(),
        times_ms=np.ascontiguousarray(points.times_ms, "<i8").tobytes(),
        values=np.ascontiguousarray(points.values, "<f8").tobytes(),
    )


def unpack_points(series: Series) -> PastPoints:
    """Return columns that travelled as points."""
    return PastPoints(
        series.key,
        np.frombuffer(series.steps, "<i8"),
        np.frombuffer(series.times_ms, "<i8"),
        np.frombuffer(series.values, "<f8"),
    )


def join_points(parts: list[PastPoints]) -> PastPoints:
    """Return pieces of one metric as one."""
    if len(parts) == 1:
        return parts[0]
    return PastPoints(
        parts[0].key,
        np.concatenate([part.steps for part in parts]),
        np.concatenate([part.times_ms for part in parts]),
        np.concatenate([part.values for part in parts]),
    )


def take_points(points: PastPoints, which: slice | npt.NDArray[Any]) -> PastPoints:
    """Return some of the points."""
    return PastPoints(points.key, points.steps[which], points.times_ms[which], points.values[which])


def _subtract(past: PastPoints, known: PastPoints) -> PastPoints:
    """Return the points of ``past`` that are not in ``known``; all NaN are alike."""
    have = set(_list_rows(known))
    fresh = np.array([row not in have for row in _list_rows(past)], dtype=bool)
    return take_points(past, fresh)


def _list_rows(points: PastPoints) -> Iterator[tuple[int, int, int]]:
    bits = np.where(points.values == points.values, points.values, np.nan).view(np.int64)
    return zip(points.steps.tolist(), points.times_ms.tolist(), bits.tolist(), strict=True)
