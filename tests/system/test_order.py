"""In which order points arrive, in which batches and from how many clients, is not seen in anything that is read."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.services.postgres import PostgresServer
from tests.tracking.scenarios import Stage
from trackway.api import operations as ops
from trackway.api.metrics import GetCurves, GetHistory
from trackway.api.runs import Ingest, Series
from trackway.testing.store.space import Point, make_series
from trackway.wiring.platform import Platform

DAY_MS = 86_400_000
NOW_MS = 1_700_000_000_000
VALUES = st.sampled_from([0.0, 1.0, -1.0, 0.5, 1e300, math.nan, math.inf, -math.inf]) | st.floats(width=32)
POINTS = st.lists(
    st.tuples(
        st.integers(0, 8),
        st.sampled_from([NOW_MS, NOW_MS + 1, NOW_MS - DAY_MS, NOW_MS + DAY_MS]) | st.integers(NOW_MS, NOW_MS + 5),
        VALUES.map(lambda value: value + 0.0),  # no -0.0, which equals 0.0 and is shown as the one that came first
    ),
    min_size=1,
    max_size=40,
)
BATCH = st.lists(st.integers(1, 30), min_size=1, max_size=40)


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def stage(
    request: pytest.FixtureRequest, postgres_server: PostgresServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stage]:
    folder: Path = tmp_path_factory.mktemp("order")
    uri = postgres_server.create_database() if request.param == "postgres" else f"sqlite:///{folder}/t.db"
    platform = Platform(uri, "memory://")
    yield Stage(platform.dispatch)
    platform.close()


def log(stage: Stage, run: str, points: list[Point], sizes: list[int]) -> None:
    """Log points in batches, from two clients by turns."""
    start, number = 0, 0
    last = {"a": 0, "b": 0}
    while start < len(points):
        part = points[start : start + sizes[number % len(sizes)]]
        client = "ab"[number % 2]
        first = last[client] + 1
        last[client] += len(part)
        series = [make_series("m", part)]
        stage.call(ops.INGEST, Ingest(run_id=run, session_id=client, first=first, last=last[client], series=series))
        start, number = start + len(part), number + 1


def read(stage: Stage, run: str) -> Any:
    """Return all that is shown of a metric, as text, as NaN is not equal to itself."""
    history = stage.call(ops.GET_HISTORY, GetHistory(run_id=run, key="m"))
    curves = [
        stage.call(ops.GET_CURVES, GetCurves(run_ids=[run], key="m", points=points)).curves[0].series
        for points in (1_000, 10)
    ]
    summary = stage.get_run(run).metrics["m"]
    return [repr(one) for one in (summary, unpack(history.series), *map(unpack, curves))]


def unpack(series: Series) -> list[Any]:
    packed = zip("qqd", (series.steps, series.times_ms, series.values), strict=True)
    columns = (array(kind, data) for kind, data in packed)
    return list(zip(*columns, strict=True))


@settings(max_examples=60, deadline=None)
@given(points=POINTS, sizes=BATCH, other_sizes=BATCH, data=st.data())
def test_points_that_arrive_in_any_order_make_the_same_series(
    stage: Stage, points: list[Point], sizes: list[int], other_sizes: list[int], data: st.DataObject
) -> None:
    runs = [stage.make_run(stage.exp) for _ in range(2)]
    log(stage, runs[0], points, sizes)
    log(stage, runs[1], data.draw(st.permutations(points)), other_sizes)
    assert read(stage, runs[0]) == read(stage, runs[1])


def test_of_many_points_too_only_the_points_are_seen(stage: Stage) -> None:
    draw = Random(7)
    points = [(draw.randrange(3_000), NOW_MS + draw.randint(-DAY_MS, DAY_MS), draw.gauss(0, 1)) for _ in range(9_000)]
    runs = []
    for _ in range(2):
        runs.append(stage.make_run(stage.exp))
        log(stage, runs[-1], points, [draw.randint(1, 2_000) for _ in range(20)])
        draw.shuffle(points)
    before = [read(stage, run) for run in runs]
    assert before[0] == before[1]
