"""Metrics: series of points, read back as columns."""

from __future__ import annotations

from trackway.api.runs import Series
from trackway.api.structs import Request, Response


class GetHistory(Request, frozen=True, kw_only=True):
    """Get the points of one metric ordered by (time, step, value), equal points once; ``limit`` None for all."""

    run_id: str
    key: str
    limit: int | None = None
    page_token: str = ""


class History(Response, frozen=True, kw_only=True):
    """One page of a series as columns."""

    series: Series
    count: int
    next_page_token: str = ""


class GetCurves(Request, frozen=True, kw_only=True):
    """Get one metric of several runs, thinned for drawing, or what a formula of metrics comes to at each step.

    formula:   as searches have it, in place of ``key``: ``metrics.val_loss - metrics.loss``. A step has a point where
               all its metrics have one, of which the last counts; ``min`` and ``max`` are of all steps
    points:    most points per run, 4 to 10,000; each bucket's extremes, the first and the last point are kept
    start/end: only steps in [start, end]
    """

    run_ids: list[str]
    key: str = ""
    formula: str = ""
    points: int = 1_000
    start_step: int | None = None
    end_step: int | None = None


class Curve(Response, frozen=True, kw_only=True):
    """A thinned series in step order: ``shown`` of ``count`` points."""

    run_id: str
    series: Series
    shown: int
    count: int


class Curves(Response, frozen=True, kw_only=True):
    """One curve for each run that has the metric, in the order asked."""

    curves: list[Curve]
