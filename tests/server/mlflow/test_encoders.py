"""Encoded answers: runs that are kept encoded, and columns of points."""

from __future__ import annotations

import asyncio
import gc
import json
from array import array
from typing import Any

import msgspec

from trackway.api.runs import MetricSummary, Run, Series
from trackway.server.mlflow.encoders import RunRenderer, add_points


def make_run(number: int, **fields: Any) -> Run:
    given: dict[str, Any] = {
        "run_id": f"{number:032x}",
        "experiment_id": "1",
        "name": "n",
        "status": "RUNNING",
        "user": "",
        "start_ms": number,
        "end_ms": None,
        "lifecycle": "active",
        "artifact_uri": "mlflow-artifacts:/1/a",
        "version": 1,
    }
    return Run(**{**given, **fields})


def test_a_run_is_encoded_once_and_anew_when_it_changed() -> None:
    renderer = RunRenderer()
    run = make_run(1, params={"p": "é"})
    first = renderer.render(run)
    assert renderer.render(run) is first
    changed = msgspec.structs.replace(run, params={"p": "2"})  # of the same id and version, yet another object
    assert json.loads(renderer.render(changed))["data"]["params"] == [{"key": "p", "value": "2"}]
    assert renderer.render(run) is first


def test_an_object_in_the_place_of_a_dead_one_is_not_taken_for_it() -> None:
    renderer = RunRenderer()
    for number in range(2_000):
        run = make_run(number)
        assert json.loads(renderer.render(run))["info"]["start_time"] == number
        del run
        gc.collect(0)


def test_what_is_kept_is_bounded() -> None:
    renderer = RunRenderer(capacity_bytes=10_000)
    runs = [make_run(number, params={"p": "x" * 1_000}) for number in range(100)]
    first = [renderer.render(run) for run in runs]
    kept = sum(
        len(encoded) for run, encoded in zip(runs[::-1], first[::-1], strict=True) if renderer.render(run) is encoded
    )
    assert 0 < kept <= 10_000
    large = make_run(1, params={"p": "x" * 20_000})
    assert renderer.render(large) is not renderer.render(large)  # larger than the bound: never kept


def test_a_lost_run_is_shown_as_killed() -> None:
    assert json.loads(RunRenderer().render(make_run(1, status="LOST")))["info"]["status"] == "KILLED"


def test_numbers_that_json_lacks_are_named() -> None:
    summary: dict[str, Any] = {
        "last_step": 1,
        "last_time_ms": 2,
        "min_value": None,
        "min_step": None,
        "max_value": None,
        "max_step": None,
    }
    values = {"a": float("nan"), "b": float("inf"), "c": float("-inf"), "d": 1.0}
    metrics = {key: MetricSummary(**summary, last_value=value, count=1, nan_count=0) for key, value in values.items()}
    shown = json.loads(RunRenderer().render(make_run(1, metrics=metrics)))["data"]["metrics"]
    assert [metric["value"] for metric in shown] == ["NaN", "Infinity", "-Infinity", 1.0]


def encode_points(series: Series, run_id: str = "", times: int = 1) -> bytes:
    """Return the JSON of a list that a series' points are added to."""
    page = bytearray(b"[")
    for _ in range(times):
        asyncio.run(add_points(page, series, run_id))
    return bytes(page + b"]")


def test_columns_of_any_length_become_points_in_order() -> None:
    for count in (0, 1, 4_999, 5_000, 5_001, 25_000):
        numbers = range(count)
        values = [float("nan") if i == 12_345 else i / 3 for i in numbers]
        series = Series(
            key='k"',
            steps=array("q", numbers).tobytes(),
            times_ms=array("q", numbers).tobytes(),
            values=array("d", values).tobytes(),
        )
        shown = json.loads(encode_points(series))
        assert [point["step"] for point in shown] == list(numbers)
        assert [point["value"] for point in shown] == ["NaN" if value != value else value for value in values]
        assert all(point.keys() == {"key", "value", "timestamp", "step"} for point in shown)


def test_points_of_several_runs_say_whose_they_are_and_keep_the_greatest_numbers() -> None:
    values = [1.7e308, 1.7e308, -0.0, float("inf")]  # the sum of which is no number, as if one of them were none
    columns = [array("q", [2**63 - 1, -(2**63), 0, 1]).tobytes() for _ in range(2)]
    series = Series(key="k", steps=columns[0], times_ms=columns[1], values=array("d", values).tobytes())
    encoded = encode_points(series, 'r"')
    assert b'"value":-0.0,' in encoded
    shown = json.loads(encoded)
    assert json.loads(encode_points(series, 'r"', times=3)) == 3 * shown
    assert [point["value"] for point in shown] == [1.7e308, 1.7e308, 0.0, "Infinity"]
    assert [point["step"] for point in shown] == [2**63 - 1, -(2**63), 0, 1]
    assert {point["run_id"] for point in shown} == {'r"'}
