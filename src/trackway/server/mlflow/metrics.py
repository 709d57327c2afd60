"""Metrics: logging points, alone and in batches, and reading them back."""

from __future__ import annotations

import struct
from array import array
from collections import defaultdict
from collections.abc import Sequence
from itertools import chain
from typing import Annotated

from msgspec import Meta

from trackway.api import limits
from trackway.api import operations as ops
from trackway.api.metrics import GetHistory
from trackway.api.runs import Ingest, ModelMetric, Series
from trackway.base.errors import InvalidInput
from trackway.server.calls import Caller
from trackway.server.mlflow.codec import Int32, Int64, Message, Needed, Timestamp
from trackway.server.mlflow.encoders import EMPTY, add_points, encode
from trackway.server.mlflow.errors import invalid_value
from trackway.server.mlflow.runs import ParamValue, TagValue, check_run_id
from trackway.server.mlflow.tokens import fetch_page

BATCH_LIMITS = {"metrics": 1_000, "params": 100, "tags": 100}
BATCH_TOTAL = 1_000
"""Most metrics, params and tags of one batch together."""
BULK_RUNS = 100
BULK_POINTS = 25_000
"""Most points of one bulk history, over all runs."""
INTERVAL_POINTS = 2_500
"""Most points a run of one interval history."""

_int64 = struct.Struct("<q").pack
_double = struct.Struct("<d").pack
RunIds = Annotated[list[str], Meta(min_length=1)]


class LogMetric(Message, frozen=True, kw_only=True):
    """Log one point."""

    run_id: Needed
    run_uuid: str = ""
    key: Needed
    value: float
    timestamp: Timestamp
    step: Int64 = 0
    model_id: str | None = None
    dataset_name: str | None = None
    dataset_digest: str | None = None


class Point(Message, frozen=True, kw_only=True, gc=False):
    """A point of a batch, as most are."""

    key: Needed
    value: float
    timestamp: Timestamp
    step: Int64 = 0


class Metric(Point, frozen=True, kw_only=True, gc=False):
    """A point of a batch, perhaps of a model or measured on a data set."""

    model_id: str | None = None
    dataset_name: str | None = None
    dataset_digest: str | None = None
    run_id: str | None = None


class Param(Message, frozen=True, kw_only=True):
    """A param; a value that is not sent is empty."""

    key: Needed
    value: ParamValue = ""


class Tag(Message, frozen=True, kw_only=True):
    """A tag; a value that is not sent is empty."""

    key: Needed
    value: TagValue = ""


class PlainBatch(Message, frozen=True, kw_only=True):
    """A batch whose points are nothing but points, which is read and checked in two thirds of the time."""

    run_id: Needed
    metrics: list[Point] = []
    params: list[Param] = []
    tags: list[Tag] = []


class LogBatch(Message, frozen=True, kw_only=True):
    """Log points, params and tags: all of them or none."""

    run_id: Needed
    metrics: list[Metric] = []
    params: list[Param] = []
    tags: list[Tag] = []


class History(Message, frozen=True, kw_only=True):
    """Read a metric's points; all of them unless a page's size is given."""

    run_id: Needed
    run_uuid: str = ""
    metric_key: Needed
    page_token: str = ""
    max_results: Int32 | None = None


class BulkHistory(Message, frozen=True, kw_only=True):
    """Read one metric of several runs."""

    run_id: RunIds
    metric_key: Needed
    max_results: Int64 = BULK_POINTS


class Interval(Message, frozen=True, kw_only=True):
    """Read one metric of several runs, thinned, perhaps only in a range of steps."""

    run_ids: RunIds
    metric_key: Needed
    start_step: Int32 | None = None
    end_step: Int32 | None = None
    max_results: Int32 = INTERVAL_POINTS


async def log_metric(call: Caller, m: LogMetric) -> bytes:
    """Log one point."""
    _check_datasets([m])
    models = [_model_metric(m, m.model_id)] if m.model_id else []
    await call(ops.INGEST, Ingest(run_id=m.run_id, series=[_pack_point(m)], model_metrics=models))
    return EMPTY


async def log_batch(call: Caller, m: LogBatch | PlainBatch) -> bytes:
    """Log a batch."""
    request = _read_batch(m)
    del m  # its points are let go where they are still at hand, not after the commit
    await call(ops.INGEST, request)
    return EMPTY


def _read_batch(m: LogBatch | PlainBatch) -> Ingest:
    check_run_id(m.run_id)
    counts = {"metrics": len(m.metrics), "params": len(m.params), "tags": len(m.tags)}
    for what, count in (*counts.items(), ("metrics, params and tags together", sum(counts.values()))):
        most = BATCH_LIMITS.get(what, BATCH_TOTAL)
        if count > most:
            raise InvalidInput(
                f"A batch may hold at most {most} {what}; {count} were sent", hint="send several batches"
            )
    measured = m.metrics if isinstance(m, LogBatch) else []
    _check_datasets(measured)
    params = {param.key: param.value for param in m.params}
    if len(params) < len(m.params):
        raise InvalidInput("Duplicate param keys in one batch", hint="send each key once")
    return Ingest(
        run_id=m.run_id,
        series=group_points(m.metrics),
        params=params,
        tags={tag.key: tag.value for tag in m.tags},
        model_metrics=[_model_metric(metric, metric.model_id) for metric in measured if metric.model_id],
    )


def _check_datasets(points: Sequence[LogMetric | Metric]) -> None:
    if [point for point in points if bool(point.dataset_name) != bool(point.dataset_digest)]:
        raise InvalidInput("dataset_name and dataset_digest belong together", hint="send both or none")


def group_points(points: Sequence[Point]) -> list[Series]:
    """Return points as one series of columns for each key; a point costs about 0.15 us."""
    groups: defaultdict[str, list[Point]] = defaultdict(list)
    for point in points:
        groups[point.key].append(point)
    if len(groups) == len(points):
        return [*map(_pack_point, points)]
    ordered = [*chain.from_iterable(groups.values())]  # packed as one, and cut: to pack a few costs more than to cut
    count = len(points)
    steps = struct.pack(f"<{count}q", *[point.step for point in ordered])
    times_ms = struct.pack(f"<{count}q", *[point.timestamp for point in ordered])
    values = struct.pack(f"<{count}d", *[point.value for point in ordered])
    series, end = [], 0
    for key, group in groups.items():
        start, end = end, end + 8 * len(group)
        series.append(Series(key=key, steps=steps[start:end], times_ms=times_ms[start:end], values=values[start:end]))
    return series


def _pack_point(point: LogMetric | Point) -> Series:
    steps, times_ms, values = _int64(point.step), _int64(point.timestamp), _double(point.value)
    return Series(key=point.key, steps=steps, times_ms=times_ms, values=values)


async def get_history(call: Caller, m: History) -> bytes | bytearray:
    """Return points by (time, step, value); an unknown run or metric has none."""
    limit = m.max_results
    if limit is not None:
        if limit < 1:
            raise invalid_value("max_results", limit, "it must be 1 or more")
        limit = min(limit, limits.HISTORY_PAGE)
    request = GetHistory(run_id=m.run_id, key=m.metric_key, limit=limit, page_token=m.page_token)
    history, token = await fetch_page(call, ops.GET_HISTORY, request)
    if history is None or not history.series.values:
        return EMPTY
    page = bytearray(b'{"metrics":[')
    await add_points(page, history.series)
    page += b'],"next_page_token":%b}' % encode(token) if token else b"]}"
    return page


async def get_bulk_history(call: Caller, m: BulkHistory) -> bytes | bytearray:
    """Return the points of several runs, run by run in the order of their ids."""
    _check_run_ids("run_id", m.run_id)
    left = min(m.max_results, BULK_POINTS)
    if left < 1:
        raise invalid_value("max_results", left, "it must be 1 or more")
    page = bytearray(b'{"metrics":[')
    for run_id in sorted(set(m.run_id)):
        history = await call(ops.GET_HISTORY, GetHistory(run_id=run_id, key=m.metric_key, limit=left))
        await add_points(page, history.series, run_id)
        left -= len(history.series.values) // 8
        if left == 0:
            break
    page += b"]}"
    return page


async def get_interval(call: Caller, m: Interval) -> bytes | bytearray:
    """Return the points of several runs by step, thinned; each run's last point is among them."""
    _check_run_ids("run_ids", m.run_ids)
    if not 1 <= m.max_results <= INTERVAL_POINTS:
        raise invalid_value("max_results", m.max_results, f"it must be from 1 to {INTERVAL_POINTS}")
    if (m.start_step is None) != (m.end_step is None):
        raise InvalidInput("start_step and end_step belong together", hint="send both or none")
    if m.start_step is not None and m.end_step is not None and m.end_step < m.start_step:
        raise invalid_value("end_step", m.end_step, f"it must not be less than start_step, which is {m.start_step}")
    page = bytearray(b'{"metrics":[')
    for run_id in dict.fromkeys(m.run_ids):
        history = await call(ops.GET_HISTORY, GetHistory(run_id=run_id, key=m.metric_key))
        await add_points(page, _thin(history.series, m.max_results, m.start_step, m.end_step), run_id)
    if page.endswith(b"["):
        return EMPTY
    page += b"]}"
    return page


def _check_run_ids(name: str, run_ids: list[str]) -> None:
    if len(run_ids) > BULK_RUNS:
        raise invalid_value(name, run_ids, f"at most {BULK_RUNS} runs are allowed, {len(run_ids)} were sent")


def _thin(history: Series, most: int, first_step: int | None, last_step: int | None) -> Series:
    """Return at most ``most`` of a history's points by (step, time, value).

    Of as many equal parts, the larger ones first, each gives its first point, and the last part its last.
    """
    steps = array("q", history.steps)
    rows = sorted(range(len(steps)), key=steps.__getitem__)  # a stable sort of rows that are by (time, step, value)
    if first_step is not None and last_step is not None:
        rows = [row for row in rows if first_step <= steps[row] <= last_step]
    if len(rows) > most:
        size, larger = divmod(len(rows), most)
        rows = [*(rows[part * size + min(part, larger)] for part in range(most - 1)), rows[-1]]
    times_ms, values = array("q", history.times_ms), array("d", history.values)
    return Series(
        key=history.key,
        steps=array("q", [steps[row] for row in rows]).tobytes(),
        times_ms=array("q", [times_ms[row] for row in rows]).tobytes(),
        values=array("d", [values[row] for row in rows]).tobytes(),
    )


def _model_metric(point: LogMetric | Metric, model_id: str) -> ModelMetric:
    return ModelMetric(
        model_id=model_id,
        key=point.key,
        value=point.value,
        time_ms=point.timestamp,
        step=point.step,
        dataset_name=point.dataset_name or None,
        dataset_digest=point.dataset_digest or None,
    )
